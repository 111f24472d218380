"""The benchmark of the exact solver: what it measures can be wrong, and it says so."""

import copy

import numpy as np
import pytest

from benchmarks.exact import failures, kkt, solved
from benchmarks.family import Case, as_problem, routing_of, with_classes
from benchmarks.judge import judge, violation
from jaxsched import ADMM, InteriorPoint, solve
from tests import oracles


@pytest.fixture(scope="module")
def case():
    """A measured case that meets every requirement."""
    return solved(Case("20x20", "queueing"), 1)


@pytest.fixture(scope="module")
def three_classes(queueing):
    """A problem of three classes, and its exact answer."""
    instance = with_classes(queueing)
    problem = as_problem(instance)
    return instance, problem, solve(problem, InteriorPoint())


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


def test_the_conditions_of_optimality_tell_an_exact_answer_from_a_rough_one(three_classes):
    instance, problem, exact = three_classes
    rough = solve(problem, ADMM(rtol=1e-3))
    assert max(kkt(instance, exact).values()) < 1e-7 < max(kkt(instance, rough).values())


def test_three_classes_agree_with_clarabel(three_classes):
    instance, problem, schedule = three_classes
    assert violation(judge(instance, routing_of(schedule))) <= 64 * np.finfo(float).eps
    # The tolerance of the solve; Clarabel's own is below it.
    np.testing.assert_allclose(schedule.slot_objective, oracles.clarabel_optimum(problem), rtol=2e-8)
