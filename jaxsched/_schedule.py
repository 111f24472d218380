"""The answer to a routing problem and the proof that comes with it."""

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
    """

    routing: Float[Array, "slot origin site *kind"]
    load: Float[Array, "slot site"]
    prices: Float[Array, "slot site"]
    slot_objective: Float[Array, " slot"]
    slot_bound: Float[Array, " slot"]
    result: RESULTS
    stats: Stats

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
    reached = int(np.count_nonzero(np.asarray(schedule.stats.history.step)))
    # On the host: a slice of JAX would compile anew for every number of checks.
    short = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[:reached]), schedule.stats.history)
    return eqx.tree_at(lambda s: s.stats.history, schedule, short)
