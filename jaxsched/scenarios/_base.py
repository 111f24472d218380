"""The scenario that a country begins with: its embedded tables, or a user's, on the slots of a study."""

import numpy as np
import pandas as pd

from jaxsched.scenarios._demand import EMBEDDED, REQUESTS_PER_PERSON_DAY, demand
from jaxsched.scenarios._network import check_coordinates, round_trip_times
from jaxsched.scenarios._scale import scale_origins, scale_sites
from jaxsched.scenarios._scenario import SIGNALS, Scenario
from jaxsched.scenarios._tables import read_embedded
from jaxsched.scenarios._weather import weather
from jaxsched.scenarios.countries import Country
from jaxsched.scenarios.countries._country import Region
from jaxsched.scenarios.countries._load import REGIONS
from jaxsched.scenarios.readers._times import iso_time

SLOT_MINUTES = (5, 15, 30, 60)
"""Lengths of a slot that divide an hour as market intervals do."""


def scenario_of(
    country: Country,
    times: pd.DatetimeIndex,
    *,
    sites: int | pd.DataFrame | None = None,
    origins: int | pd.DataFrame | None = None,
    seed: int = 0,
    anomalies: bool = True,
) -> Scenario:
    """Sites and origins of a country, with what the package embeds of it; a signal that it does not embed is NaN.

    Arguments:
        country: The country.
        times: Start of each slot, as `slots_of` gives them.
        sites: Number of edge sites; the embedded ones where not given. Or a table with the columns of `Scenario.sites`.
        origins: Number of origins, likewise; people are conserved.
        seed: Seed of what is drawn beyond the embedded sites and centres.
        anomalies: Whether embedded weather departs from the climate.

    Raises:
        ValueError: A number below 1, a table that the country does not embed, a place that is not on earth, or an amount in
            a table that is no number.
    """
    for name, value in (("sites", sites), ("origins", origins)):
        if isinstance(value, int) and value < 1:
            raise ValueError(f"{name} is {value}; give at least 1.")
    assert isinstance(times.freq, pd.offsets.Tick)
    step = pd.Timedelta(times.freq)
    rng = np.random.default_rng(seed)
    origin_table = origins if isinstance(origins, pd.DataFrame) else _origins(country, origins, rng)
    site_table = sites if isinstance(sites, pd.DataFrame) else _sites(country, sites, origin_table, rng)
    _check_table(origin_table, ("population",))
    _check_table(site_table, ("gpus", "gpus_per_replica", "facility_limit_kw"))
    classes = read_embedded("classes").set_index("name")
    signals = _signals(country, times, step, site_table, anomalies)
    water, notes = _water(country, site_table)
    return Scenario(
        name=country.name,
        times=times,
        slot_hours=step / pd.Timedelta(hours=1),
        sites=site_table,
        origins=origin_table,
        classes=classes,
        demand=demand(times, step, origin_table, classes),
        dry_bulb=signals["dry_bulb"],
        relative_humidity=signals["relative_humidity"],
        price=signals["price"],
        carbon_intensity=signals["carbon_intensity"],
        source_water=water,
        rtt=round_trip_times(origin_table, site_table, country=country),
        weights=country.weights,
        provenance={
            **_provenance(country, anomalies),
            **_tables_told(country, sites, site_table, "sites"),
            **_tables_told(country, origins, origin_table, "origins"),
        },
        notes=notes,
        embedded={name: _having(signals[name], site_table) for name in SIGNALS},
        country=country,
    )


def _having(signal: np.ndarray, sites: pd.DataFrame) -> tuple[str, ...]:
    """Names of the sites that have a signal in every slot."""
    return tuple(map(str, sites.index[np.asarray(np.isfinite(signal).all(0))]))


def slots_of(country: Country, start: str | pd.Timestamp | None, slots: int, slot_minutes: int) -> pd.DatetimeIndex:
    """Start of each slot of a study.

    Arguments:
        country: Its default start holds where none is given.
        start: Start of the first slot, ISO 8601, UTC unless it has an offset.
        slots: Number of slots.
        slot_minutes: Length of a slot: 5, 15, 30 or 60 minutes.

    Raises:
        ValueError: No start at all, or one that is no ISO 8601 time or no whole slot; another length; a number below 1.
    """
    if slot_minutes not in SLOT_MINUTES:
        raise ValueError(f"slot_minutes is {slot_minutes}; give one of {', '.join(map(str, SLOT_MINUTES))}.")
    if slots < 1:
        raise ValueError(f"slots is {slots}; give at least 1.")
    first = country.start if start is None else start
    if first is None:
        raise ValueError(
            f"start is not given, and {country.title} has no default week; give the start of the first slot."
        )
    step = pd.Timedelta(minutes=slot_minutes)
    return pd.date_range(_whole_slot(first, step), periods=slots, freq=step)


def _whole_slot(start: str | pd.Timestamp, step: pd.Timedelta) -> pd.Timestamp:
    stamp = iso_time(start, "start")
    if stamp != stamp.floor(step):
        raise ValueError(f"start is {start}, which is no whole slot of {step.total_seconds() / 60:g} minutes in UTC.")
    return stamp.as_unit("us")


def _check_table(table: pd.DataFrame, columns: tuple[str, ...]) -> None:
    """Refuse a table with a place that is not on earth, or with an amount that is masked, missing or infinite."""
    check_coordinates(table)
    for column in columns:
        bad = ~np.isfinite(table[column].to_numpy(float, na_value=np.nan))
        if bad.any():
            at = int(bad.argmax())
            raise ValueError(f"{table.index[at]}: {column} is {table[column].iloc[at]}; give a number.")


