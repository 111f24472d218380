"""Put recorded weather into a scenario: as a departure from the climate where the package has one, as it is elsewhere."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from jaxsched.scenarios._join import Gaps, close_gaps, slot_readings
from jaxsched.scenarios._network import checked_places, distance_km
from jaxsched.scenarios._on_slots import cells_of, joined_in, of_year, step_of, still_embedded
from jaxsched.scenarios._scenario import Filled, Scenario
from jaxsched.scenarios._weather import humidity_at, weather
from jaxsched.scenarios.readers import ReadError, Recording

# A site takes the departure of a place from its climate up to the first distance, and its readings as they are up to the second.
_DEPARTURE_REACH_KM, _READING_REACH_KM = 1_200.0, 300.0
# Fog may read a little above 100 %, which no law of humid air holds for.
_RANGES = {"dry_bulb": (-np.inf, np.inf), "relative_humidity": (0.0, 100.0)}


def with_weather(
    scenario: Scenario,
    found: Sequence[Recording],
    gaps: Gaps | None = None,
    *,
    year: int | None = None,
    places: Mapping[str, tuple[float, float]] | None = None,
) -> Scenario:
    """Recorded weather, at the centre of each slot.

    Where the package embeds the climate of the country, as in Australia: each site's climate plus the departure of its
    nearest place, up to 1,200 km, from the climate there. Humidity is the place's reading at equal vapour pressure where the
    file has it, and keeps the climate's vapour pressure elsewhere. Where gaps may be filled, longer ones take the climate.

    In every other country: the temperature and humidity of the nearest place, as they are, up to 300 km.

    Arguments:
        scenario: What it is put into; its own weather is the climate, where it has any.
        found: Recordings of temperature, with or without humidity.
        gaps: What to do where they hold nothing; an error where not given.
        year: Take the calendar stamps of another year, on the clock of the market; the provenance says so.
        places: Latitude and longitude [deg] of places that neither the files nor the package know.

    Raises:
        ReadError: If no place with known coordinates lies near a site, or a slot is missing that may not be filled; without
            a climate, if a site has no place near it or no humidity.
    """
    if not scenario.country.embeds("climate"):
        return _as_recorded(scenario, found, gaps or Gaps(), year, places or {})
    gaps, step = gaps or Gaps(), step_of(scenario)
    dry, sources, borrowed = joined_in(scenario, found, "dry_bulb_c", year, slot_readings)
    at = coordinates([str(name) for name in dry.columns], found, places or {}, scenario)
    distance = distance_km(scenario.sites, at)
    near = distance.min(1) <= _DEPARTURE_REACH_KM
    if not near.any():
        raise ReadError(f"{sources}: has no place within {_DEPARTURE_REACH_KM:,.0f} km of a site; give nearer weather.")
    used = np.unique(distance.argmin(1)[near])
    at, nearest = at.iloc[used], distance[:, used].argmin(1)
    dry, cells = close_gaps(dry[at.index], "dry_bulb_c", sources, step, gaps, slots=scenario.times, leave_long=True)
    cells = cells_of(borrowed, at.index) + cells
    climate, _ = weather(scenario.times, step, at, _solar_offset(at), country=scenario.country, anomalies=False)
    reading = dry.to_numpy(float)
    reading = np.where(np.isnan(reading), climate, reading)  # no departure in a long gap, whose cells are on record
    dry_bulb = scenario.dry_bulb + np.where(near, (reading - climate)[:, nearest], 0.0)
    humidity = humidity_at(scenario.relative_humidity, scenario.dry_bulb, dry_bulb)
    measured = any("relative_humidity_pct" in one.table for one in found)
    if measured:
        wet, sources_wet, more_borrowed = joined_in(scenario, found, "relative_humidity_pct", year, slot_readings)
        wet = wet[[place for place in wet.columns if place in at.index]]
        wet, more = close_gaps(
            wet, "relative_humidity_pct", sources_wet, step, gaps, slots=scenario.times, leave_long=True
        )
        cells, known = (
            cells + cells_of(more_borrowed, at.index) + more,
            wet.reindex(columns=at.index).to_numpy(float)[:, nearest],
        )
        moved = humidity_at(np.nan_to_num(known, nan=50.0), reading[:, nearest], dry_bulb)
        humidity = np.where(near & np.isfinite(known), moved, humidity)
    about = _weather_sentence(sources, at, near, cells, dry.size) + of_year(scenario, year, cells)
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
        embedded=still_embedded(scenario, "dry_bulb", scenario.sites.index[~near]),
    )


def _as_recorded(
    scenario: Scenario,
    found: Sequence[Recording],
    gaps: Gaps,
    year: int | None,
    places: Mapping[str, tuple[float, float]],
) -> Scenario:
    """Temperature and humidity of the nearest place that has them, as they are."""
    values: dict[str, np.ndarray] = {}
    provenance, cells = dict(scenario.provenance), scenario.filled
    for field, quantity in (("dry_bulb", "dry_bulb_c"), ("relative_humidity", "relative_humidity_pct")):
        table, sources, borrowed = joined_in(scenario, found, quantity, year, slot_readings)
        at = coordinates([str(name) for name in table.columns], found, places, scenario)
        distance = distance_km(scenario.sites, at)
        far = distance.min(1) > _READING_REACH_KM
        if far.any():
            site = scenario.sites.index[int(far.argmax())]
            raise ReadError(
                f"{sources}: has no place within {_READING_REACH_KM:g} km of {site}, and the package embeds no climate of "
                f"{scenario.country.title}; give weather nearer to it."
            )
        used = np.unique(distance.argmin(1))
        at, nearest = at.iloc[used], distance[:, used].argmin(1)
        table, more = close_gaps(table[at.index], quantity, sources, step_of(scenario), gaps, slots=scenario.times)
        more = cells_of(borrowed, at.index) + more
        values[field] = np.clip(table.to_numpy(float)[:, nearest], *_RANGES[field])
        provenance[field] = (
            f"{sources}: readings of the nearest of {', '.join(map(str, at.index))}, at the centre of each slot, at most "
            f"{distance.min(1).max():,.0f} km off{of_year(scenario, year, more)}"
        )
        cells = cells + more
    return dataclasses.replace(
        scenario,
        **values,
        provenance=provenance,
        filled=cells,
        embedded=still_embedded(scenario, "dry_bulb", scenario.sites.index[:0]),
    )


def _weather_sentence(sources: str, at: pd.DataFrame, near: np.ndarray, cells: tuple[Filled, ...], size: int) -> str:
    by_climate = sum(len(c.slots_start_utc) for c in cells if c.by == "climate" and c.quantity == "dry_bulb_c")
    kept = f"; {by_climate} of {size} slots of these places are filled with the climate" if by_climate else ""
    return (
        f"{sources}: departure of the nearest of {', '.join(map(str, at.index))} from its climate, at the centre of each "
        f"slot, for {int(near.sum())} of {len(near)} sites; the others keep their climate{kept}"
    )


def coordinates(
    names: list[str], found: Sequence[Recording], given: Mapping[str, tuple[float, float]], scenario: Scenario
) -> pd.DataFrame:
    """Where each weather place is: by the configuration, the file, or the name of a city, region, zone, origin or site.

    Raises:
        ReadError: If no place is known; places of other countries, whose names are not known here, are left out.
    """
    known = own_places(scenario.sites) | own_places(scenario.origins)
    country = scenario.country
    if country.embeds("origins"):
        known |= own_places(country.table("origins").set_index("name"))
    regions = {code: known[one.city] for code, one in country.regions.items() if one.city in known}
    known |= regions | {zone: regions[region] for zone, region in country.zones.items() if region in regions}
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


def own_places(table: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Latitude and longitude of each row by its name [deg]."""
    return dict(zip(table.index.astype(str), zip(table["latitude"], table["longitude"], strict=True), strict=True))


def _solar_offset(places: pd.DataFrame) -> np.ndarray:
    """Standard time near a place to the half hour, by its longitude [h]."""
    return np.round(places["longitude"].to_numpy(float) / 7.5) / 2.0
