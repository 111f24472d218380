"""The abstract routing problem: demand, routes, shared capacity and a convex cost of load at each site."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxsched._layout import (
    ORIGIN,
    ROUTE,
    SITE,
    SLOT,
    axes_of,
    cut,
    declared,
    filled,
    map_arrays,
    reordered,
    with_arrays,
)
from jaxsched._parameters import is_concrete
from jaxsched.problem._checks import (
    check_below_limit,
    check_broadcast,
    check_numbers,
    checked_dtype,
    forbid_infinite,
    given_array,
    given_flags,
)
from jaxsched.problem._cost_checks import check_shape, check_values, given_cost
from jaxsched.problem._deferrable import Deferrable, Windows, fitted_jobs, jobs_within
from jaxsched.problem._demand import FixedDemand
from jaxsched.problem._site_cost import AbstractSiteCost, RealSlots
from jaxsched.problem._slot import SlotProblem

# Arrays of the problem that are those of the demands of a slot in another layout.
_OF_DEMAND = ("demand", "route_cost", "work", "allowed")


class Problem(eqx.Module):
    """Minimise the cost of routes and of load, serving every request within the capacity of the sites.

        minimise    sum_tijk route_cost[t,i,j,k] x[t,i,j,k] + sum_tj site_cost(L)[t,j]
        subject to  sum_j x[t,i,j,k] = demand[t,i,k],  L[t,j] = sum_ik work[j,k] x[t,i,j,k] <= capacity[t,j],  x >= 0

    Arguments:
        demand: Requests per second [slot, origin] or [slot, origin, class], >= 0.
        route_cost: Cost of one request per second on a route, broadcasts to [slot, origin, site(, class)]. An infinite
            entry removes the route.
        capacity: Largest load of each site [site] or [slot, site], >= 0.
        site_cost: Convex cost of load: an `AbstractSiteCost`, or a function of the loads [site] of one slot that is the same
            in every slot and written with `jax.numpy`.
        work: Load that one request per second of a class puts on a site [site(, class)], > 0; 1 where not given.
        allowed: Routes that may be used, broadcasts to [slot, origin, site(, class)]; all where not given.
        deferrable: Jobs that are served within windows of slots, on top of the demand; `work`, `allowed` and `capacity` hold
            for them too. Slots that windows join are decided and certified together.
        dtype: Precision of the arrays; the widest of the inputs where not given.

    Raises:
        ValueError: Where a shape does not fit, entries are masked, a number is NaN, negative or infinite where it may not
            be, or the site cost is seen not to be finite or convex.
        TypeError: If `site_cost` is no cost.
    """

    demand: Float[Array, "slot origin class"]
    route_cost: Float[Array, "#slot #origin #site #class"]
    work: Float[Array, "site class"]
    capacity: Float[Array, "#slot site"]
    allowed: Bool[Array, "#slot #origin site class"] | None
    site_cost: AbstractSiteCost
    deferrable: Deferrable | None
    windows: Windows | None
    has_classes: bool = eqx.field(static=True)

    def __init__(
        self,
        demand: Any,
        route_cost: Any,
        capacity: Any,
        site_cost: AbstractSiteCost | Callable[[Array], Array],
        *,
        work: Any = None,
        allowed: Any = None,
        deferrable: Deferrable | None = None,
        dtype: Any = None,
    ):
        demand, capacity = given_array(demand, "demand"), given_array(capacity, "capacity")
        route_cost = given_array(route_cost, "route_cost")
        self.has_classes = demand.ndim == 3
        if demand.ndim not in (2, 3) or capacity.ndim not in (1, 2):
            raise ValueError(
                f"demand has shape {demand.shape} and capacity {capacity.shape}; give demand as [slot, origin] or "
                "[slot, origin, class] and capacity as [site] or [slot, site]."
            )
        demand = demand if self.has_classes else demand[..., None]
        capacity = capacity if capacity.ndim == 2 else capacity[None, :]
        sizes = (*demand.shape[:2], capacity.shape[1], demand.shape[2])
        if 0 in sizes:
            raise ValueError(f"the problem has {sizes} slots, origins, sites and classes; each must be at least 1.")
        if capacity.shape[0] not in (1, sizes[0]):
            raise ValueError(f"capacity has {capacity.shape[0]} slots where demand has {sizes[0]}.")
        route_cost = self._spread(route_cost, sizes, "route_cost")
        work = jnp.ones(1, demand.dtype) if work is None else given_array(work, "work")
        work = work[:, None] if work.ndim == 1 else work
        check_broadcast(work, (sizes[2], sizes[3]), "work", "[site(, class)]")
        if allowed is not None:
            allowed = self._spread(given_flags(allowed, "allowed"), sizes, "allowed")
        allowed, route_cost = forbid_infinite(allowed, route_cost)
        if allowed is not None:
            allowed = jnp.broadcast_to(allowed, (*allowed.shape[:2], *sizes[2:]))
        cost = given_cost(site_cost)
        dtype = jnp.result_type(demand, route_cost, capacity, work) if dtype is None else checked_dtype(dtype)
        self.demand, self.route_cost = demand.astype(dtype), route_cost.astype(dtype)
        self.capacity, self.allowed = capacity.astype(dtype), allowed
        self.work = jnp.broadcast_to(work, (sizes[2], sizes[3])).astype(dtype)
        self.site_cost = jax.tree.map(lambda x: x.astype(dtype) if eqx.is_inexact_array(x) else x, cost)
        if deferrable is not None and not isinstance(deferrable, Deferrable):
            raise TypeError(f"deferrable is a {type(deferrable).__name__}; give jaxsched.Deferrable(...).")
        self.deferrable = None if deferrable is None else fitted_jobs(deferrable, sizes, dtype)
        self.windows = None if self.deferrable is None else Windows(self.deferrable, sizes[0])

    def _spread(self, array: Array, sizes: tuple[int, ...], name: str) -> Array:
        """Give an array the four axes of a route without repeating what broadcasts."""
        array = array if self.has_classes or array.ndim == 0 else array[..., None]
        array = array.reshape((1,) * (4 - array.ndim) + array.shape) if array.ndim < 4 else array
        check_broadcast(array, sizes, name, "[slot, origin, site(, class)]")
        return array

    def __check_init__(self) -> None:
        check_numbers(self.demand, "demand", ("slot", "origin", "class"))
        check_numbers(self.capacity, "capacity", ("slot", "site"))
        check_numbers(self.work, "work", ("site", "class"), positive=True)
        check_numbers(self.route_cost, "route_cost", ("slot", "origin", "site", "class"), lowest=-np.inf)
        if all(is_concrete(leaf) for leaf in jax.tree.leaves((self.capacity, self.site_cost))):
            check_below_limit(np.asarray(self.capacity), self.site_cost.load_limit())
        sizes = (self.shape[0], self.shape[2])
        check_shape(self.site_cost, sizes, self.demand.dtype)
        shaped = (self.demand, self.work, self.capacity, self.site_cost, self.deferrable)
        if all(is_concrete(leaf) for leaf in jax.tree.leaves(shaped)):
            every = self.demand.sum(1) @ self.work.T
            if self.deferrable is not None:
                waiting = self.deferrable.volume[:, None] * self.work.T[self.deferrable.kind]
                every = every + waiting.sum(0, keepdims=True)
            check_values(self.site_cost, jnp.broadcast_to(self.capacity, sizes), every)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Numbers of slots, origins, sites and classes."""
        slots, origins, classes = self.demand.shape
        return slots, origins, self.capacity.shape[1], classes

    @property
    def routing_shape(self) -> tuple[int, ...]:
        """Shape of a routing in the layout of the interface, with classes where demand has them."""
        slots, origins, sites, classes = self.shape
        return (slots, origins, sites, classes) if self.has_classes else (slots, origins, sites)

    @property
    def period(self) -> int:
        """Slots that are decided together: 1, for `CoupledProblem` is the problem in which work may wait."""
        return 1

    def slots(self) -> tuple[SlotProblem, SlotProblem]:
        """The demand in the layout of one slot, and the axis of the slot in each of its leaves.

        A leaf that all slots share has no slot axis there, so that `jax.vmap` never repeats it.
        """
        laid_out = {name: _by_slot(self, name) for name in (*_OF_DEMAND, "capacity")}
        capacity: Any = laid_out.pop("capacity")
        cost, cost_axes = self.site_cost.by_slot()
        values: dict[str, Any] = {name: pair[0] for name, pair in laid_out.items()}
        axes: dict[str, Any] = {name: pair[1] for name, pair in laid_out.items()}
        of_slot: Any = SlotProblem((FixedDemand(**axes),), capacity[1], cost_axes)
        return SlotProblem((FixedDemand(**values),), capacity[0], cost), of_slot

    def slot(self, index: Any) -> SlotProblem:
        """One slot in the layout of the solvers; the index may be traced."""
        values, _ = self.select(jnp.reshape(index, (1,))).slots()
        return eqx.tree_at(lambda slot: slot.blocks[0].demand, values, values.blocks[0].demand[0])

    def select(self, slots: slice | Array) -> "Problem":
        """The problem of some slots alone, given as a slice or by their indices.

        Raises:
            ValueError: Where work may wait, unless it is a slice that cuts through no window.
        """
        part = map_arrays(lambda array, axes: cut(array, axes, {SLOT: slots}), self)
        if self.deferrable is None:
            return part
        if not isinstance(slots, slice):
            raise ValueError("a problem with deferrable work is cut by a slice of its slots, not by indices.")
        jobs = jobs_within(self.deferrable, range(self.shape[0])[slots])
        windows = None if jobs is None else Windows(jobs, part.shape[0])
        return eqx.tree_at(lambda p: (p.deferrable, p.windows), part, (jobs, windows))

    def without_deferrable(self) -> "Problem":
        """The problem of the demand alone, which is served in its own slot."""
        return eqx.tree_at(lambda p: (p.deferrable, p.windows), self, (None, None), is_leaf=lambda leaf: leaf is None)

    def filled(self, slots: int, origins: int) -> "Problem":
        """The problem with so many more slots and origins, which have no demand and cost nothing."""
        more = {SLOT: slots, ORIGIN: origins}
        alike = map_arrays(lambda array, axes: filled(array, axes, more, "edge"), self)
        demand = filled(self.demand, axes_of(self, "demand"), more, "constant")
        is_real = np.arange(len(demand)) < self.shape[0]
        cost = RealSlots(alike.site_cost, is_real, demand.dtype) if slots else alike.site_cost
        return with_arrays(alike, {"demand": demand, "site_cost": cost})


def _by_slot(problem: Problem, name: str) -> tuple[Array | None, Any]:
    """An array in the layout of one slot, and its axis of slots; None where all slots share it."""
    array = getattr(problem, name)
    if array is None:
        return None, None
    own = tuple(ROUTE if axis.name == SITE else axis.name for axis in declared(Problem)[name])
    there = declared(FixedDemand if name in _OF_DEMAND else SlotProblem)[name]
    wanted = tuple(ROUTE if axis.name == SITE else axis.name for axis in there)
    has_slots = SLOT in axes_of(problem, name)
    return reordered(array, own, (SLOT, *wanted) if has_slots else wanted), 0 if has_slots else None
