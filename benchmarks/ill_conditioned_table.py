"""Markdown of the benchmarks of problems that are hard for a solver: bad scales, and costs with a kink."""

import statistics
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks._markdown import markdown, measured
from benchmarks.envelope_day import TOLERANCES
from benchmarks.ill_conditioned import missed


def ill_conditioned(result: Mapping[str, Any]) -> str:
    """Iterations of each case beside its twin, over the seeds, and the largest ratio of the two."""
    names = list(dict.fromkeys(row["solver"] for row in result["rows"]))
    header = ("changed", *(f"{name}: {what}" for name in names for what in ("iterations", "its twin", "largest ratio")))
    lines = []
    for case in dict.fromkeys(row["case"] for row in result["rows"]):
        cells = []
        for name in names:
            rows = [row for row in result["rows"] if (row["case"], row["solver"]) == (case, name)]
            hard, twin = ([row[kind]["steps"] for row in rows] for kind in ("hard", "twin"))
            reached = all(row["hard"]["gap"] <= result["rtol"] for row in rows)
            ratio = max(a / b for a, b in zip(hard, twin, strict=True))
            cells += [f"{statistics.median(hard):.0f}" if reached else "not reached", f"{statistics.median(twin):.0f}"]
            cells.append(f"{ratio:.2g}")
        lines.append((case, *cells))
    note = (
        f"To a certified {result['rtol']:g} in {result['dtype']}, one slot of 50 x 40, medians over three seeds; candidates of "
        f"width {result['width']}, which `solve` raises where a demand fills more sites or little capacity is spare."
    )
    slow = [sentence for sentence in map(missed, result["rows"]) if sentence]
    beyond = (
        f"Beyond three times its twin: {'; '.join(slow)}." if slow else "None takes more than three times its twin."
    )
    return "\n".join([markdown(header, lines, left=1), "", f"{note} {beyond} {measured(result)}"])


def envelope_day(result: Mapping[str, Any]) -> str:
    """Certified gap and iterations of each solver, beside what was asked for."""
    header = ("solver", "asked for", "certified gap", "iterations", "cost [AUD]", "loads on the straight part")
    lines = [
        (
            f"`{row['solver']}`",
            f"{TOLERANCES[row['solver']]:.0e}",
            f"{row['gap']:.1e}",
            str(row["steps"]),
            f"{row['objective']:,.2f}",
            f"{100.0 * row['share_below_knee']:.0f} %",
        )
        for row in result["rows"]
    ]
    size = f"{result['slots']} slots of {result['origins']} x {result['sites']}, {result['classes']} classes"
    return "\n".join([markdown(header, lines, left=1), "", f"{size}, float64. {measured(result)}"])


TABLES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "ill_conditioned": ill_conditioned,
    "envelope_day": envelope_day,
}
