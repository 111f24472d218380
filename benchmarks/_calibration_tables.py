"""Tables of the calibration results."""

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks._markdown import markdown, measured

Rows = tuple[tuple[str, ...], list[tuple[str, ...]], str]


def cooling_rows(result: Mapping[str, Any]) -> Rows:
    """Scores on the held-out third of the fitted plant, the plant as given, and a polynomial."""
    header = ("on the last third of the time", "CV(RMSE)", "NMBE", "R2", "median relative error")
    named = (("fitted", "heldout"), ("default of the law", "heldout_default"), ("polynomial", "heldout_polynomial"))
    rows = [
        (
            label,
            f"{result[key]['cv_rmse']:.1%}",
            f"{result[key]['nmbe']:+.1%}",
            f"{result[key]['r2']:.3f}",
            f"{result[key]['median_relative_error']:.1%}",
        )
        for label, key in named
    ]
    return (
        header,
        rows,
        f"- {result['heldout']['count']:,} half hours held out. Limits of ASHRAE Guideline 14: 30 % and 10 %.",
    )


def chiller_rows(result: Mapping[str, Any]) -> Rows:
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
    return header, rows, f"- Covered: 90 % of the points of a chiller err by less than {result['covered_below']:.0%}."


def _calibrated(rows_of: Callable[[Mapping[str, Any]], Rows], left: int) -> Callable[[Mapping[str, Any]], str]:
    def table(result: Mapping[str, Any]) -> str:
        header, rows, note = rows_of(result)
        return "\n".join([markdown(header, rows, left=left), "", note, f"- {measured(result)}"])

    return table


TABLES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "calibration_cooling": _calibrated(cooling_rows, 1),
    "calibration_chillers": _calibrated(chiller_rows, 3),
}
