"""Tables of the benchmarks beside other solvers, of iterations, of scaling, of the largest size, of gradients and of a GPU."""

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks._markdown import markdown, measured


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
        _number(ours and ours["seconds"], ".3g"),
        _number(peer and peer["seconds"], ".3g"),
        _number(row["ratio"], ".2g"),
        _number(row["first_ratio"], ".2g"),
        _number(ours and ours["megabytes"], ".0f"),
        _number(peer and peer["megabytes"], ".0f"),
    )


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


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


def iterations(result: Mapping[str, Any]) -> str:
    """Iterations to each certified gap, method by method."""
    gaps = list(result["cases"][0]["methods"]["flow-proportional ADMM"]["iterations_to"])
    header = (
        "origins x sites",
        "method",
        "step",
        *(f"to {gap}" for gap in gaps),
        "last gap",
        "after",
        "ms an iteration",
    )
    rows = [
        (
            case["size"],
            name,
            f"{found['step']:g}" if "step" in found else "-",
            *(_number(found["iterations_to"][gap], "d") for gap in gaps),
            f"{min(found['gap']):.1e}" if found["gap"] else "-",
            str(found["iterations"][-1]) if found["iterations"] else "-",
            f"{1e3 * found['seconds_per_iteration']:.3g}",
        )
        for case in result["cases"]
        for name, found in case["methods"].items()
    ]
    notes = (
        f"- {result['variant'].capitalize()} costs, {result['dtype']}, one slot. Textbook ADMM and dual subgradient with the best "
        "of the steps tried; a dash is a gap that was not certified in the iterations given (largest sizes: fewer)."
    )
    return "\n".join([markdown(header, rows, left=2), "", notes, f"- {measured(result)}"])


def scaling(result: Mapping[str, Any]) -> str:
    """Seconds and bytes of an iteration against each axis."""
    header = ("origins", "sites", "slots", "classes", "ms an iteration", "least MB moved", "working MB", "GB/s")
    header += ("share of a copy",)
    rows = [
        (
            *(str(case[axis]) for axis in ("origins", "sites", "slots", "classes")),
            f"{1e3 * case['seconds_per_iteration']:.3g}",
            f"{case['least_bytes'] / 1e6:.3g}",
            f"{case['working_bytes'] / 1e6:.3g}",
            f"{case['bytes_per_second'] / 1e9:.3g}",
            f"{case['share_of_copy']:.2f}",
        )
        for case in result["cases"]
    ]
    copy = result["copy"]
    powers = ", ".join(f"{axis} {power:.2f}" for axis, power in result["powers"].items() if power is not None)
    notes = (
        f"- {result['dtype']}. Least MB moved is counted from the arrays (read flow, metric and route cost, write flow), "
        f"working MB is XLA's memory analysis. A copy of {copy['megabytes']:g} MB in the same run: JAX "
        f"{copy['jax_bytes_per_second'] / 1e9:.1f} GB/s, NumPy {copy['numpy_bytes_per_second'] / 1e9:.1f} GB/s.\n"
        f"- Seconds grow with the power: {powers}."
    )
    return "\n".join([markdown(header, rows, left=0), "", notes, f"- {measured(result)}"])


def largest(result: Mapping[str, Any]) -> str:
    """Seconds, memory and proof of each solver at the largest size."""
    shape = result["shape"]
    header = ("solver", "precision", "asked for", "slots", "certified gap", "worst slot", "most iterations of a slot")
    header += ("seconds", "compile [s]", "build [s]", "peak GB")
    rows = [
        (
            {"admm": "ADMM", "interior": "InteriorPoint"}[case["solver"]],
            case["dtype"],
            f"{case['rtol']:g}",
            str(case["slots"]),
            f"{case['gap']:.1e}",
            f"{case['worst_slot_gap']:.1e}",
            str(case["iterations"]),
            f"{case['seconds']:.0f}",
            f"{case['compile_seconds']:.1f}",
            f"{case['build_seconds']:.1f}",
            f"{case['peak_gigabytes']:.1f}",
        )
        for case in result["cases"]
    ]
    worst = max(max(case["demand_missed"], case["capacity_exceeded"]) for case in result["cases"])
    notes = (
        f"- `australia(...)` with {shape['origins']:,} origins, {shape['sites']:,} sites and {shape['classes']} classes from "
        f"{result['start']}, every route. Seconds are without compiling. What demands miss and sites exceed, added up in "
        f"float64: at most {worst:.0e}."
    )
    return "\n".join([markdown(header, rows, left=3), "", notes, f"- {measured(result)}"])


def gradient_peers(result: Mapping[str, Any]) -> str:
    """Forward and gradient of every layer, and its errors."""
    header = ("origins x sites", "site cost", "layer", "forward [s]", "forward and gradient [s]", "times ours")
    header += ("first call [s]", "error: demand", "error: route cost", "error: site cost")
    rows = []
    for case in result["cases"]:
        start = (case["size"], case["variant"], case["layer"])
        if "skipped" in case:
            rows.append((*start, case["skipped"], *["-"] * 6))
            continue
        alike = [c for c in result["cases"] if (c["size"], c["variant"]) == start[:2]]
        own = next(c for c in alike if c["layer"] == "jaxsched")["forward_and_gradient_seconds"]
        rows.append(
            (
                *start,
                f"{case['forward_seconds']:.3g}",
                f"{case['forward_and_gradient_seconds']:.3g}",
                f"{case['forward_and_gradient_seconds'] / own:.3g}",
                f"{case['forward_and_gradient_first_seconds']:.2g}",
                *(f"{case['errors'][name]:.0e}" for name in ("demand", "route_cost", "linear")),
            )
        )
    notes = (
        "- Relative errors of slopes along a random direction of each array, against central differences of re-solves."
    )
    return "\n".join([markdown(header, rows, left=3), "", notes, f"- {measured(result)}"])


def gpu(result: Mapping[str, Any]) -> str:
    """Every GPU case with what it recorded."""
    hidden = ("case", "copy", "failed", "skipped")
    rows = [
        (
            case["case"],
            case.get("failed") or case.get("skipped") or "measured",
            ", ".join(
                f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
                for key, value in case.items()
                if key not in hidden and value is not None
            ),
        )
        for case in result["cases"]
    ]
    where = f"- On {result['measured']['device']}. {measured(result)}"
    return "\n".join([markdown(("case", "outcome", "recorded"), rows, left=3), "", where])


TABLES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "solve_time": solve_time,
    "solve_time_runs": solve_time_runs,
    "iterations": iterations,
    "scaling": scaling,
    "largest": largest,
    "gradient_peers": gradient_peers,
    "gpu": gpu,
}
# Tables that are not named after their result file.
SOURCES = {"solve_time_runs": "solve_time"}
