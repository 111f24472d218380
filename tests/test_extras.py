"""Packages of extras: declared once, and missed in a sentence that says what to run."""

import json
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jaxsched._extras import EXTRAS, MissingExtra, needs
from jaxsched.cli._app import app
from tests.small import SMALL

ROOT = Path(__file__).resolve().parent.parent


def test_extras_are_those_of_the_package():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    brought = {need.split(">=")[0]: extra for extra in set(EXTRAS.values()) for need in declared[extra]}
    assert brought == EXTRAS
    assert declared["all"] == [f"jaxsched[{','.join(sorted(set(EXTRAS.values())))}]"]
    always = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    assert not {need.split(">=")[0] for need in always} & set(EXTRAS)


@pytest.mark.parametrize("package", EXTRAS)
def test_what_is_missing_is_said_with_what_to_run(package, monkeypatch):
    needs("this", package)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=rf'needs {package}; run pip install "jaxsched\[{EXTRAS[package]}\]"'):
        needs("this", package)


def test_a_run_without_plots_keeps_everything_else(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    (tmp_path / "small.toml").write_text(SMALL, encoding="utf-8")
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["run", str(tmp_path / "small.toml"), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert 'pip install "jaxsched[plots]"' in done.stderr
    assert "plots" in json.loads((out / "summary.json").read_text(encoding="utf-8"))["failed"]
    assert (out / "sites.parquet").is_file()
    assert not list(out.glob("*.png"))
