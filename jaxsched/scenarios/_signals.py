"""Put recorded price, carbon and weather into a scenario, and say which part of it is real."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from jaxsched.scenarios._join import Gaps, close_gaps, covered, merged, slot_means, slot_readings, together
from jaxsched.scenarios._network import checked_places, distance_km
from jaxsched.scenarios._scenario import Filled, Scenario
from jaxsched.scenarios._tables import read_embedded
from jaxsched.scenarios._weather import humidity_at, weather
from jaxsched.scenarios._years import in_year, market_offset, stand_ins
from jaxsched.scenarios.readers import ReadError, Recording
from jaxsched.scenarios.readers._times import offset_name

# Zones of Electricity Maps by market region, and the capital that stands for a region or zone in a weather file.
_ZONES = {
    "AU-NSW": "NSW1",
    "AU-QLD": "QLD1",
    "AU-SA": "SA1",
    "AU-TAS": "TAS1",
    "AU-VIC": "VIC1",
    "AU-WA": "WEM",
    "AU-NT": "NT",
}
_CAPITALS = {
    "NSW1": "Sydney", "QLD1": "Brisbane", "SA1": "Adelaide", "TAS1": "Hobart", "VIC1": "Melbourne", "WEM": "Perth", "NT": "Darwin",
}  # fmt: skip
_WEATHER_REACH_KM = 1_200.0
_BASES = {"direct": "carbon_direct_g_per_kwh", "lca": "carbon_lca_g_per_kwh"}

_Rule = Callable[[Recording, str, pd.DatetimeIndex, pd.Timedelta], pd.DataFrame]


def with_price(scenario: Scenario, found: Sequence[Recording], gaps: Gaps | None = None) -> Scenario:
    """Wholesale price of each site's market region; time-weighted means, nothing clipped or smoothed.

    Raises:
        ReadError: If the files hold no region of the scenario, or a slot is missing that may not be filled.
    """
    about = "AUD/MWh as recorded, mean of each slot"
    return _regional(scenario, found, gaps, "price", "price_aud_per_mwh", None, about)


def with_carbon(
    scenario: Scenario,
    found: Sequence[Recording],
    gaps: Gaps | None = None,
    *,
    basis: Literal["direct", "lca"] = "direct",
    year: int | None = None,
) -> Scenario:
    """Carbon intensity of each site's region.

    Arguments:
        scenario: What it is put into.
        found: Recordings with the basis asked for.
        gaps: What to do where they hold nothing; an error where not given.
        basis: Operation only, or the life cycle of the plants as well.
        year: Take the calendar stamps of another year, on the clock of the market; the provenance says so.

    Raises:
        ReadError: As `with_price`.
    """
    about = f"basis average-{basis}, mean of each slot"
    return _regional(scenario, found, gaps, "carbon_intensity", _BASES[basis], year, about)


def with_weather(
    scenario: Scenario,
    found: Sequence[Recording],
    gaps: Gaps | None = None,
    *,
    year: int | None = None,
    places: Mapping[str, tuple[float, float]] | None = None,
) -> Scenario:
    """Recorded weather: each site's climate plus the departure of its nearest place from the climate there.

    Readings are taken at the centre of each slot. Humidity is the place's reading at equal vapour pressure where the file
    has it, and keeps the climate's vapour pressure elsewhere. Sites beyond 1,200 km from every place keep their climate.
    Where gaps may be filled, longer ones take the climate of the place.

    Arguments:
        scenario: What it is put into; its own weather is the climate.
        found: Recordings of temperature, with or without humidity.
        gaps: What to do where they hold nothing; an error where not given.
        year: Take the calendar stamps of another year, on the clock of the market; the provenance says so.
        places: Latitude and longitude [deg] of places that neither the files nor the package know.

    Raises:
        ReadError: If no place with known coordinates lies near a site, or a slot is missing that may not be filled.
    """
    gaps, step = gaps or Gaps(), _step(scenario)
    dry, sources, borrowed = _joined_in(scenario, found, "dry_bulb_c", year, slot_readings)
    at = _coordinates([str(name) for name in dry.columns], found, places or {})
    distance = distance_km(scenario.sites, at)
    near = distance.min(1) <= _WEATHER_REACH_KM
    if not near.any():
        raise ReadError(f"{sources}: has no place within {_WEATHER_REACH_KM:,.0f} km of a site; give nearer weather.")
    used = np.unique(distance.argmin(1)[near])
    at, nearest = at.iloc[used], distance[:, used].argmin(1)
    dry, cells = close_gaps(dry[at.index], "dry_bulb_c", sources, step, gaps, slots=scenario.times, leave_long=True)
    cells = _of(borrowed, at.index) + cells
    climate, _ = weather(scenario.times, step, at, _solar_offset(at), anomalies=False)
    reading = dry.to_numpy(float)
    reading = np.where(np.isnan(reading), climate, reading)  # no departure in a long gap, whose cells are on record
    dry_bulb = scenario.dry_bulb + np.where(near, (reading - climate)[:, nearest], 0.0)
    humidity = humidity_at(scenario.relative_humidity, scenario.dry_bulb, dry_bulb)
    measured = any("relative_humidity_pct" in one.table for one in found)
    if measured:
        wet, sources_wet, more_borrowed = _joined_in(scenario, found, "relative_humidity_pct", year, slot_readings)
        wet = wet[[place for place in wet.columns if place in at.index]]
        wet, more = close_gaps(
            wet, "relative_humidity_pct", sources_wet, step, gaps, slots=scenario.times, leave_long=True
        )
        cells, known = (
            cells + _of(more_borrowed, at.index) + more,
            wet.reindex(columns=at.index).to_numpy(float)[:, nearest],
        )
        moved = humidity_at(np.nan_to_num(known, nan=50.0), reading[:, nearest], dry_bulb)
        humidity = np.where(near & np.isfinite(known), moved, humidity)
    about = _weather_sentence(sources, at, near, cells, dry.size) + _moved(scenario, year, cells)
    moist = (
        "vapour pressure: " + about
        if measured
        else "vapour pressure of embedded climate.csv at the recorded temperature"
    )
    return dataclasses.replace(
        scenario,
        dry_bulb=dry_bulb,
        relative_humidity=humidity,
        provenance={**scenario.provenance, "dry_bulb": about, "relative_humidity": moist},
        filled=scenario.filled + cells,
        embedded=_still_embedded(scenario, "dry_bulb", scenario.sites.index[~near]),
    )


def _weather_sentence(sources: str, at: pd.DataFrame, near: np.ndarray, cells: tuple[Filled, ...], size: int) -> str:
    by_climate = sum(len(c.slots_start_utc) for c in cells if c.by == "climate" and c.quantity == "dry_bulb_c")
    kept = f"; {by_climate} of {size} slots of these places are filled with the climate" if by_climate else ""
    return (
        f"{sources}: departure of the nearest of {', '.join(map(str, at.index))} from its climate, at the centre of each "
        f"slot, for {int(near.sum())} of {len(near)} sites; the others keep their climate{kept}"
    )


def _regional(
    scenario: Scenario,
    found: Sequence[Recording],
    gaps: Gaps | None,
    field: str,
    quantity: str,
    year: int | None,
    about: str,
) -> Scenario:
    """A signal of market regions, by the region of each site."""
    step = _step(scenario)
    regions = scenario.sites["region"].to_numpy(str)
    wanted = {region: region for region in set(regions)} | {z: r for z, r in _ZONES.items() if r in set(regions)}
    table, sources, borrowed = _joined_in(scenario, found, quantity, year, slot_means)
    table = table[[place for place in table.columns if place in wanted]]
    if not table.shape[1]:
        raise ReadError(f"{sources}: holds {quantity} of no region of the sites ({', '.join(sorted(set(regions)))}).")
    named = pd.Series([wanted[str(place)] for place in table.columns])
    if named.duplicated().any():
        region = named[named.duplicated()].iloc[0]
        raise ReadError(f"{sources}: give {quantity} of {region} under two names; keep one of the files.")
    table, cells = close_gaps(table, quantity, sources, step, gaps or Gaps(), slots=scenario.times)
    cells = _of(borrowed, table.columns) + cells
    values = getattr(scenario, field).copy()
    for place in table.columns:
        values[:, regions == wanted[str(place)]] = table[place].to_numpy(float)[:, None]
    given = sorted({wanted[str(place)] for place in table.columns})
    rest = scenario.sites.index[~np.isin(regions, given)]
    sentence = f"{sources}: {about}, of {', '.join(given)}{_moved(scenario, year, cells)}"
    sentence += f"; {len(rest)} sites elsewhere keep the embedded profile" if len(rest) else ""
    changes = {field: values, "provenance": {**scenario.provenance, field: sentence}, "filled": scenario.filled + cells}
    changes["embedded"] = _still_embedded(scenario, field, rest)
    return dataclasses.replace(scenario, **changes)


def _still_embedded(scenario: Scenario, signal: str, sites: pd.Index) -> dict[str, tuple[str, ...]]:
    """Sites that keep the package's own signals, where those of one signal are now these."""
    before = set(scenario.embedded.get(signal, ()))
    return {**scenario.embedded, signal: tuple(name for name in map(str, sites) if name in before)}


