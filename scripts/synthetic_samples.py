"""Write the synthetic sample that the examples run on: files in the formats of their sources, every number of them made up.

    python scripts/synthetic_samples.py --out examples/sample

Nothing is recorded: daily courses, a hot afternoon, a dear evening and noise of a fixed seed. The same seed gives the same
files, byte for byte.
"""

import argparse
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from _synthetic_europe import write_europe

from jaxsched.models import WaterCooledPlant, stull_wet_bulb

_SEED = 20240212
_START = pd.Timestamp("2024-02-12 00:00")  # NEM time, UTC+10
_HOURS = 72
# Region, zone of Electricity Maps, capital; mean price [AUD/MWh], carbon [g/kWh], temperature and its swing [degC].
_REGIONS = (
    ("NSW1", "AU-NSW", "Sydney", 95.0, 620.0, 24.0, 5.0),
    ("QLD1", "AU-QLD", "Brisbane", 90.0, 690.0, 27.0, 4.0),
    ("SA1", "AU-SA", "Adelaide", 70.0, 180.0, 25.0, 8.0),
    ("TAS1", "AU-TAS", "Hobart", 60.0, 90.0, 18.0, 5.0),
    ("VIC1", "AU-VIC", "Melbourne", 75.0, 560.0, 23.0, 8.0),
)
_CITIES = (
    ("Sydney", "NSW", -33.868, 151.207, 5_600_000, "SYD"), ("Melbourne", "VIC", -37.814, 144.963, 5_400_000, "MEL"),
    ("Brisbane", "QLD", -27.468, 153.028, 2_800_000, "BNE"), ("Adelaide", "SA", -34.929, 138.599, 1_400_000, "ADL"),
)  # fmt: skip
_SITES = (
    ("SYD-01", "Sydney", "waterside", "h100", 128, 220), ("SYD-02", "Sydney", "dx", "l40s", 96, 90),
    ("MEL-01", "Melbourne", "airside", "h100", 96, 170), ("BNE-01", "Brisbane", "dx", "a100", 64, 80),
    ("ADL-01", "Adelaide", "indirect_evaporative", "l40s", 64, 60),
)  # fmt: skip
# Class of the package, its name in the log, share, median lengths [token].
_MODELS = (
    ("chat-8b", "small", 0.6, 900, 150),
    ("chat-70b", "large", 0.3, 900, 150),
    ("code-70b", "coder", 0.1, 1100, 20),
)
_DEGREES_C_TO_F, _KW_PER_TON = 1.8, 3.51685
# A plant of the package's own law, rated so, that takes so much of its power.
_RATED_KW, _BETTER = 3_900.0, 0.8


def write_signals(folder: Path, rng: np.random.Generator) -> None:
    """Prices, carbon intensity and temperature of five regions."""
    ends = pd.date_range(_START + pd.Timedelta(minutes=30), periods=2 * _HOURS, freq="30min")
    hours = pd.date_range(_START, periods=_HOURS, freq="h")
    instants = pd.date_range(_START, periods=2 * _HOURS + 1, freq="30min")
    prices, carbon, weather = [], [], []
    for region, zone, city, price, intensity, mean, swing in _REGIONS:
        clock = np.asarray(ends.hour + ends.minute / 60)
        rrp = price * (1.0 + 0.5 * np.sin((clock - 13.0) * np.pi / 12.0)) + rng.normal(0.0, 6.0, len(ends))
        if region == "VIC1":  # a hot evening
            rrp[(np.asarray(ends.day) == 13) & (clock >= 17.5) & (clock <= 19.5)] = 4_500.0
        if region == "SA1":  # sun at noon
            rrp[(clock >= 11) & (clock <= 14)] = -35.0
        demand = 1_000.0 * (6.0 + np.sin((clock - 10.0) * np.pi / 12.0))
        prices.append(pd.DataFrame({"REGION": region, "SETTLEMENTDATE": ends.strftime("%Y/%m/%d %H:%M:%S"),
                                    "TOTALDEMAND": demand.round(1), "RRP": rrp.round(2), "PERIODTYPE": "TRADE"}))  # fmt: skip
        course = 1.0 - 0.25 * np.maximum(np.sin((np.asarray(hours.hour) - 6.0) * np.pi / 12.0), 0.0)
        utc = (hours - pd.Timedelta(hours=10)).strftime("%Y-%m-%d %H:%M:%S")
        direct = (intensity * course).round(1)
        carbon.append(
            pd.DataFrame(
                {
                    "datetime_utc": utc,
                    "zone": zone,
                    "ci_direct": direct,
                    "ci_lca": (1.1 * direct).round(1),
                    "estimated": False,
                }
            )
        )
        local = np.asarray(instants.hour + instants.minute / 60)
        hot = 9.0 * ((np.asarray(instants.day) == 13) & (city in ("Melbourne", "Adelaide")))
        warmth = mean + (swing + hot) * np.sin((local - 9.0) * np.pi / 12.0) + rng.normal(0.0, 0.2, len(instants))
        weather.append(pd.DataFrame({"city": city, "datetime_clock": instants.strftime("%Y-%m-%d %H:%M:%S"),
                                     "temp_c": np.round(warmth, 1)}))  # fmt: skip
    for name, parts in (("prices", prices), ("carbon", carbon), ("weather", weather)):
        pd.concat(parts).to_csv(folder / f"synthetic-{name}.csv", index=False, lineterminator="\n")


