"""Tables of the benchmarks of iterations, of cores, of scaling, of the largest size, of gradients and of a GPU."""

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks._markdown import markdown, measured
from benchmarks.solve_time_tables import number


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
            *(number(found["iterations_to"][gap], "d") for gap in gaps),
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


def cores(result: Mapping[str, Any]) -> str:
    """Seconds on one device of a CPU and on several."""
    header = ("solver", "site cost", "virtual devices", "seconds", "first call", "certified gap")
    rows = [
        (
            case["solver"],
            case["variant"],
            str(case["devices"]),
            f"{case['seconds']:.2f}",
            f"{case['first_seconds']:.1f}",
            f"{case['gap']:.1e}",
        )
        for case in result["cases"]
    ]
    notes = (
        f"- {result['slots']} slots of {result['origins']} origins by {result['sites']} sites; ADMM in float32 to 1e-3, interior "
        f"point in float64 to 1e-8. Medians of {result['rounds']} solves that take turns; the first call compiles, while the "
        "other settings wait."
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
    "iterations": iterations,
    "cores": cores,
    "scaling": scaling,
    "largest": largest,
    "largest_interior": largest,
    "gradient_peers": gradient_peers,
    "gpu": gpu,
}
