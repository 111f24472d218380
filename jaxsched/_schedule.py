"""The answer to a routing problem and the proof that comes with it."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxsched._layout import ORIGIN, SLOT, Axes, axes_of, cut, declared, filled, map_arrays, with_arrays
from jaxsched._parameters import is_concrete
from jaxsched._results import RESULTS


class History(eqx.Module):
    """Certificate after each check: best feasible cost and best bound so far.

    Attributes:
        step: Iterations done.
        objective: Best feasible cost.
        bound: Best lower bound.
    """

    step: Int[Array, " check"]
    objective: Float[Array, " check"]
    bound: Float[Array, " check"]

    @classmethod
    def empty(cls, checks: int, dtype: Any) -> "History":
        """A history with room for a number of checks, none of which is done."""
        unknown = jnp.full(checks, jnp.inf, dtype)
        return cls(jnp.zeros(checks, int), unknown, -unknown)

    def recorded(
        self, check: Int[Array, ""], step: Int[Array, ""], objective: Float[Array, ""], bound: Float[Array, ""]
    ) -> "History":
        """The history with one more check."""
        return History(
            self.step.at[check].set(step), self.objective.at[check].set(objective), self.bound.at[check].set(bound)
        )

    @property
    def gap(self) -> Float[Array, " check"]:
        """Certified relative gap at each check."""
        return relative_gap(self.objective, self.bound)


class Stats(eqx.Module):
    """How a solve went.

    Attributes:
        num_steps: Iterations done.
        history: Certificate at each check.
    """

    num_steps: Int[Array, ""]
    history: History


class Schedule(eqx.Module):
    """A feasible routing, what it costs, and a proved lower bound on what any routing costs.

    Attributes:
        routing: Requests per second [slot, origin, site(, class)]; serves every demand within every capacity.
        load: Load of each site [slot, site].
        prices: Price of load that proves the bound [slot, site] [cost/load].
        demand_price: What one more request per second of a demand costs [slot, origin(, class)], the dual of its row: the
            cheapest of its usable routes at the prices, work included; 0 where it has none.
        capacity_price: What one more unit of capacity of a site saves [slot, site], the dual of its capacity: its price above
            the marginal cost at the capacity, 0 where load can grow.
        slot_objective: Cost of each slot.
        slot_bound: Proved lower bound of each slot; infinite where the slot is proved infeasible. Slots that windows of work
            join are proved together: what their bound leaves open is shared out in proportion to their costs.
        result: The verdict, a member of `RESULTS`.
        stats: Iterations and history.
        sites: Site of each entry of `routing` where only candidate routes are kept, which then stand in the place of the
            sites [slot, origin, route(, class)]; None where `routing` holds every site in order.
        deferred: Requests per second of deferrable work [slot, job, site], which are part of the load; None without such work.
        deferred_price: What one more request per second of a job costs [job], by its cheapest route in its window at the
            prices; None without such work.
    """

    routing: Float[Array, "slot origin route *class"]
    load: Float[Array, "slot site"]
    prices: Float[Array, "slot site"]
    demand_price: Float[Array, "slot origin *class"]
    capacity_price: Float[Array, "slot site"]
    slot_objective: Float[Array, " slot"]
    slot_bound: Float[Array, " slot"]
    result: RESULTS
    stats: Stats
    sites: Int[Array, "slot origin route *class"] | None = None
    deferred: Float[Array, "slot job site"] | None = None
    deferred_price: Float[Array, " job"] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers of slots, origins and sites and of classes where demand has them."""
        slots, origins, _, *classes = self.routing.shape
        return slots, origins, self.load.shape[1], *classes

    def select(self, slots: slice | np.ndarray) -> "Schedule":
        """The schedule of some slots alone, a slice or indices; verdict, history and jobs stay those of all."""
        return map_arrays(lambda array, axes: cut(array, axes, {SLOT: slots}), self)

    def kept(self, slots: np.ndarray) -> "Schedule":
        """The schedule with nothing in all slots but some, which are marked."""

        def keep(array: Array, axes: Axes) -> Array:
            if SLOT not in axes:
                return array
            marked = slots.reshape(-1, *(1,) * (array.ndim - 1))
            return jnp.where(marked, array, jnp.zeros_like(array))

        return map_arrays(keep, self)

    def replaced(self, slots: Any, part: "Schedule") -> "Schedule":
        """The schedule with some slots from another; verdict and history stay."""
        others = part.arrays()
        return with_arrays(
            self,
            {name: old.at[slots].set(others[name]) for name, old in self.arrays().items() if self._has_slots(name)},
        )

    def _has_slots(self, name: str) -> bool:
        return SLOT in axes_of(self, name)

    def filled(self, slots: int, origins: int) -> "Schedule":
        """The schedule with more slots and origins at its end, in which nothing is routed."""
        more = {SLOT: slots, ORIGIN: origins}

        def place(name: str, array: Array) -> Array:
            # Sites that fill up must be sites.
            return filled(array, axes_of(self, name), more, "edge" if name == "sites" else "constant")

        return with_arrays(self, {name: place(name, array) for name, array in self.arrays().items()})

    def arrays(self) -> dict[str, Array]:
        """All arrays by name."""
        return {name: getattr(self, name) for name in declared(Schedule) if getattr(self, name) is not None}

    def to_dense(self) -> Float[Array, "slot origin site *class"]:
        """Requests per second on every route, also where only candidates are kept."""
        if self.sites is None:
            return self.routing
        empty = jnp.zeros(self.shape, self.routing.dtype)
        return jnp.put_along_axis(empty, self.sites, self.routing, 2, inplace=False)

    @property
    def objective(self) -> Float[Array, ""]:
        """Cost of all slots."""
        return self.slot_objective.sum()

    @property
    def bound(self) -> Float[Array, ""]:
        """Proved lower bound on the cost of all slots."""
        return self.slot_bound.sum()

    @property
    def gap(self) -> Float[Array, ""]:
        """Certified gap of the total, (objective - bound) / |objective|."""
        return relative_gap(self.objective, self.bound)

    @property
    def slot_gap(self) -> Float[Array, " slot"]:
        """Certified gap of each slot."""
        return relative_gap(self.slot_objective, self.slot_bound)

    def __repr__(self) -> str:
        if not is_concrete(self.slot_objective):
            return "Schedule(traced)"
        slots, sites = self.load.shape
        return (
            f"Schedule({slots} slots, {self.routing.shape[1]} origins, {sites} sites; objective "
            f"{float(self.objective):.6g}, certified gap {float(self.gap):.1e}, {int(self.stats.num_steps)} iterations)"
        )


