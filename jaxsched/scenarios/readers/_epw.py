"""EnergyPlus weather files."""

import dataclasses
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from jaxsched._extras import needs
from jaxsched.scenarios.readers._raw import BadCell, Limits, RawTable, lines_of, need, numbers
from jaxsched.scenarios.readers._recording import Recording, recording
from jaxsched.scenarios.readers._text import whole_text
from jaxsched.scenarios.readers._times import offset_name
from jaxsched.scenarios.readers._weather import CELSIUS, PERCENT

# Lines before the first row of data, and the most text that is read; a year of hours is 2 MB.
_HEADER_LINES = 8
_MOST_BYTES = 64_000_000
# Columns that are read: where they stand in a row, their bounds, and the number that EnergyPlus writes for a missing one.
_PASCAL: Limits = {"low": 31_000.0, "high": 120_000.0}
_COLUMNS: dict[str, tuple[int, Limits, float]] = {
    "temp_air": (6, CELSIUS, 99.9),
    "relative_humidity": (8, PERCENT, 999.0),
    "atmospheric_pressure": (9, _PASCAL, 999_999.0),
}
_CALENDAR: dict[str, tuple[int, Limits]] = {
    "year": (0, {"low": 1900, "high": 2200}),
    "month": (1, {"low": 1, "high": 12}),
    "day": (2, {"low": 1, "high": 31}),
    "hour": (3, {"low": 1, "high": 24}),
}


def read_epw(path: Path, year: int | None = None) -> Recording:
    """EnergyPlus weather: local standard time, hours 1 to 24 that end at their number, typical months of many years.

    pvlib subtracts one from the hour, which is the start of the interval. Its years differ from month to month: all rows
    are put into one year, the given one or the first of the file, so that December joins January. A 29 February is left
    out where that year has none. The numbers that EnergyPlus writes for missing readings are left empty.
    """
    raw, place = _parse(path)
    year = int(raw.frame["year"].iloc[0]) if year is None else year
    times = _times(raw, year, place["TZ"])
    there = ~np.asarray(times.isna())
    values = {name: _readings(raw, name)[there] for name in _COLUMNS}
    quantities = {
        "dry_bulb_c": values["temp_air"],
        "relative_humidity_pct": values["relative_humidity"],
        "pressure_hpa": values["atmospheric_pressure"] / 100.0,
    }
    clock = offset_name(3600 * place["TZ"])
    missing = int(np.isnan(values["temp_air"]).sum())
    notes = (
        f"typical months, put into {year}",
        f"at {place['latitude']:.4f}, {place['longitude']:.4f}, local standard time {clock}",
        *((f"{missing} temperatures that the file marks as missing were left empty",) if missing else ()),
        *((f"{int((~there).sum())} rows of 29 February were left out",) if not there.all() else ()),
    )
    found = recording(
        RawTable(raw.name, raw.frame[there], raw.first_row), "epw", times[there], place["city"], quantities, zone="UTC",
        stamp="interval start", column="hour", step=pd.Timedelta(hours=1), notes=notes,
    )  # fmt: skip
    at = {place["city"]: (place["latitude"], place["longitude"])}
    return dataclasses.replace(found, zone=clock, stamp="interval end", coordinates=at)


def _parse(path: Path) -> tuple[RawTable, dict[str, Any]]:
    needs("reading an EPW file", "pvlib")
    from pvlib.iotools import read_epw as parse

    text = whole_text(path, _MOST_BYTES)
    rows = _checked(path, text)
    place = _place(path, lines_of(text)[0])
    try:
        data, _ = parse(io.StringIO("\n".join(lines_of(text))))
    except Exception as error:  # of another package, on text that it does not check: whatever it raises means the same
        reason = (str(error).splitlines() or [type(error).__name__])[0][:160].rstrip(".")
        raise BadCell(f"{path.name}: is not a readable EPW file ({reason}); fetch it again.") from None
    if len(data) != len(rows.frame):
        raise BadCell(f"{path.name}: is not a readable EPW file (rows are empty or cut); fetch it again.")
    return dataclasses.replace(rows, frame=data.reset_index(drop=True)), place


