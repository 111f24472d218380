"""Tables of seconds and memory beside other solvers: in full, in brief, and what is required."""

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks._markdown import markdown, measured
from benchmarks.peers.compare import goals

# What the brief table shows: sizes that matter, at a rough and at an exact accuracy.
_BRIEF_SIZES, _BRIEF_ACCURACIES = ("200x500", "500x1000", "2000x2000"), (1e-3, 1e-8)


def solve_time(result: Mapping[str, Any]) -> str:
    """Ours beside the best peer at each accuracy."""
    header = (
        "origins x sites",
        "site cost",
        "classes",
        "slots",
        "accuracy",
        "ours",
        "best peer",
        "ours [s]",
        "peer [s]",
    )
    header += ("times as fast", "compiling included", "ours [MB]", "peer [MB]")
    rows = [_ratio_row(case, row) for case in result["cases"] for row in case["ratios"]]
    notes = (
        "- Seconds go from arrays to answer, compiling apart; the last ratio counts the first call of a fresh process. Accuracy: "
        "every answer is repaired alike, evaluated alike, and compared with one proved bound. MB: peak of the solver's "
        f"process. Medians of up to {result['rounds']} interleaved rounds; at most {result['limit_seconds']:g} s a solve."
    )
    return "\n".join([markdown(header, rows, left=4), "", notes, f"- {measured(result)}"])


def _times(ratio: float | None) -> str:
    """A ratio: two digits, all of them from 100 on."""
    return number(ratio, ".2g" if ratio is None or ratio < 99.5 else ".0f")


def _ratio_row(case: Mapping[str, Any], row: Mapping[str, Any]) -> tuple[str, ...]:
    ours, peer = row["ours"], row["peer"]
    return (
        case["size"],
        case["variant"],
        str(case["classes"]),
        str(case["slots"]),
        f"{row['accuracy']:.0e}",
        ours["peer"].removeprefix("jaxsched ") if ours else "-",
        peer["peer"] if peer else "-",
        number(ours and ours["seconds"], ".3g"),
        number(peer and peer["seconds"], ".3g"),
        _times(row["ratio"]),
        _times(row["first_ratio"]),
        number(ours and ours["megabytes"], ".0f"),
        number(peer and peer["megabytes"], ".0f"),
    )


def number(value: float | None, form: str) -> str:
    """A number, or a dash where there is none."""
    return "-" if value is None else format(value, form)


def solve_time_brief(result: Mapping[str, Any]) -> str:
    """Ours beside the best peer, large problems and two accuracies only."""
    header = ("problem", "accuracy", "ours [s]", "best peer", "peer [s]", "times as fast")
    rows = [
        _brief_row(case, row)
        for case in result["cases"]
        if case["size"] in _BRIEF_SIZES and (case["variant"] == "queueing" or case["classes"] == 1 == case["slots"])
        for row in case["ratios"]
        if row["accuracy"] in _BRIEF_ACCURACIES
    ]
    notes = (
        f"Seconds go from arrays to answer, compiling apart; at most {result['limit_seconds']:g} s a solve, a dash where nobody "
        f"got there. {measured(result)}"
    )
    return "\n".join([markdown(header, rows, left=2), "", notes])


def _brief_row(case: Mapping[str, Any], row: Mapping[str, Any]) -> tuple[str, ...]:
    ours, peer = row["ours"], row["peer"]
    more = [f"{case['classes']} classes"] * (case["classes"] > 1) + [f"{case['slots']} slots"] * (case["slots"] > 1)
    return (
        ", ".join([case["size"], case["variant"], *more]),
        f"{row['accuracy']:.0e}",
        number(ours and ours["seconds"], ".3g"),
        peer["peer"] if peer else "-",
        number(peer and peer["seconds"], ".3g"),
        _times(row["ratio"]),
    )


def solve_time_goals(result: Mapping[str, Any]) -> str:
    """What is required, and what was measured."""
    header = ("problem", "required", "times as fast: at least", "measured", "met")
    rows = []
    for case in result["cases"]:
        name = f"{case['size']} {case['variant']}, {case['classes']} classes, {case['slots']} slots"
        for what, ratio, least in goals(case):
            met = "no peer got there" if ratio is None else "yes" if ratio >= least else "no"
            rows.append((name, what, f"{least:g}", _times(ratio), met))
    return "\n".join([markdown(header, rows, left=2), "", f"- {measured(result)}"])


def solve_time_runs(result: Mapping[str, Any]) -> str:
    """Every run of every solver: accuracy reached, seconds of each phase, memory, or what became of it."""
    header = ("origins x sites", "site cost", "classes", "slots", "solver", "tolerance", "accuracy reached")
    header += ("model [s]", "compile [s]", "solve [s]", "MB", "of which before", "demand error before repair")
    rows = [_run_row(case, run) for case in result["cases"] for run in case["runs"]]
    return "\n".join([markdown(header, rows, left=5), "", f"- {measured(result)}"])


def _run_row(case: Mapping[str, Any], run: Mapping[str, Any]) -> tuple[str, ...]:
    start = (case["size"], case["variant"], str(case["classes"]), str(case["slots"]), run["peer"])
    start += ("-" if run["peer"].startswith("min-cost flow") else f"{run['tolerance']:.0e}",)
    if run["outcome"] != "answered":
        return (*start, run["outcome"], *["-"] * 6)
    return (
        *start,
        f"{run['accuracy']:.1e}",
        *(f"{run[phase]:.3g}" for phase in ("model", "compile", "solve")),
        f"{run['megabytes']:.0f}",
        f"{run['megabytes_before']:.0f}",
        f"{run['demand_error_before_repair']:.0e}",
    )


TABLES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "solve_time": solve_time,
    "solve_time_brief": solve_time_brief,
    "solve_time_goals": solve_time_goals,
    "solve_time_runs": solve_time_runs,
}
# Tables that are not named after their result file.
SOURCES = dict.fromkeys(("solve_time_brief", "solve_time_goals", "solve_time_runs"), "solve_time")
