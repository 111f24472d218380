"""The abstract routing problem: demand, routes, shared capacity and a convex cost of load at each site."""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxsched._parameters import as_array, is_concrete


class AbstractSiteCost(eqx.Module):
    """A convex cost of load at each site.

    It is called for one slot at a time. Array leaves follow one rule, so that slots can be batched: a leaf
    with two axes or more has the slot first (its length the number of slots, or 1); a leaf with one axis or
    none is shared by all slots.
    """

    @abc.abstractmethod
    def __call__(self, load: Float[Array, " site"]) -> Float[Array, " site"]:
        """Cost of each load in one slot, elementwise; convex and twice differentiable on [0, capacity]."""

    def load_limit(self) -> np.ndarray:
        """Load at which the cost becomes infinite [(slot,) site], on the host; capacity must stay below it."""
        return np.asarray(np.inf)


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
        for name, lowest in (("linear", -np.inf), ("quadratic", 0.0), ("queueing", 0.0), ("servers", 0.0)):
            value = getattr(self, name)
            if is_concrete(value) and not (np.asarray(value) >= lowest).all():
                raise ValueError(
                    f"CongestionCost.{name} holds {np.nanmin(np.asarray(value)):g} or a NaN; every entry must be a "
                    f"number >= {lowest:g}, or the cost is not convex."
                )

    def __call__(self, load: Float[Array, " site"]) -> Float[Array, " site"]:
        # The second `where` keeps 0 / 0 out of the derivative where there is no queue.
        queued = jnp.broadcast_to(self.queueing > 0, load.shape)
        room = jnp.where(queued, self.servers - load, 1.0)
        return (self.linear + self.quadratic * load) * load + jnp.where(queued, self.queueing * load / room, 0.0)

    def load_limit(self) -> np.ndarray:
        return np.where(np.asarray(self.queueing) > 0, np.asarray(self.servers), np.inf)


class SlotProblem(eqx.Module):
    """The problem of one slot in the layout of the solvers: kind first, site last."""

    demand: Float[Array, "kind origin"]
    route_cost: Float[Array, "kind origin site"]
    work: Float[Array, "kind site"]
    capacity: Float[Array, " site"]
    allowed: Bool[Array, "kind origin site"] | None
    site_cost: AbstractSiteCost