def write_operator(folder: Path, rng: np.random.Generator) -> None:
    """Sites, origins, requests by hour, origin and class in UTC, and a log with an operator's own names, in JSON Lines."""
    columns = ["name", "state", "latitude", "longitude", "population"]
    origins = pd.DataFrame([city[:5] for city in _CITIES], columns=columns)
    origins.to_csv(folder / "synthetic-origins.csv", index=False, lineterminator="\n")
    at = origins.set_index("name")
    sites = pd.DataFrame(_SITES, columns=["name", "city", "plant", "hardware", "gpus", "facility_limit_kw"])
    sites.join(at[["state", "latitude", "longitude"]], on="city").to_csv(
        folder / "synthetic-sites.csv", index=False, lineterminator="\n"
    )
    starts = pd.date_range(_START - pd.Timedelta(hours=10), periods=_HOURS, freq="h", tz="UTC")
    rows = []
    for city, _, _, _, people, _ in _CITIES:
        for start in starts:
            course = 1.0 + 0.6 * np.sin((start.hour + 10.0 - 8.0) * np.pi / 12.0)
            for name, _, share, _, _ in _MODELS:
                requests = int(rng.poisson(8.0 * people / 1e6 * 3_600.0 * share * course))
                rows.append((start.strftime("%Y-%m-%dT%H:%MZ"), city, name, requests))
    table = pd.DataFrame(rows, columns=["start_utc", "origin", "request_class", "requests"])
    table.to_csv(folder / "synthetic-requests.csv", index=False, lineterminator="\n")
    seconds = np.cumsum(rng.gamma(0.5, 2.0, 900)) * 4.0
    people = np.array([city[4] for city in _CITIES], float)
    pops = rng.choice([city[5] for city in _CITIES], len(seconds), p=people / people.sum())
    models = rng.choice(len(_MODELS), len(seconds), p=[model[2] for model in _MODELS])
    with (folder / "synthetic-log.jsonl").open("w", encoding="utf-8") as file:
        for second, pop, model in zip(seconds, pops, models, strict=True):
            when = (starts[0] + pd.Timedelta(hours=3, seconds=float(second))).isoformat(timespec="milliseconds")
            _, own, _, prompt, answer = _MODELS[model]
            tokens = {"in": 1 + int(prompt * rng.lognormal(0.0, 0.9)), "out": 1 + int(answer * rng.lognormal(0.0, 0.8))}
            file.write(json.dumps({"ts": when, "pop": str(pop), "model": own, "tokens": tokens}) + "\n")


def write_chiller(folder: Path, rng: np.random.Generator) -> None:
    """Half-hours of a water-cooled chiller in the tropics: load, energy, outdoor air."""
    times = pd.date_range("2024-03-01", periods=48 * 42, freq="30min")
    clock, day = np.asarray(times.hour + times.minute / 60), np.arange(len(times)) / 48
    office = np.where(times.day_of_week < 5, 1.0, 0.55) * (0.75 + 0.25 * np.sin((clock - 9.0) * np.pi / 12.0))
    load = 620.0 * office * (1.0 + 0.05 * np.sin(day / 5.0)) + rng.normal(0.0, 12.0, len(times))
    dry = 27.5 + 3.0 * np.sin((clock - 9.0) * np.pi / 12.0) + 1.2 * np.sin(day / 4.0) + rng.normal(0.0, 0.4, len(times))
    humidity = np.clip(82.0 - 3.5 * (dry - 27.5) + rng.normal(0.0, 2.0, len(times)), 40.0, 99.0)
    heat, air, rated = _KW_PER_TON * load, jnp.asarray(dry), jnp.asarray(_RATED_KW)
    wet = stull_wet_bulb(air, jnp.asarray(humidity))
    power = np.asarray(WaterCooledPlant()(jnp.asarray(heat), rated, rated, air, wet).compressor, float)
    energy = 0.5 * _BETTER * power * rng.lognormal(0.0, 0.03, len(times))
    table = pd.DataFrame({
        "datetime_local": times.strftime("%Y-%m-%d %H:%M:%S"), "building_load_rt": load.round(1),
        "chiller_energy_kwh": energy.round(1), "outside_temp_f": (dry * _DEGREES_C_TO_F + 32.0).round(1),
        "humidity_pct": humidity.round(0),
    })  # fmt: skip
    table.to_csv(folder / "synthetic-chiller.csv", index=False, lineterminator="\n")


def main() -> int:
    """Write every file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=Path("examples/sample"), help="folder of the sample")
    jax.config.update("jax_enable_x64", True)
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    for write in (write_signals, write_operator, write_chiller, write_europe):
        write(folder, np.random.default_rng(_SEED))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