def relative_gap(objective: Float[Array, "*slot"], bound: Float[Array, "*slot"]) -> Float[Array, "*slot"]:
    """(objective - bound) / |objective|: 0 for 0 = 0, infinite while either is missing.

    What is so small that its square is no number of the precision counts as 0.
    """
    known = jnp.isfinite(objective) & jnp.isfinite(bound)
    difference = jnp.where(known, objective - bound, jnp.inf)
    scale = jnp.abs(jnp.where(known, objective, 1.0))
    free = (scale == 0) & (difference <= 0)
    return jnp.where(free, 0.0, difference / jnp.maximum(scale, float(jnp.finfo(scale.dtype).tiny) ** 0.5))


def trim(schedule: Schedule) -> Schedule:
    """Drop the checks that were never reached; needs concrete values."""
    history = schedule.stats.history
    reached = int(np.count_nonzero(np.asarray(history.step)))
    # On the host: a slice of JAX would compile anew for every number of checks.
    short = jax.device_put([np.asarray(leaf)[:reached] for leaf in (history.step, history.objective, history.bound)])
    return dataclasses.replace(schedule, stats=Stats(schedule.stats.num_steps, History(*short)))


def joined(parts: list[Schedule]) -> Schedule:
    """The schedule of all slots from those of chunks of them: iterations are the most of any, the verdict is the worst."""
    checks = max(len(part.stats.history.step) for part in parts)
    steps, costs, bounds = (
        jnp.stack(values) for values in zip(*(_continued(p.stats, checks) for p in parts), strict=True)
    )
    history = History(steps.max(0), costs.sum(0), bounds.sum(0))
    result = parts[0].result
    for part in parts[1:]:
        result = RESULTS.where(result == RESULTS.successful, part.result, result)
    num_steps = jnp.stack([part.stats.num_steps for part in parts]).max()

    def join(name: str, first: Array) -> Array:
        every = [part.arrays()[name] for part in parts]
        # What has no slots is of jobs, of which each part knows its own and has 0 for the others.
        return jnp.concatenate(every) if SLOT in axes_of(parts[0], name) else sum(every[1:], first)

    whole = with_arrays(parts[0], {name: join(name, first) for name, first in parts[0].arrays().items()})
    return eqx.tree_at(lambda s: (s.result, s.stats), whole, (result, Stats(num_steps, history)))


def _continued(stats: Stats, checks: int) -> tuple[Array, Array, Array]:
    """History padded to a number of checks by the last one reached."""
    history = stats.history
    done = jnp.minimum(jnp.arange(checks), jnp.maximum(jnp.count_nonzero(history.step) - 1, 0))
    return history.step[done], history.objective[done], history.bound[done]
