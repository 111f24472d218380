"""What load costs at a site: convex functions given by the user or the physics."""

import abc
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsched._layout import SLOT, Axes
from jaxsched._parameters import as_array, is_concrete


class AbstractSiteCost(eqx.Module):
    """A convex cost of load at each site.

    It is called for one slot at a time. Array leaves follow one rule, so that slots can be batched: a leaf
    with two axes or more has the slot first (its length the number of slots, or 1); a leaf with one axis or
    none is shared by all slots.
    """

    @abc.abstractmethod
    def __call__(self, load: Float[Array, " site"]) -> Float[Array, " site"]:
        """Cost of each load in one slot, elementwise; convex and finite on [0, capacity]; it may have kinks."""

    def derivatives(
        self, load: Float[Array, " site"]
    ) -> tuple[Float[Array, " site"], Float[Array, " site"], Float[Array, " site"]]:
        """Cost of each load with its first and second derivative, by forward mode where a cost knows no better."""
        ones = jnp.ones_like(load)
        (value, first), (_, second) = jax.jvp(lambda at: jax.jvp(self, (at,), (ones,)), (load,), (ones,))
        return value, first, second

    def load_limit(self) -> np.ndarray:
        """Load at which the cost becomes infinite [(slot,) site], on the host; capacity must stay below it."""
        return np.asarray(np.inf)

    def map_arrays(self, function: Callable[[Array, Axes], Array]) -> "AbstractSiteCost":
        """The cost with other arrays, each made of one of its own and the name of each axis."""
        return jax.tree.map(lambda leaf: function(leaf, _axes(leaf)) if eqx.is_array(leaf) else leaf, self)

    def by_slot(self) -> tuple["AbstractSiteCost", "AbstractSiteCost"]:
        """The cost as `jax.vmap` over slots takes it, and the axis of the slot in each leaf: None where all share it."""
        shared = jax.tree.map(lambda leaf: not eqx.is_array(leaf) or SLOT not in _axes(leaf), self)
        values = jax.tree.map(
            lambda leaf, same: leaf[0] if same and eqx.is_array(leaf) and leaf.ndim >= 2 else leaf, self, shared
        )
        return values, jax.tree.map(lambda same: None if same else 0, shared)


def _axes(leaf: Array) -> Axes:
    """Axes of a leaf by the rule of `AbstractSiteCost`; None where all slots share it, and for all that is not a slot."""
    has_slots = leaf.ndim >= 2 and leaf.shape[0] > 1
    return (SLOT if has_slots else None, *(None,) * (leaf.ndim - 1)) if leaf.ndim else ()


class RealSlots(AbstractSiteCost):
    """A cost of load in some slots, and none in those that only fill up, so that they add nothing to a total."""

    cost: AbstractSiteCost
    is_real: Float[Array, "slot 1"]

    def __init__(self, cost: AbstractSiteCost, is_real: np.ndarray, dtype: Any):
        self.cost = cost
        self.is_real = jnp.asarray(is_real, dtype)[:, None]

    def __call__(self, load: Float[Array, " site"]) -> Float[Array, " site"]:
        return self.is_real * self.cost(load)

    def load_limit(self) -> np.ndarray:
        return self.cost.load_limit()


class FunctionCost(AbstractSiteCost):
    """A plain function of the load as a cost, the same in every slot; what it holds on to has no derivative."""

    function: Callable[[Array], Array] = eqx.field(static=True)

    def __call__(self, load: Float[Array, " site"]) -> Float[Array, " site"]:
        return self.function(load)


class CongestionCost(AbstractSiteCost):
    """Linear and quadratic cost of load plus a congestion term that blows up at the number of servers.

        f(L) = linear L + quadratic L^2 + queueing L / (servers - L)

    Attributes:
        linear: Cost per unit of load [cost/server], any sign.
        quadratic: Growth of the marginal cost [cost/server^2], >= 0.
        queueing: Cost of one waiting request [cost], >= 0.
        servers: Servers at the site, > capacity wherever `queueing` is positive.

    Each is an array that broadcasts to [slot, site].

    Raises:
        ValueError: Where a coefficient has the wrong sign or is not a number.
    """

    linear: Array
    quadratic: Array
    queueing: Array
    servers: Array

    def __init__(self, linear: Any, quadratic: Any = 0.0, queueing: Any = 0.0, servers: Any = 1.0):
        self.linear, self.quadratic = as_array(linear), as_array(quadratic)
        self.queueing, self.servers = as_array(queueing), as_array(servers)

    def __check_init__(self) -> None:
        for name, lowest in (("linear", -np.finfo(float).max), ("quadratic", 0.0), ("queueing", 0.0), ("servers", 0.0)):
            value = getattr(self, name)
            if not isinstance(value, jax.Array):
                raise TypeError(f"CongestionCost.{name} is a {type(value).__name__}; give numbers.")
            if not is_concrete(value):
                continue
            if name != "servers" and np.isposinf(np.asarray(value)).any():
                raise ValueError(f"CongestionCost.{name} holds an infinite entry; every entry must be a finite number.")
            if not (np.asarray(value) >= lowest).all():
                wanted = "a finite number" if name == "linear" else "a number >= 0, or the cost is not convex"
                raise ValueError(
                    f"CongestionCost.{name} holds {np.nanmin(np.asarray(value)):g} or a NaN; every entry must be {wanted}."
                )

    def __call__(self, load: Float[Array, " site"]) -> Float[Array, " site"]:
        # The second `where` keeps 0 / 0 out of the derivative where there is no queue.
        queued = jnp.broadcast_to(self.queueing > 0, load.shape)
        room = jnp.where(queued, self.servers - load, 1.0)
        return (self.linear + self.quadratic * load) * load + jnp.where(queued, self.queueing * load / room, 0.0)

    def load_limit(self) -> np.ndarray:
        return np.where(np.asarray(self.queueing) > 0, np.asarray(self.servers), np.inf)


class CostOfSlots(AbstractSiteCost):
    """The cost of load in several slots that are decided together, of which each has its own sites.

    Attributes:
        cost: Of one slot; leaves have an axis of slots in front, or are shared.
        axes: Axis of the slot in each leaf.
        count: Number of slots.
    """

    cost: AbstractSiteCost
    axes: Any = eqx.field(static=True)
    count: int = eqx.field(static=True)

    def __call__(self, load: Float[Array, " site"]) -> Float[Array, " site"]:
        by_slot = load.reshape(self.count, -1)
        return jax.vmap(lambda cost, at: cost(at), in_axes=(self.axes, 0))(self.cost, by_slot).reshape(-1)