class Problem(eqx.Module):
    """Minimise the cost of routes and of load, serving every request within the capacity of the sites.

        minimise    sum_tijk route_cost[t,i,j,k] x[t,i,j,k] + sum_tj site_cost(L)[t,j]
        subject to  sum_j x[t,i,j,k] = demand[t,i,k],  L[t,j] = sum_ik work[j,k] x[t,i,j,k] <= capacity[t,j],  x >= 0

    Arguments:
        demand: Requests per second [slot, origin] or [slot, origin, kind], >= 0.
        route_cost: Cost of one request per second on a route, broadcasts to [slot, origin, site(, kind)]. An infinite
            entry removes the route.
        capacity: Largest load of each site [site] or [slot, site], >= 0.
        site_cost: Convex cost of load, an `AbstractSiteCost`.
        work: Load that one request per second of a kind puts on a site [site(, kind)], > 0; 1 where not given.
        allowed: Routes that may be used, broadcasts to [slot, origin, site(, kind)]; all where not given.
        dtype: Precision of the arrays; the widest of the inputs where not given.

    Raises:
        ValueError: Where a shape does not fit, or a number is NaN, negative or infinite where it may not be.
    """

    demand: Float[Array, "slot origin kind"]
    route_cost: Float[Array, "#slot #origin #site #kind"]
    work: Float[Array, "site kind"]
    capacity: Float[Array, "#slot site"]
    allowed: Bool[Array, "#slot #origin site kind"] | None
    site_cost: AbstractSiteCost
    has_kinds: bool = eqx.field(static=True)

    def __init__(
        self,
        demand: Any,
        route_cost: Any,
        capacity: Any,
        site_cost: AbstractSiteCost,
        *,
        work: Any = None,
        allowed: Any = None,
        dtype: Any = None,
    ):
        demand, route_cost, capacity = as_array(demand), as_array(route_cost), as_array(capacity)
        self.has_kinds = demand.ndim == 3
        if demand.ndim not in (2, 3) or capacity.ndim not in (1, 2):
            raise ValueError(
                f"demand has shape {demand.shape} and capacity {capacity.shape}; give demand as [slot, origin] or "
                "[slot, origin, kind] and capacity as [site] or [slot, site]."
            )
        demand = demand if self.has_kinds else demand[..., None]
        capacity = capacity if capacity.ndim == 2 else capacity[None, :]
        sizes = (*demand.shape[:2], capacity.shape[1], demand.shape[2])
        if 0 in sizes:
            raise ValueError(f"the problem has {sizes} slots, origins, sites and kinds; each must be at least 1.")
        if capacity.shape[0] not in (1, sizes[0]):
            raise ValueError(f"capacity has {capacity.shape[0]} slots where demand has {sizes[0]}.")
        route_cost = self._spread(route_cost, sizes, "route_cost")
        work = jnp.ones(1, demand.dtype) if work is None else as_array(work)
        work = work[:, None] if work.ndim == 1 else work
        _check_broadcast(work, (sizes[2], sizes[3]), "work", "[site(, kind)]")
        if allowed is not None:
            allowed = self._spread(jnp.asarray(allowed, bool), sizes, "allowed")
        allowed, route_cost = _forbid_infinite(allowed, route_cost)
        if allowed is not None:
            allowed = jnp.broadcast_to(allowed, (*allowed.shape[:2], *sizes[2:]))
        site_cost = jax.tree.map(as_array, site_cost)
        dtype = dtype or jnp.result_type(*(x for x in (demand, route_cost, capacity, work)))
        self.demand, self.route_cost = demand.astype(dtype), route_cost.astype(dtype)
        self.capacity, self.allowed = capacity.astype(dtype), allowed
        self.work = jnp.broadcast_to(work, (sizes[2], sizes[3])).astype(dtype)
        self.site_cost = jax.tree.map(lambda x: x.astype(dtype) if eqx.is_inexact_array(x) else x, site_cost)

    def _spread(self, array: Array, sizes: tuple[int, ...], name: str) -> Array:
        """Give an array the four axes of a route without repeating what broadcasts."""
        array = array if self.has_kinds or array.ndim == 0 else array[..., None]
        array = array.reshape((1,) * (4 - array.ndim) + array.shape) if array.ndim < 4 else array
        _check_broadcast(array, sizes, name, "[slot, origin, site(, kind)]")
        return array

    def __check_init__(self) -> None:
        _check_numbers(self.demand, "demand", ("slot", "origin", "kind"))
        _check_numbers(self.capacity, "capacity", ("slot", "site"))
        _check_numbers(self.work, "work", ("site", "kind"), positive=True)
        _check_numbers(self.route_cost, "route_cost", ("slot", "origin", "site", "kind"), lowest=-np.inf)
        if all(is_concrete(leaf) for leaf in jax.tree.leaves((self.capacity, self.site_cost))):
            _check_below_limit(np.asarray(self.capacity), self.site_cost.load_limit())

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Numbers of slots, origins, sites and kinds."""
        slots, origins, kinds = self.demand.shape
        return slots, origins, self.capacity.shape[1], kinds

    def slots(self) -> tuple[SlotProblem, SlotProblem]:
        """The problem in the layout of one slot, and the axis of the slot in each of its leaves.

        A leaf that all slots share has no slot axis there, so that `jax.vmap` never repeats it.
        """
        kind_first = (0, 3, 1, 2)
        leaves, structure = jax.tree.flatten(self.site_cost)
        batched = [_slot_axis(leaf) if leaf.ndim >= 2 else (leaf, None) for leaf in leaves]
        site_cost, cost_axes = (structure.unflatten([pair[n] for pair in batched]) for n in (0, 1))
        route_cost, route_axis = _slot_axis(jnp.transpose(self.route_cost, kind_first))
        capacity, capacity_axis = _slot_axis(self.capacity)
        allowed, allowed_axis = None, None
        if self.allowed is not None:
            allowed, allowed_axis = _slot_axis(jnp.transpose(self.allowed, kind_first))
        demand = jnp.transpose(self.demand, (0, 2, 1))
        values = SlotProblem(demand, route_cost, jnp.transpose(self.work), capacity, allowed, site_cost)
        axes: Any = SlotProblem(0, route_axis, None, capacity_axis, allowed_axis, cost_axes)  # pyright: ignore
        return values, axes


def _slot_axis(leaf: Array) -> tuple[Array, int | None]:
    return (leaf[0], None) if leaf.shape[0] == 1 else (leaf, 0)


def _forbid_infinite(allowed: Array | None, route_cost: Array) -> tuple[Array | None, Array]:
    """Turn routes of infinite cost into forbidden ones: an infinity would make NaN of a zero flow."""
    if not is_concrete(route_cost) or not np.isposinf(np.asarray(route_cost)).any():
        return allowed, route_cost
    finite = route_cost < jnp.inf
    return finite if allowed is None else allowed & finite, jnp.where(finite, route_cost, 0.0)


def _check_broadcast(array: Array, sizes: tuple[int, ...], name: str, meaning: str) -> None:
    fits = array.ndim == len(sizes) and all(a in (1, n) for a, n in zip(array.shape, sizes, strict=True))
    if not fits:
        raise ValueError(f"{name} has shape {array.shape}, which does not broadcast to {meaning} = {sizes}.")


def _check_numbers(array: Array, name: str, axes: tuple[str, ...], lowest: float = 0.0, positive: bool = False) -> None:
    if not is_concrete(array):
        return
    numbers = np.asarray(array)
    bad = ~(np.isfinite(numbers) & (numbers > 0 if positive else numbers >= lowest))
    if bad.any():
        index = np.argwhere(bad)[0]
        where = ", ".join(f"{axis} {i}" for axis, i in zip(axes, index.tolist(), strict=True))
        wanted = "> 0" if positive else (">= 0" if lowest == 0 else "finite")
        raise ValueError(f"{name} at {where} is {numbers[tuple(index)]:g}; every entry must be a number {wanted}.")


def _check_below_limit(capacity: np.ndarray, limit: np.ndarray) -> None:
    over = capacity >= limit
    if over.any():
        slot, site = np.argwhere(np.atleast_2d(over))[0].tolist()
        raise ValueError(
            f"capacity at slot {slot}, site {site} reaches the load at which the site cost becomes infinite; keep it "
            "below (0.95 of the servers, say)."
        )