def _joined_in(
    scenario: Scenario, found: Sequence[Recording], quantity: str, year: int | None, rule: _Rule
) -> tuple[pd.DataFrame, str, tuple[Filled, ...]]:
    """A quantity on the slots, or on their calendar stamps in another year, the names of the files, and what stands in.

    The index of the table holds the stamps. What lies beyond the first and the last hour that the files hold of a place is
    taken from their other end, for a year that joins itself; each such cell is told.
    """
    step = _step(scenario)
    if year is None:
        return *_joined(found, quantity, scenario.times, step, rule), ()
    offset = market_offset(scenario.sites)
    moved = in_year(scenario.times, year, offset)
    table, sources = _joined(found, quantity, moved, step, rule)
    spans = covered([one for one in found if quantity in one.table], quantity)
    cells: list[Filled] = []
    for by, stamps, there in stand_ins(moved, year, offset):
        outside = {place: (moved < first) | (moved + step > last) for place, (first, last) in spans.items()}
        lacking = table.isna() & pd.DataFrame(outside, index=moved)[table.columns] & there[:, None]
        if not lacking.to_numpy().any():
            continue
        other = _joined(found, quantity, stamps, step, rule)[0][table.columns].set_index(moved)
        taken = lacking & other.notna()
        table = table.where(~taken, other)
        for place in table.columns[taken.any()]:
            slots = scenario.times[taken[place].to_numpy()]
            cells.append(Filled(quantity, str(place), by, sources, tuple(when.isoformat() for when in slots)))
    return table, sources, tuple(cells)


