"""The benchmarks measure what they say, and documents say what was measured."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import _record, table
from benchmarks._record import read_result, write_result
from benchmarks.admm_gap import compare, failures
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


def made_up_case(objective=100.0, bound=99.99, gaps=(5e-4, 2e-4), **violations):
    judged = {"objective": objective, "demand_error": 0.0, "overload": 0.0, "least_flow": 0.0, **violations}
    gap_at = {"200": gaps[0], "500": gaps[1]}
    case = {"size": "a", "variant": "b", "dtype": "float64", "gap_at": gap_at, "bound": bound, "judged": judged}
    compare(case, {"objective": 100.0})
    return case


def test_a_case_that_meets_every_requirement_passes():
    assert not failures(made_up_case())


@pytest.mark.parametrize(
    ("case", "named"),
    [
        (made_up_case(gaps=(2e-3, 2e-4)), "after 200 iterations"),
        (made_up_case(gaps=(5e-4, 4e-4)), "after 500 iterations"),
        (made_up_case(objective=101.0), "within_certified_gap"),
        (made_up_case(objective=99.0), "within_certified_gap"),
        (made_up_case(bound=100.1), "bound_is_valid"),
        (made_up_case(demand_error=1e-3), "demand_error"),
        (made_up_case(overload=1e-3), "overload"),
        (made_up_case(least_flow=-1e-3), "negative flow"),
        (made_up_case(overload=float("nan")), "overload"),
    ],
)
def test_each_missed_requirement_is_said_alone(case, named):
    missed = failures(case)
    assert len(missed) == 1
    assert named in missed[0]


def test_a_result_is_written_whole_with_what_it_was_measured_on(tmp_path):
    path = write_result("made_up", {"answer": 42}, tmp_path)
    result = read_result("made_up", tmp_path)
    assert result["answer"] == 42
    assert {"date_utc", "commit", "versions", "processor", "cores"} <= set(result["measured"])
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_result_that_cannot_be_written_leaves_the_earlier_one_alone(tmp_path, monkeypatch):
    write_result("made_up", {"answer": 42}, tmp_path)

    def write_half(self, text, **kwargs):
        with self.open("w") as file:
            file.write(text[: len(text) // 2])
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_text", write_half)
    with pytest.raises(OSError, match="disk full"):
        write_result("made_up", {"answer": 43}, tmp_path)
    assert read_result("made_up", tmp_path)["answer"] == 42
    assert [p.name for p in tmp_path.iterdir()] == ["made_up.json"]


def test_changes_are_unknown_where_git_cannot_tell(monkeypatch):
    monkeypatch.setattr(_record, "_git", lambda *arguments: None)
    assert _record.machine()["uncommitted_changes"] is None


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


def test_the_check_notices_a_stale_table_and_writing_mends_it(tmp_path, monkeypatch, capsys):
    document = tmp_path / "page.md"
    document.write_text("<!-- table:default_run -->\nold\n<!-- /table:default_run -->\n", encoding="utf-8")

    def table_program(flag):
        monkeypatch.setattr("sys.argv", ["table", flag, str(document)])
        return table.main()

    assert table_program("--check") == 1
    assert "page.md: its tables differ" in capsys.readouterr().err
    assert "old" in document.read_text(encoding="utf-8")
    assert table_program("--write") == 0
    assert table_program("--check") == 0


def test_a_gap_that_was_never_reached_has_neither_iterations_nor_seconds():
    case = read_result("admm_gap")["cases"][0]
    case["iterations_to"]["0.001"] = None
    assert table._gap_row(case)[5:7] == ("-", "-")


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
