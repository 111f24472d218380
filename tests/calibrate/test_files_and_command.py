"""A fitted model is kept in a readable file, and the command writes it from a user's own table."""

import json

import jax
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from jaxsched import models
from jaxsched.calibrate import CalibrationError, load_model, load_provenance, save_model
from jaxsched.cli._app import app
from tests.calibrate.conftest import RATED_KW, TRUTH, measure

CONFIG = """
name = "small"
[inputs]
file = "meter.csv"
time = "when"
zone = "UTC+8"
observed = { column = "energy", unit = "kWh per 30 min" }
[inputs.columns]
it_power = { column = "heat", unit = "W" }
dry_bulb = { column = "air", unit = "degF" }
relative_humidity = { column = "humidity", unit = "%" }
[model]
kind = "DirectExpansion"
component = "compressor"
constants = { rated_it_power = 1000.0, rated_heat = 1000.0 }
[fit]
parameters = ["chiller.reference_ratio", "chiller.sensitivity"]
starts = 2
bootstrap = 0
[report]
plots = false
"""


@pytest.fixture
def folder(tmp_path):
    data = measure(rows=240)
    heat, air = data.inputs
    lines = ["when,energy,heat,air,humidity"]
    for time, power, q, t in zip(data.times, data.observed, heat, air, strict=True):
        lines.append(f"{time:%Y-%m-%d %H:%M:%S},{power / 2},{q * 1000},{t * 1.8 + 32},60")
    lines[5] = "2024-01-01 02:00:00,,500000,70,60"
    (tmp_path / "meter.csv").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "fit.toml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_saved_model_is_the_same_model(tmp_path, plain_fit):
    save_model(tmp_path / "plant.json", plain_fit.model, {"file": "meter.csv"})
    again = load_model(tmp_path / "plant.json")
    assert type(again) is type(plain_fit.model)
    for one, other in zip(jax.tree.leaves(again), jax.tree.leaves(plain_fit.model), strict=True):
        np.testing.assert_array_equal(one, other)
    assert load_provenance(tmp_path / "plant.json") == {"file": "meter.csv"}
    assert '"unit": "1/K"' in (tmp_path / "plant.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"AirCooledChiller"', '"Path"', "is of class 'Path'"),
        ('"sensitivity"', '"sensitive"', "sensitiv"),
        ("jaxsched model 1", "something", "is no model file"),
    ],
)
def test_a_file_that_is_no_model_is_refused(tmp_path, old, new, words):
    save_model(tmp_path / "plant.json", models.DirectExpansion())
    text = (tmp_path / "plant.json").read_text(encoding="utf-8")
    (tmp_path / "plant.json").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(CalibrationError, match=words):
        load_model(tmp_path / "plant.json")


def test_the_command_fits_a_table_and_writes_a_model_that_loads(folder):
    done = run("calibrate", folder / "fit.toml", "--out", folder / "out")
    assert done.exit_code == 0, done.output
    summary = json.loads((folder / "out" / "summary.json").read_text(encoding="utf-8"))
    for row in summary["parameters"]:
        assert abs(row["estimate"] - TRUTH[row["name"]]) < 3 * row["standard_error"]
    assert summary["heldout"]["count"] == 80
    assert summary["heldout"]["cv_rmse"] < summary["heldout_default"]["cv_rmse"]
    assert summary["provenance"]["values_used"] == 239
    # One kW of power for each kW of heat is what every fit is compared with, and hourly means are scored beside half hours.
    assert summary["heldout"]["cv_rmse"] < summary["heldout_constant"]["cv_rmse"]
    assert summary["hourly"]["heldout"]["count"] == 40
    assert summary["hourly"]["heldout"]["cv_rmse"] < summary["heldout"]["cv_rmse"]
    model = load_model(folder / "out" / "model.json")
    power = model(*(np.asarray(v) for v in (500.0, RATED_KW, RATED_KW, 20.0, 15.0))).compressor
    assert float(power) > 0


