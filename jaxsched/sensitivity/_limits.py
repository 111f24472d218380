"""Limits on carbon, water or waiting, kept at the least cost: the epsilon constraint."""

import dataclasses
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxsched._parameters import as_array
from jaxsched._schedule import Schedule
from jaxsched._units import SECONDS_PER_HOUR
from jaxsched.models.terms import TIMED
from jaxsched.sensitivity._cases import Case
from jaxsched.sensitivity._effects import OUTPUTS
from jaxsched.sensitivity._frontier import WEIGHTS, Frontier, Progress, own_weight
from jaxsched.sensitivity._shift import Perturbation
from jaxsched.sensitivity._solve_cases import Answers, CaseSolver, prepare
from jaxsched.study import Study

_MOST_TRIES = 40
_LARGEST_FACTOR = 1000.0
# A try lies at least this share of the bracket, in logarithms, away from its ends.
_INSIDE = 0.1


@dataclasses.dataclass(frozen=True)
class EpsilonConstraint:
    """The least cost at which an aim keeps a limit.

    Attributes:
        aim: Which.
        limit: Its limit, in its unit.
        reached: What the schedule found reaches, at most the limit.
        price: Shadow price of the limit: what one unit less of it would cost, on top of the study's own weight
            [AUD/t, AUD/kL, AUD/request-second].
        cost: Total cost of that schedule at the study's own weights [AUD].
        bound: Proved lower bound on the cost of every schedule that keeps the limit [AUD].
        values: Its outputs [output].
        solves: Number of weights that the search knew, each a solve.
    """

    aim: str
    limit: float
    reached: float
    price: float
    cost: float
    bound: float
    values: np.ndarray
    solves: int

    @property
    def gap(self) -> float:
        """(cost - bound) / cost."""
        return (self.cost - self.bound) / abs(self.cost)


def least_cost_within(
    study: Study, aim: str, limit: float, *, rtol: float = 1e-4, base: Schedule | None = None
) -> EpsilonConstraint:
    """The cheapest schedule that keeps a limit on one aim, by a search for the price of the limit.

        min { cost : q <= limit } >= min { cost + price (q - limit) }    for every price >= 0

    The problem is convex, so that the right side is equal to the left at the limit's shadow price: the schedule found keeps the
    limit, the best of the right sides is its bound.

    Arguments:
        study: The study, with a positive weight of the aim.
        aim: Amount of a term with a weight: `carbon_t`, `water_kl` or `mean_ttft_ms`.
        limit: Its largest value, in its unit.
        rtol: Certified gap of each solve; the search ends at twice that, or with the price known as closely.
        base: Schedule of the study to start from.

    Raises:
        ValueError: For an unknown aim, a limit that is no positive number, or one that no weight up to a thousand times the
            study's own reaches.
    """
    if aim not in WEIGHTS:
        raise ValueError(f"aim is {aim!r}; give one of {', '.join(WEIGHTS)}.")
    if not (np.isfinite(limit) and limit > 0):
        raise ValueError(f"the limit on {aim} is {limit:g} {OUTPUTS[aim]}; it must be a positive number.")
    own_weight(study, aim)
    return _Search(study, aim, prepare(study, rtol=rtol, base=base), {}).within(limit)


def limits(
    study: Study,
    sweep: Frontier,
    *,
    shares: Sequence[float] = (0.25, 0.5, 0.75),
    rtol: float = 1e-4,
    base: Schedule | None = None,
    progress: Progress | None = None,
) -> list[EpsilonConstraint]:
    """Tighter and tighter limits on each of carbon, water and waiting, each kept at the least cost.

    Weights alone leave gaps between the schedules of a sweep, above all where costs are nearly linear; limits fill them evenly.

    Arguments:
        study: The study that was swept.
        sweep: Its `frontier`, whose weights the searches start from; they must include 1.
        shares: Limits, as shares of the way from the study's own value of an aim to the least of the sweep, in (0, 1).
        rtol: As for `least_cost_within`.
        base: Schedule of the study to start from.
        progress: Called with limits kept and in all.

    Returns:
        For each aim, the limits from loose to tight.

    Raises:
        ValueError: If a share does not lie in (0, 1), or the sweep lacks the study's own weight of an aim.
    """
    if not shares or not all(0 < share < 1 for share in shares):
        raise ValueError(f"shares are {list(shares)}; give numbers between 0 and 1.")
    solver, found = prepare(study, rtol=rtol, base=base), []
    for aim in WEIGHTS:
        search = _Search(study, aim, solver, _known(sweep.answers, aim))
        if 1.0 not in search.found:
            raise ValueError(f"the sweep lacks the study's own weight of {aim}; give frontier factors that include 1.")
        own = search.value(1.0)
        least = min(search.value(factor) for factor in search.found)
        for share in sorted(shares):
            found.append(search.within(own - share * (own - least)))
            if progress is not None:
                progress(len(found), len(WEIGHTS) * len(shares))
    return found


