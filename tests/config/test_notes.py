"""What a reader left out of a file is said on the terminal and in the record of a run."""

import pandas as pd
import pytest
from typer.testing import CliRunner

from jaxsched.cli._app import app
from jaxsched.config import load_config
from jaxsched.config._build import build_scenario
from jaxsched.report._manifest import manifest
from jaxsched.scenarios._tables import embedded_tables
from tests.small import SMALL

NOTE = "prices.csv: 5 rows of the physical run of interventions were left out"
CONFIG = f"""{SMALL}
[inputs]
price = "prices.csv"
[report]
policies = ["nearest"]
plots = false
"""


@pytest.fixture
def path(tmp_path):
    stamps = pd.date_range("2024-01-01 00:05", periods=36, freq="5min").strftime("%Y/%m/%d %H:%M:%S")
    regions = ("NSW1", "QLD1", "SA1", "TAS1", "VIC1")
    parts = [pd.DataFrame({"SETTLEMENTDATE": stamps, "REGIONID": r, "RRP": 50.0, "INTERVENTION": 0}) for r in regions]
    physical = pd.concat(parts)[lambda t: t["SETTLEMENTDATE"] == stamps[7]].assign(RRP=15_000.0, INTERVENTION=1)
    pd.concat([*parts, physical]).to_csv(tmp_path / "prices.csv", index=False)
    (tmp_path / "small.toml").write_text(CONFIG)
    return tmp_path / "small.toml"


def test_notes_of_the_files_are_in_the_scenario_and_the_manifest(path):
    config = load_config(path)
    scenario = build_scenario(config, path.parent)
    assert scenario.notes[0] == NOTE
    assert all(" is the package's own: " in note for note in scenario.notes[1:])
    resolved = {"solver": {"dtype": "float32"}, "scenario": {"seed": 0}}
    assert manifest(resolved, {}, embedded_tables(), scenario)["notes"] == list(scenario.notes)


def test_notes_of_the_files_are_told_on_the_terminal(path):
    done = CliRunner().invoke(app, ["validate", str(path)])
    assert done.exit_code == 0, done.stderr
    assert f"note: {NOTE}" in done.stderr
    assert "note: " not in done.stdout
