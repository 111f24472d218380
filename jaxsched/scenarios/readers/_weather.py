"""Weather tables and Open-Meteo: readings at an instant, units and offset read from the file."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from jaxsched.scenarios.readers._qualified import records
from jaxsched.scenarios.readers._raw import (
    BadCell,
    Limits,
    RawTable,
    lines_of,
    load,
    need,
    numbers,
    peek,
    stamps,
    words,
)
from jaxsched.scenarios.readers._recording import Recording, recording
from jaxsched.scenarios.readers._text import delimiter, json_body, names_of
from jaxsched.scenarios.readers._times import offset_name

CELSIUS: Limits = {"low": -60.0, "high": 65.0}
PERCENT: Limits = {"low": 0.0, "high": 110.0}  # supersaturation is allowed
HECTOPASCAL: Limits = {"low": 300.0, "high": 1_200.0}
_FAHRENHEIT: Limits = {"low": -76.0, "high": 149.0}
# Clocks on earth [s]; seconds that a stamp may count since 1970.
_OFFSETS = (-12 * 3600, 14 * 3600)
_EPOCH: Limits = {"low": 0.0, "high": 7e9}
# Open-Meteo's variables, their names here, and how to bring its units to ours.
_VARIABLES = {
    "temperature_2m": "dry_bulb_c",
    "relative_humidity_2m": "relative_humidity_pct",
    "relativehumidity_2m": "relative_humidity_pct",
    "surface_pressure": "pressure_hpa",
}
_UNITS: dict[str, dict[str, Limits]] = {
    "dry_bulb_c": {"°C": CELSIUS, "°F": _FAHRENHEIT},
    "relative_humidity_pct": {"%": PERCENT},
    "pressure_hpa": {"hPa": HECTOPASCAL},
}


def read_open_meteo_json(path: Path) -> Recording:
    """Open-Meteo JSON: hourly readings; units and UTC offset are read from the file, whatever they are."""
    body = json_body(path)
    if not isinstance(body, dict) or not all(isinstance(body.get(k), dict) for k in ("hourly", "hourly_units")):
        raise BadCell(
            f"{path.name}: is none of the kinds of file that are known (JSON without 'hourly' and 'hourly_units'); request "
            "hourly variables from Open-Meteo."
        )
    hourly = body["hourly"]
    lengths = {len(column) if isinstance(column, list) else -1 for column in hourly.values()}
    if "time" not in hourly or len(lengths) != 1 or lengths == {-1} or lengths == {0}:
        raise BadCell(f"{path.name}: its hourly columns are empty, differ in length or have no 'time'; fetch it again.")
    frame = pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in hourly.items()})
    return _open_meteo(RawTable(path.name, frame, 1), body["hourly_units"], body)


def read_open_meteo_csv(path: Path) -> Recording:
    """Open-Meteo CSV: two lines of place and offset, an empty line, then hourly columns with units in their names."""
    lines = lines_of(peek(path))
    skip = next((n for n, line in enumerate(lines) if re.match("time[,;\t|]", line)), None)
    if skip is None or skip < 2:
        raise BadCell(f"{path.name}: has no line that begins with 'time,'; export it from Open-Meteo as CSV.")
    if sum(line.strip() != "" for line in lines[:skip]) > 2:
        raise BadCell(f"{path.name}: row 3: a second place begins; export one file for each place.")
    about: dict[str, Any] = {}
    for name, text in zip(names_of(lines[0]), lines[1].split(delimiter(lines[0])), strict=False):
        try:
            about[name.lower()] = float(text)
        except ValueError:
            about[name.lower()] = text
    raw = load(path, skip=skip)
    units, names = {}, {}
    for column in raw.frame.columns:
        name, _, unit = str(column).partition(" (")
        units[name], names[column] = unit.rstrip(")"), name
    if len(set(names.values())) < len(names):
        raise BadCell(f"{path.name}: row {skip + 1}: names a variable twice; keep one column of it.")
    return _open_meteo(RawTable(raw.name, raw.frame.rename(columns=names), raw.first_row), units, about)


def _open_meteo(raw: RawTable, units: dict[str, Any], about: dict[str, Any]) -> Recording:
    need(raw, ("time",), "an Open-Meteo table")
    offset = _known(raw, about, "utc_offset_seconds", *_OFFSETS)
    latitude, longitude = _known(raw, about, "latitude", -90, 90), _known(raw, about, "longitude", -180, 180)
    quantities: dict[str, np.ndarray] = {}
    for column, name in _VARIABLES.items():
        if column not in raw.frame or name in quantities:
            continue
        unit = units.get(column)
        if not isinstance(unit, str) or unit not in _UNITS[name]:
            raise raw.bad(None, column, f"is in {str(unit)[:20]!r}; give it in {' or '.join(_UNITS[name])}.")
        values = numbers(raw, column, empty=True, **_UNITS[name][unit])
        quantities[name] = (values - 32.0) / 1.8 if unit == "°F" else values
    if "dry_bulb_c" not in quantities:
        raise raw.bad(None, None, "has no column 'temperature_2m'; request it from Open-Meteo.")
    place = f"{latitude:.3f},{longitude:.3f}"
    found = recording(
        raw, "open_meteo", _open_meteo_times(raw, units.get("time"), offset), place, quantities, zone="UTC",
        stamp="instant", column="time", single=pd.Timedelta(hours=1),
        notes=(f"a fixed offset of {offset / 3600:+g} h, read from the file",),
    )  # fmt: skip
    return dataclasses.replace(found, zone=offset_name(offset), coordinates={place: (latitude, longitude)})


def _open_meteo_times(raw: RawTable, unit: Any, offset: float) -> pd.DatetimeIndex:
    """Stamps in UTC: seconds since 1970 are in UTC already, text is on the clock of the offset."""
    if unit == "unixtime":
        seconds = numbers(raw, "time", **_EPOCH)
        return pd.DatetimeIndex(np.round(seconds).astype("datetime64[s]")).as_unit("us").tz_localize("UTC")
    times = stamps(raw, "time")
    return times if times.tz is not None else (times - pd.Timedelta(seconds=offset)).tz_localize("UTC")


def _known(raw: RawTable, about: dict[str, Any], name: str, low: float, high: float) -> float:
    """A number that the file says of itself; nothing is assumed where it says none."""
    value = about.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise raw.bad(
            None, None, f"its {name} is {str(value)[:40]!r}, not a number from {low:g} to {high:g}; fetch it again."
        )
    return float(value)


def read_weather_table(path: Path) -> Recording:
    """Weather under plain names: `datetime_utc`, `zone`, `temp_c`, `rh_pct`: readings in UTC."""
    raw = records(need(load(path), ("datetime_utc", "zone", "temp_c"), "a weather table"))
    quantities = {"dry_bulb_c": numbers(raw, "temp_c", empty=True, **CELSIUS)}
    if "rh_pct" in raw.frame:
        quantities["relative_humidity_pct"] = numbers(raw, "rh_pct", empty=True, **PERCENT)
    return recording(
        raw, "weather_table", stamps(raw, "datetime_utc"), words(raw, "zone"), quantities, zone="UTC",
        stamp="instant", column="datetime_utc",
    )  # fmt: skip


def read_half_hourly_temperature(path: Path) -> Recording:
    """Half-hourly temperature of the Bureau's stations: `city`, `datetime_clock` (standard time, taken as UTC+10), `temp_c`."""
    raw = records(need(load(path), ("city", "datetime_clock", "temp_c"), "a table of half-hourly temperatures"))
    return recording(
        raw,
        "half_hourly_temperature",
        stamps(raw, "datetime_clock"),
        words(raw, "city"),
        {"dry_bulb_c": numbers(raw, "temp_c", empty=True, **CELSIUS)},
        zone="Etc/GMT-10",
        stamp="instant",
        column="datetime_clock",
        single=pd.Timedelta(minutes=30),
        notes=("read as standard time UTC+10; Adelaide may be UTC+9:30, 30 minutes off",),
    )