def _origins(country: Country, count: int | None, rng: np.random.Generator) -> pd.DataFrame:
    table = _embedded_places(country, "origins")
    return table if count is None else scale_origins(table, count, rng)


def _sites(country: Country, count: int | None, origins: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    table = _embedded_places(country, "sites")
    return table if count is None else scale_sites(table, origins, count, rng)


def _embedded_places(country: Country, name: str) -> pd.DataFrame:
    if not country.embeds(name):
        raise ValueError(f"the package embeds no {name} of {country.title}; give a table of {name}.")
    return country.table(name).set_index("name")


def _signals(
    country: Country, times: pd.DatetimeIndex, step: pd.Timedelta, sites: pd.DataFrame, anomalies: bool
) -> dict[str, np.ndarray]:
    """What the package embeds of each signal, NaN elsewhere."""
    unknown = np.full((len(times), len(sites)), np.nan)
    found: dict[str, np.ndarray] = dict.fromkeys(
        ("dry_bulb", "relative_humidity", "price", "carbon_intensity"), unknown
    )
    regions = [country.regions.get(name, Region()) for name in sites["region"].astype(str)]
    offset = np.array([region.utc_offset_hours for region in regions], float)
    if country.embeds("climate"):
        found["dry_bulb"], found["relative_humidity"] = weather(
            times, step, sites, _standard_offset(sites), country=country, anomalies=anomalies
        )
    if country.embeds("price"):
        table = country.table("price").set_index(["region", "month", "hour"])["price_aud_per_mwh"]
        found["price"] = _profile(table, sites["region"].to_numpy(str), offset, times)
    if country.embeds("carbon"):
        table = country.table("carbon").set_index(["zone", "month", "hour"])["direct_g_per_kwh"]
        found["carbon_intensity"] = _profile(table, np.array([region.state for region in regions], str), offset, times)
    return found


def _profile(table: pd.Series, wanted: np.ndarray, offset: np.ndarray, times: pd.DatetimeIndex) -> np.ndarray:
    """Hour-by-month profile of each site's region on the clock of that region [slot, site]; NaN where there is none."""
    result = np.full((len(times), len(wanted)), np.nan)
    known = set(table.index.get_level_values(0))
    for name, hours in sorted(set(zip(wanted, offset, strict=True))):
        if name not in known or not np.isfinite(hours):
            continue
        local = times + pd.Timedelta(hours=hours)
        values = table.loc[name].loc[list(zip(local.month, local.hour, strict=True))].to_numpy(float)
        result[:, (wanted == name) & (offset == hours)] = values[:, None]
    return result


def _standard_offset(sites: pd.DataFrame) -> np.ndarray:
    """Standard time of each site's zone [h]: the clock that is behind the other of January and July, on either hemisphere."""
    hours = {zone: min(_offset(zone, month) for month in (1, 7)) for zone in sites["timezone"].unique()}
    return sites["timezone"].map(hours).to_numpy(float)


def _offset(zone: str, month: int) -> float:
    """How far a zone is ahead of UTC at the start of a month [h]."""
    offset = pd.Timestamp(2024, month, 1, tz="UTC").tz_convert(zone).utcoffset()
    assert offset is not None
    return offset.total_seconds() / 3600.0


def _water(country: Country, sites: pd.DataFrame) -> tuple[np.ndarray, tuple[str, ...]]:
    """Water of generation at each site [L/kWh], and a note on regions of which it is not known."""
    regions = sites["region"].astype(str)
    known = {name: country.regions[name].source_water for name in country.regions}
    unknown = sorted({name for name in regions if known.get(name) is None})
    water = np.array([known.get(name) or 0.0 for name in regions])
    if not unknown:
        return water, ()
    return water, (
        f"the water of generation in {', '.join(unknown)} is not known and counts as none; give source_water_l_per_kwh of "
        f"each region in {REGIONS} of the folder of {country.title}",
    )


def _tables_told(country: Country, given: int | pd.DataFrame | None, table: pd.DataFrame, name: str) -> dict[str, str]:
    """Where a table of sites or origins comes from."""
    if isinstance(given, pd.DataFrame):
        return {name: f"{len(table)} {name} of a table that was given"}
    about = f"; {country.about[name]}" if name in country.about else ""
    return {name: f"embedded {name}.csv ({len(table)} {name}{about})"}


def _provenance(country: Country, anomalies: bool) -> dict[str, str]:
    about = country.about
    departures = "without departures"
    if anomalies and country.embeds("anomalies"):
        departures = f"with {about['anomalies']}"
    told = {
        "demand": f"{EMBEDDED} and {REQUESTS_PER_PERSON_DAY:g} requests per person and day (assumption)",
        "dry_bulb": f"embedded climate.csv {departures}",
        "relative_humidity": "embedded climate.csv, vapour pressure constant over the day",
        "price": f"embedded price.csv, {about.get('price', 'as its header says')}",
        "carbon_intensity": f"embedded carbon.csv, {about.get('carbon', 'as its header says')}",
        "source_water": "embedded regions.csv",
        "rtt": "the distance law",
        "classes": "embedded classes.csv, Azure traces of 2023",
    }
    if country.embeds("rtt"):
        told["rtt"] = f"embedded rtt.csv {about.get('rtt', 'where it measures')}, distance law elsewhere"
    tables = {"dry_bulb": "climate", "relative_humidity": "climate", "price": "price", "carbon_intensity": "carbon"}
    absent = {name for name, table in tables.items() if not country.embeds(table)}
    absent |= set() if country.embeds("regions") else {"source_water"}
    return {name: "not embedded" if name in absent else sentence for name, sentence in told.items()}