def _of(cells: tuple[Filled, ...], places: pd.Index) -> tuple[Filled, ...]:
    return tuple(one for one in cells if one.place in places)


def _joined(
    found: Sequence[Recording], quantity: str, times: pd.DatetimeIndex, step: pd.Timedelta, rule: _Rule
) -> tuple[pd.DataFrame, str]:
    """A quantity of several recordings on the slots [slot, place], and the names of the files."""
    having = [one for one in found if quantity in one.table]
    if not having:
        names = ", ".join(dict.fromkeys(one.source for one in found))
        raise ReadError(f"{names}: has no {quantity}; it has {', '.join(found[0].quantities) if found else 'nothing'}.")
    undated = next((one for one in having if not one.dated), None)
    if undated is not None:
        raise ReadError(
            f"{undated.source}: its dates are withheld, so {quantity} has no place in time; give dated data."
        )
    joined = merged(having, quantity, times, step)
    table = together([rule(one, quantity, times, step) for one in joined], [one.source for one in joined])
    return table, ", ".join(dict.fromkeys(one.source for one in having))


def _coordinates(
    names: list[str], found: Sequence[Recording], given: Mapping[str, tuple[float, float]]
) -> pd.DataFrame:
    """Where each weather place is: by the configuration, the file, or the name of a city, region or zone.

    Raises:
        ReadError: If no place is known; places of other countries, whose names are not known here, are left out.
    """
    origins = read_embedded("origins")
    known = dict(
        zip(origins["name"].astype(str), zip(origins["latitude"], origins["longitude"], strict=True), strict=True)
    )
    regions = {region: known[city] for region, city in _CAPITALS.items()}
    known |= regions | {zone: regions[region] for zone, region in _ZONES.items()}
    for one in found:
        known |= dict(one.coordinates)
    known |= checked_places(given)
    placed = [name for name in names if name in known]
    if not placed:
        shown = ", ".join(repr(name) for name in names[:5])
        raise ReadError(
            f"{found[0].source}: where {shown} lies is not known; give it in [inputs.places] as [lat, lon]."
        )
    return pd.DataFrame([known[name] for name in placed], columns=["latitude", "longitude"], index=pd.Index(placed))


def _solar_offset(places: pd.DataFrame) -> np.ndarray:
    """Standard time near a place to the half hour, by its longitude [h]."""
    return np.round(places["longitude"].to_numpy(float) / 7.5) / 2.0


def _step(scenario: Scenario) -> pd.Timedelta:
    return pd.Timedelta(hours=scenario.slot_hours)


def _moved(scenario: Scenario, year: int | None, cells: tuple[Filled, ...]) -> str:
    if year is None:
        return ""
    clock = offset_name(3600.0 * market_offset(scenario.sites))
    borrowed = sum(len(one.slots_start_utc) for one in cells if one.by.startswith("the same"))
    lacks = f" ({borrowed} cells that it lacks are taken from its other end or the day beside)" if borrowed else ""
    return f"; stamps of {year} on the clock {clock}{lacks}, so not of one weather system with the other signals"
