"""The benchmark of the largest size tells a routing that is feasible from one that is not, and says what it misses."""

import equinox as eqx
import pytest

from benchmarks._record import machine
from benchmarks.largest import SOLVERS, misses, table, violations
from benchmarks.process import asked_once
from jaxsched import Proportional, solve
from jaxsched.scenarios import australia
from jaxsched.study import build_study


@pytest.fixture(scope="module")
def answered():
    problem = build_study(australia(sites=4, origins=5, slots=2)).problem
    return problem, solve(problem, Proportional(), throw=False)


def test_a_feasible_routing_violates_nothing(answered):
    found = violations(*answered)
    assert max(found.values()) < 1e-6


def test_missing_demand_and_overload_are_found(answered):
    problem, schedule = answered
    routing = schedule.routing.at[1, 2].multiply(0.5)
    assert violations(problem, eqx.tree_at(lambda s: s.routing, schedule, routing))["demand_missed"] == pytest.approx(
        0.5
    )
    small = eqx.tree_at(lambda p: p.capacity, problem, 0.5 * schedule.load.max(0, keepdims=True))
    assert violations(small, schedule)["capacity_exceeded"] == pytest.approx(0.5 / 0.5, rel=1e-3)


def case_of(name, **changed):
    dtype, rtol, seconds = SOLVERS[name]
    good = {"solver": name, "dtype": dtype, "rtol": rtol, "seconds": seconds, "gap": rtol, "peak_gigabytes": 5.0}
    rest = dict.fromkeys(("demand_missed", "capacity_exceeded", "build_seconds", "compile_seconds"), 0.0)
    return {**good, **rest, "worst_slot_gap": rtol, "slots": 24, "iterations": 70, **changed}


@pytest.mark.parametrize("name", SOLVERS)
def test_what_is_missed_is_said(name):
    assert misses(case_of(name)) == []
    for changed in ({"gap": 1.0}, {"seconds": 2e3}, {"peak_gigabytes": 12.5}, {"demand_missed": 0.1}):
        assert len(misses(case_of(name, **changed))) == 1


def test_the_table_has_a_row_for_each_solver():
    shape = {"sites": 2000, "origins": 2000, "slots": 24, "classes": 3}
    cases = [case_of(name) for name in SOLVERS]
    text = table({"shape": shape, "start": "2024-01-15", "cases": cases, "measured": machine()})
    assert [line.split(" | ")[0] for line in text.splitlines()[2:4]] == ["| ADMM", "| InteriorPoint"]


def test_a_fresh_process_builds_solves_and_tells_its_memory():
    found = asked_once("benchmarks.largest:prepare", name="admm", sites=4, origins=5, slots=2, memory=1.0)
    assert misses(found) == []
    assert found["dtype"] == "float32"
    assert 0.05 < found["peak_gigabytes"] < 2.0
