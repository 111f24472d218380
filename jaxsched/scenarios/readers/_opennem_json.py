"""OpenNEM's and Open Electricity's JSON: the old files by region, version 3, and the API of version 4."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from jaxsched.scenarios.readers._generation import (
    FACTORS_NOTE,
    NOT_GENERATION,
    intensity,
    known_quantities,
    missing_rows,
)
from jaxsched.scenarios.readers._market import NEM_REGIONS, NEM_ZONE, PRICE, nem_stamps
from jaxsched.scenarios.readers._raw import BadCell, RawTable, numbers
from jaxsched.scenarios.readers._recording import Recording, recording
from jaxsched.scenarios.readers._text import json_body
from jaxsched.scenarios.readers._weather import CELSIUS

# Units and what brings them to those of the package, by what is measured.
_UNITS: dict[str, dict[str, float]] = {
    "price": {"AUD/MWh": 1.0, "$/MWh": 1.0},
    "demand": {"MW": 1.0, "GW": 1000.0},
    "power": {"MW": 1.0, "GW": 1000.0},
    "energy": {"MWh": 1.0, "GWh": 1000.0},
    "emissions": {"t": 1.0, "tCO2e": 1.0, "tCO2": 1.0, "kt": 1000.0, "ktCO2e": 1000.0},
    "temperature": {"C": 1.0, "degC": 1.0, "degreesC": 1.0, "degrees_celsius": 1.0, "degrees celsius": 1.0},
}
_QUANTITIES = {"price": "price_aud_per_mwh", "demand": "demand_mw", "temperature": "dry_bulb_c"}
# Names of fuels before version 3.
_OLD_FUELS = {
    "black_coal": "coal_black",
    "brown_coal": "coal_brown",
    "biomass": "bioenergy_biomass",
    "solar": "solar_utility",
}
_ROOFTOP = "rooftop_solar"
_FIVE, _HALF_HOUR, _HOUR, _DAY = (pd.Timedelta(minutes=minutes) for minutes in (5, 30, 60, 1440))
_INTERVALS = {
    "5m": _FIVE,
    "5min": _FIVE,
    "30m": _HALF_HOUR,
    "30min": _HALF_HOUR,
    "1h": _HOUR,
    "60m": _HOUR,
    "1d": _DAY,
    "24h": _DAY,
}


@dataclasses.dataclass(frozen=True)
class _Series:
    """One series of the file: what is measured, of which fuel where it is of one, and its values."""

    what: str
    fuel: str | None
    region: str
    interval: pd.Timedelta
    times: pd.DatetimeIndex
    values: np.ndarray


def read_opennem_json(path: Path) -> Recording:
    """OpenNEM's JSON of any version: price, demand and temperature of NEM regions, and intensity from generation by fuel.

    Intensity is that of the emissions which the file holds beside the energy of every fuel, and of emission factors by fuel
    where it holds none. Stamps of five minutes are the end of the interval, as AEMO's; those of hours and days, the start.
    Forecasts are left out.

    Raises:
        ReadError: If it is of another market, of intervals of another length, or of units that are not known.
    """
    body = json_body(path)
    data = body.get("data") if isinstance(body, dict) else body
    if not isinstance(data, list) or not data or not all(isinstance(item, dict) for item in data):
        raise BadCell(f"{path.name}: holds no list of series; fetch it from OpenNEM or Open Electricity again.")
    forecasts = sum(bool(item.get("forecast")) or "forecast" in str(item.get("metric", "")) for item in data)
    series = [one for item in data for one in (_version_4 if "results" in item else _version_3)(path.name, item)]
    series = [one for one in series if not (one.fuel or "").startswith((*NOT_GENERATION, _ROOFTOP))]
    if not series:
        raise BadCell(f"{path.name}: holds no price, temperature, demand or generation of a region; fetch one of them.")
    notes = (f"{forecasts} forecasts were left out",) if forecasts else ()
    return _joined(path.name, series, notes)


def _version_3(name: str, item: dict[str, Any]) -> Iterator[_Series]:
    """The old files and version 3: an id such as `au.nem.nsw1.fuel_tech.wind.power`, and a history from its start."""
    history, about = item.get("history"), _about_id(item)
    if about is None or not isinstance(history, dict):
        return
    what, fuel, region = about
    label, values = str(item["id"]), history.get("data")
    if not isinstance(values, list) or not values:
        return
    interval = _interval(name, label, history.get("interval"))
    start = nem_stamps(RawTable(name, pd.DataFrame({"start": [history.get("start")]}, dtype="str"), 1), "start")[0]
    times = pd.DatetimeIndex(start + interval * np.arange(len(values)))
    last = history.get("last")
    if (
        last is not None
        and nem_stamps(RawTable(name, pd.DataFrame({"last": [last]}, dtype="str"), 1), "last")[0] != times[-1]
    ):
        raise BadCell(
            f"{name}: {label}: holds {len(values)} values, which do not reach from its start to {last}; fetch it again."
        )
    yield _series(name, label, (what, fuel, region, interval), times, values, item.get("units"))


def _about_id(item: dict[str, Any]) -> tuple[str, str | None, str] | None:
    """What an id says is measured, of which fuel and where; None for what is not read."""
    parts = [part for part in str(item.get("id", "")).lower().split(".") if part not in ("au", "nem")]
    place = [] if parts[:1] == ["fuel_tech"] else parts[:1]
    rest = parts[len(place) :]
    region = str(item.get("region") or (place[0] if place else "nem")).upper()
    if len(rest) == 3 and rest[0] == "fuel_tech" and rest[2] in ("power", "energy", "emissions"):
        return rest[2], rest[1], region
    plain = rest[:1] and rest[0] in _QUANTITIES and rest[1:] in ([], ["power"], ["price"])
    return (rest[0], None, region) if plain or rest[:1] == ["temperature"] else None


def _version_4(name: str, item: dict[str, Any]) -> Iterator[_Series]:
    """The API of version 4: one metric, and results by region and fuel that are pairs of time and value."""
    what, results = str(item.get("metric", "")), item["results"]
    if what not in _UNITS or not isinstance(results, list):
        return
    for result in results:
        columns = result.get("columns") if isinstance(result, dict) else None
        pairs = result.get("data") if isinstance(result, dict) else None
        if not isinstance(columns, dict) or not isinstance(pairs, list) or not pairs:
            continue
        label = str(result.get("name", what))
        region, fuel = (
            columns.get("network_region") or columns.get("region"),
            columns.get("fueltech") or columns.get("fueltech_group"),
        )
        if region is None:
            raise BadCell(f"{name}: {label}: is of no region; request it by network_region.")
        if what in ("power", "energy", "emissions") and fuel is None:
            raise BadCell(f"{name}: {label}: is of no fuel; request it by fueltech.")
        if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
            raise BadCell(f"{name}: {label}: its data are no pairs of time and value; fetch it again.")
        interval = _interval(name, label, item.get("interval"))
        if what == "demand" and interval > _FIVE:
            continue  # the API adds up the power of the intervals of an hour
        stamps = pd.DataFrame({"interval": [pair[0] for pair in pairs]}, dtype="str")
        times = nem_stamps(RawTable(name, stamps, 1), "interval")
        about = what, None if fuel is None else str(fuel).lower(), str(region).upper(), interval
        yield _series(name, label, about, times, [pair[1] for pair in pairs], item.get("unit"))


def _series(
    name: str,
    label: str,
    about: tuple[str, str | None, str, pd.Timedelta],
    times: pd.DatetimeIndex,
    values: list[Any],
    unit: Any,
) -> _Series:
    """A series with its values in the units of the package."""
    what, fuel, region, interval = about
    if region not in NEM_REGIONS:
        raise BadCell(f"{name}: {label}: is of {region[:20]!r}, where only {', '.join(NEM_REGIONS)} are read.")
    factor = next((factor for known, factor in _UNITS[what].items() if known.lower() == str(unit).lower()), None)
    if factor is None:
        raise BadCell(f"{name}: {label}: is in {str(unit)[:20]!r}; give it in {' or '.join(_UNITS[what])}.")
    raw = RawTable(name, pd.DataFrame({label: pd.Series(values, dtype=object)}), 1)
    limits = {"price": PRICE, "temperature": CELSIUS}.get(what, {"low": -np.inf, "high": np.inf})
    return _Series(
        what,
        fuel and _OLD_FUELS.get(fuel, fuel),
        region,
        interval,
        times,
        factor * numbers(raw, label, empty=True, **limits),
    )


def _interval(name: str, label: str, text: Any) -> pd.Timedelta:
    length = _INTERVALS.get(str(text).strip())
    if length is None:
        raise BadCell(
            f"{name}: {label}: is of intervals of {str(text)[:20]!r}; fetch those of five minutes, an hour or a day."
        )
    return length


def _joined(name: str, series: list[_Series], notes: tuple[str, ...]) -> Recording:
    """The series of one step side by side; temperature, a reading of an instant, may be of a longer one."""
    means = [one for one in series if one.what != "temperature"]
    step = min(one.interval for one in means or series)
    if means and step == _HALF_HOUR:
        raise BadCell(
            f"{name}: is of half-hours, of which it is not known whether stamps end them; fetch five minutes or hours."
        )
    kept = [one for one in series if one.interval == step or (one.what == "temperature" and step == _FIVE)]
    other = sorted({one.what for one in series} - {one.what for one in kept})
    if other:
        notes += (f"{' and '.join(other)} of other intervals than {step / _FIVE * 5:g} min were left out",)
    wide = _wide(name, kept)
    if means:  # a temperature where nothing else is would read as a row of another step
        wide = wide[wide.drop(columns=["temperature", "region", "interval"], errors="ignore").notna().any(axis=1)]
    return _recorded(RawTable(name, wide, 1), step, notes, instant=not means)


def _recorded(raw: RawTable, step: pd.Timedelta, notes: tuple[str, ...], *, instant: bool) -> Recording:
    wide = raw.frame
    quantities, more = known_quantities(wide, {quantity: what for what, quantity in _QUANTITIES.items()})
    carbon, about = _carbon(raw, wide, step)
    if carbon is not None:
        quantities["carbon_direct_g_per_kwh"] = carbon
    if step == _HOUR:
        about += (
            "an hour holds the intervals of five minutes whose ends lie in it, so that it begins five minutes early",
        )
    return recording(
        raw, "opennem_json", pd.DatetimeIndex(wide["interval"]), wide["region"].to_numpy(), quantities, zone=NEM_ZONE,
        stamp="instant" if instant else "interval end" if step == _FIVE else "interval start", column="interval", step=step,
        notes=(*about, *notes, *more),
    )  # fmt: skip


def _wide(name: str, series: list[_Series]) -> pd.DataFrame:
    """One row per region and time, one column a series."""
    parts = [
        pd.DataFrame({"region": one.region, "interval": one.times, "series": _column(one), "value": one.values})
        for one in series
    ]
    long = pd.concat(parts, ignore_index=True)
    twice = long.duplicated(["region", "interval", "series"]).to_numpy()
    if twice.any():
        row = long.iloc[int(twice.argmax())]
        raise BadCell(
            f"{name}: {row['series']} of {row['region']} at {row['interval']} is given twice; keep one series."
        )
    return long.pivot(index=["region", "interval"], columns="series", values="value").reset_index()


def _column(one: _Series) -> str:
    return one.what if one.fuel is None else f"{one.what} {one.fuel}"


def _carbon(raw: RawTable, wide: pd.DataFrame, step: pd.Timedelta) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Intensity of each row [g/kWh] and how it was found; None where the file has no generation."""
    by_kind = {
        what: {column.partition(" ")[2]: column for column in map(str, wide.columns) if column.startswith(f"{what} ")}
        for what in ("power", "energy", "emissions")
    }
    fuels = by_kind["energy"] or by_kind["power"]
    if not fuels:
        return None, ()
    if set(by_kind["emissions"]) < set(fuels):
        return intensity(raw, wide, fuels), (FACTORS_NOTE,)
    hours = 1.0 if by_kind["energy"] else step / _HOUR
    energy = wide[list(fuels.values())].to_numpy(float)
    emissions = wide[[by_kind["emissions"][fuel] for fuel in fuels]].to_numpy(float)
    missing = missing_rows(wide["region"], energy) | missing_rows(wide["region"], emissions)
    total = hours * np.nan_to_num(energy, nan=0.0).clip(min=0.0).sum(1)
    note = "intensity: emissions over generation, both by fuel as the file has them, without flows between regions and rooftop solar"
    known = (total > 0) & ~missing
    return np.where(known, 1000.0 * np.nan_to_num(emissions, nan=0.0).sum(1) / np.where(known, total, 1.0), np.nan), (
        note,
    )
