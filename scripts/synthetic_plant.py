"""Write the synthetic record of a whole cooling plant that an example is fitted to; every number of it is made up.

    python scripts/synthetic_plant.py --out examples/sample

Three water-cooled chillers that are started one after another, their condenser pumps at one speed, chilled-water pumps and
tower fans at variable speed, and a meter that errs: not the smooth law of one machine that the example fits. The same seed
gives the same file, byte for byte.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

_SEED, _DAYS, _STEPS = 7, 21, 144
_START = pd.Timestamp("2024-02-05 00:00")
# Each of three machines [kW of heat]; the next one starts when those that run are loaded to this share.
_MACHINE_KW, _FULL = 900.0, 0.9
# Noise of the meter: standard deviation relative to the power, and correlation from one row to the next.
_NOISE, _LASTS = 0.025, 0.8


def record(seed: int = _SEED) -> pd.DataFrame:
    """Ten-minute rows: load [kW], power of the whole plant [kW], dry bulb [degC] and relative humidity [%]."""
    random = np.random.default_rng(seed)
    times = pd.date_range(_START, periods=_DAYS * _STEPS, freq="10min")
    clock = np.asarray(times.hour + times.minute / 60.0)
    day = np.arange(len(times)) / _STEPS
    dry_bulb = (
        23.0 + 5.0 * np.sin((clock - 9.0) * np.pi / 12.0) + 5.0 * np.sin(day / 2.3) + lasting(random, len(times), 0.4)
    )
    humidity = np.clip(68.0 - 2.2 * (dry_bulb - 22.0) + 6.0 * lasting(random, len(times), 1.0), 20.0, 98.0)
    office = (np.asarray(times.day_of_week) < 5) * np.clip(np.sin((clock - 6.0) * np.pi / 13.0), 0.0, 1.0)
    load = 650.0 + 900.0 * office + 28.0 * (dry_bulb - 22.0) + 40.0 * lasting(random, len(times), 1.0)
    load = np.clip(load, 150.0, 2500.0)
    power = plant_power(load, dry_bulb, wet_bulb(dry_bulb, humidity)) * (
        1.0 + _NOISE * lasting(random, len(times), 1.0)
    )
    return pd.DataFrame(
        {
            "time_local": times.strftime("%Y-%m-%d %H:%M"),
            "cooling_load_kw": load.round(1),
            "plant_power_kw": power.round(1),
            "dry_bulb_c": dry_bulb.round(1),
            "humidity_pct": humidity.round(0),
        }
    )


def plant_power(load: np.ndarray, dry_bulb: np.ndarray, wet: np.ndarray) -> np.ndarray:
    """Power of chillers, pumps and towers [kW] at a load [kW], dry bulb and wet bulb [degC]."""
    machines = np.clip(np.ceil(load / (_FULL * _MACHINE_KW)), 1, 3)
    share = load / (machines * _MACHINE_KW)
    water = np.maximum(wet + 3.0 + 2.5 * share, 17.0)
    # Electric input ratio falls with colder water, and is least at three quarters of the load.
    ratio = (0.13 + 0.0042 * (water - 17.0) + 0.00008 * (water - 17.0) ** 2) * (
        0.9 + 0.35 * (share - 0.75) ** 2 + 0.05 / share
    )
    condenser_pumps = 24.0 * machines
    chilled_pumps = 9.0 + 55.0 * (load / (3.0 * _MACHINE_KW)) ** 2.5
    fans = machines * (2.0 + 14.0 * np.clip(share * (1.0 + 0.03 * (wet - 20.0)), 0.0, 1.2) ** 3)
    return load * ratio + condenser_pumps + chilled_pumps + fans


def wet_bulb(dry_bulb: np.ndarray, humidity: np.ndarray) -> np.ndarray:
    """Wet bulb [degC] from dry bulb [degC] and relative humidity [%]: Stull (2011), J. Appl. Meteorol. Climatol. 50:2267."""
    return (
        dry_bulb * np.arctan(0.151977 * np.sqrt(humidity + 8.313659))
        + np.arctan(dry_bulb + humidity)
        - np.arctan(humidity - 1.676331)
        + 0.00391838 * humidity**1.5 * np.arctan(0.023101 * humidity)
        - 4.686035
    )


def lasting(random: np.random.Generator, rows: int, size: float) -> np.ndarray:
    """Noise of a standard deviation that is correlated from row to row."""
    shocks, noise = random.normal(size=rows), np.zeros(rows)
    for n in range(1, rows):
        noise[n] = _LASTS * noise[n - 1] + np.sqrt(1.0 - _LASTS**2) * shocks[n]
    return size * noise


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="folder of the file")
    record().to_csv(parser.parse_args().out / "synthetic-whole-plant.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
