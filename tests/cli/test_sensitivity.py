"""`jaxsched sensitivity` writes a whole study, and says in a sentence what it cannot study."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import jaxsched.cli._sensitivity as command
from jaxsched.cli._app import app
from jaxsched.report import SensitivityParts
from tests.cli.test_bad_input import GOOD, jaxsched

# Derivatives take longest to compile; tests/sensitivity/test_local.py has them and their tables.
PARTS = [word for part in ("global", "scenarios", "frontier") for word in ("--part", part)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sensitivity")
    (folder / "small.toml").write_text(GOOD.replace("plots = false", "plots = true"))
    done = jaxsched(folder, "sensitivity", "small.toml", "--out", "out", "--samples", "2", *PARTS)
    assert done.returncode == 0, done.stderr
    return folder, done


def test_tables_plots_summary_and_record_are_there(finished):
    folder, done = finished
    names = {path.name for path in (folder / "out").iterdir()}
    tables = {"indices", "scenarios", "frontier", "limits"}
    plots = {"global_indices", "convergence", "scenarios", "frontier"}
    assert {f"{name}.parquet" for name in tables} | {f"{name}.png" for name in plots} <= names
    assert {"summary.json", "manifest.json", "config.json"} <= names
    assert "written to out" in done.stdout
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_the_tables_are_tidy_and_agree_with_the_summary(finished):
    folder, _ = finished
    out = folder / "out"
    summary = json.loads((out / "summary.json").read_text())
    scenarios = pd.read_parquet(out / "scenarios.parquet")
    assert scenarios["case"].is_unique
    assert (scenarios["certified_gap"][scenarios["reached"]] <= 1e-3).all()
    assert summary["scenarios"]["cases"] == len(scenarios)
    frontier = pd.read_parquet(out / "frontier.parquet")
    assert frontier.loc[frontier["knee"], "case"].tolist() == [summary["frontier"]["knee"]]
    limits = pd.read_parquet(out / "limits.parquet")
    assert (limits["reached"] <= limits["limit"]).all()
    assert (limits["certified_gap"] <= 0.01).all()
    assert [row["limit"] for row in summary["limits"]] == limits["limit"].tolist()
    assert len(summary["limits_in_words"]) == len(limits) == 9
    assert np.isfinite(pd.read_parquet(out / "indices.parquet")["value"]).all()


def test_an_earlier_study_is_not_overwritten_and_bad_options_are_one_sentence(finished):
    folder, _ = finished
    before = (folder / "out" / "summary.json").read_bytes()
    again = jaxsched(folder, "sensitivity", "small.toml", "--out", "out", "--part", "scenarios")
    assert again.returncode == 2
    assert "out" in again.stderr
    assert "Traceback" not in again.stderr
    assert (folder / "out" / "summary.json").read_bytes() == before
    odd = jaxsched(folder, "sensitivity", "small.toml", "--part", "global", "--method", "sobol", "--samples", "3")
    assert odd.returncode == 2
    assert "sobol needs a power of two" in odd.stderr
    missing = jaxsched(folder, "sensitivity", "none.toml")
    assert missing.returncode == 2
    assert "none.toml" in missing.stderr
    assert {path.name for path in folder.iterdir()} == {"small.toml", "out"}


def test_without_a_configuration_it_studies_the_default_week(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(command, "study_parts", lambda study, *_: seen.append(study) or (SensitivityParts(), {}))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["sensitivity", "--json"])
    assert done.exit_code == 0, done.output
    assert seen[0].cap.shape == (168, 52)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["australian-week-sensitivity"]
