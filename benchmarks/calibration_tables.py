"""Tables of the fits of cooling, latency, prefill, decode, GPU power and round-trip time."""

import statistics
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from benchmarks._markdown import markdown, measured

_WHAT = {
    "prefill": ("prefill time", "prompt length and batch", "tokens"),
    "decode": ("time per token", "prompt length and batch", "sequences"),
    "gpu_power": ("GPU power, own model", "batch", "share of greatest throughput"),
    "gpu_power_of_unseen_models": ("GPU power, unseen model", "model", "share of greatest throughput"),
    "round_trip_time": ("round-trip time", "a fifth of the cities", "km"),
}
_WAYS = ("calibrated", "default", "polynomial")


def calibration_serving(result: Mapping[str, Any]) -> str:
    """Held-out errors of each law beside the uncalibrated default and a polynomial, in all and by range."""
    header = ("quantity", "held out at once", "range", "values", "calibrated", "default", "polynomial")
    rows = [row for name, study in result["studies"].items() for row in _study_rows(name, study)]
    within = result["studies"]["round_trip_time"]["cases"][0]["share_between_10_and_90_percent"]
    plain = result["studies"]["prefill"]["scores"]["quadratic law"]["median_relative_error"]
    each = [case["scores"]["calibrated"]["median_relative_error"] for case in result["studies"]["prefill"]["cases"]]
    notes = (
        "- Median relative errors of settings that the fit had not seen; repeats of a setting are held out together. "
        "Polynomial: of second degree in the same inputs, least squares of relative errors.\n"
        f"- Prefill is `FlooredPrefill`; the quadratic `Prefill` of the scheduling problem reaches {plain:.1%}. "
        f"Two thirds of the values are of one profile; by profile the medians go from {min(each):.1%} to {max(each):.1%}, half of "
        f"them below {statistics.median(each):.1%}.\n"
        f"- Round trips: {within:.1%} of the pairs of unseen cities lie between the fitted 10 % and 90 % quantiles."
    )
    return "\n".join([markdown(header, rows, left=3), "", notes, f"- {measured(result)}"])


def _study_rows(name: str, study: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    what, held_out, unit = _WHAT[name]
    yield what, held_out, "all", *_errors(study["scores"])
    for one in study["ranges"]:
        yield "", "", f"{one['above']:g} to {one['to']:g} {unit}", *_errors(one["scores"])


def _errors(scores: Mapping[str, Any]) -> tuple[str, ...]:
    errors = (scores[way]["median_relative_error"] for way in _WAYS)
    return f"{scores['calibrated']['count']:,}", *("-" if error is None else f"{error:.1%}" for error in errors)


def calibration_latency(result: Mapping[str, Any]) -> str:
    """What happened at each load, and the relative errors of each way to predict it."""
    header = ("requests of", "load", "median [s]", "p99 [s]", "law: median", "law: p99", "simulated: median")
    header += ("simulated: p99", "replayed: median", "replayed: p99", "log as it is: p99")
    rows = [
        (
            case["case"],
            f"{load['utilisation']:.2f}",
            f"{load['p50_s']:.3f}",
            f"{load['p99_s']:.2f}",
            *(
                f"{load['errors'][way][key]:+.0%}"
                for way in ("law", "simulation", "replay of the log")
                for key in ("p50_s", "p99_s")
            ),
            f"{load['errors']['as in the log']['p99_s']:+.0%}",
        )
        for case in result["cases"]
        for load in case["loads"]
    ]
    return "\n".join([markdown(header, rows, left=1), "", *map(_recovered, result["cases"]), f"- {measured(result)}"])


def _recovered(case: Mapping[str, Any]) -> str:
    log, servers = case["log"], case["servers"]
    off = [
        f"{row['name']} {row['estimate'] / row['true'] - 1:+.1%}"
        for row in case["parameters"]
        if row["true"] is not None
    ]
    return (
        f"- {case['case']}: from {log['requests']:,} requests at a load of {log['utilisation']:.0%} whose TTFT is measured to "
        f"{log['noise']:.0%}, {servers['estimate']:g} servers (true: {servers['true']:g}); off the truth: {', '.join(off)}."
    )


def calibration_cooling(result: Mapping[str, Any]) -> str:
    """Scores on the held-out third of the fitted plant, the plant as given, and a polynomial."""
    header = ("on the last third of the time", "CV(RMSE)", "NMBE", "R2", "median relative error")
    named = (
        ("fitted", "heldout"),
        ("default of the law", "heldout_default"),
        ("one constant ratio to the load", "heldout_constant"),
        ("polynomial", "heldout_polynomial"),
    )
    rows = [
        (
            label,
            f"{result[key]['cv_rmse']:.1%}",
            f"{result[key]['nmbe']:+.1%}",
            f"{result[key]['r2']:.3f}",
            f"{result[key]['median_relative_error']:.1%}",
        )
        for label, key in named
        if result.get(key) is not None
    ]
    best, *others = result["choice"]
    note = (
        f"- {result['heldout']['count']:,} half hours held out. Limits of ASHRAE Guideline 14: 30 % and 10 %.\n"
        f"- Fitted: {', '.join(f'`{name}`' for name in best['parameters'])}, the best of {1 + len(others)} sets on unseen blocks of "
        f"the first two thirds: CV(RMSE) {best['cv_rmse']:.1%}, the others {others[0]['cv_rmse']:.1%} to "
        f"{others[-1]['cv_rmse']:.1%}."
    )
    return "\n".join([markdown(header, rows, left=1), "", note, f"- {measured(result)}"])


def calibration_chillers(result: Mapping[str, Any]) -> str:
    """Relative error of power by family of chiller."""
    header = ("condenser", "compressor", "speed", "chillers", "median error", "90 % of points below", "covered")
    rows = [
        (
            case["condenser"],
            case["compressor"],
            case["speed"],
            str(case["count"]),
            f"{case['median_relative_error']:.1%}",
            f"{case['p90_relative_error']:.1%}",
            f"{case['covered']:.0%}",
        )
        for case in result["cases"]
    ]
    note = f"- Covered: 90 % of the points of a chiller err by less than {result['covered_below']:.0%}."
    return "\n".join([markdown(header, rows, left=3), "", note, f"- {measured(result)}"])


TABLES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "calibration_chillers": calibration_chillers,
    "calibration_cooling": calibration_cooling,
    "calibration_latency": calibration_latency,
    "calibration_serving": calibration_serving,
}
