"""Which families of the 369 chillers of COPPER do the laws cover, and how well?"""

import argparse
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from benchmarks import harness
from benchmarks._markdown import Table
from benchmarks.harness import DATA, need_data, option
from jaxsched.calibrate import Observations, fit
from jaxsched.models import AirCooledChiller, DirectExpansion, WaterCooledPlant

FILE = "cooling/copper_chiller_curves.csv.gz"
TEMPERATURES, LOADS = 9, 9
# Relative errors do not depend on the coefficient of performance, and that of the table is in mixed units.
USUAL_COP = {"air": 3.0, "water": 5.5}
# A chiller counts as covered where 90 % of its points err by less.
COVERED = 0.10


def true_power(row: pd.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Condenser temperature [degC], load over reference capacity, power over reference capacity, at design chilled water.

    EnergyPlus Engineering Reference, electric EIR chiller: P = P_ref CapFT EIRFT EIRFPLR(Q / (Q_ref CapFT)).
    """
    lower = row["min_unloading"] if np.isfinite(row["min_unloading"]) else 0.2
    high = row["eir-f-t:y_max"] if np.isfinite(row["eir-f-t:y_max"]) else row["eir-f-t:y_min"] + 15.0
    air, load = np.meshgrid(
        np.linspace(row["eir-f-t:y_min"], high, TEMPERATURES), np.linspace(max(lower, 0.1), 1.0, LOADS), indexing="ij"
    )
    chilled = row["eir-f-t:ref_lwt"]
    capacity, ratio = (_biquadratic(row, name, chilled, air) for name in ("cap-f-t", "eir-f-t"))
    share = load / capacity
    power = capacity * ratio * _part_load(row, air, share) / _cop(row)
    # A machine cannot deliver more than it has at this temperature; a curve outside its range may even turn negative.
    possible = (share <= 1.0) & (share >= lower * 0.999) & (power > 0.02 / _cop(row))
    return air.ravel(), load.ravel(), np.where(possible, power, np.nan).ravel()


def _biquadratic(row: pd.Series, name: str, x: float, y: np.ndarray) -> np.ndarray:
    c = [row[f"{name}:c{n}"] for n in range(1, 7)]
    return c[0] + c[1] * x + c[2] * x**2 + c[3] * y + c[4] * y**2 + c[5] * x * y


def _part_load(row: pd.Series, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    kind = row["eir-f-plr:type"]
    c = [row[f"eir-f-plr:c{n}"] for n in range(1, 11)]
    if kind != "bi_cub":
        return np.polynomial.polynomial.polyval(y, c[: {"quad": 3, "cubic": 4}[kind]])
    return (
        c[0] + c[1] * x + c[2] * x**2 + c[3] * y + c[4] * y**2 + c[5] * x * y
        + c[6] * x**3 + c[7] * y**3 + c[8] * x**2 * y + c[9] * x * y**2
    )  # fmt: skip


def _cop(row: pd.Series) -> float:
    return USUAL_COP["water" if row["condenser_type"] == "water" else "air"]


def law(plant: DirectExpansion | WaterCooledPlant, inputs: tuple) -> jax.Array:
    """Power over capacity, of the water-cooled plant from the condenser water."""
    temperature, load = inputs
    water = isinstance(plant, WaterCooledPlant)
    ratio = plant.chiller.at_condenser(temperature) if water else plant.chiller(temperature)
    return ratio * plant.part_load.curve()(load)


def fit_one(row: pd.Series) -> np.ndarray:
    """Relative errors of power of the fitted law at every possible point of one chiller."""
    temperature, load, power = true_power(row)
    if row["condenser_type"] == "water":
        plant, names = WaterCooledPlant(), ("log_constant", "log_linear", "log_quadratic")
    else:
        plant = DirectExpansion(chiller=AirCooledChiller(jnp.asarray(1.0 / _cop(row))))
        names = ("reference_ratio", "sensitivity")
    parameters = [*(f"chiller.{name}" for name in names), "part_load.standby", "part_load.linear"]
    data = Observations((temperature, load), power, weights=1.0 / power**2)
    found = fit(plant, data, parameters=parameters, predict=law, starts=4, folds=0)
    used = found.observations.used
    return (np.abs(found.predicted - found.observations.observed) / found.observations.observed.clip(1e-9))[used]


def summarise(kind: tuple[str, ...], errors: list[np.ndarray]) -> dict[str, Any]:
    """Count, and errors over all points and chillers of a family."""
    every, tail = np.concatenate(errors), np.array([np.quantile(each, 0.9) for each in errors])
    return {
        "condenser": kind[0],
        "compressor": kind[1],
        "speed": kind[2],
        "count": len(errors),
        "median_relative_error": float(np.median(every)),
        "p90_relative_error": float(np.quantile(every, 0.9)),
        "covered": float((tail < COVERED).mean()),
        "worst_chiller_p90": float(tail.max()),
    }


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Fit every chiller, and the errors by family."""
    table = pd.read_csv(need_data(options.data / FILE)).fillna({"compressor_speed": "not stated"})
    families: dict[tuple[str, ...], list[np.ndarray]] = {}
    left_out = 0
    for _, row in table.iterrows():
        if np.isfinite(true_power(row)[2]).sum() < 12:
            left_out += 1
            continue
        key = (row["condenser_type"], row["compressor_type"], row["compressor_speed"])
        families.setdefault(key, []).append(fit_one(row))
    cases = [summarise(key, errors) for key, errors in sorted(families.items())]
    whole = summarise(("all", "all", "all"), [each for errors in families.values() for each in errors])
    return {"cases": [*cases, whole], "left_out": left_out, "covered_below": COVERED}


table = Table(
    "condenser = {condenser} | compressor = {compressor} | speed = {speed} | chillers = {count} | median error = "
    "{median_relative_error:.1%} | 90 % of points below = {p90_relative_error:.1%} | covered = {covered:.0%}",
    left=3,
    notes=("Covered: 90 % of the points of a chiller err by less than {covered_below:.0%}.",),
)
BENCHMARK = harness.Benchmark(
    "calibration_chillers",
    __doc__,
    run,
    table=table,
    options=(option("--data", type=Path, default=DATA, help="folder of the data"),),
)
