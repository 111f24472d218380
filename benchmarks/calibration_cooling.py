"""Fit cooling power of a real plant on two thirds of the time, and score the last third against ASHRAE's hourly limits.

Which parameters are fitted is chosen within the first two thirds: by the errors of blocks of time that a fit to the other
blocks has not seen.

python -m benchmarks.calibration_cooling --check
"""

import argparse
import itertools
import sys
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks._record import RESULTS, write_result
from jaxsched.calibrate import Fit, Observations, fit, law_of, model_of
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
    law = law_of(model, config.model.component, config.model.constants, seen.inputs)
    tried = []
    for names in SETS:
        one = fit(model, seen, parameters=names, predict=law, folds=_BLOCKS)
        score = one.scores["held_out"]
        tried.append({"parameters": list(names), "cv_rmse": score.cv_rmse, "nmbe": score.nmbe})
        print(f"{', '.join(names)}: CV(RMSE) {score.cv_rmse:.2%}", file=sys.stderr, flush=True)
    return sorted(tried, key=lambda one: one["cv_rmse"])


def _rows(data: Any, chosen: np.ndarray) -> Observations:
    """Some rows of observations."""
    arrays = jax.tree.map(lambda leaf: leaf[chosen] if np.shape(leaf)[:1] == chosen.shape else leaf, data.inputs)
    features = {name: values[chosen] for name, values in data.features.items()}
    return Observations(arrays, data.observed[chosen], data.weights[chosen], data.times[chosen], data.unit, features)


def main() -> int:
    """Fit, record, and with --check end with 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the result file")
    parser.add_argument("--check", action="store_true", help="end with 1 where a limit is missed")
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    started = time.perf_counter()
    config = load_calibration(CONFIG)
    assert isinstance(config, CalibrationConfig)
    found, source = fitted(config, CONFIG)
    seconds = time.perf_counter() - started
    tried = choice(config, found)
    limits = {"cv_rmse": MOST_CV_RMSE, "nmbe": MOST_NMBE}
    write_result(
        "calibration_cooling",
        {**found.summary(), "limits": limits, "choice": tried, "seconds": seconds, "provenance": source},
        options.out,
    )
    score = found.scores["held_out"]
    print(found, file=sys.stderr)
    missed = not (score.cv_rmse < MOST_CV_RMSE and abs(score.nmbe) < MOST_NMBE)
    if other := set(tried[0]["parameters"]) ^ set(config.fit.parameters):
        print(
            f"the example does not fit the parameters that are best; they differ in {', '.join(other)}", file=sys.stderr
        )
    return 1 if options.check and (missed or other) else 0


if __name__ == "__main__":
    raise SystemExit(main())
