"""Hourly temperature and humidity at any place and time of the reference year."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from jaxsched.scenarios.countries import Country

_WARMEST_HOUR, _COLDEST_HOUR = 15.0, 3.0
_HUMIDITY_RANGE = (5.0, 99.0)
# Middle of each month in days since the start of the year.
_MIDDLES = np.array([15.5, 45.0, 74.5, 105.0, 135.5, 166.0, 196.5, 227.5, 258.0, 288.5, 319.0, 349.5])


def weather(
    times: pd.DatetimeIndex,
    step: pd.Timedelta,
    places: pd.DataFrame,
    utc_offset_hours: np.ndarray,
    *,
    country: Country,
    anomalies: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Dry bulb and relative humidity at places through the climate of their nearest station.

        T(h) = (T_max + T_min) / 2 + (T_max - T_min) / 2 cos(2 pi (h - 15) / 24)

    The daily maximum and minimum are the monthly normals, joined through the year, plus the departures of the calendar
    day in one year, joined from day to day. The vapour pressure of the month is constant over the day, up to saturation.

    Arguments:
        times: Start of each slot, UTC [slot]; the weather of its middle is given.
        step: Length of a slot.
        places: Columns `latitude` and `longitude` [site].
        utc_offset_hours: Standard time at each place [site] [h].
        country: Whose climate: its tables `climate` and, where it has them, `anomalies`.
        anomalies: Whether to add the departures; without them the weather is that of the climate.

    Returns:
        Dry bulb [slot, site] [degC] and relative humidity [slot, site] [%].

    Source:
        Bureau of Meteorology observations, see the headers of `climate.csv` and `anomalies.csv`; saturation by Bolton
        (1980).
    """
    climate = country.table("climate")
    station = _nearest_station(climate, places)
    daily = country.table("anomalies") if anomalies and country.embeds("anomalies") else None
    middle = times + step / 2
    seconds = middle.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.int64)
    local = seconds[:, None] / 3600.0 + utc_offset_hours[None, :]  # hours since 1970 on the standard clock of the place
    day = _day_of_year(local)
    extremes = {}
    for name, hour in (("max", _WARMEST_HOUR), ("min", _COLDEST_HOUR)):
        normal = _through_year(climate, f"{name}_c", station, day)
        departure = 0.0 if daily is None else _departures(climate, daily, name, station, local, hour)
        extremes[name] = normal + departure
    half_range = (extremes["max"] - extremes["min"]) / 2.0
    phase = 2.0 * np.pi * (local % 24.0 - _WARMEST_HOUR) / 24.0
    dry_bulb = extremes["min"] + half_range * (1.0 + np.cos(phase))
    pressure = _through_year(climate, "vapour_pressure_hpa", station, day)
    return dry_bulb, np.clip(100.0 * pressure / saturation_pressure(dry_bulb), *_HUMIDITY_RANGE)


def saturation_pressure(dry_bulb: Any, exp: Callable[[Any], Any] = np.exp) -> Any:
    """Saturation vapour pressure over water [hPa] of a temperature [degC]; with `jnp.exp` for traced values.

        e_s = 6.112 exp(17.67 T / (T + 243.5))

    Source:
        Bolton (1980), Monthly Weather Review 108:1046.
    """
    return 6.112 * exp(17.67 * dry_bulb / (dry_bulb + 243.5))


def humidity_at(humidity: np.ndarray, old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Relative humidity after a change of temperature at constant vapour pressure [%]."""
    return np.clip(humidity * saturation_pressure(old) / saturation_pressure(new), *_HUMIDITY_RANGE)


def _stations(climate: pd.DataFrame) -> pd.DataFrame:
    return climate.drop_duplicates("station", ignore_index=True)


def _nearest_station(climate: pd.DataFrame, places: pd.DataFrame) -> np.ndarray:
    """Index of the station nearest to each place, on a plane that is right to a few per cent within a state."""
    stations = _stations(climate)
    latitude, longitude = places["latitude"].to_numpy(float), places["longitude"].to_numpy(float)
    north = latitude[:, None] - stations["latitude"].to_numpy()[None, :]
    east = (longitude[:, None] - stations["longitude"].to_numpy()[None, :]) * np.cos(np.radians(latitude))[:, None]
    return (north**2 + east**2).argmin(1)


def _day_of_year(local_hours: np.ndarray) -> np.ndarray:
    stamps = (local_hours * 3600.0).astype(np.int64).astype("datetime64[s]")
    return (stamps - stamps.astype("datetime64[Y]")) / np.timedelta64(1, "D")


def _through_year(climate: pd.DataFrame, column: str, station: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Monthly normals of each place's station, joined by straight lines between the middles of the months."""
    names = _stations(climate)["station"]
    values = climate.pivot(index="station", columns="month", values=column).loc[names].to_numpy(float)
    knots = np.concatenate([[_MIDDLES[-1] - 365.0], _MIDDLES, [_MIDDLES[0] + 365.0]])
    joined = {s: np.concatenate([values[s, -1:], values[s], values[s, :1]]) for s in np.unique(station)}
    return np.stack([np.interp(day[:, j], knots, joined[s]) for j, s in enumerate(station)], axis=1)


def _departures(
    climate: pd.DataFrame, daily: pd.DataFrame, name: str, station: np.ndarray, local: np.ndarray, hour: float
) -> np.ndarray:
    """Departure of the daily extreme, joined from one day's hour of that extreme to the next day's."""
    region = _stations(climate)["anomaly_region"].to_numpy()
    stamps = (local * 3600.0).astype(np.int64).astype("datetime64[s]")
    year_start = stamps.astype("datetime64[Y]")
    # Each calendar day takes the departure of that day in the table's year; 29 February that of the day before.
    day = (stamps.astype("datetime64[D]") - year_start.astype("datetime64[D]")).astype(int)
    years = year_start.astype(int) + 1970
    leap = (years % 4 == 0) & ((years % 100 != 0) | (years % 400 == 0))
    day = day - (leap & (day >= 59))
    at = day + (local % 24.0 - hour) / 24.0
    columns = []
    for j, s in enumerate(station):
        if region[s] == "none":
            columns.append(np.zeros(len(local)))
            continue
        series = daily[f"{region[s]}_{name}_c"].to_numpy(float)
        wrapped = np.concatenate([series[-1:], series, series[:1]])
        columns.append(np.interp(at[:, j], np.arange(-1, len(series) + 1), wrapped))
    return np.stack(columns, axis=1)
