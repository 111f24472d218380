"""What every reader of a time series returns: one table in UTC, by the start of the interval."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from jaxsched.scenarios.readers._raw import RawTable, stamps
from jaxsched.scenarios.readers._times import localise

Stamp = Literal["interval end", "interval start", "instant"]

# Units by the end of a column's name, longest first.
UNITS = {
    "_aud_per_mwh": "AUD/MWh",
    "_g_per_kwh": "g CO2-e/kWh",
    "_requests_per_s": "requests/s",
    "_kmh": "km/h",
    "_hpa": "hPa",
    "_pct": "%",
    "_mw": "MW",
    "_mwh": "MWh",
    "_c": "degC",
}
TIMELESS = dict.fromkeys(("zone", "stamp", "step_seconds", "start_utc", "end_utc"))
"""What has no meaning in the description of a table without times."""

_KEYS = ("start_utc", "place")
# A run of this many equal spacings is a new step, not a gap.
_RUN = 12


@dataclasses.dataclass(frozen=True)
class Recording:
    """A validated time series at one place or several.

    Attributes:
        kind: What the file was recognised as.
        table: Columns `start_utc` (UTC; start of the interval, or the instant of a reading), `place` (category), and
            quantities with their units in their names; sorted by place and time, no time twice at a place.
        step: Length of an interval, or spacing of readings.
        zone: Clock of the file's own stamps.
        stamp: What the file's stamps mark.
        source: Name of the file.
        notes: Sentences on what the reader did or knows of the source.
        coordinates: Latitude and longitude of each place whose file gives them [deg].
        dated: Whether the dates are those of the source; a source that withholds them starts on 2000-01-01.
        currency: ISO 4217 code of its prices, whose column is called `price_aud_per_mwh` whatever it is; empty where the file
            does not say, so that it is that of the country.
    """

    kind: str
    table: pd.DataFrame
    step: pd.Timedelta
    zone: str
    stamp: Stamp
    source: str
    notes: tuple[str, ...] = ()
    coordinates: Mapping[str, tuple[float, float]] = dataclasses.field(default_factory=dict)
    dated: bool = True
    currency: str = "AUD"

    @property
    def quantities(self) -> list[str]:
        """Names of the columns with values."""
        return [name for name in self.table.columns if name not in _KEYS]

    @property
    def units(self) -> dict[str, str]:
        """Unit of each quantity."""
        return {name: unit_of(name).replace("AUD", self.currency or "currency") for name in self.quantities}

    @property
    def gaps(self) -> pd.DataFrame:
        """Intervals that are missing between the first and last of each place: `place`, `start_utc`, `end_utc`."""
        start, place = self.table["start_utc"], self.table["place"].cat.codes
        step = start.diff()
        hole = (place == place.shift()) & (step > self.step)
        return pd.DataFrame(
            {
                "place": self.table["place"][hole].astype(str).to_numpy(),
                "start_utc": (start.shift() + self.step)[hole].to_numpy(),
                "end_utc": start[hole].to_numpy(),
            }
        )

    def describe(self) -> dict[str, Any]:
        """What the file is, for people and programs; None is what the source does not say."""
        start = self.table["start_utc"]
        end = start.max() + (pd.Timedelta(0) if self.stamp == "instant" else self.step)
        return {
            "kind": self.kind,
            "zone": self.zone if self.dated else None,
            "stamp": self.stamp,
            "step_seconds": self.step.total_seconds(),
            "start_utc": start.min().isoformat() if self.dated else None,
            "end_utc": end.isoformat() if self.dated else None,
            "rows": len(self.table),
            "gaps": len(self.gaps),
            "units": self.units,
            "places": sorted(self.table["place"].cat.categories.astype(str).tolist()),
            "range": {name: _range(self.table[name]) for name in self.quantities},
            "empty": {name: int(self.table[name].isna().sum()) for name in self.quantities},
            "notes": list(self.notes),
        }


def unit_of(name: str) -> str:
    """Unit of a column by the end of its name; 1 where it has none."""
    return next((unit for ending, unit in UNITS.items() if name.endswith(ending)), "1")


def recording(
    raw: RawTable,
    kind: str,
    times: pd.DatetimeIndex,
    place: Any,
    quantities: Mapping[str, Any],
    *,
    zone: str,
    stamp: Stamp,
    column: str,
    step: pd.Timedelta | None = None,
    single: pd.Timedelta | None = None,
    notes: tuple[str, ...] = (),
) -> Recording:
    """Validate a series and put it on the clock of the package.

    Arguments:
        raw: The table that it comes from, for messages; its rows are those of `times`.
        kind: What it is.
        times: Stamps as the file has them: naive on the clock of `zone`, or with their own offsets.
        place: Name of the place of each row, or of all.
        quantities: Columns with units in their names.
        zone: IANA name or `Etc/GMT-10` of naive stamps.
        stamp: What the stamps mark.
        column: The file's column of stamps, for messages.
        step: Length of an interval; the commonest spacing where not given.
        single: Length of an interval of this kind, for a file that holds one time only.
        notes: Sentences for the user.

    Raises:
        ReadError: If a time is given twice at a place, or lies off the step; if the length of an interval is not clear.
    """
    if not len(times):
        raise raw.fail(None, None, "has no rows that can be used; give a file with rows.")
    named = (
        pd.Categorical.from_codes(np.zeros(len(times), np.int8), categories=pd.Index([place], dtype=object))
        if isinstance(place, str)
        else pd.Categorical(place)
    )
    utc = to_utc(raw, times, zone, column, np.asarray(named.codes))
    frame = pd.DataFrame({"start_utc": utc, "place": named, **quantities})
    order = np.lexsort((frame["start_utc"].to_numpy("datetime64[us]"), named.codes))
    if (order[1:] < order[:-1]).any():
        frame = frame.iloc[order]
    spacing, same = _spacing(frame)
    twice = same & (spacing == np.timedelta64(0))
    if twice.any():
        at = int(order[int(twice.argmax())])
        raise raw.bad(at, column, f"{raw.frame[column].iloc[at]} is given twice for {named[at]}; keep one row.")
    step = _step(raw, spacing[same], single) if step is None else step
    _check_steps(raw, frame, order, spacing, same, step, column)
    if stamp == "interval end":
        frame["start_utc"] = frame["start_utc"] - step
    clock = zone_name(zone if times.tz is None else str(times.tz))
    return Recording(kind, frame.reset_index(drop=True), step, clock, stamp, raw.name, (*raw.notes, *notes))


def _step(raw: RawTable, spacing: np.ndarray, single: pd.Timedelta | None) -> pd.Timedelta:
    """The commonest spacing; where there is none, what the kind of file says."""
    if not len(spacing) and single is not None:
        return single
    if not len(spacing):
        raise raw.fail(
            None, None, "has one time only, so that the length of an interval is not known; give two or more."
        )
    values, counts = np.unique(spacing, return_counts=True)
    return pd.Timedelta(values[int(counts.argmax())])


def _check_steps(
    raw: RawTable,
    frame: pd.DataFrame,
    order: np.ndarray,
    spacing: np.ndarray,
    same: np.ndarray,
    step: pd.Timedelta,
    column: str,
) -> None:
    minutes = step.total_seconds() / 60
    off = same & (spacing % step.to_timedelta64() != np.timedelta64(0))
    if off.any():
        at = int(order[int(off.argmax())])
        raise raw.fail(
            at, column, f"{raw.frame[column].iloc[at]} is off the step of {minutes:g} min; correct or remove the row."
        )
    # Rows of another step would read as rows with gaps between, each placed wrongly by its length.
    wide = same & (spacing != step.to_timedelta64())
    again = wide & np.r_[False, spacing[1:] == spacing[:-1]]
    run = np.convolve(again, np.ones(_RUN, int))[: len(again)] if again.any() else np.zeros(1, int)
    if (run == _RUN).any():
        at = int(order[int((run == _RUN).argmax())])
        other = pd.Timedelta(spacing[int((run == _RUN).argmax())]).total_seconds() / 60
        raise raw.fail(
            at, column, f"rows here are {other:g} min apart and others {minutes:g} min; give one file for each step."
        )


def to_utc(
    raw: RawTable, times: pd.DatetimeIndex, zone: str, column: str, place: np.ndarray | None = None
) -> pd.DatetimeIndex:
    """Stamps in UTC.

    The hour that a clock with daylight saving has twice is resolved by the order of rows, for each code in `place`.

    Raises:
        ReadError: If a naive stamp does not exist on the clock, or may mean two times; if there is no such clock.
    """
    if times.tz is not None:
        return times.tz_convert("UTC").as_unit("us")
    try:
        utc, at, why = localise(times, zone, np.zeros(len(times), int) if place is None else place)
    except (ValueError, KeyError, OSError) as error:
        raise raw.fail(
            None,
            column,
            f"{zone!r} is no time zone ({type(error).__name__}); give one such as Australia/Sydney or UTC.",
        ) from None
    if at is not None:
        raise raw.fail(at, column, f"{why}; write the stamps in UTC or with their offsets.")
    return utc.as_unit("us")


def column_times(cells: pd.Series, zone: str, source: str, first_row: int = 1) -> pd.DatetimeIndex:
    """A column of times on the clock of the place that they were measured at.

    Times without an offset are on the clock of `zone`. Times of one offset keep it; offsets that differ from row to row, as
    over a change of clocks, are brought to `zone`.

    Arguments:
        cells: The column, text or typed.
        zone: Clock of the place, as `clock` gives it.
        source: Name of the file, for messages.
        first_row: Number of the first row as the user sees it.

    Raises:
        ReadError: Naming the first cell that is no time, or may mean two times on that clock.
    """
    name = str(cells.name)
    raw = RawTable(source, cells.to_frame(name).reset_index(drop=True), first_row)
    times = stamps(raw, name)
    if times.tz is not None and str(times.tz) != "UTC":
        return times
    return to_utc(raw, times, zone, name).tz_convert(zone)


def zone_name(zone: str) -> str:
    """A fixed offset as people write it: Etc/GMT-10 is UTC+10."""
    fixed = re.fullmatch(r"Etc/GMT([+-])(\d+)", zone)
    return zone if fixed is None else f"UTC{'+' if fixed[1] == '-' else '-'}{fixed[2]}"


def _spacing(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Time since the row before, and whether that row is of the same place."""
    start, code = frame["start_utc"].to_numpy("datetime64[us]"), frame["place"].cat.codes.to_numpy()
    spacing = np.diff(start, prepend=start[:1])
    same = np.r_[False, code[1:] == code[:-1]]
    return spacing, same


def _range(values: pd.Series) -> list[float] | None:
    if values.dtype == bool or not pd.api.types.is_numeric_dtype(values) or values.isna().all():
        return None
    return [float(values.min()), float(values.max())]
