"""Turn result files into Markdown tables, and put them into documents.

python -m benchmarks.table                     # print every table
python -m benchmarks.table --write README.md   # replace what lies between <!-- table:NAME --> (or file:PATH) marks
python -m benchmarks.table --check README.md   # exit with 1 where a document says something else
"""

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import (
    calibration_tables,
    ill_conditioned_table,
    peer_tables,
    robustness_tables,
    sensitivity_table,
    solve_time_tables,
)
from benchmarks._markdown import markdown, measured
from benchmarks._record import RESULTS, read_result

_MARKS = re.compile(r"(<!-- table:(\w+) -->\n).*?(<!-- /table:\2 -->)", flags=re.DOTALL)

_FILES = re.compile(r"(<!-- file:([\w./-]+) -->\n).*?(<!-- /file:\2 -->)", flags=re.DOTALL)
_ROOT = Path(__file__).resolve().parent.parent


def admm_gap(result: Mapping[str, Any]) -> str:
    """Gap, iterations, seconds and distance from Clarabel's optimum of each size, variant and precision."""
    header = (
        "origins x sites",
        "site cost",
        "precision",
        "gap at 200",
        "gap at 500",
        "iterations to 1e-3",
        "seconds to 1e-3",
        "first call [s]",
        "cost above optimum",
        "Clarabel [s]",
    )
    rows = [_gap_row(case) for case in result["cases"]]
    lines = [markdown(header, rows, left=3), "", _gap_notes(result), f"- {measured(result)}"]
    return "\n".join(lines)


def _gap_row(case: Mapping[str, Any]) -> tuple[str, ...]:
    optimum = case["reference"] or {}
    seconds = optimum.get("seconds")
    iterations = case["iterations_to"]["0.001"]
    return (
        case["size"],
        case["variant"],
        case["dtype"],
        f"{case['gap_at']['200']:.1e}",
        f"{case['gap_at']['500']:.1e}",
        "-" if iterations is None else str(iterations),
        "-" if iterations is None else f"{case['seconds_to_1e-3']:.3f}",
        f"{case['first_call_seconds']:.1f}",
        f"{case['cost_above_optimum']:.1e}" if optimum else "-",
        f"{seconds:.2f}" if seconds is not None else "-",
    )


def _gap_notes(result: Mapping[str, Any]) -> str:
    notes = [
        "Gaps are certified. Cost above optimum: after 500 iterations, against Clarabel at 1e-10; its seconds are those of "
        "CVXPY and Clarabel together (none where the optimum was pinned beforehand).",
        "The first call of a size and precision compiles for all site costs.",
    ]
    if "batch" in result:
        day = result["batch"]
        notes.append(
            f"A day of {day['slots']} slots at {day['size']}, {day['variant']}, {day['dtype']}, in one call: gap 1e-3 after "
            f"{day['iterations_to']['0.001']} iterations in {day['seconds_to_1e-3']:.1f} s, {day['gap_at']['500']:.1e} "
            f"after 500 in {day['seconds_500_iterations']:.1f} s."
        )
    for case in result["metrics"]:
        how = "best of eight steps" if case["metric"] == "uniform" else "default step"
        notes.append(
            f"{case['metric'].capitalize()} metric, {case['size']}, queueing, float32, step {case['step']:g} ({how}): gap "
            f"{case['gap_at']['200']:.1e} at 200 iterations, {case['gap_at']['500']:.1e} at 500."
        )
    return "\n".join(f"- {note}" for note in notes)


