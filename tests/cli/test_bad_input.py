"""Every failure that a user can cause ends in one clear sentence, a non-zero exit and no output left behind."""

import os
import subprocess
import sys
from pathlib import Path

# A small and quick study; each case below breaks one thing in it.
GOOD = """
name = "small"
[scenario]
sites = 8
origins = 10
slots = 3
[report]
policies = ["temperature_aware"]
plots = false
"""


def jaxsched(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "jaxsched.cli", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def refused(folder: Path, text: str, *words: str, command: str = "validate") -> str:
    """Write a configuration, expect it to be refused, and return the error."""
    (folder / "bad.toml").write_text(text, encoding="utf-8")
    done = jaxsched(folder, command, "bad.toml")
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert errors, done.stderr
    for word in words:
        assert word in done.stderr
    assert not (folder / "runs").exists()
    return done.stderr


def test_an_unknown_key_is_named_with_the_key_that_was_meant(tmp_path):
    refused(tmp_path, GOOD.replace("slots = 3", "slot = 3"), "unknown key `scenario.slot`", "did you mean `slots`")


def test_a_wrong_unit_is_named_with_the_right_one(tmp_path):
    refused(tmp_path, GOOD + "[weights]\ncarbon_aud_per_kg = 0.08\n", "carbon_aud_per_kg", "give `carbon_aud_per_t`")


def test_every_problem_is_named_at_once(tmp_path):
    error = refused(tmp_path, GOOD.replace("slots = 3", "slots = -3") + "[solver]\nrtol = 2.0\n", "slots", "rtol")
    assert error.count("error: ") == 2


def test_a_negative_capacity_is_refused(tmp_path):
    refused(tmp_path, GOOD + '[sites."nowhere"]\ngpus = -8\n', "sites.nowhere.gpus", "-8")


def test_an_unknown_site_is_refused_with_a_hint(tmp_path):
    refused(tmp_path, GOOD + '[sites."nowhere"]\ngpus = 8\n', "there is no `nowhere`")


def test_demand_above_capacity_is_refused_with_slot_and_shortfall(tmp_path):
    refused(tmp_path, GOOD + "[demand]\nscale = 50\n", "Slot", "short", "add capacity or lower demand")


def test_an_origin_without_an_allowed_site_is_named(tmp_path):
    refused(tmp_path, GOOD + "[classes.code-70b]\nlatency_limit_s = 0.001\n", "no allowed site for code-70b", "0.001 s")


def test_a_missing_file_is_named(tmp_path):
    refused(tmp_path, GOOD + '[inputs]\ngrid = "absent.parquet"\n', "absent.parquet", "does not exist")
    done = jaxsched(tmp_path, "run", "absent.toml")
    assert done.returncode == 2
    assert "absent.toml: there is no such file" in done.stderr


def test_text_that_is_no_toml_is_refused_with_its_line(tmp_path):
    refused(tmp_path, "name = \n", "is not valid TOML", "line 1")


def test_an_impossible_start_is_refused(tmp_path):
    refused(tmp_path, GOOD.replace("slots = 3", 'slots = 3\nstart = "yesterday"'), "yesterday")


def test_an_unwritable_directory_is_refused(tmp_path):
    (tmp_path / "file").write_text("not a directory")
    (tmp_path / "good.toml").write_text(GOOD)
    done = jaxsched(tmp_path, "run", "good.toml", "--out", "file/run")
    assert done.returncode == 2
    assert "cannot be created" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_directory_with_other_files_is_never_replaced(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    (tmp_path / "good.toml").write_text(GOOD)
    done = jaxsched(tmp_path, "run", "good.toml", "--out", "mine", "--overwrite")
    assert done.returncode == 2
    assert "holds other files" in done.stderr
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"