def test_the_command_draws_the_posterior(folder):
    text = CONFIG.replace("starts = 2", "starts = 2\nposterior_samples = 60")
    (folder / "fit.toml").write_text(text, encoding="utf-8")
    done = run("calibrate", folder / "fit.toml", "--out", folder / "out")
    assert done.exit_code == 0, done.output
    assert "posterior.csv" in done.output
    summary = json.loads((folder / "out" / "summary.json").read_text(encoding="utf-8"))
    drawn = {row["name"]: row for row in summary["posterior"]["parameters"]}
    table = pd.read_csv(folder / "out" / "posterior.csv", index_col="name")
    for row in summary["parameters"]:
        one = drawn[row["name"]]
        assert abs(one["mean"] - row["estimate"]) < 2 * row["standard_error"]
        assert one["mean"] == pytest.approx(table.loc[row["name"], "mean"])
    assert drawn["noise"]["unit"] == "kW"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("starts = 2", 'starts = 2\nposterior_samples = 60\nloss = "huber"', "fit by least squares"),
        ("starts = 2", "start = 2", "unknown key `fit.start`"),
        ("starts = 2", "starts = 2\nblock_hours = inf", "`fit.block_hours` is inf"),
        ("rated_heat = 1000.0", "rated_heat = nan", "`model.constants.rated_heat` is nan"),
        ('unit = "W"', 'unit = "W", lowest = nan', "`inputs.columns.it_power.lowest` is nan"),
        ('unit = "W"', 'unit = "W", lowest = 5, highest = 5', "lowest is 5 and highest 5"),
        ("starts = 2", 'starts = 2\nbounds = { "chiller.sensitivity" = [nan, inf] }', "fit.bounds.chiller.sensitivity"),
        (
            "starts = 2",
            'starts = 2\npriors = { "chiller.sensitivity" = [0.02, inf] }',
            "fit.priors.chiller.sensitivity",
        ),
        ('column = "air"', 'column = "aire"', "no column 'aire'"),
        ('unit = "degF"', 'unit = "F"', "unit 'F' is unknown"),
        ('"DirectExpansion"', '"Nothing"', "no law of jaxsched.models"),
        (", rated_heat = 1000.0", "", "'rated_heat'"),
        ('component = "compressor"', 'component = "compresor"', "no component"),
        ('"meter.csv"', '"other.csv"', "no such file"),
        ('"chiller.sensitivity"]', '"chiller.sense"]', "no parameter"),
        ('time = "when"', 'time = "energy"', "not a time"),
    ],
)
def test_bad_input_ends_in_one_sentence_and_writes_nothing(folder, old, new, words):
    (folder / "fit.toml").write_text(CONFIG.replace(old, new), encoding="utf-8")
    done = run("calibrate", folder / "fit.toml", "--out", folder / "out")
    assert done.exit_code == 2
    assert words in " ".join(done.output.split())
    assert not (folder / "out").exists()
    assert run("validate", folder / "fit.toml").exit_code == 2


def test_infinite_limits_are_none_and_what_fails_after_the_fit_costs_only_itself(folder, monkeypatch):
    def fail(*_):
        raise ValueError("no room for axes")

    monkeypatch.setattr("jaxsched.report._calibration_plots.draw_fit", fail)
    text = CONFIG.replace('unit = "kWh per 30 min"', 'unit = "kWh per 30 min", lowest = -inf, highest = inf')
    text = text.replace("starts = 2", 'starts = 2\nbounds = { "chiller.sensitivity" = [0.001, inf] }')
    (folder / "fit.toml").write_text(text.replace("plots = false", "plots = true"), encoding="utf-8")
    done = run("calibrate", folder / "fit.toml", "--out", folder / "out")
    assert done.exit_code == 0, done.output
    summary = json.loads((folder / "out" / "summary.json").read_text(encoding="utf-8"))
    assert summary["failed"] == {"plots": "ValueError: no room for axes"}
    row = {row["name"]: row for row in summary["parameters"]}["chiller.sensitivity"]
    assert (row["low"], row["high"]) == (0.001, 0.1)
    record = json.loads((folder / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert record["calibration"]["inputs"]["observed"]["highest"] is None
    assert (folder / "out" / "model.json").is_file()
