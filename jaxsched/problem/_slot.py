"""The problem of one slot as the solvers see it, or of several slots that are decided together."""

import functools
import operator
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxsched.problem._demand import AbstractDemand, Demands, Routes
from jaxsched.problem._site_cost import AbstractSiteCost

Value = TypeVar("Value")


class SlotProblem(eqx.Module):
    """The problem of one slot in the layout of the solvers: demands in blocks, which meet at the loads of the sites.

    A routing, and whatever else is known of each route or demand, is a tuple with an array for each block.

    Attributes:
        blocks: The demands and their routes.
        capacity: Largest load.
        site_cost: Cost of load.
        whole: The problem with every route, of which this one holds candidates; it is what a bound must be proved for.
        most: `most_load` where it has been worked out already.
    """

    blocks: tuple[AbstractDemand, ...]
    capacity: Float[Array, " site"]
    site_cost: AbstractSiteCost
    whole: "SlotProblem | None" = None
    most: Float[Array, " site"] | None = None

    @property
    def dtype(self) -> Any:
        """Precision of its arrays."""
        return self.capacity.dtype

    @property
    def lists_routes(self) -> bool:
        """Whether demands keep candidates alone."""
        return any(block.lists_routes for block in self.blocks)

    def each(self, function: Callable[..., Value], *values: tuple[Any, ...]) -> tuple[Value, ...]:
        """A function of each block, and of what belongs to it."""
        return tuple(function(block, *own) for block, *own in zip(self.blocks, *values, strict=True))

    @property
    def demand(self) -> Demands:
        """Requests per second."""
        return self.each(lambda block: block.demand)

    def load(self, routing: Routes, power: int = 1) -> Float[Array, " site"]:
        """Load that a routing puts on each site; with another power, the sum with that power of the work."""
        return summed(self.each(lambda block, flow: block.load(flow, power), routing))

    def most_load(self) -> Float[Array, " site"]:
        """Load that a site can be asked to carry at most: its capacity, or all demand that may come."""
        if self.most is not None:
            return self.most
        every = summed(self.each(lambda block: block.every_load()))
        rounded_up = every * (1.0 + 1e3 * jnp.finfo(every.dtype).eps)
        return jnp.minimum(self.capacity, rounded_up)

    def open_routes(self) -> tuple[Bool[Array, "*#demand #route"], ...]:
        """Routes that may carry something: allowed, and to a site with capacity."""
        return self.each(lambda block: block.open_routes(self.capacity))

    def usable_routes(self) -> tuple[Bool[Array, "*demand route"], ...]:
        """Routes that can carry something: open, and from a demand that is not zero."""
        return self.each(lambda block: (block.demand > 0)[..., None] & block.open_routes(self.capacity))

    def reached(self, routes: tuple[Bool[Array, "*demand route"], ...]) -> Bool[Array, " site"]:
        """Sites at which some of the marked routes end."""
        return functools.reduce(operator.or_, self.each(lambda block, marked: block.reached(marked), routes))

    def priced(self, prices: Float[Array, " site"]) -> Routes:
        """Cost of one request per second on each route, its load included."""
        return self.each(lambda block: block.priced(prices))

    def priced_work(self, prices: Float[Array, " site"]) -> Routes:
        """Cost of the load of one request per second on each route."""
        return self.each(lambda block: block.priced_work(prices))


def summed(values: Iterable[Array]) -> Array:
    """Sum over the blocks."""
    return functools.reduce(operator.add, values)
