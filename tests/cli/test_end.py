"""However the command line is ended, it is one sentence and nothing half done."""

import os
import random
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest

from tests.cli.test_bad_input import GOOD, jaxsched

# A test run in the background may hand ignored signals down to its children; these listen in any case, and say from when on.
LISTENING = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "import jaxsched.cli as c, jaxsched._output as o; o.leave_in_order(); print('listening', flush=True); c.main()"
)
LONG = "[solver]\nrtol = 1e-12\nmax_steps = 100000\n"


def started(folder: Path, *arguments: str) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENING, *arguments],
        cwd=folder,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "listening\n"
    return process


def drafts(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.endswith("-draft")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_solves_ends_in_one_sentence_and_leaves_nothing(tmp_path, number):
    (tmp_path / "long.toml").write_text(LONG)
    process = started(tmp_path, "run", "long.toml", "--out", "out")
    deadline = time.monotonic() + 120
    while not drafts(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(random.Random(number).uniform(2.0, 8.0))  # while it compiles, or well inside the solve
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "interrupted: nothing was written." in errors
    assert "Traceback" not in errors
    assert [p.name for p in tmp_path.iterdir()] == ["long.toml"]


def test_a_signal_in_the_first_seconds_ends_in_one_sentence(tmp_path):
    chance = random.Random(0)
    (tmp_path / "small.toml").write_text(GOOD)
    for kill in range(6):
        process = started(tmp_path, "run", "small.toml", "--out", "out")
        time.sleep(chance.uniform(0.0, 2.5))
        process.send_signal((signal.SIGINT, signal.SIGTERM)[kill % 2])
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 130, errors
        assert errors.splitlines()[-1].endswith("interrupted: nothing was written.")
        assert "Traceback" not in errors
        assert [p.name for p in tmp_path.iterdir()] == ["small.toml"]


def test_the_draft_of_a_run_that_was_killed_hinders_no_other(tmp_path):
    (tmp_path / "long.toml").write_text(LONG)
    process = started(tmp_path, "run", "long.toml", "--out", "out")
    while not drafts(tmp_path):
        time.sleep(0.05)
    process.kill()
    process.communicate()
    assert drafts(tmp_path)
    done = jaxsched(tmp_path, "init", "out")
    assert done.returncode == 0, done.stderr
    assert {p.name for p in tmp_path.iterdir()} == {"long.toml", "out"}


@pytest.mark.parametrize("module", ["jaxsched", "jaxsched.cli"])
def test_the_version_is_told_by_the_module_and_by_an_option(tmp_path, module):
    done = subprocess.run([sys.executable, "-m", module, "--version"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == metadata.version("jaxsched")
    assert jaxsched(tmp_path, "version").stdout == done.stdout


def test_help_and_the_kinds_of_file_come_without_jax(tmp_path):
    code = (
        "import sys, jaxsched.cli as c\n"
        "try: c.main()\n"
        "except SystemExit: pass\n"
        "print('jax' in sys.modules, file=sys.stderr)"
    )
    for arguments in (["--help"], ["run", "--help"], ["data", "kinds"], ["--version"]):
        done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, text=True)
        assert done.stdout
        assert done.stderr.strip() == "False", arguments


def test_a_disk_that_is_full_for_what_is_printed_is_one_sentence(tmp_path):
    for arguments in (["data", "kinds"], ["version"]):
        with open("/dev/full", "w") as full:  # noqa: PTH123
            done = subprocess.run(
                [sys.executable, "-m", "jaxsched", *arguments],
                cwd=tmp_path,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert done.returncode == 2
        assert done.stderr == "error: what is printed cannot be written (No space left on device).\n"