def _checked(path: Path, text: str) -> RawTable:
    """The cells that are used, checked with their rows before pvlib sees them: it names none.

    Raises:
        ReadError: Naming the first row and column that are wrong.
    """
    lines = lines_of(text.rstrip())
    if not lines[0].upper().startswith("LOCATION,"):
        raise BadCell(f"{path.name}: row 1 does not begin with LOCATION; give an EPW file.")
    cells = [line.split(",") for line in lines[_HEADER_LINES:]]
    columns = {name: at for name, (at, _) in _CALENDAR.items()} | {name: at for name, (at, *_) in _COLUMNS.items()}
    widest = max(columns.values())
    short = next((n for n, row in enumerate(cells) if len(row) <= widest or '"' in lines[n + _HEADER_LINES]), None)
    if short is not None:
        row = short + _HEADER_LINES + 1
        raise BadCell(f"{path.name}: row {row} has {len(cells[short])} cells, where an EPW row has 35; fetch it again.")
    frame = pd.DataFrame({name: [row[at].strip() for row in cells] for name, at in columns.items()}, dtype="str")
    raw = need(RawTable(path.name, frame, _HEADER_LINES + 1), tuple(columns), "an EPW file")
    for name, (_, limits) in _CALENDAR.items():
        values = numbers(raw, name, **limits)
        part = values != np.floor(values)
        if part.any():
            raise raw.bad(int(part.argmax()), name, f"{values[part][0]:g} is no whole number; correct the row.")
    for name in _COLUMNS:
        _readings(raw, name)
    _days(raw, numbers(raw, "year"), leap=False)
    return raw


def _place(path: Path, line: str) -> dict[str, Any]:
    """City, latitude, longitude and offset [h] of the first row."""
    cells = [cell.strip() for cell in line.split(",")]
    wanted = {"latitude": (6, -90.0, 90.0), "longitude": (7, -180.0, 180.0), "TZ": (8, -12.0, 14.0)}
    place: dict[str, Any] = {"city": cells[1] if len(cells) > 1 and cells[1] else "EPW"}
    for name, (at, low, high) in wanted.items():
        try:
            place[name] = float(cells[at])
        except (IndexError, ValueError):
            place[name] = np.nan
        if not low <= place[name] <= high:
            shown = repr(cells[at][:40]) if at < len(cells) else "missing"
            raise BadCell(
                f"{path.name}: row 1: its {name} is {shown}, not a number from {low:g} to {high:g}; correct the row."
            )
    return place


def _readings(raw: RawTable, name: str) -> np.ndarray:
    """Readings within their bounds, NaN where the file writes the number for missing."""
    _, limits, missing = _COLUMNS[name]
    values = numbers(raw, name)
    values = np.where(values == missing, np.nan, values)
    bad = (values < limits["low"]) | (values > limits["high"])
    if bad.any():
        at = int(bad.argmax())
        what = f"{values[at]:g} is not from {limits['low']:g} to {limits['high']:g}, nor {missing:g} for missing; correct the cell."
        raise raw.bad(at, name, what)
    return values


def _days(raw: RawTable, years: np.ndarray, *, leap: bool) -> tuple[np.ndarray, np.ndarray]:
    """Day of each row in the years, and whether it is a 29 February that they do not have; `leap` allows these."""
    month, day = numbers(raw, "month"), numbers(raw, "day")
    months = (12 * (years - 1970) + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1).astype(int)
    other = days.astype("datetime64[M]") != months
    bad = other & ~((month == 2) & (day == 29) & leap)
    if bad.any():
        raise raw.bad(int(bad.argmax()), "day", "is no day of its month; correct the row.")
    return days, other


def _times(raw: RawTable, year: int, offset_hours: float) -> pd.DatetimeIndex:
    """Start of each row's hour in UTC; NaT for a 29 February that the year does not have."""
    days, other = _days(raw, np.full(len(raw.frame), year), leap=True)
    start = days.astype("datetime64[s]") + np.round(3600 * (numbers(raw, "hour") - 1.0 - offset_hours)).astype(
        "timedelta64[s]"
    )
    return pd.DatetimeIndex(np.where(other, np.datetime64("NaT"), start)).as_unit("us").tz_localize("UTC")
