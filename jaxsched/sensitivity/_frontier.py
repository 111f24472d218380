"""What one aim costs in units of another: frontiers by weights."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from jaxsched._extras import needs
from jaxsched._parameters import as_array
from jaxsched._schedule import Schedule
from jaxsched.models import TERMS
from jaxsched.models.terms import WEIGHTED
from jaxsched.sensitivity._cases import Case
from jaxsched.sensitivity._effects import OUTPUTS
from jaxsched.sensitivity._shift import Perturbation
from jaxsched.sensitivity._solve_cases import Answers, solve_cases
from jaxsched.study import Study

AIMS = tuple(term.aim for term in TERMS)
"""What a frontier trades off, all to be small; keys of `OUTPUTS`."""

# The weight that buys less of each aim: field of `Perturbation`, key of the scenario's weights.
WEIGHTS = {term.aim: (term.factor, term.name) for term in WEIGHTED}
# The reference point of a hypervolume lies this share of the range beyond the worst of each aim.
_BEYOND = 0.1

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
    for aim in WEIGHTS:
        own_weight(study, aim)
    cases = [
        Case(name, f"{name} x {f:g}", f, "times", Perturbation(**{field: as_array(f) for field in fields}))
        for name, fields in (
            *((term.name, [term.factor]) for term in WEIGHTED),
            ("carbon and water", ["carbon_price", "water_price"]),
            ("all but money", [term.factor for term in WEIGHTED]),
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
    needs("a frontier", "moocore")
    import moocore

    efficient = np.asarray(moocore.is_nondominated(points))
    scaled = _scaled(points)
    volume = float(moocore.hypervolume(scaled, ref=np.full(points.shape[1], 1.0 + _BEYOND)))
    candidates = np.flatnonzero(efficient)
    return efficient, volume / (1.0 + _BEYOND) ** points.shape[1], int(candidates[knee_of(points[candidates])])


def _scaled(points: np.ndarray) -> np.ndarray:
    low, width = points.min(0), np.ptp(points, axis=0)
    return (points - low) / np.where(width > 0, width, 1.0)


def own_weight(study: Study, aim: str) -> float:
    """What the study gives a unit of an aim."""
    key = WEIGHTS[aim][1]
    value = study.scenario.weights[key].value
    if not value > 0:
        raise ValueError(
            f"the study gives {key} no worth (weights.{key} is 0), so that no multiple of it is one; raise it."
        )
    return value