class _Weighted(NamedTuple):
    """The answer at a multiple of the aim's weight: cost and bound there, and all outputs."""

    objective: float
    bound: float
    values: np.ndarray


def _known(answers: Answers, aim: str) -> dict[float, _Weighted]:
    """What a sweep knows of an aim: the cases that multiply its weight alone."""
    family = WEIGHTS[aim][1]
    return {case.level: _at(answers, n) for n, case in enumerate(answers.cases) if case.family == family}


def _at(answers: Answers, n: int) -> _Weighted:
    return _Weighted(float(answers.objective[n]), float(answers.bound[n]), answers.values[n])


@dataclasses.dataclass(frozen=True)
class _Search:
    """Solves under multiples of the weight of one aim, remembered by the multiple."""

    study: Study
    aim: str
    solver: CaseSolver
    found: dict[float, _Weighted]

    def value(self, factor: float) -> float:
        """The aim at a multiple of its weight."""
        if factor not in self.found:
            perturbation = Perturbation(**{WEIGHTS[self.aim][0]: as_array(factor)})
            answers = self.solver([Case(self.aim, f"{self.aim} x {factor:.12g}", factor, "times", perturbation)])
            self.found[factor] = _at(answers, 0)
        return float(self.found[factor].values[list(OUTPUTS).index(self.aim)])

    def within(self, limit: float) -> EpsilonConstraint:
        """Narrow the bracket of the multiple until the cost is certified."""
        if self.value(1.0) <= limit:
            return self._limited(limit, 1.0)
        low, high = self._bracket(limit)
        best = self._limited(limit, high)
        for _ in range(_MOST_TRIES):
            if best.gap <= 2 * self.solver.rtol or high / low - 1.0 <= self.solver.rtol:
                break
            middle = self._between(low, high, limit)
            low, high = (low, middle) if self.value(middle) <= limit else (middle, high)
            best = self._limited(limit, high)
        return best

    def _bracket(self, limit: float) -> tuple[float, float]:
        """Multiples on either side of a limit, neighbours among those that are known."""
        enough = [factor for factor in self.found if self.value(factor) <= limit]
        high = min(enough, default=max(self.found))
        while self.value(high) > limit:
            if high >= _LARGEST_FACTOR:
                raise ValueError(
                    f"{self.aim} does not fall to {limit:g} {OUTPUTS[self.aim]} at {high:g} times its weight; raise the "
                    "limit."
                )
            high = min(2.0 * high, _LARGEST_FACTOR)
        return max(factor for factor in self.found if factor < high and self.value(factor) > limit), high

    def _between(self, low: float, high: float, limit: float) -> float:
        """Where a straight line meets the limit, well inside of the bracket."""
        above, below = self.value(low) - limit, limit - self.value(high)
        share = min(max(above / (above + below), _INSIDE), 1.0 - _INSIDE)
        return math.exp((1.0 - share) * math.log(low) + share * math.log(high))

    def _limited(self, limit: float, best: float) -> EpsilonConstraint:
        """The answer that the solves so far prove, with the schedule of one multiple."""
        weight, column = own_weight(self.study, self.aim), list(OUTPUTS).index(self.aim)
        scenario = self.study.scenario
        # A millisecond of the mean, in request-seconds of all requests.
        asked = float(scenario.demand.sum()) * (SECONDS_PER_HOUR / 1000.0) * scenario.slot_hours
        per_unit = asked if self.aim == TIMED.aim else 1.0

        def extra(factor: float) -> float:
            return (factor - 1.0) * weight * per_unit

        bound = max(one.bound - extra(factor) * limit for factor, one in self.found.items() if factor >= 1.0)
        there = self.found[best]
        reached = float(there.values[column])
        cost = there.objective - extra(best) * reached
        return EpsilonConstraint(
            self.aim, limit, reached, (best - 1.0) * weight, cost, bound, there.values, len(self.found)
        )
