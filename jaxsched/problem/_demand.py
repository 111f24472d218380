"""Demands with their routes: what is served, where it may go, and what it puts on the sites."""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

# An array over routes has the routes of a demand last; one over demands lacks that axis. `*demand` are the others.
Routes = tuple[Float[Array, "*demand route"], ...]
Demands = tuple[Float[Array, "*demand"], ...]

# Size from which a symmetric matrix is made in two parts: a third less time from 500 rows on (measured).
_HALVED = 128


def scatter_routes(
    routes: Float[Array, "class origin route"], sites: Int[Array, "class origin route"], count: int
) -> Float[Array, "class origin site"]:
    """Values of listed routes at so many sites, 0 where no route is listed."""
    empty = jnp.zeros((*routes.shape[:2], count), routes.dtype)
    return jnp.put_along_axis(empty, sites, routes, -1, inplace=False)


def pairs(rows: Float[Array, "n m"]) -> Float[Array, "n n"]:
    """Products of all pairs of rows: only the lower triangle counts, and the upper right quarter is left out."""
    half = len(rows) // 2 if len(rows) >= _HALVED else 0
    upper = jnp.pad(rows[:half] @ rows[:half].T, ((0, 0), (0, len(rows) - half)))
    return jnp.concatenate([upper, rows[half:] @ rows.T])


def _product(left: Array, right: Array) -> Array:
    """Matrix product in full precision: on a CPU it takes half the time of a sum of products written out."""
    return jnp.matmul(left, right, precision="highest")


class AbstractDemand(eqx.Module):
    """A block of demands, each of which is divided over its own routes to the sites.

    Every array has the axes of the demands first and the routes last, so that what is done for each demand is done along
    the last axis, whatever the others are.

    Attributes:
        demand: Requests per second.
        route_cost: Cost of one request per second on each route.
        allowed: Routes that may be used; all where None.
        one_scale: Whether costs of all classes are compared in one scale, for each unit of work.
    """

    demand: eqx.AbstractVar[Float[Array, "*demand"]]
    route_cost: eqx.AbstractVar[Float[Array, "*#demand #route"]]
    allowed: eqx.AbstractVar[Bool[Array, "*#demand route"] | None]
    one_scale: eqx.AbstractVar[bool]

    @property
    @abc.abstractmethod
    def lists_routes(self) -> bool:
        """Whether demands keep candidates alone."""

    @abc.abstractmethod
    def at_routes(self, values: Float[Array, " site"]) -> Float[Array, "*#demand route"]:
        """What each route finds at its site."""

    @abc.abstractmethod
    def work_at_routes(self) -> Float[Array, "*#demand route"]:
        """Load of one request per second on each route."""

    @abc.abstractmethod
    def priced_work(self, prices: Float[Array, " site"]) -> Float[Array, "*#demand route"]:
        """Cost of the load of one request per second on each route."""

    @abc.abstractmethod
    def room(self, load: Float[Array, " site"]) -> Float[Array, "*#demand route"]:
        """Requests per second of each route that put a load on its site."""

    @abc.abstractmethod
    def load(self, routing: Float[Array, "*demand route"], power: int = 1) -> Float[Array, " site"]:
        """Load that a routing puts on each site; with another power, the sum with that power of the work."""

    @abc.abstractmethod
    def reached(self, routes: Bool[Array, "*demand route"]) -> Bool[Array, " site"]:
        """Sites at which some of the marked routes end."""

    @abc.abstractmethod
    def by_site(self, values: Float[Array, "*demand route"]) -> Float[Array, "site demand"]:
        """Values of the routes by the site at which they end, where every demand has one to every site that it may reach."""

    @abc.abstractmethod
    def gram(self, values: Float[Array, "*demand route"]) -> Float[Array, "site site"]:
        """Sum over the demands of the products of each pair of their routes, at the sites of the pair: the lower triangle.

        What stands above the diagonal does not count.
        """

    @abc.abstractmethod
    def sum_at_sites(
        self, weight: Float[Array, "*demand route"], values: Float[Array, "*demand"]
    ) -> Float[Array, " site"]:
        """Sum, at each site, over the routes that end there, of a weight times a value of its demand."""

    @abc.abstractmethod
    def sum_at_demands(
        self, weight: Float[Array, "*demand route"], values: Float[Array, " site"]
    ) -> Float[Array, "*demand"]:
        """Sum, for each demand, over its routes, of a weight times a value of its site."""

    @abc.abstractmethod
    def mean_work(self) -> Float[Array, "*#demand"]:
        """Work of one request per second of each demand, in the mean over all sites."""

    @abc.abstractmethod
    def every_load(self) -> Float[Array, " site"]:
        """Load of all demand that may come to each site."""

    @abc.abstractmethod
    def by_slot(self, values: Float[Array, "*demand route"], slots: int) -> Float[Array, " slot"]:
        """Sum of values of the routes in each of several slots that are decided together."""

    def priced(self, prices: Float[Array, " site"]) -> Float[Array, "*#demand route"]:
        """Cost of one request per second on each route, its load included."""
        return self.route_cost + self.priced_work(prices)

    def open_routes(self, capacity: Float[Array, " site"]) -> Bool[Array, "*#demand route"]:
        """Routes that may carry something: allowed, and to a site with capacity."""
        to_open = self.at_routes(capacity > 0)
        return to_open if self.allowed is None else to_open & self.allowed


