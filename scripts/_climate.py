"""Climate normals by station and the daily departures from them in a real year."""

from pathlib import Path

import numpy as np
import pandas as pd

# Stations of the normals with the climate region whose daily departures they share. Left out: Newcastle (its record
# ends in 2021; Williamtown is 6 km away), Broome, Dubbo, Geelong and Toowoomba 2020 (temperatures of one year only).
_STATIONS = {
    "Sydney": "sydney", "Wollongong": "sydney", "Williamtown": "hunter", "CoffsHarbour": "hunter",
    "Moree": "north_inland", "Cobar": "north_inland", "Canberra": "south_inland", "Albury": "south_inland",
    "WaggaWagga": "south_inland", "Melbourne": "victoria", "Ballarat": "victoria", "Bendigo": "murray",
    "Mildura": "murray", "Hobart": "tasmania", "Launceston": "tasmania", "Adelaide": "adelaide",
    "Brisbane": "south_queensland", "GoldCoast": "south_queensland", "Toowoomba": "south_queensland",
    "Townsville": "north_queensland", "Cairns": "north_queensland", "Darwin": "top_end", "AliceSprings": "centre",
    "Perth": "perth", "Kalgoorlie": "goldfields", "Port Hedland": "none",
}  # fmt: skip
# Stations of the daily observations that make each region's departure; their plain mean.
_REGIONS = {
    "sydney": ["Sydney", "SydneyAirport", "NorahHead", "Wollongong", "Penrith", "Richmond"],
    "hunter": ["Williamtown", "CoffsHarbour"],
    "north_inland": ["Moree", "Cobar"],
    "south_inland": ["Canberra", "Tuggeranong", "Albury", "WaggaWagga"],
    "victoria": ["Melbourne", "MelbourneAirport", "Watsonia", "Ballarat"],
    "murray": ["Mildura", "Nhil", "Bendigo"],
    "tasmania": ["Hobart", "Launceston"],
    "adelaide": ["Adelaide", "Nuriootpa"],
    "south_queensland": ["Brisbane", "GoldCoast"],
    "north_queensland": ["Townsville", "Cairns"],
    "top_end": ["Darwin", "Katherine"],
    "centre": ["AliceSprings"],
    "perth": ["Perth", "PerthAirport", "PearceRAAF"],
    "goldfields": ["SalmonGums"],
}
YEAR = 2014
# Where a station lacks humidity, the mean vapour pressure of these is used.
_HUMIDITY_OF = {"Toowoomba": ("Brisbane", "Moree")}
# Where 9 am and 3 pm temperatures are missing, this share of the way from the daily minimum to the maximum (the mean of
# the other stations).
_SHARE_9AM, _SHARE_3PM = 0.47, 0.86


def vapour_pressure(temperature: np.ndarray, humidity: np.ndarray) -> np.ndarray:
    """Vapour pressure [hPa] by Bolton (1980)."""
    return humidity / 100.0 * 6.112 * np.exp(17.67 * temperature / (temperature + 243.5))


def climate(data: Path) -> pd.DataFrame:
    """Monthly mean daily maximum and minimum, and vapour pressure, of each station."""
    raw = pd.read_csv(data / "physics" / "au_climate_monthly.csv").set_index(["site", "var"])
    months = [str(month) for month in range(1, 13)]
    rows, pressure = [], {}
    for station in (*(s for s in _STATIONS if s not in _HUMIDITY_OF), *_HUMIDITY_OF):
        normals = raw.loc[station]
        high, low = (normals.loc[var, months].to_numpy(float) for var in ("Tmax", "Tmin"))
        if station in _HUMIDITY_OF:
            pressure[station] = np.mean([pressure[other] for other in _HUMIDITY_OF[station]], axis=0)
        else:
            pressure[station] = _mean_pressure(normals, months, high, low)
        rows += [
            (station, _STATIONS[station], normals["lat"].iloc[0], normals["lon"].iloc[0], m + 1, high[m], low[m], e)
            for m, e in enumerate(pressure[station])
        ]
    names = ["station", "anomaly_region", "latitude", "longitude", "month", "max_c", "min_c", "vapour_pressure_hpa"]
    return pd.DataFrame(rows, columns=names).round({"vapour_pressure_hpa": 2})


def _mean_pressure(normals: pd.DataFrame, months: list[str], high: np.ndarray, low: np.ndarray) -> np.ndarray:
    def reading(var: str, share: float) -> np.ndarray:
        return normals.loc[var, months].to_numpy(float) if var in normals.index else low + share * (high - low)

    morning = vapour_pressure(reading("T9", _SHARE_9AM), normals.loc["RH9", months].to_numpy(float))
    afternoon = vapour_pressure(reading("T3", _SHARE_3PM), normals.loc["RH3", months].to_numpy(float))
    return (morning + afternoon) / 2.0


def anomalies(data: Path) -> pd.DataFrame:
    """Departures of daily maximum and minimum from the station's climate, mean over the stations of each region."""
    daily = pd.read_parquet(data / "weather" / "weatherAUS_daily_2007_2017.parquet")
    daily = daily.assign(Date=pd.to_datetime(daily["Date"]), Location=daily["Location"].astype(str))
    days = pd.date_range(f"{YEAR}-01-01", f"{YEAR}-12-31", freq="D")
    table = pd.DataFrame({"month": days.month, "day": days.day})
    for region, stations in _REGIONS.items():
        for column, name in (("MaxTemp", "max"), ("MinTemp", "min")):
            departures = [_departure(daily[daily["Location"] == s].set_index("Date")[column], days) for s in stations]
            table[f"{region}_{name}_c"] = pd.concat(departures, axis=1).mean(axis=1).to_numpy()
    # A day on which no station of a region reported has no departure: two days at most, filled by their neighbours.
    if table.isna().sum().max() > 10:
        raise ValueError("a climate region has no observation on more than ten days of the year")
    return table.interpolate(limit_direction="both").round(1)


def _departure(series: pd.Series, days: pd.DatetimeIndex) -> pd.Series:
    monthly = series.groupby(series.index.month).mean().to_numpy(float)
    return series.reindex(days) - smooth_through_year(monthly, days.dayofyear.to_numpy())


def smooth_through_year(monthly: np.ndarray, day_of_year: np.ndarray) -> np.ndarray:
    """Monthly means joined by straight lines between the middles of the months."""
    middles = np.array([15.5, 45, 74.5, 105, 135.5, 166, 196.5, 227.5, 258, 288.5, 319, 349.5])
    wrapped = np.concatenate([[middles[-1] - 365], middles, [middles[0] + 365]])
    values = np.concatenate([monthly[-1:], monthly, monthly[:1]])
    return np.interp(day_of_year, wrapped, values)
