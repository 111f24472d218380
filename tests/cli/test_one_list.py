"""A policy or a plant is added in one list, and everything takes it from there: schema, tables, command line, report."""

import io
import json

import jax.numpy as jnp
import pandas as pd
import pytest
from typer.testing import CliRunner

from jaxsched import solve
from jaxsched._parameters import as_array
from jaxsched.cli._app import app
from jaxsched.config import Config, ConfigError, build_scenario, load_config
from jaxsched.config._template import schema_text, template
from jaxsched.models import PLANTS, DirectExpansion, DryWater, Plant
from jaxsched.scenarios.readers._rows import SiteRow
from jaxsched.solvers import Proportional
from jaxsched.study import POLICIES, build_study
from tests.small import IN_JANUARY


def farthest(study, _solver, _progress=None):
    """Shares by capacity; what it does is beside the point."""
    assert jnp.isfinite(study.cap).all()
    return solve(study.problem, Proportional(), throw=False)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "small.toml").write_text(IN_JANUARY + '[report]\npolicies = ["farthest"]\nplots = true\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_unknown_policy_is_refused_by_configuration_and_command_line(folder):
    with pytest.raises(
        ConfigError, match=r"`report.policies.0` is 'farthest': input should be 'temperature_aware', .*"
    ):
        load_config(folder / "small.toml")
    done = CliRunner().invoke(app, ["run", "--policy", "farthest"])
    assert done.exit_code == 2
    assert "'greenest'" in done.output


def test_a_policy_of_the_list_is_in_the_schema_and_runs_from_configuration_to_report(folder, monkeypatch):
    monkeypatch.setitem(POLICIES, "farthest", farthest)
    assert '"farthest"' in schema_text(Config)
    assert '"farthest"' in template()["jaxsched.toml"]
    for arguments in (["small.toml"], ["small.toml", "--policy", "farthest", "--overwrite"]):
        done = CliRunner().invoke(app, ["run", *arguments, "--out", "out"])
        assert done.exit_code == 0, done.output
        assert "farthest" in done.output
        summary = json.loads((folder / "out" / "summary.json").read_text())
        assert list(summary["policies"]) == ["temperature_aware", "farthest"]
        assert summary["policies"]["farthest"]["total_cost_aud"] > summary["totals"]["total_cost_aud"]


def test_an_unknown_plant_is_refused_by_configuration_and_table(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(IN_JANUARY + '[sites."Melbourne A"]\nplant = "ice"\n')
    with pytest.raises(ConfigError, match=r"plant` is 'ice': input should be 'dx', 'airside', .*"):
        load_config(path)
    assert '"ice"' not in schema_text(SiteRow)


def test_a_plant_of_the_list_is_in_the_schemas_and_runs_from_a_table_and_a_configuration_to_the_report(
    folder, monkeypatch
):
    monkeypatch.setitem(PLANTS, "ice", lambda: Plant(DirectExpansion(pump_share=as_array(0.1)), DryWater()))
    assert '"ice"' in schema_text(Config)
    assert '"ice"' in schema_text(SiteRow)
    sites = pd.read_csv(io.StringIO(template()["sites.csv"])).head(3)
    sites.loc[0, "plant"] = "ice"
    sites.to_csv("sites.csv", index=False)
    name = sites["name"][1]
    text = IN_JANUARY.replace("sites = 3\n", "") + f'[inputs]\nsites = "sites.csv"\n[sites."{name}"]\nplant = "ice"\n'
    (folder / "plant.toml").write_text(text + '[report]\npolicies = ["nearest"]\nplots = false\n')
    done = CliRunner().invoke(app, ["run", "plant.toml", "--out", "out"])
    assert done.exit_code == 0, done.output
    study = build_study(build_scenario(load_config(folder / "plant.toml"), folder))
    assert study.scenario.sites["plant"].tolist()[:2] == ["ice", "ice"]
    shares = [getattr(plant.cooling, "pump_share", None) for plant in study.inputs.site_model.plants.plants]
    assert 0.1 in shares
    frame = pd.read_parquet("out/sites.parquet")
    busy = frame[(frame["it_power_kw"] > 0) & (frame["site"] == name)]
    assert (busy["cooling_power_kw"] > 0.1 * busy["it_power_kw"]).all()
    assert len(busy) > 0
