"""A part of a run that fails costs only itself: the answer is kept, and what is missing is said and recorded."""

import errno
import json
import os
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner

import jaxsched.cli._run as command
from jaxsched.cli._app import app
from jaxsched.config._template import template
from jaxsched.report import _plots
from tests.small import IN_JANUARY

CONFIG = f"""{IN_JANUARY}
[report]
policies = ["nearest", "proportional"]
"""
RECORD = {"summary.json", "manifest.json", "config.json", "schedule.parquet", "sites.parquet"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "small.toml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def broken(*_arguments, **_options):
    raise RuntimeError("broken on purpose\nwith a second line")


def full(*_arguments, **_options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_policy_a_table_and_a_plot_that_fail_cost_only_themselves(folder, monkeypatch):
    monkeypatch.setitem(command.POLICIES, "nearest", broken)
    monkeypatch.setattr(command, "routes_frame", broken)
    monkeypatch.setitem(_plots._PLOTS, "convergence", broken)
    done = CliRunner().invoke(app, ["run", "small.toml", "--json"])
    assert done.exit_code == 0, done.output
    missing = {"policy nearest", "table schedule.parquet", "plot convergence.png"}
    for name in missing:
        assert f"warning: {name} is missing (RuntimeError: broken on purpose); everything else was kept." in done.stderr
    out = folder / "runs" / "small"
    summary = json.loads((out / "summary.json").read_text())
    manifest = json.loads((out / "manifest.json").read_text())
    assert json.loads(done.stdout) == summary
    assert set(summary["failed"]) == set(manifest["failed"]) == missing
    assert list(summary["policies"]) == ["temperature_aware", "proportional"]
    plots = {f"{name}.png" for name in _plots._PLOTS} - {"convergence.png"}
    assert {path.name for path in out.iterdir()} == (RECORD - {"schedule.parquet"}) | plots
    assert set(manifest["files"]) == {path.name for path in out.iterdir()}


def test_what_sites_cost_adds_up_to_the_summary_and_a_disk_too_full_for_plots_costs_only_these(folder, monkeypatch):
    monkeypatch.setattr(Figure, "savefig", full)
    done = CliRunner().invoke(app, ["run", "small.toml", "--policy", "nearest"])
    assert done.exit_code == 0, done.output
    assert (
        "written to runs/small: summary.json, manifest.json, config.json, schedule.parquet, sites.parquet\n"
        in done.stdout
    )
    out = folder / "runs" / "small"
    assert {path.name for path in out.iterdir()} == RECORD
    summary = json.loads((out / "summary.json").read_text())
    assert len(summary["failed"]) == len(_plots._PLOTS)
    sites = pd.read_parquet(out / "sites.parquet")
    hours = summary["slot_hours"]
    for policy, totals in summary["policies"].items():
        mine = sites[sites["policy"] == policy]
        for key in ("energy_cost_aud", "carbon_cost_aud", "water_cost_aud", "waiting_cost_aud", "total_cost_aud"):
            assert mine[key].sum() == pytest.approx(totals[key], rel=1e-6), key
        paid = mine["facility_power_kw"] * mine["delivered_price_aud_per_mwh"] / 1000 * hours
        assert paid.sum() == pytest.approx(totals["energy_cost_aud"], rel=1e-6)
        # A schedule that is optimal pays its marginal cost for load, where there is any.
        busy = mine[(mine["load_gpus"] > 1.0) & mine["price_of_load_aud_per_gpu_h"].notna()]
        assert len(busy) > 0 or policy == "nearest"
        assert busy["price_of_load_aud_per_gpu_h"].to_numpy() == pytest.approx(
            busy["marginal_cost_aud_per_gpu_h"].to_numpy(), rel=0.02
        )


def test_a_disk_too_full_for_a_table_keeps_nothing_and_the_directory_is_refused_before_the_solve(folder, monkeypatch):
    monkeypatch.setattr(pd.DataFrame, "to_parquet", full)
    done = CliRunner().invoke(app, ["run", "small.toml", "--policy", "temperature_aware"])
    assert done.exit_code == 2
    assert "error: runs/small: cannot be written (No space left on device); nothing was kept." in done.stderr
    assert [path.name for path in folder.iterdir()] == ["small.toml"]
    monkeypatch.setattr(command, "prepare", broken)
    (folder / "notes").mkdir()
    (folder / "notes" / "thesis.txt").write_text("precious")
    for out in ("notes", ".", "small.toml", "small.toml/run", "/proc/run"):
        done = CliRunner().invoke(app, ["run", "small.toml", "--out", out, "--overwrite"])
        assert done.exit_code == 2, done.output
        assert done.stderr.startswith(f"error: {out}: ")


def test_init_works_in_the_directory_that_one_stands_in(folder):
    (folder / "new").mkdir()
    os.chdir(folder / "new")
    before = Path().stat().st_ino
    done = CliRunner().invoke(app, ["init", "."])
    assert done.exit_code == 0, done.output
    assert Path().stat().st_ino == before
    assert {path.name for path in (folder / "new").iterdir()} == set(template())
    again = CliRunner().invoke(app, ["init", "."])
    assert again.exit_code == 2
    assert "is not empty" in again.stderr
