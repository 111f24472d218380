"""Tables of requests in absolute numbers, by class and origin, in each interval."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from jaxsched.scenarios.readers._clock import clock
from jaxsched.scenarios.readers._qualified import records
from jaxsched.scenarios.readers._raw import Limits, RawTable, load, need, numbers, own_names, stamps, words
from jaxsched.scenarios.readers._recording import Recording, Stamp, to_utc

_COUNT: Limits = {"low": 0.0, "high": np.inf}
_AT: dict[str, Limits] = {"latitude": {"low": -90.0, "high": 90.0}, "longitude": {"low": -180.0, "high": 180.0}}
RATE_COLUMNS = ("requests", "requests_per_s", "origin", "request_class", "latitude", "longitude")
"""What a row may hold beside its time: one of the first two it must."""


@dataclasses.dataclass(frozen=True)
class RequestRates:
    """Requests per second against time, of one series or of several.

    Attributes:
        kind: What the file was recognised as.
        rates: Requests per second [start of interval in UTC, series]; NaN where a cell is empty. A series without a row at
            a time that others have a row of has no requests then.
        series: Where each series comes from and what it asks, indexed as the columns of `rates`: `origin`,
            `request_class`, `latitude` and `longitude` [deg], as far as the file has them.
        step: Length of an interval.
        zone: Clock of the file's own stamps.
        source: Name of the file.
        notes: Sentences on what the reader did or knows of the source.
    """

    kind: str
    rates: pd.DataFrame
    series: pd.DataFrame
    step: pd.Timedelta
    zone: str
    source: str
    notes: tuple[str, ...] = ()

    def recording(self) -> Recording:
        """The same as a time series, a place a series."""
        table = self.rates.rename_axis("start_utc").reset_index()
        table = table.melt("start_utc", var_name="place", value_name="rate_requests_per_s")
        table = table.astype({"place": "category"}).sort_values(["place", "start_utc"], ignore_index=True)
        return Recording(self.kind, table, self.step, self.zone, "interval start", self.source, self.notes)

    def describe(self) -> dict[str, Any]:
        """What the file is, for people and programs."""
        found = self.recording().describe()
        known = {
            f"{name}s": sorted(map(str, self.series[name].unique())) for name in ("origin",) if name in self.series
        }
        if "request_class" in self.series:
            known["classes"] = sorted(map(str, self.series["request_class"].unique()))
        return {**{key: value for key, value in found.items() if key != "places"}, **known}


def read_request_rates(path: Path) -> RequestRates:
    """The package's table of requests: `start_utc`, `requests` or `requests_per_s`, and where known `origin`, `request_class`."""
    raw = records(need(load(path), ("start_utc",), _WHAT), ("start_utc", *RATE_COLUMNS))
    return request_rates(raw.renamed({"time": "start_utc"}), "request_rates")


_WHAT = "a table of requests"


def request_rates(
    raw: RawTable, kind: str, *, zone: str = "UTC", stamp: Stamp = "interval start", day_first: bool = False
) -> RequestRates:
    """The rates of a table with a column `time` and those of `RATE_COLUMNS`.

    Arguments:
        raw: The table; its columns may have been renamed to these.
        kind: What it was recognised as.
        zone: Clock of times without an offset.
        stamp: Whether a time marks the start or the end of its interval.
        day_first: Whether dates are written with the day before the month.

    Raises:
        ReadError: Naming file, row and column; if a series has two rows of one time, or the step is not clear.
    """
    raw = own_names(need(raw, ("time",), _WHAT), RATE_COLUMNS)
    count = [name for name in ("requests", "requests_per_s") if name in raw.frame.columns]
    if len(count) != 1:
        raise raw.bad(None, None, "has no number of requests, or two; give either requests or requests_per_s.")
    values = numbers(raw, count[0], empty=True, **_COUNT)
    labels, series = _series(raw)
    times = stamps(raw, "time", dayfirst=day_first)
    utc = to_utc(raw, times, clock(zone), "time", pd.factorize(labels)[0])
    twice = pd.DataFrame({"time": utc, "series": labels}).duplicated().to_numpy()
    if twice.any():
        at = int(twice.argmax())
        raise raw.bad(at, "time", f"{raw.frame['time'].iloc[at]} is given twice{_for(labels[at])}; keep one row.")
    step = _step(raw, utc)
    wide = pd.DataFrame({"time": utc, "series": labels, "value": values}).pivot(
        index="time", columns="series", values="value"
    )
    held = pd.DataFrame({"time": utc, "series": labels, "row": True}).pivot(
        index="time", columns="series", values="row"
    )
    absent = held.isna().to_numpy()
    wide = wide.where(~absent, 0.0) / (step.total_seconds() if count[0] == "requests" else 1.0)
    if stamp == "interval end":
        wide.index = pd.DatetimeIndex(wide.index) - step
    notes = raw.notes
    notes += (f"{int(absent.sum())} times and series without a row count as no requests",) if absent.any() else ()
    zone = zone if times.tz is None else str(times.tz)
    return RequestRates(kind, wide.rename_axis(index=None, columns=None), series, step, zone, raw.name, notes)


def _series(raw: RawTable) -> tuple[np.ndarray, pd.DataFrame]:
    """Name of the series of each row, and what is known of each series."""
    known: dict[str, Any] = {
        name: np.asarray(words(raw, name), object) for name in ("origin", "request_class") if name in raw.frame.columns
    }
    if set(_AT) <= set(raw.frame.columns):
        known |= {name: numbers(raw, name, **limits) for name, limits in _AT.items()}
    table = pd.DataFrame(known, index=range(len(raw.frame)))
    if table.empty or not known:
        return np.full(len(raw.frame), "all", object), pd.DataFrame(index=["all"])
    named = [name for name in table.columns if name not in _AT or "origin" not in known]
    labels = joined_names(table[named])
    return labels.to_numpy(object), table.assign(label=labels).drop_duplicates("label").set_index("label").sort_index()


def joined_names(table: pd.DataFrame) -> pd.Series:
    """The cells of each row as one name, with strokes between."""
    joined = table.iloc[:, 0].astype(str)
    for name in table.columns[1:]:
        joined = joined + " / " + table[name].astype(str)
    return joined


def _for(label: str) -> str:
    return "" if label == "all" else f" for {label}"


def _step(raw: RawTable, utc: pd.DatetimeIndex) -> pd.Timedelta:
    """The commonest time between intervals, of which all others are multiples."""
    instants = utc.to_numpy("datetime64[us]")
    order = np.argsort(instants, kind="stable")
    between = np.diff(instants[order])
    apart = between[between > np.timedelta64(0)]
    if not len(apart):
        raise raw.fail(
            None, "time", "has one time only, so that the length of an interval is not known; give two or more."
        )
    steps, counts = np.unique(apart, return_counts=True)
    step = steps[counts.argmax()]
    off = between % step != np.timedelta64(0)
    if off.any():
        at = int(order[1:][off][0])
        minutes = pd.Timedelta(step).total_seconds() / 60
        raise raw.fail(
            at, "time", f"{raw.frame['time'].iloc[at]} is off the step of {minutes:g} min; correct or remove the row."
        )
    return pd.Timedelta(step)
