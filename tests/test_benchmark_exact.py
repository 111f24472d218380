"""The benchmark of the exact solver: what it measures can be wrong, and it says so."""

import copy

import numpy as np
import pytest

from benchmarks.admm_gap import reference
from benchmarks.exact import failures, kkt, measure, tight, violation, with_classes
from benchmarks.family import as_problem, busiest_slot, generate
from jaxsched import ADMM, InteriorPoint, solve
from tests import oracles

INSTANCE = busiest_slot(generate(20, 20, "queueing"))


@pytest.fixture(scope="module")
def case():
    """A measured case that meets every requirement."""
    problem = as_problem(INSTANCE)
    found = {"size": "20x20", "variant": "queueing", "classes": 1, "slots": 1, **measure(INSTANCE, problem, 1)}
    found["reference"] = reference("20x20", "queueing", INSTANCE)
    found["tight"] = tight(INSTANCE, problem, found["reference"]["objective"])
    return found


def test_a_case_that_meets_every_requirement_passes(case):
    assert not failures(case)
    assert case["tight"]["gap"] <= 1e-11


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("gap",), 2e-8, "gap"),
        (("gap",), float("nan"), "gap"),
        (("iterations",), 61, "iterations"),
        (("kkt", "routes"), 1e-6, "routes"),
        (("kkt", "sites"), 1e-6, "sites"),
        (("violation",), 1e-12, "violation"),
        (("objective",), 36.0, "cost above optimum"),
        (("bound",), 36.0, "bound above optimum"),
        (("tight", "cost_above_optimum"), -1e-8, "distance at 1e-11"),
    ],
)
def test_each_missed_requirement_is_said_alone(case, path, value, named):
    spoilt = copy.deepcopy(case)
    place = spoilt
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    missed = failures(spoilt)
    assert len(missed) == 1
    assert named in missed[0]


def test_the_conditions_of_optimality_tell_an_exact_answer_from_a_rough_one():
    problem = with_classes(INSTANCE)
    exact, rough = solve(problem, InteriorPoint()), solve(problem, ADMM(rtol=1e-3))
    assert max(kkt(INSTANCE, problem, exact).values()) < 1e-7 < max(kkt(INSTANCE, problem, rough).values())


def test_three_classes_agree_with_clarabel():
    problem = with_classes(INSTANCE)
    schedule = solve(problem, InteriorPoint())
    assert violation(problem, schedule) <= 64 * np.finfo(float).eps
    # The tolerance of the solve; Clarabel's own is below it.
    np.testing.assert_allclose(schedule.slot_objective, oracles.clarabel_optimum(problem), rtol=2e-8)
