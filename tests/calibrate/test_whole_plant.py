"""The example of a whole plant runs from a bare clone, and its six parameters earn their place."""

import subprocess
import sys
from pathlib import Path

from jaxsched.cli._calibrate import fitted
from jaxsched.config import CalibrationConfig, load_calibration

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "calibrate-whole-plant.toml"
SAMPLE = ROOT / "examples" / "sample" / "synthetic-whole-plant.csv"


def test_the_record_is_made_by_its_script_byte_for_byte(tmp_path):
    script = ROOT / "scripts" / "synthetic_plant.py"
    subprocess.run([sys.executable, str(script), "--out", str(tmp_path)], check=True, timeout=60)
    assert (tmp_path / SAMPLE.name).read_bytes() == SAMPLE.read_bytes()


def test_the_whole_plant_is_predicted_better_than_by_a_constant_ratio_and_than_before_the_fit():
    config = load_calibration(EXAMPLE)
    assert isinstance(config, CalibrationConfig)
    quick = config.fit.model_copy(update={"bootstrap": 0, "starts": 1})
    found, _ = fitted(config.model_copy(update={"fit": quick}), EXAMPLE)
    held_out = found.scores["held_out"].cv_rmse
    assert len(found.parameters) == 6
    assert held_out < 0.7 * found.scores["constant"].cv_rmse
    assert held_out < 0.3 * found.scores["default"].cv_rmse
    assert found.hourly["held_out"].cv_rmse < held_out
    # The name plates hold: load alone would give all to the pumps.
    assert abs(found.parameters.loc["pump_share", "estimate"] - 0.05) < 0.03
