"""The answer to a routing problem and the proof that comes with it."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

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
        routing: Requests per second [slot, origin, site(, kind)]; serves every demand within every capacity.
        load: Load of each site [slot, site].
        prices: Price of load that proves the bound [slot, site] [cost/load].
        slot_objective: Cost of each slot.
        slot_bound: Proved lower bound of each slot; infinite where the slot is proved infeasible.
        result: The verdict, a member of `RESULTS`.
        stats: Iterations and history.
        sites: Site of each entry of `routing` where only candidate routes are kept, which then stand in the place of the
            sites [slot, origin, route(, kind)]; None where `routing` holds every site in order.
    """

    routing: Float[Array, "slot origin route *kind"]
    load: Float[Array, "slot site"]
    prices: Float[Array, "slot site"]
    slot_objective: Float[Array, " slot"]
    slot_bound: Float[Array, " slot"]
    result: RESULTS
    stats: Stats
    sites: Int[Array, "slot origin route *kind"] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers of slots, origins and sites, and of kinds where demand has them."""
        slots, origins, _, *kinds = self.routing.shape
        return slots, origins, self.load.shape[1], *kinds

    def select(self, slots: slice) -> "Schedule":
        """The schedule of some slots alone; verdict and history stay those of all."""
        arrays = (self.routing, self.load, self.prices, self.slot_objective, self.slot_bound)
        cut = eqx.tree_at(
            lambda s: (s.routing, s.load, s.prices, s.slot_objective, s.slot_bound),
            self,
            tuple(a[slots] for a in arrays),
        )
        return cut if self.sites is None else eqx.tree_at(lambda s: s.sites, cut, self.sites[slots])

    def to_dense(self) -> Float[Array, "slot origin site *kind"]:
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
    """(objective - bound) / |objective|: 0 for 0 = 0, infinite while either is missing."""
    known = jnp.isfinite(objective) & jnp.isfinite(bound)
    difference = jnp.where(known, objective - bound, jnp.inf)
    scale = jnp.abs(jnp.where(known, objective, 1.0))
    free = (scale == 0) & (difference <= 0)
    return jnp.where(free, 0.0, difference / jnp.where(scale > 0, scale, jnp.finfo(scale.dtype).tiny))


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
        jnp.stack(values) for values in zip(*(_filled(p.stats, checks) for p in parts), strict=True)
    )
    history = History(steps.max(0), costs.sum(0), bounds.sum(0))
    result = parts[0].result
    for part in parts[1:]:
        result = RESULTS.where(result == RESULTS.successful, part.result, result)
    num_steps = jnp.stack([part.stats.num_steps for part in parts]).max()
    arrays = [(p.routing, p.load, p.prices, p.slot_objective, p.slot_bound, p.sites) for p in parts]
    routing, load, prices, cost, bound, sites = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *arrays)
    return Schedule(routing, load, prices, cost, bound, result, Stats(num_steps, history), sites)


def _filled(stats: Stats, checks: int) -> tuple[Array, Array, Array]:
    """History of so many checks, in which what was reached last goes on."""
    history = stats.history
    done = jnp.minimum(jnp.arange(checks), jnp.maximum(jnp.count_nonzero(history.step) - 1, 0))
    return history.step[done], history.objective[done], history.bound[done]
