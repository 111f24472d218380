"""The embedded country."""

import numpy as np
import pandas as pd

from jaxsched.scenarios._demand import EMBEDDED, REQUESTS_PER_PERSON_DAY, demand
from jaxsched.scenarios._network import check_coordinates, round_trip_times
from jaxsched.scenarios._scale import scale_origins, scale_sites
from jaxsched.scenarios._scenario import SIGNALS, Scenario, Weight
from jaxsched.scenarios._tables import read_embedded
from jaxsched.scenarios._weather import ANOMALY_YEAR, weather
from jaxsched.scenarios.readers import iso_time

DEFAULT_START = "2024-01-12T00:00+10:00"
"""Start of the default week: two ordinary days, the heatwave of 14 to 17 January, and its end."""

SLOT_MINUTES = (5, 15, 30, 60)
"""Lengths of a slot that divide an hour as market intervals do."""

DEFAULT_WEIGHTS = {
    "carbon": Weight(
        79.20,
        "AUD/t",
        "cost-containment price of the Australian safeguard mechanism, 2024-25: what a large emitter pays at most",
        assumption=True,
    ),
    "water": Weight(
        3.0,
        "AUD/kL",
        "metropolitan retail price of drinking water, about 2.4 to 3.6 AUD/kL in the capitals",
        assumption=True,
    ),
    "waiting": Weight(
        2.5e-4,
        "AUD/request-second",
        "20 ms of round-trip time are then worth about a third of the marginal energy of a 70B request and waiting as much "
        "as all energy; at four times as much it would swamp the other terms",
        assumption=True,
    ),
    "network_adder": Weight(
        55.0,
        "AUD/MWh",
        "network, environmental and market charges of a high-voltage customer, 40 to 70 AUD/MWh",
        assumption=True,
    ),
}


def australia(
    *,
    sites: int | pd.DataFrame | None = None,
    origins: int | pd.DataFrame | None = None,
    slots: int = 168,
    slot_minutes: int = 60,
    start: str | pd.Timestamp | None = None,
    seed: int = 0,
    anomalies: bool = True,
) -> Scenario:
    """Australia's edge sites and population centres for any hours of the reference year.

    Prices and carbon are the hour-by-month profiles of 2024, weather is the climate with the daily departures of 2014, and
    weekdays and daylight saving are those of the dates asked for.

    Arguments:
        sites: Number of edge sites; the real ones where not given, a choice of them or more drawn by population otherwise.
            Or a table of sites with the columns of `Scenario.sites`.
        origins: Number of origins, likewise; people are conserved. Or a table with the columns of `Scenario.origins`.
        slots: Number of slots.
        slot_minutes: Length of a slot: 5, 15, 30 or 60 minutes.
        start: Start of the first slot, ISO 8601, UTC unless it has an offset; the default week holds a heatwave.
        seed: Seed of what is drawn beyond the real sites and centres.
        anomalies: Whether the weather departs from the climate.

    Raises:
        ValueError: A number below 1, another length, a start that is no ISO 8601 time or no whole slot, a place that is not
            on earth, or an amount in a table that is no number.
    """
    if slot_minutes not in SLOT_MINUTES:
        raise ValueError(f"slot_minutes is {slot_minutes}; give one of {', '.join(map(str, SLOT_MINUTES))}.")
    for name, value in (("sites", sites), ("origins", origins), ("slots", slots)):
        if isinstance(value, int) and value < 1:
            raise ValueError(f"{name} is {value}; give at least 1.")
    step = pd.Timedelta(minutes=slot_minutes)
    times = pd.date_range(_whole_slot(DEFAULT_START if start is None else start, step), periods=slots, freq=step)
    rng = np.random.default_rng(seed)
    origin_table = origins if isinstance(origins, pd.DataFrame) else _origins(origins, rng)
    site_table = sites if isinstance(sites, pd.DataFrame) else _sites(sites, origin_table, rng)
    _check_table(origin_table, ("population",))
    _check_table(site_table, ("gpus", "gpus_per_replica", "facility_limit_kw"))
    classes = read_embedded("classes").set_index("name")
    regions = read_embedded("regions").set_index("region").loc[site_table["region"]]
    offset = regions["market_utc_offset_h"].to_numpy(float)
    dry_bulb, humidity = weather(times, step, site_table, _standard_offset(site_table), anomalies=anomalies)
    return Scenario(
        name="australia",
        times=times,
        slot_hours=slot_minutes / 60.0,
        sites=site_table,
        origins=origin_table,
        classes=classes,
        demand=demand(times, step, origin_table, classes),
        dry_bulb=dry_bulb,
        relative_humidity=humidity,
        price=_profile("price", "region", "price_aud_per_mwh", site_table["region"].to_numpy(str), offset, times),
        carbon_intensity=_profile("carbon", "zone", "direct_g_per_kwh", regions["state"].to_numpy(str), offset, times),
        source_water=regions["source_water_l_per_kwh"].to_numpy(float),
        rtt=round_trip_times(origin_table, site_table),
        weights=DEFAULT_WEIGHTS,
        provenance={
            **_provenance(anomalies),
            **_tables_told(sites, site_table, "sites", _ASSUMED),
            **_tables_told(origins, origin_table, "origins"),
        },
        embedded={name: tuple(map(str, site_table.index)) for name in SIGNALS},
    )


