"""What one aim costs in units of another: frontiers by weights, and limits kept at the least cost."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from jaxsched._parameters import as_array
from jaxsched._schedule import Schedule
from jaxsched.sensitivity._cases import Case
from jaxsched.sensitivity._effects import OUTPUTS
from jaxsched.sensitivity._shift import Shift
from jaxsched.sensitivity._solve_cases import Answers, prepare, solve_cases
from jaxsched.study import Study

AIMS = ("energy_cost_aud", "carbon_t", "water_kl", "mean_ttft_ms")
"""What a frontier trades off, all to be small; keys of `OUTPUTS`."""

# The weight that buys less of each aim: field of `Shift`, key of the scenario's weights.
_WEIGHTS = {
    "carbon_t": ("carbon_price", "carbon"),
    "water_kl": ("water_price", "water"),
    "mean_ttft_ms": ("waiting_price", "waiting"),
}
# The reference point of a hypervolume lies this share of the range beyond the worst of each aim.
_BEYOND = 0.1
_MOST_TRIES = 40
_LARGEST_FACTOR = 1000.0

Progress = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class Frontier:
    """Optimal schedules under many weights.

    Attributes:
        answers: The schedules, a case each.
        points: Values of `AIMS` [case, aim].
        efficient: Whether no other case is better in one aim and at least as good in all [case].
        hypervolume: Share of the box from the best of each aim to beyond the worst that is dominated, over the cases.
        knee: Case nearest to the best of every aim, each measured in its range; among the efficient ones.
    """

    answers: Answers
    points: np.ndarray
    efficient: np.ndarray
    hypervolume: float
    knee: int


@dataclasses.dataclass(frozen=True)
class Limited:
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
        solves: Number of solves.
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


def frontier(
    study: Study,
    *,
    factors: Sequence[float] = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0),
    rtol: float = 1e-4,
    base: Schedule | None = None,
    progress: Progress | None = None,
) -> Frontier:
    """Sweep the worth of carbon, of water and of waiting, one at a time and all together.

    Every efficient point of a convex problem is optimal for some weights, so that the sweep finds points of the frontier
    itself, each within its certified gap.

    Arguments:
        study: The study, with positive weights.
        factors: Multiples of the study's own weights, rising.
        rtol: Certified gap of each point.
        base: Schedule of the study to start from.
        progress: Called with solves done and in all.

    Raises:
        ValueError: If a factor is not positive, or a weight of the study is 0.

    Source:
        Hypervolume and dominance by moocore.
    """
    factors = list(factors)
    if not factors or not all(np.isfinite(f) and f > 0 for f in factors):
        raise ValueError(f"factors are {factors}; give positive numbers.")
    for aim in _WEIGHTS:
        _own_weight(study, aim)
    cases = [
        Case(name, f"{name} x {f:g}", f, "times", Shift(**{field: as_array(f) for field in fields}))
        for name, fields in (
            ("carbon", ["carbon_price"]),
            ("water", ["water_price"]),
            ("waiting", ["waiting_price"]),
            ("carbon and water", ["carbon_price", "water_price"]),
            ("all but money", [field for field, _ in _WEIGHTS.values()]),
        )
        for f in sorted(factors)
    ]
    answers = solve_cases(study, cases, rtol=rtol, base=base, progress=progress)
    points = answers.values[:, [list(OUTPUTS).index(aim) for aim in AIMS]]
    return Frontier(answers, points, *_measure(points))


def knee_of(points: np.ndarray) -> int:
    """Index of the point nearest to the best of every column, each column measured in its range [point, aim]."""
    return int(np.linalg.norm(_scaled(points), axis=1).argmin())


def _measure(points: np.ndarray) -> tuple[np.ndarray, float, int]:
    import moocore

    efficient = np.asarray(moocore.is_nondominated(points))
    scaled = _scaled(points)
    volume = float(moocore.hypervolume(scaled, ref=np.full(points.shape[1], 1.0 + _BEYOND)))
    candidates = np.flatnonzero(efficient)
    return efficient, volume / (1.0 + _BEYOND) ** points.shape[1], int(candidates[knee_of(points[candidates])])


def _scaled(points: np.ndarray) -> np.ndarray:
    low, width = points.min(0), np.ptp(points, axis=0)
    return (points - low) / np.where(width > 0, width, 1.0)


def least_cost_within(
    study: Study, aim: str, limit: float, *, rtol: float = 1e-4, base: Schedule | None = None
) -> Limited:
    """The cheapest schedule that keeps a limit on one aim, by bisection on the price of the limit.

        min { cost : q <= limit } >= min { cost + price (q - limit) }    for every price >= 0

    The problem is convex, so that the right side is equal to the left at the limit's shadow price: the schedule found keeps the
    limit, the best of the right sides is its bound.

    Arguments:
        study: The study, with a positive weight of the aim.
        aim: `carbon_t`, `water_kl` or `mean_ttft_ms`.
        limit: Its largest value, in its unit.
        rtol: Certified gap of each solve, and how closely the limit is met.
        base: Schedule of the study to start from.

    Raises:
        ValueError: For an unknown aim, a limit that is no positive number, or one that no weight up to a thousand times the
            study's own reaches.
    """
    if aim not in _WEIGHTS:
        raise ValueError(f"aim is {aim!r}; give one of {', '.join(_WEIGHTS)}.")
    if not (np.isfinite(limit) and limit > 0):
        raise ValueError(f"the limit on {aim} is {limit:g} {OUTPUTS[aim]}; it must be a positive number.")
    weight, column = _own_weight(study, aim), list(OUTPUTS).index(aim)
    per_unit = float(study.scenario.demand.sum()) * 3.6 * study.scenario.slot_hours if aim == "mean_ttft_ms" else 1.0
    solver, found = prepare(study, rtol=rtol, base=base), {}

    def at(factor: float) -> float:
        case = Case(aim, f"{aim} x {factor:.12g}", factor, "times", Shift(**{_WEIGHTS[aim][0]: as_array(factor)}))
        found[factor] = solver([case])
        return float(found[factor].values[0, column])

    low, high = 1.0, 1.0
    while at(high) > limit:
        low, high = high, 2.0 * high
        if high > _LARGEST_FACTOR:
            raise ValueError(
                f"{aim} does not fall to {limit:g} {OUTPUTS[aim]} at {low:g} times its weight; raise the limit."
            )
    while high > low and high / low - 1.0 > rtol and len(found) < _MOST_TRIES:
        middle = float(np.sqrt(low * high))
        value = at(middle)
        low, high = (low, middle) if value <= limit else (middle, high)
        if value <= limit and limit - value <= rtol * limit:
            break
    return _limited(aim, limit, weight, per_unit, column, found, high)


def _limited(
    aim: str, limit: float, weight: float, per_unit: float, column: int, found: dict[float, Answers], best: float
) -> Limited:
    """The answer of a search from the solves that it made."""
    bounds, costs = [], {}
    for factor, answers in found.items():
        extra = (factor - 1.0) * weight * per_unit
        bounds.append(float(answers.bound[0]) - extra * limit)
        costs[factor] = float(answers.objective[0]) - extra * float(answers.values[0, column])
    values = found[best].values[0]
    price = (best - 1.0) * weight
    return Limited(aim, limit, float(values[column]), price, costs[best], max(bounds), values, len(found))


def _own_weight(study: Study, aim: str) -> float:
    key = _WEIGHTS[aim][1]
    value = study.scenario.weights[key].value
    if not value > 0:
        raise ValueError(
            f"the study gives {key} no worth (weights.{key} is 0), so that no multiple of it is one; raise it."
        )
    return value
