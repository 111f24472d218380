"""Solve a case where it needs it: the slots with the largest gaps first, until the whole is close enough."""

from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsched._results import RESULTS
from jaxsched._schedule import Schedule
from jaxsched._solve import solve
from jaxsched.problem import Problem
from jaxsched.sensitivity._programs import Programs
from jaxsched.solvers import ADMM

# Number of parts in which slots are solved; a study of at most `_FEW` slots in one.
_PARTS, _FEW = 4, 8
# Share of the tolerance to which a part is solved, so that others may stay as they are.
_CLOSER = 0.9
# Room for the rounding of the total.
_WITHIN = 0.98


def refine(
    compiled: Programs, problem: Problem, start: Schedule, rtol: float, max_steps: int, check_every: int
) -> tuple[Schedule, int, bool]:
    """A schedule certified to a gap of the total, from one that serves a similar problem.

    Slots are independent, and the certificate of the total is the sum of theirs: after a change a few hours hold most of the
    gap, and only they are iterated.

    Arguments:
        compiled: Programs of the study.
        problem: All slots.
        start: Routing and prices to start from.
        rtol: Certified relative gap of the total.
        max_steps: Most iterations of a slot.
        check_every: Iterations between certificates.

    Returns:
        The schedule, the most iterations that a slot took, and whether the problem is proved infeasible.
    """
    found, steps = compiled.certify(problem, start), 0
    if bool(found.result == RESULTS.infeasible):
        return found, steps, True
    for slots in _worst_first(_gaps(found)):
        if bool(found.gap <= rtol):
            break
        # A part need not be closer than its tolerance, nor than what the rest leaves of the total.
        solver = ADMM(rtol=_CLOSER * rtol, atol=_left(found, slots, rtol), max_steps=max_steps, check_every=check_every)
        part = solve(problem.select(slots), solver, warm_start=found.select(slots), throw=False)
        if bool(part.result == RESULTS.infeasible):
            return found, steps, True
        found, steps = compiled.replace(found, slots, part), max(steps, int(part.stats.num_steps))
    return found, steps, False


def _left(found: Schedule, slots: Any, rtol: float) -> float:
    """How far cost and bound of some slots may be apart for the total to be within its tolerance, whatever it comes to cost."""
    gaps, part = _gaps(found), np.asarray(slots)
    if not np.isfinite(gaps).all():
        return 0.0
    # The tolerance is relative to the cost in the end, when the part costs at least its bound: a poor start costs much more.
    now = float(found.objective)
    then = now - gaps[part].sum()
    least = min(abs(now), abs(then)) if now * then > 0 else 0.0
    return max(_WITHIN * rtol * least - np.delete(gaps, part).sum(), 0.0)


def _gaps(found: Schedule) -> np.ndarray:
    gaps = np.asarray(found.slot_objective, float) - np.asarray(found.slot_bound, float)
    return np.where(np.isfinite(gaps), gaps, np.inf)


def _worst_first(gaps: np.ndarray) -> Iterator[Any]:
    """Slots in parts of one size, those with the largest gaps first; the last part takes some in again to be as large."""
    count = len(gaps)
    size = count if count < _FEW else -(-count // _PARTS)
    order = np.argsort(-gaps, kind="stable")
    for first in range(0, count, size):
        yield jnp.asarray(np.sort(order[min(first, count - size) :][:size]))
