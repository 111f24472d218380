"""A folder of tables of another country: edge sites of the euro area over the end of March, every number of them made up."""

from pathlib import Path

import numpy as np
import pandas as pd

_START = pd.Timestamp("2024-03-29", tz="UTC")  # clocks go forward on the 31st, at 01:00 UTC
_HOURS = 96
# Site, state, latitude, longitude, plant, hardware, GPUs, limit [kW]; region, its name in files of carbon; mean price [EUR/MWh],
# carbon [g/kWh], temperature and its swing [degC].
_SITES = (
    ("FRA-01", "DE", 50.11, 8.68, "waterside", "h100", 960, 960, "DE-LU", "DE", 65.0, 380.0, 11.0, 5.0),
    ("BER-01", "DE", 52.52, 13.40, "airside", "h100", 640, 640, "DE-LU", "DE", 65.0, 380.0, 9.0, 5.0),
    ("PAR-01", "FR", 48.86, 2.35, "airside", "h100", 800, 800, "FR", "FR", 45.0, 45.0, 12.0, 5.0),
    ("AMS-01", "NL", 52.30, 4.77, "indirect_evaporative", "h100", 640, 640, "NL", "NL", 60.0, 300.0, 10.0, 4.0),
    ("MAD-01", "ES", 40.42, -3.70, "dx", "h100", 800, 900, "ES", "ES", 30.0, 120.0, 16.0, 8.0),
    ("DUB-01", "IE", 53.35, -6.26, "airside", "h100", 320, 320, "IE-SEM", "IE", 85.0, 290.0, 8.0, 3.0),
    ("HEL-01", "FI", 60.17, 24.94, "airside", "h100", 320, 320, "FI", "FI", 35.0, 70.0, 2.0, 4.0),
)
_COUNTRY = """# Whose tables these are; currency, clocks, regions and weights are those of the package's own folder of that name.
country = "europe"
"""


def write_europe(folder: Path, rng: np.random.Generator) -> None:
    """Sites, and price by market region, carbon by its zone, weather by site, hour by hour in UTC."""
    inside = folder / "europe"
    inside.mkdir(exist_ok=True)
    (inside / "country.toml").write_text(_COUNTRY, encoding="utf-8")
    names = ["name", "state", "latitude", "longitude", "plant", "hardware", "gpus", "facility_limit_kw"]
    _write(inside, "sites", [pd.DataFrame([site[:8] for site in _SITES], columns=names)])
    times = pd.date_range(_START, periods=_HOURS, freq="h")
    stamps, clock = times.strftime("%Y-%m-%dT%H:%MZ"), np.asarray(times.hour, float)
    price, carbon, weather = {}, {}, []
    for name, _, _, _, _, _, _, _, region, zone, mean_price, intensity, mean, swing in _SITES:
        sun = np.maximum(np.sin((clock - 5.0) * np.pi / 13.0), 0.0)
        if region not in price:
            values = mean_price * (1.15 - 0.7 * sun) + rng.normal(0.0, 4.0, _HOURS)
            price[region] = pd.DataFrame({"start_utc": stamps, "place": region, "price_per_mwh": values.round(2)})
            values = intensity * (1.1 - 0.3 * sun)
            carbon[zone] = pd.DataFrame(
                {"start_utc": stamps, "place": zone, "carbon_direct_g_per_kwh": values.round(1)}
            )
        warmth = mean + swing * np.sin((clock - 8.0) * np.pi / 12.0) + rng.normal(0.0, 0.3, _HOURS)
        humidity = np.clip(75.0 - 3.0 * (warmth - mean) + rng.normal(0.0, 2.0, _HOURS), 25.0, 99.0)
        weather.append(pd.DataFrame({"time_utc": stamps, "place": name, "dry_bulb_c": warmth.round(1),
                                     "relative_humidity_pct": humidity.round(0)}))  # fmt: skip
    _write(inside, "price", list(price.values()))
    _write(inside, "carbon", list(carbon.values()))
    _write(inside, "weather", weather)


def _write(folder: Path, name: str, parts: list[pd.DataFrame]) -> None:
    pd.concat(parts).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