def exact(result: Mapping[str, Any]) -> str:
    """Iterations, gap, optimality conditions, seconds and distance from Clarabel's optimum of each case."""
    header = (
        "origins x sites",
        "site cost",
        "classes",
        "slots",
        "iterations",
        "certified gap",
        "KKT: routes",
        "KKT: sites",
        "seconds",
        "first call [s]",
        "gap, solved to 1e-11",
        "cost above optimum then",
        "Clarabel [s]",
    )
    rows = [_exact_row(case) for case in (*result["cases"], *result["days"])]
    notes = (
        "- Everything in float64 to a certified gap of 1e-8 of each slot; the gap shown is that of the worst slot. KKT: what "
        "flows pay above the cheapest route, and prices away from marginal costs, relative to the cost.\n"
        "- Cost above optimum: solved on to 1e-11, against Clarabel at 1e-10, whose own error it then shows (negative: "
        "Clarabel's cost is the higher). Clarabel's seconds are those of CVXPY and Clarabel together."
    )
    return "\n".join([markdown(header, rows, left=2), "", notes, f"- {measured(result)}"])


def _exact_row(case: Mapping[str, Any]) -> tuple[str, ...]:
    near, seconds = case.get("tight"), (case.get("reference") or {}).get("seconds")
    return (
        case["size"],
        case["variant"],
        str(case["classes"]),
        str(case["slots"]),
        str(case["iterations"]),
        f"{case['gap']:.1e}",
        f"{case['kkt']['routes']:.1e}",
        f"{case['kkt']['sites']:.1e}",
        f"{case['seconds']:.3f}",
        f"{case['first_call_seconds']:.1f}",
        f"{near['gap']:.1e}" if near else "-",
        f"{near['cost_above_optimum']:.1e}" if near else "-",
        f"{seconds:.2f}" if seconds is not None else "-",
    )


def gradients(result: Mapping[str, Any]) -> str:
    """Seconds of gradients beside those of a solve, and errors against differences of re-solves."""
    header = (
        "origins x sites",
        "site cost",
        "solve [s]",
        "and envelope [s]",
        "envelope share",
        "and implicit [s]",
        "implicit share",
        "share of returning arrays",
        "first call of it [s]",
        "`optimal_cost` [s]",
        "largest envelope error",
        "largest implicit error",
    )
    rows = [_gradient_row(case) for case in result["cases"]]
    notes = (
        "- One slot, float64, a solve to 1e-8; gradients with respect to every array of the problem. Errors are relative to "
        "central differences of re-solves to 1e-14 along a random direction of demand, route cost and linear site cost.\n"
        "- A share is what a jitted gradient, of the cost (envelope) or of the loads (implicit), takes more than the jitted "
        "solve alone: the median over rounds, in random order, in units of a solve. Returning as many arrays without any "
        "gradient takes a share too. `optimal_cost` is a call of its own, the envelope gradient for a schedule that is there."
    )
    return "\n".join([markdown(header, rows, left=2), "", notes, f"- {measured(result)}"])


def _gradient_row(case: Mapping[str, Any]) -> tuple[str, ...]:
    def share(name: str) -> str:
        value = case[f"{name}_share"]
        return f"{value:.3f}" if value > 0 else "below noise"

    return (
        case["size"],
        case["variant"],
        f"{case['solve_seconds']:.4f}",
        f"{case['solve_and_envelope_seconds']:.4f}",
        share("envelope"),
        f"{case['solve_and_implicit_seconds']:.4f}",
        share("implicit"),
        share("returned"),
        f"{case['solve_and_implicit_first_call_seconds']:.1f}",
        f"{case['optimal_cost_seconds']:.5f}",
        f"{max(e['envelope'] for e in case['errors'].values()):.1e}",
        f"{max(e['implicit'] for e in case['errors'].values()):.1e}",
    )