def _check_table(table: pd.DataFrame, columns: tuple[str, ...]) -> None:
    """Refuse a table with a place that is not on earth, or with an amount that is masked, missing or infinite."""
    check_coordinates(table)
    for column in columns:
        bad = ~np.isfinite(table[column].to_numpy(float, na_value=np.nan))
        if bad.any():
            at = int(bad.argmax())
            raise ValueError(f"{table.index[at]}: {column} is {table[column].iloc[at]}; give a number.")


def _origins(count: int | None, rng: np.random.Generator) -> pd.DataFrame:
    table = read_embedded("origins").set_index("name")
    return table if count is None else scale_origins(table, count, rng)


def _sites(count: int | None, origins: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    table = read_embedded("sites").set_index("name")
    return table if count is None else scale_sites(table, origins, count, rng)


def _whole_slot(start: str | pd.Timestamp, step: pd.Timedelta) -> pd.Timestamp:
    stamp = iso_time(start, "start")
    if stamp != stamp.floor(step):
        raise ValueError(f"start is {start}, which is no whole slot of {step.total_seconds() / 60:g} minutes in UTC.")
    return stamp.as_unit("us")


def _standard_offset(sites: pd.DataFrame) -> np.ndarray:
    """Standard time of each site's zone [h]: its clock in winter."""
    winter = pd.Timestamp("2024-07-01", tz="UTC")
    naive = winter.tz_localize(None)
    hours = {
        z: (winter.tz_convert(z).tz_localize(None) - naive) / pd.Timedelta(hours=1) for z in sites["timezone"].unique()
    }
    return sites["timezone"].map(hours).to_numpy(float)


def _profile(
    table: str, key: str, column: str, wanted: np.ndarray, offset: np.ndarray, times: pd.DatetimeIndex
) -> np.ndarray:
    """Hour-by-month profile of each site's region on the clock of that region [slot, site]."""
    profile = read_embedded(table).set_index([key, "month", "hour"])[column]
    result = np.empty((len(times), len(wanted)))
    for name, hours in sorted(set(zip(wanted, offset, strict=True))):
        local = times + pd.Timedelta(hours=hours)
        values = profile.loc[name].loc[list(zip(local.month, local.hour, strict=True))].to_numpy(float)
        result[:, (wanted == name) & (offset == hours)] = values[:, None]
    return result


_ASSUMED = "; GPU counts and kinds are assumptions"


def _tables_told(given: int | pd.DataFrame | None, table: pd.DataFrame, name: str, about: str = "") -> dict[str, str]:
    """Where a table of sites or origins comes from."""
    if isinstance(given, pd.DataFrame):
        return {name: f"{len(table)} {name} of a table that was given"}
    return {name: f"embedded {name}.csv ({len(table)} {name}{about})"}


def _provenance(anomalies: bool) -> dict[str, str]:
    departures = f"with the daily departures of {ANOMALY_YEAR}" if anomalies else "without departures"
    return {
        "demand": f"{EMBEDDED} and {REQUESTS_PER_PERSON_DAY:g} requests per person and day (assumption)",
        "dry_bulb": f"embedded climate.csv {departures}",
        "relative_humidity": "embedded climate.csv, vapour pressure constant over the day",
        "price": "embedded price.csv, typical prices of 2024 without spikes",
        "carbon_intensity": "embedded carbon.csv, average-direct of 2024 (Electricity Maps)",
        "source_water": "embedded regions.csv",
        "rtt": "embedded rtt.csv between six areas, distance law elsewhere",
        "classes": "embedded classes.csv, Azure traces of 2023",
    }