class FixedDemand(AbstractDemand):
    """Demands of one slot, by request class and origin; a class may be a single demand.

    Attributes:
        demand: Requests per second.
        route_cost: Cost of one request per second on each route.
        work: Load of one request per second of a class at a site.
        allowed: Routes that may be used; all where None.
        sites: Site at which each route ends; where None, every origin has a route to every site, in their order.
        one_scale: Whether costs of all classes are compared in one scale, for each unit of work, since a class is a single
            demand. With a scale for each the ADMM came to rest at 2e-4 (24 jobs, 24 x 20 x 12).
    """

    demand: Float[Array, "class origin"]
    route_cost: Float[Array, "class origin route"]
    work: Float[Array, "class site"]
    allowed: Bool[Array, "class origin route"] | None
    sites: Int[Array, "class origin route"] | None = None
    one_scale: bool = eqx.field(static=True, default=False)

    @property
    def lists_routes(self) -> bool:
        return self.sites is not None

    def at_routes(self, values: Array) -> Array:
        """What each route finds at its site of values [class, site] or [site], to which an axis of origins is added."""
        if self.sites is None:
            return values[..., None, :] if values.ndim == 2 else values[None, None, :]
        places = self.sites if values.ndim == 1 else self.sites + self._first()
        return values.reshape(-1).at[places].get(mode="promise_in_bounds")

    def to_sites(self, flow: Float[Array, "class origin route"]) -> Float[Array, "class site"]:
        """Sum over the routes that end at each site."""
        if self.sites is None:
            return flow.sum(1)
        places = (self.sites + self._first()).reshape(-1)
        total = jnp.zeros(self.work.size, flow.dtype)
        return total.at[places].add(flow.reshape(-1), mode="promise_in_bounds").reshape(self.work.shape)

    def work_at_routes(self) -> Float[Array, "class #origin route"]:
        return self.at_routes(self.work)

    def priced_work(self, prices: Float[Array, " site"]) -> Float[Array, "class #origin route"]:
        return self.at_routes(self.work * prices[None, :])

    def room(self, load: Float[Array, " site"]) -> Float[Array, "class #origin route"]:
        return self.at_routes(load[None, :] / self.work)

    def load(self, routing: Float[Array, "class origin route"], power: int = 1) -> Float[Array, " site"]:
        return (self.to_sites(routing) * self.work**power).sum(0)

    def by_site(self, values: Float[Array, "class origin site"]) -> Float[Array, "site demand"]:
        return values.reshape(-1, values.shape[-1]).T

    def gram(self, values: Float[Array, "class origin route"]) -> Float[Array, "site site"]:
        sites = self.work.shape[-1]
        if self.sites is None:
            return pairs(values.reshape(-1, sites).T)
        at = self.sites[..., :, None] * sites + self.sites[..., None, :]
        products = values[..., :, None] * values[..., None, :]
        every = jnp.zeros(sites * sites, values.dtype)
        return every.at[at.reshape(-1)].add(products.reshape(-1), mode="promise_in_bounds").reshape(sites, sites)

    def sum_at_sites(
        self, weight: Float[Array, "class origin route"], values: Float[Array, "class origin"]
    ) -> Float[Array, " site"]:
        if self.sites is None:
            return _product(values.reshape(-1), weight.reshape(-1, weight.shape[-1]))
        return self.to_sites(weight * values[..., None]).sum(0)

    def sum_at_demands(
        self, weight: Float[Array, "class origin route"], values: Float[Array, " site"]
    ) -> Float[Array, "class origin"]:
        if self.sites is None:
            return _product(weight.reshape(-1, weight.shape[-1]), values).reshape(self.demand.shape)
        return (weight * self.at_routes(values)).sum(-1)

    def mean_work(self) -> Float[Array, "class 1"]:
        return self.work.mean(-1, keepdims=True)

    def every_load(self) -> Float[Array, " site"]:
        if self.allowed is None:
            return (self.demand.sum(1)[:, None] * self.work).sum(0)
        return self.load(jnp.where(self.allowed, self.demand[..., None], 0.0))

    def by_slot(self, values: Float[Array, "class origin route"], slots: int) -> Float[Array, " slot"]:
        return values.sum((0, 1)).reshape(slots, -1).sum(-1)

    def reached(self, routes: Bool[Array, "class origin route"]) -> Bool[Array, " site"]:
        if self.sites is None:
            return routes.any((0, 1))
        none = jnp.zeros(self.work.shape[-1], bool)
        return none.at[self.sites].max(routes, mode="promise_in_bounds")

    def _first(self) -> Int[Array, "class 1 1"]:
        classes, sites = self.work.shape
        return (jnp.arange(classes, dtype=jnp.int32) * sites)[:, None, None]