def run_table(result: Mapping[str, Any]) -> str:
    """Policies against what they cause, with the certificate and the time of the run."""
    header = (
        "policy",
        "cooling [MWh]",
        "energy cost [AUD]",
        "carbon [t]",
        "water [kL]",
        "mean TTFT [ms]",
        "p95 TTFT [ms]",
        "total [AUD]",
    )
    summary = result["summary"]
    rows = []
    for name, totals in summary["policies"].items():
        rows.append(
            (
                name.replace("_", "-"),
                f"{totals['cooling_energy_mwh']:.2f}",
                f"{totals['energy_cost_aud']:,.0f}",
                f"{totals['carbon_t']:.1f}",
                f"{totals['water_kl']:.1f}",
                f"{totals['mean_ttft_ms']:.1f}",
                f"{totals['p95_ttft_ms']:.0f}",
                f"{totals['total_cost_aud']:,.0f}",
            )
        )
    length = "hours" if summary["slot_hours"] == 1 else f"slots of {60 * summary['slot_hours']:g} min"
    sentence = (
        f"{summary['slots']} {length}, {summary['origins']} origins, {summary['sites']} sites, {len(summary['classes'])} classes; "
        f"certified gap {summary['certified_gap']:.1e} after {summary['iterations']} iterations; "
        f"{result['wall_seconds']:.0f} s for the whole command."
    )
    return "\n".join([markdown(header, rows, left=1), "", f"{sentence} {measured(result)}"])


def read_prices(result: Mapping[str, Any]) -> str:
    """Seconds and memory of reading a year of five-minute prices."""
    header = ("a year of five-minute prices", "rows", "file [MB]", "seconds", "memory [MB]", "of which imports [MB]")
    rows = [
        (
            case["format"],
            f"{case['rows']:,}",
            f"{case['file_megabytes']:.0f}",
            f"{case['seconds']:.2f}",
            f"{case['megabytes']:.0f}",
            f"{case['imported_megabytes']:.0f}",
        )
        for case in result["cases"]
    ]
    return "\n".join([markdown(header, rows, left=1), "", measured(result)])


TABLES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "admm_gap": admm_gap,
    "exact": exact,
    "gradients": gradients,
    "default_run": run_table,
    "nem_run": run_table,
    "nem_2020_run": run_table,
    "read_prices": read_prices,
    **calibration_tables.TABLES,
    **peer_tables.TABLES,
    **solve_time_tables.TABLES,
    **ill_conditioned_table.TABLES,
    **robustness_tables.TABLES,
    **sensitivity_table.TABLES,
}
# Tables whose result file has another name.
SOURCES = solve_time_tables.SOURCES | sensitivity_table.SOURCES


def fill(text: str, folder: Path = RESULTS) -> str:
    """A document with every marked table as the result files have it, and every marked file as it is.

    Raises:
        ValueError: If a mark names no table.
    """

    def one(match: re.Match[str]) -> str:
        name = match[2]
        if name not in TABLES:
            raise ValueError(f"there is no table {name!r}; there are {', '.join(TABLES)}.")
        return f"{match[1]}{TABLES[name](read_result(SOURCES.get(name, name), folder))}\n{match[3]}"

    def quoted(match: re.Match[str]) -> str:
        path = Path(match[2])
        content = (_ROOT / path).read_text(encoding="utf-8")
        return f"{match[1]}```{path.suffix.lstrip('.')}\n{content}```\n{match[3]}"

    return _FILES.sub(quoted, _MARKS.sub(one, text))


def main() -> int:
    """Print, write or check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--write", type=Path, nargs="+", default=[], help="documents whose tables are replaced")
    parser.add_argument("--check", type=Path, nargs="+", default=[], help="documents whose tables are compared")
    options = parser.parse_args()
    stale = []
    for path in [*options.write, *options.check]:
        text = path.read_text(encoding="utf-8")
        fresh = fill(text)
        if path in options.write:
            path.write_text(fresh, encoding="utf-8")
        elif fresh != text:
            stale.append(path.name)
    if not options.write and not options.check:
        for name, table in TABLES.items():
            source = SOURCES.get(name, name)
            if (RESULTS / f"{source}.json").exists():
                print(f"## {name}\n\n{table(read_result(source))}\n")
    for name in stale:
        print(
            f"{name}: its tables differ from the result files; run python -m benchmarks.table --write {name}",
            file=sys.stderr,
        )
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
