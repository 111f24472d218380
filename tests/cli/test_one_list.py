"""A policy is added in one list, and everything takes it from there: schema, configuration, command line, report."""

import json

import jax.numpy as jnp
import pytest
from typer.testing import CliRunner

from jaxsched import solve
from jaxsched.cli import app
from jaxsched.config import Config, ConfigError, load_config, schema_text, template
from jaxsched.solvers import Proportional
from jaxsched.study import POLICIES
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
