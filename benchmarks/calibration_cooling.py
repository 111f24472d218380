"""How well does the fitted plant predict a real one on the last third of the time, beside the plant as given and a polynomial?"""

import argparse
import itertools
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks import harness
from benchmarks._markdown import Record, Table
from benchmarks.clock import timed
from benchmarks.harness import beyond, need_data, say
from jaxsched.calibrate import Fit, Observations, fit, model_of, predictor_of
from jaxsched.cli._calibrate import fitted
from jaxsched.config import CalibrationConfig, load_calibration

CONFIG = Path(__file__).resolve().parent / "studies" / "calibrate-singapore-chiller.toml"
# ASHRAE Guideline 14-2014, calibration with hourly data.
MOST_CV_RMSE, MOST_NMBE = 0.30, 0.10
# Tried: the efficiency of the machine with none, one or two of what shapes its power.
_ALWAYS = "chiller.log_constant"
_SHAPES = ("chiller.log_linear", "part_load.standby", "part_load.linear", "part_load.quadratic")
SETS = tuple((_ALWAYS, *some) for count in range(3) for some in itertools.combinations(_SHAPES, count))
_BLOCKS = 4


def choice(config: CalibrationConfig, found: Fit) -> list[dict[str, Any]]:
    """Every set of parameters with its errors on unseen blocks of the time that the fit may see, the best first."""
    seen = _rows(found.observations, ~np.asarray(found.held_out))
    model = model_of(config.model.kind, config.model.start)
    law = predictor_of(model, config.model.component, config.model.constants, seen.inputs)
    tried = []
    for names in SETS:
        one = fit(model, seen, parameters=names, predict=law, folds=_BLOCKS)
        score = one.scores["held_out"]
        tried.append({"parameters": list(names), "cv_rmse": score.cv_rmse, "nmbe": score.nmbe})
        say(f"{', '.join(names)}: CV(RMSE) {score.cv_rmse:.2%}")
    return sorted(tried, key=lambda one: one["cv_rmse"])


def _rows(data: Any, chosen: np.ndarray) -> Observations:
    """Some rows of observations."""
    arrays = jax.tree.map(lambda leaf: leaf[chosen] if np.shape(leaf)[:1] == chosen.shape else leaf, data.inputs)
    features = {name: values[chosen] for name, values in data.features.items()}
    return Observations(arrays, data.observed[chosen], data.weights[chosen], data.times[chosen], data.unit, features)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Fit and choose."""
    need_data()
    config = load_calibration(CONFIG)
    assert isinstance(config, CalibrationConfig)
    seconds, (found, source) = timed(lambda: fitted(config, CONFIG))
    tried = choice(config, found)
    say(found)
    limits = {"cv_rmse": MOST_CV_RMSE, "nmbe": MOST_NMBE}
    return {**found.summary(), "limits": limits, "choice": tried, "seconds": seconds, "provenance": source}


def failures(record: Record) -> list[str]:
    """Limits that the held-out third exceeds, and a choice of parameters that is not the best."""
    score, best = record["heldout"], set(record["choice"][0]["parameters"])
    limits = (("cv_rmse", MOST_CV_RMSE), ("nmbe", MOST_NMBE))
    missed = beyond("last third", *((abs(score[n]), most, n + " is {:.1%}, {:.0%} is allowed") for n, most in limits))
    if other := best ^ {row["name"] for row in record["parameters"]}:
        missed.append(f"the example does not fit what is best; they differ in {', '.join(sorted(other))}")
    return missed


_SCORED = {
    "heldout": "fitted",
    "heldout_default": "default of the law",
    "heldout_constant": "one constant ratio to the load",
    "heldout_polynomial": "polynomial",
}


def _shown(record: Record) -> list[dict[str, Any]]:
    return [{"label": label, **record[key]} for key, label in _SCORED.items() if record.get(key) is not None]


def _chosen(record: Record) -> list[str]:
    best, *others = record["choice"]
    return [
        f"Fitted: {', '.join(f'`{name}`' for name in best['parameters'])}, the best of {1 + len(others)} sets on unseen blocks "
        f"of the first two thirds: CV(RMSE) {best['cv_rmse']:.1%}, the others {others[0]['cv_rmse']:.1%} to "
        f"{others[-1]['cv_rmse']:.1%}."
    ]


table = Table(
    "on the last third of the time = {label} | CV(RMSE) = {cv_rmse:.1%} | NMBE = {nmbe:+.1%} | R2 = {r2:.3f} | "
    "median relative error = {median_relative_error:.1%}",
    left=1,
    rows=_shown,
    notes=("{heldout/count:,} half hours held out. Limits of ASHRAE Guideline 14: 30 % and 10 %.", _chosen),
)
BENCHMARK = harness.Benchmark("calibration_cooling", __doc__, run, failures, table)
