"""Fit cooling power of a real plant on two thirds of the time, and score the last third against ASHRAE's hourly limits.

python -m benchmarks.calibration_cooling --check
"""

import argparse
import sys
import time
from pathlib import Path

import jax

from benchmarks._record import RESULTS, write_result
from jaxsched.cli._calibrate import fitted
from jaxsched.config import CalibrationConfig, load_calibration

CONFIG = Path(__file__).resolve().parent.parent / "examples" / "calibrate-singapore-chiller.toml"
# ASHRAE Guideline 14-2014, calibration with hourly data.
MOST_CV_RMSE, MOST_NMBE = 0.30, 0.10


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
    limits = {"cv_rmse": MOST_CV_RMSE, "nmbe": MOST_NMBE}
    write_result(
        "calibration_cooling",
        {**found.summary(), "limits": limits, "seconds": seconds, "provenance": source},
        options.out,
    )
    score = found.scores["held_out"]
    print(found, file=sys.stderr)
    missed = not (score.cv_rmse < MOST_CV_RMSE and abs(score.nmbe) < MOST_NMBE)
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
