"""`jaxsched run` writes a whole record that can be run again."""

import json
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from jaxsched.study import POLICIES
from tests.cli.test_bad_input import GOOD, jaxsched


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess]:
    folder = tmp_path_factory.mktemp("run")
    text = GOOD.replace('policies = ["temperature_aware"]\nplots = false\n', "")
    (folder / "small.toml").write_text(text)
    done = jaxsched(folder, "run", "small.toml", "--out", "out")
    assert done.returncode == 0, done.stderr
    return folder, done


def test_the_record_is_complete(finished):
    folder, _ = finished
    names = {path.name for path in (folder / "out").iterdir()}
    assert {"summary.json", "schedule.parquet", "sites.parquet", "manifest.json", "config.json"} <= names
    assert {"policies.png", "load_and_temperature.png", "cooling_saved.png", "convergence.png", "sites.png"} <= names
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_the_summary_has_the_promised_keys_and_a_small_gap(finished):
    folder, _ = finished
    summary = json.loads((folder / "out" / "summary.json").read_text())
    assert 0 <= summary["certified_gap"] <= 1.01e-3
    assert summary["iterations"] > 0
    assert summary["failed"] == {}
    assert list(summary["policies"]) == list(POLICIES)
    quantities = {"energy_mwh", "cooling_energy_mwh", "energy_cost_aud", "carbon_t", "water_kl", "mean_ttft_ms",
                  "p95_ttft_ms", "total_cost_aud"}  # fmt: skip
    assert quantities <= set(summary["totals"])
    for totals in summary["policies"].values():
        assert quantities <= set(totals)
        assert totals["total_cost_aud"] >= summary["lower_bound_aud"]
    parts = ("energy_cost_aud", "carbon_cost_aud", "water_cost_aud", "waiting_cost_aud")
    totals = summary["totals"]
    assert totals["total_cost_aud"] == pytest.approx(sum(totals[part] for part in parts))


def test_the_schedule_serves_the_demand(finished):
    folder, _ = finished
    schedule = pd.read_parquet(folder / "out" / "schedule.parquet")
    summary = json.loads((folder / "out" / "summary.json").read_text())
    served = schedule["requests_per_s"].sum() * 3600 * summary["slot_hours"]
    assert served == pytest.approx(summary["totals"]["requests"], rel=1e-5)
    assert (schedule["requests_per_s"] > 0).all()


def test_the_table_shows_every_policy_and_where_the_pictures_are(finished):
    _, done = finished
    for policy in POLICIES:
        assert policy.replace("_", "-") in done.stdout
    assert "written to out" in done.stdout
    assert "policies.png" in done.stdout
    assert "assumption" in done.stdout


def test_the_resolved_configuration_reproduces_the_numbers(finished):
    folder, _ = finished
    done = jaxsched(folder, "run", "out/config.json", "--out", "again", "--json", "--policy", "temperature_aware")
    assert done.returncode == 0, done.stderr
    first = json.loads((folder / "out" / "summary.json").read_text())
    again = json.loads(done.stdout)
    assert again["totals"] == first["totals"]
    assert again["certified_gap"] == first["certified_gap"]


def test_the_manifest_names_versions_device_and_hashes(finished):
    folder, _ = finished
    manifest = json.loads((folder / "out" / "manifest.json").read_text())
    assert manifest["device"]["platform"] == "cpu"
    assert manifest["dtype"] == "float32"
    assert manifest["packages"]["jax"]
    assert all(len(digest) == 64 for digest in manifest["embedded_tables"].values())
    assert "price" in manifest["provenance"]


def test_an_earlier_run_is_kept_unless_replacing_it_is_asked_for(finished):
    folder, _ = finished
    done = jaxsched(folder, "run", "small.toml", "--out", "out")
    assert done.returncode == 2
    assert "--overwrite" in done.stderr


def test_validate_says_that_a_good_file_is_good(finished):
    folder, _ = finished
    done = jaxsched(folder, "validate", "small.toml")
    assert done.returncode == 0, done.stderr
    assert "good. 3 slots" in done.stdout


def test_help_names_the_commands_and_their_options(finished):
    folder, _ = finished
    overall, run = jaxsched(folder, "--help"), jaxsched(folder, "run", "--help")
    assert overall.returncode == run.returncode == 0
    for word in ("run", "validate", "proof"):
        assert word in overall.stdout
    for word in ("--out", "--json", "--policy", "--overwrite"):
        assert word in run.stdout


def test_the_schema_describes_every_section(finished):
    folder, _ = finished
    schema = json.loads(jaxsched(folder, "schema").stdout)
    assert {"scenario", "demand", "weights", "classes", "sites", "inputs", "solver", "report"} <= set(
        schema["properties"]
    )
