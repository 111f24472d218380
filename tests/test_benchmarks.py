"""The benchmarks measure what they say, and documents say what was measured."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import table
from benchmarks._record import read_result, write_result
from benchmarks.admm_gap import failures
from benchmarks.family import SIZES, as_problem, busiest_slot, generate, judge
from benchmarks.reference import clarabel
from jaxsched import ADMM, solve
from tests.oracles import cost_of

ROOT = Path(__file__).resolve().parent.parent
PINNED = ROOT.parent / "shared" / "bench"
NAMES = {"linear": "lp", "quadratic": "qp", "queueing": "q"}


@pytest.fixture(scope="module")
def pinned():
    """The pinned generator and its optima."""
    if not PINNED.is_dir():
        pytest.skip("the folder ../shared/bench with the pinned instances is not here")
    spec = importlib.util.spec_from_file_location("instances", PINNED / "instances.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, json.loads((PINNED / "optima.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("variant", NAMES)
@pytest.mark.parametrize("size", ["20x20", "50x100"])
def test_the_family_is_the_pinned_one_to_the_last_bit(size, variant, pinned):
    theirs = pinned[0].generate(*SIZES[size], variant=NAMES[variant])
    ours = generate(*SIZES[size], variant)
    pairs = (("D", "demand"), ("c", "route_cost"), ("a", "linear"), ("b", "quadratic"), ("C", "servers"))
    for key, name in (*pairs, ("wq", "queueing")):
        np.testing.assert_array_equal(theirs[key], getattr(ours, name))


@pytest.mark.parametrize("variant", NAMES)
@pytest.mark.parametrize(("size", "key"), [("20x20", "s"), ("50x100", "m")])
def test_clarabel_finds_the_pinned_optimum_and_so_does_the_solver(size, key, variant, pinned):
    optimum = pinned[1][f"{key}_{NAMES[variant]}"]["obj"]
    instance = busiest_slot(generate(*SIZES[size], variant))
    assert clarabel(instance)["objective"] == pytest.approx(optimum, rel=1e-7)
    schedule = solve(as_problem(instance), ADMM(rtol=1e-4, max_steps=2000))
    assert float(schedule.bound) <= optimum * (1 + 1e-7)
    assert optimum * (1 - 1e-7) <= judge(instance, np.asarray(schedule.routing))["objective"] <= optimum * (1 + 1e-4)


def test_the_judge_agrees_with_the_tests_own_evaluation():
    instance = generate(20, 20, "queueing", slots=3)
    problem = as_problem(instance)
    schedule = solve(problem)
    verdict = judge(instance, np.asarray(schedule.routing))
    assert verdict["objective"] == pytest.approx(cost_of(problem, schedule).sum(), rel=1e-12)
    assert verdict["overload"] == 0.0
    assert verdict["demand_error"] < 1e-12


def test_an_unknown_variant_and_several_slots_are_refused():
    with pytest.raises(ValueError, match="variant is 'cubic'"):
        generate(20, 20, "cubic")
    with pytest.raises(ValueError, match="24 slots"):
        clarabel(generate(20, 20, "linear"))


def test_a_missed_requirement_is_said():
    case = {"size": "a", "variant": "b", "dtype": "c", "gap_at": {"200": 2e-3, "500": 1e-4}, "bound_is_valid": False}
    assert len(failures(case)) == 2


def test_a_result_is_written_whole_with_what_it_was_measured_on(tmp_path):
    path = write_result("made_up", {"answer": 42}, tmp_path)
    result = read_result("made_up", tmp_path)
    assert result["answer"] == 42
    assert {"date_utc", "commit", "versions", "processor", "cores"} <= set(result["measured"])
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_marked_table_is_filled_and_an_unknown_one_is_refused(tmp_path):
    result = read_result("default_run")
    result["summary"]["policies"] = {"nearest": result["summary"]["policies"]["nearest"]}
    write_result("default_run", {key: result[key] for key in ("summary", "wall_seconds")}, tmp_path)
    text = table.fill("before\n<!-- table:default_run -->\nold\n<!-- /table:default_run -->\nafter", tmp_path)
    assert "| nearest |" in text
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("\nafter")
    assert table.fill(text, tmp_path) == text
    with pytest.raises(ValueError, match="no table 'other'"):
        table.fill("<!-- table:other -->\n<!-- /table:other -->", tmp_path)


def test_the_readme_says_what_was_measured():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert table.fill(text) == text, "run python -m benchmarks.table --write README.md"


def test_recorded_results_meet_the_requirements():
    cases = read_result("admm_gap")["cases"]
    assert {case["size"] for case in cases} == set(SIZES)
    assert not [sentence for case in cases for sentence in failures(case)]


def test_result_files_hold_no_path_of_a_machine():
    for path in (ROOT / "benchmarks" / "results").glob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert '"/' not in text, path.name
        assert "/home/" not in text
