"""Columns that qualify rows: what is a forecast, a physical run or invalid is no record, and is left out with a note."""

import dataclasses
import re
from collections.abc import Callable, Collection

import numpy as np
import pandas as pd

from jaxsched.scenarios.readers._raw import RawTable, numbers

# Names are compared without case and signs.
_RUNS = ("predispatchseqno", "rundatetime", "predispatchrundatetime", "forecastruntime", "issuetime", "issuedat")
_KINDS = re.compile(
    r"(period|run|data|value|record|row|price|series|day)?(type|kind)|.*(status|quality|flag)|actualforecast"
)
_FLAGS = ("forecast", "isforecast", "predicted", "ispredicted")
_FORECAST = re.compile(r"fore?ca?st|predict|pre-?dispatch|p5min|pasa|project", re.IGNORECASE)
_YES, _NO = ("1", "1.0", "true", "yes", "y", "t"), ("0", "0.0", "false", "no", "n", "f", "")
# Flags of the market operator whose rows stay: the price is the one that was paid.
_KEPT = {
    "apcflag": "are administered prices",
    "marketsuspendedflag": "are of a suspended market",
    "pricestatus": "are of a price that was not firm",
}
_MOST_SHOWN = 4


def records(raw: RawTable, used: Collection[str] = ()) -> RawTable:
    """The rows of a time series that record what was; its notes say what was left out, and which columns were not used.

    Arguments:
        raw: The table.
        used: Columns that a reader takes for something else.

    Raises:
        ReadError: If every row is a forecast; if a flag of the market operator is neither 0 nor 1.
    """
    for column in [str(name) for name in raw.frame.columns if name not in used]:
        rule = _rule(re.sub(r"[^a-z0-9]", "", column.lower()))
        if rule is not None and len(raw.frame):
            raw = rule(raw, column)
    return raw


def _rule(name: str) -> Callable[[RawTable, str], RawTable] | None:
    """What is done about a column of this name, which is in lower case and without signs."""
    if name in _RUNS:
        return _refuse_run
    if name == "intervention":
        return _without_physical_runs
    if name == "invalidflag":
        return _without_invalid
    if name in _KEPT:
        return _noted
    if name in _FLAGS:
        return _without_forecast_flags
    return _without_forecasts if _KINDS.fullmatch(name) else None


def _refuse_run(raw: RawTable, column: str) -> RawTable:
    raise raw.bad(None, column, "names the run of a forecast, so that no row is a record; give recorded values.")


def _without_physical_runs(raw: RawTable, column: str) -> RawTable:
    """Of an interval with intervention the row with 0 is the pricing run, whose price settles the market."""
    physical = numbers(raw, column, low=0, high=1) == 1
    return _without(
        raw, physical, column, f"{int(physical.sum())} rows of the physical run of interventions were left out"
    )


def _without_invalid(raw: RawTable, column: str) -> RawTable:
    invalid = np.isin(_texts(raw, column), _YES)
    return _without(raw, invalid, column, f"{int(invalid.sum())} rows that {column} marks as invalid were left out")


def _without_forecast_flags(raw: RawTable, column: str) -> RawTable:
    cells = _texts(raw, column)
    if not np.isin(cells, (*_YES, *_NO)).all():  # amounts, and no flag
        return raw
    forecast = np.isin(cells, _YES)
    return _without(raw, forecast, column, f"{int(forecast.sum())} rows that {column} marks as forecasts were left out")


def _without_forecasts(raw: RawTable, column: str) -> RawTable:
    codes, names = pd.factorize(_texts(raw, column))
    forecast = np.array([_FORECAST.search(name) is not None for name in names])
    if forecast.any():
        rows = forecast[codes]
        shown = " and ".join(sorted(str(name).upper() for name in names[forecast]))
        return _without(raw, rows, column, f"{int(rows.sum())} rows of forecasts ({column} {shown}) were left out")
    if len(names) < 2:
        return raw
    shown = ", ".join(repr(str(name)) for name in names[:_MOST_SHOWN]) + (", ..." if len(names) > _MOST_SHOWN else "")
    return _with_note(raw, f"column {column!r} tells rows apart ({shown}) and was not used")


def _noted(raw: RawTable, column: str) -> RawTable:
    cells = _texts(raw, column)
    marked = int((~np.isin(cells, (*_NO, "firm"))).sum())
    what = _KEPT[re.sub(r"[^a-z0-9]", "", column.lower())]
    return _with_note(raw, f"{marked} rows {what} ({column}), and are kept") if marked else raw


def _texts(raw: RawTable, column: str) -> np.ndarray:
    """Cells in lower case, empty where there is none."""
    codes, names = pd.factorize(raw.frame[column])
    return np.array([*(str(name).strip().lower() for name in names), ""], dtype=object)[codes]


def _without(raw: RawTable, rows: np.ndarray, column: str, note: str) -> RawTable:
    if not rows.any():
        return raw
    if rows.all():
        raise raw.bad(None, column, "leaves no row that records what was; give recorded values.")
    return _with_note(raw.rows(~rows), note)


def _with_note(raw: RawTable, note: str) -> RawTable:
    return dataclasses.replace(raw, notes=(*raw.notes, note))
