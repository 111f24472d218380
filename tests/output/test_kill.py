"""Whenever a process is ended, what it wrote is the old result or the new one, whole."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jaxsched._output import whole_directory
from jaxsched._output._content import names_in
from tests.output import writer

ROOT = Path(__file__).resolve().parent.parent.parent
KILLS = 50


def number_in(target: Path) -> int:
    """The number of the run that a directory holds; all of its files must be of that run, and there."""
    manifest = json.loads((target / "manifest.json").read_text())
    names = {path.name for path in target.iterdir() if not path.name.startswith(".")}
    assert names == set(manifest["files"]) == {"manifest.json", *(f"{n}.csv" for n in range(writer.FILES))}
    for n in range(writer.FILES):
        assert (target / f"{n}.csv").read_text() == f"{manifest['number']}\n" * 2000
    return manifest["number"]


def ended(target: Path, number: signal.Signals, first: int, after: float, cwd: Path) -> subprocess.CompletedProcess:
    """Start the writer, end it some seconds after its first run, and wait for it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.output.writer", str(target), str(first)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(after)
        process.send_signal(number)
        out, errors = process.communicate(timeout=30)
    finally:
        # One that does not end would go on writing for ever.
        process.kill()
        process.wait()
    return subprocess.CompletedProcess(process.args, process.returncode, out, errors)


def test_a_process_killed_at_any_moment_leaves_a_whole_run_and_hinders_no_other(tmp_path):
    chance, last = random.Random(0), 0
    for kill in range(KILLS):
        done = ended(tmp_path / "run", signal.SIGKILL, 1000 * kill, chance.uniform(0, 0.02), tmp_path)
        assert done.returncode == -signal.SIGKILL
        last = number_in(tmp_path / "run")
        assert last >= 1000 * kill
        assert {p.name for p in tmp_path.iterdir()} <= {"run", ".run.jaxsched-lock", ".run.jaxsched-draft"}
    writer.write(tmp_path / "run", last + 1)
    assert number_in(tmp_path / "run") == last + 1
    assert names_in(tmp_path) == {"run"}


def test_a_process_killed_while_it_writes_into_its_own_directory_is_mended_by_the_next(tmp_path, monkeypatch):
    chance = random.Random(1)
    for kill in range(KILLS // 2):
        ended(Path(), signal.SIGKILL, 1000 * kill, chance.uniform(0, 0.02), tmp_path)
        # What is half moved is finished or taken back when the directory is next claimed, here to no end.
        monkeypatch.chdir(tmp_path)
        with pytest.raises(RuntimeError), whole_directory(Path(), overwrite=True):
            raise RuntimeError
        assert number_in(tmp_path) >= 1000 * kill
        assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_in_one_sentence_and_leaves_a_whole_run_alone(tmp_path, number):
    chance = random.Random(2)
    for kill in range(KILLS // 4):
        done = ended(tmp_path / "run", number, 1000 * kill, chance.uniform(0, 0.02), tmp_path)
        assert done.returncode == 130, done.stderr
        assert done.stderr.startswith("interrupted: ")
        assert done.stderr.count("\n") == 1
        assert number_in(tmp_path / "run") >= 1000 * kill
        assert names_in(tmp_path) == {"run"}