class SlottedDemand(AbstractDemand):
    """The demands of several slots that are decided together: those of each slot go to the sites of that slot.

    Sites of all slots lie one after the other, those of the first slot first.

    Attributes:
        slots: The demands of the slots; leaves have an axis of slots in front, or are shared.
        axes: Axis of the slot in each leaf.
        count: Number of slots.
    """

    slots: FixedDemand
    axes: Any = eqx.field(static=True)
    count: int = eqx.field(static=True)

    def __init__(self, slots: FixedDemand, axes: Any, count: int):
        self.slots, self.axes, self.count = slots, axes, count

    @property
    def demand(self) -> Float[Array, "slot class origin"]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.slots.demand

    @property
    def route_cost(self) -> Float[Array, "#slot class origin route"]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self._by_slot("route_cost")

    @property
    def allowed(self) -> Bool[Array, "#slot class origin route"] | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        return None if self.slots.allowed is None else self._by_slot("allowed")

    @property
    def one_scale(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.slots.one_scale

    @property
    def lists_routes(self) -> bool:
        return self.slots.lists_routes

    def at_routes(self, values: Float[Array, " site"]) -> Float[Array, "slot class origin route"]:
        return self._each(FixedDemand.at_routes, self._divided(values))

    def work_at_routes(self) -> Float[Array, "slot class origin route"]:
        return self._each(FixedDemand.work_at_routes)

    def priced_work(self, prices: Float[Array, " site"]) -> Float[Array, "slot class origin route"]:
        return self._each(FixedDemand.priced_work, self._divided(prices))

    def room(self, load: Float[Array, " site"]) -> Float[Array, "slot class origin route"]:
        return self._each(FixedDemand.room, self._divided(load))

    def load(self, routing: Float[Array, "slot class origin route"], power: int = 1) -> Float[Array, " site"]:
        return self._each(lambda slot, flow: slot.load(flow, power), routing).reshape(-1)

    def reached(self, routes: Bool[Array, "slot class origin route"]) -> Bool[Array, " site"]:
        return self._each(FixedDemand.reached, routes).reshape(-1)

    def by_site(self, values: Float[Array, "slot class origin site"]) -> Float[Array, "site demand"]:
        own = self._each(FixedDemand.by_site, values)
        return own.reshape(-1, own.shape[-1])

    def gram(self, values: Float[Array, "slot class origin route"]) -> Float[Array, "site site"]:
        own = self._each(FixedDemand.gram, values)
        slot, size = jnp.arange(self.count), own.shape[-1]
        # Sites of different slots share no demand here.
        every = jnp.zeros((self.count, size, self.count, size), own.dtype).at[slot, :, slot].set(own)
        return every.reshape(self.count * size, self.count * size)

    def sum_at_sites(
        self, weight: Float[Array, "slot class origin route"], values: Float[Array, "slot class origin"]
    ) -> Float[Array, " site"]:
        return self._each(FixedDemand.sum_at_sites, weight, values).reshape(-1)

    def sum_at_demands(
        self, weight: Float[Array, "slot class origin route"], values: Float[Array, " site"]
    ) -> Float[Array, "slot class origin"]:
        return self._each(FixedDemand.sum_at_demands, weight, self._divided(values))

    def mean_work(self) -> Float[Array, "slot class 1"]:
        return self._each(FixedDemand.mean_work)

    def every_load(self) -> Float[Array, " site"]:
        return self._each(FixedDemand.every_load).reshape(-1)

    def by_slot(self, values: Float[Array, "slot class origin route"], slots: int) -> Float[Array, " slot"]:
        return values.sum((1, 2, 3))

    def _each(self, function: Any, *arrays: Array) -> Any:
        mapped = jax.vmap(function, in_axes=(self.axes, *(0,) * len(arrays)), axis_size=self.count)
        return mapped(self.slots, *arrays)

    def _divided(self, values: Float[Array, " site"]) -> Float[Array, "slot site"]:
        return values.reshape(self.count, -1)

    def _by_slot(self, name: str) -> Array:
        array = getattr(self.slots, name)
        return array[None] if getattr(self.axes, name) is None else array
