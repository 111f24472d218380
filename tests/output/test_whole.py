"""Directories and files appear whole or not at all; names are reserved; nothing of others is touched."""

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jaxsched._output import OutputError, _directory, _moves, _place, output_directory, whole_directory, whole_file
from jaxsched._output._content import names_in
from tests.output.test_kill import ROOT, number_in
from tests.output.writer import write


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


@pytest.fixture(params=["exchange", "two renames"])
def renames(request, monkeypatch):
    """Both ways to put a directory in the place of another: in one step, and where the system cannot."""
    if request.param == "two renames":
        monkeypatch.setattr(_moves, "_renameat2", lambda: None)


@pytest.fixture(params=["beside", "inside"])
def place(request, tmp_path, monkeypatch) -> Path:
    """A directory that can be replaced, and one that must stay the same because a process works in it."""
    target = tmp_path / "run"
    target.mkdir()
    if request.param == "inside":
        monkeypatch.chdir(target)
        return Path()
    return target


@pytest.mark.usefixtures("renames")
def test_an_earlier_run_is_replaced_and_an_empty_directory_filled(place, tmp_path):
    before = place.stat().st_ino
    for number in range(3):
        write(place, number)
        assert number_in(place) == number
    assert (place.stat().st_ino == before) == (place == Path())
    assert hidden(tmp_path) == hidden(place) == []


def write_file(target: Path, text: str) -> None:
    with whole_file(target, overwrite=True) as draft:
        draft.write_text(text)


def is_refused(call: Callable[[], None]) -> bool:
    try:
        call()
    except OutputError as error:
        return "No space left on device" in str(error)
    return False


class FullDisk:
    """Lets a number of calls that write succeed, then one fail as on a full disk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, allowed: int) -> None:
        self.left = allowed
        for owner, names in ((os, ("fsync", "open")), (Path, ("mkdir", "rename", "replace", "write_text"))):
            for name in names:
                monkeypatch.setattr(owner, name, self.counted(getattr(owner, name)))
        monkeypatch.setattr(_moves, "_renamed", self.counted(_moves._renamed))

    def counted(self, call):
        def counting(*arguments, **options):
            self.left -= 1
            if self.left == -1:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return call(*arguments, **options)

        return counting


@pytest.mark.usefixtures("renames")
def test_a_disk_that_is_full_at_any_write_leaves_the_earlier_run_whole(place, tmp_path):
    write(place, 1)
    for allowed in range(1000):
        with pytest.MonkeyPatch.context() as patch:
            disk = FullDisk(patch, allowed)
            failed = is_refused(lambda: write(place, 2))
        assert number_in(place) == (1 if failed else 2)
        assert hidden(tmp_path) == hidden(place) == []
        if disk.left >= 0:
            assert not failed
            assert allowed > 20
            return
    pytest.fail("the disk was full for ever")


def test_a_disk_that_is_full_at_any_write_leaves_an_earlier_file_whole(tmp_path):
    target = tmp_path / "tidy.csv"
    target.write_bytes(b"1")
    for allowed in range(100):
        with pytest.MonkeyPatch.context() as patch:
            disk = FullDisk(patch, allowed)
            failed = is_refused(lambda: write_file(target, "2"))
        assert target.read_bytes() == (b"1" if failed else b"2")
        assert names_in(tmp_path) == {"tidy.csv"}
        if disk.left >= 0:
            assert allowed > 3
            return
        target.write_bytes(b"1")


def test_a_file_that_outgrows_its_limit_is_one_sentence(tmp_path):
    code = (
        "import pathlib, resource, signal, jaxsched._output as o; resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "with o.whole_directory(pathlib.Path('run')) as draft: (draft / 'large').write_text('x' * 9999)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert "OutputError: run: cannot be written (File too large)" in done.stderr
    assert names_in(tmp_path) == set()


@pytest.mark.parametrize("writers", [2, 8])
def test_writers_of_one_name_at_once_are_all_kept(tmp_path, writers):
    code = (
        "import pathlib, sys, time, jaxsched._output as o\n"
        "with o.output_directory(None, pathlib.Path('runs/small')) as (target, draft):\n"
        "    time.sleep(0.3); (draft / 'who').write_text(sys.argv[1]); print(target)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(n)], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
                         stdout=subprocess.PIPE, text=True)
        for n in range(writers)
    ]  # fmt: skip
    said = {process.communicate(timeout=60)[0].strip(): str(n) for n, process in enumerate(processes)}
    assert said.keys() == {"runs/small", *(f"runs/small-{n}" for n in range(2, writers + 1))}
    for target, who in said.items():
        assert (tmp_path / target / "who").read_text() == who
    assert hidden(tmp_path / "runs") == []


def test_a_second_writer_of_a_directory_or_a_file_is_refused_at_once(tmp_path):
    with whole_directory(tmp_path / "run") as draft:
        (draft / "mine").write_text("first")
        with pytest.raises(OutputError, match="another run is writing it"), whole_directory(tmp_path / "run"):
            pass
    assert (tmp_path / "run" / "mine").read_text() == "first"
    with whole_file(tmp_path / "file") as draft:
        draft.write_text("first")
        with pytest.raises(OutputError, match="another process is writing it"), whole_file(tmp_path / "file"):
            pass
    assert (tmp_path / "file").read_text() == "first"


@pytest.mark.usefixtures("renames")
def test_what_came_into_being_meanwhile_is_refused_and_stays(tmp_path):
    target = tmp_path / "run"

    def beaten():
        with whole_directory(target) as draft:
            (draft / "mine").write_text("lost")
            target.mkdir()
            (target / "notes.txt").write_text("n")

    with pytest.raises(OutputError, match=r"holds other files \(notes.txt\)"):
        beaten()
    assert (target / "notes.txt").read_text() == "n"
    file = tmp_path / "file"

    def beaten_to_it():
        with whole_file(file) as draft:
            draft.write_text("mine")
            file.write_text("theirs")

    with pytest.raises(OutputError, match="exists"):
        beaten_to_it()
    assert file.read_text() == "theirs"
    assert hidden(tmp_path) == []


@pytest.mark.usefixtures("renames")
def test_a_file_that_comes_into_an_earlier_run_is_never_removed(tmp_path, monkeypatch):
    target = tmp_path / "run"
    write(target, 1)
    (target / "notes.txt").write_text("n")
    with pytest.raises(OutputError, match=r"other files \(notes.txt\); move them away"):
        write(target, 2)
    (target / "notes.txt").unlink()
    late = _directory.exchange

    def exchange_late(*paths):
        if not (target / "notes.txt").exists():
            (target / "notes.txt").write_text("n")
        return late(*paths)

    monkeypatch.setattr(_directory, "exchange", exchange_late)
    with pytest.raises(OutputError, match="came into it meanwhile"):
        write(target, 2)
    assert (target / "notes.txt").read_text() == "n"
    (target / "notes.txt").unlink()
    assert number_in(target) == 1
    assert names_in(tmp_path) == {"run"}


def test_a_run_of_an_earlier_version_is_known_by_its_suffixes(tmp_path):
    (tmp_path / "run").mkdir()
    for name in ("sites.parquet", "sites.png", "summary.json"):
        (tmp_path / "run" / name).touch()
    (tmp_path / "run" / "manifest.json").write_text('{"jaxsched": "0.1.0"}')
    write(tmp_path / "run", 1)
    assert number_in(tmp_path / "run") == 1
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "manifest.json").write_text('{"files": ["manifest.json"]}')
    with pytest.raises(OutputError, match="other files"):
        write(tmp_path / "theirs", 1)


def test_a_link_is_followed_and_stays_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk")
    (tmp_path / "nowhere").symlink_to("disk/deep/new")
    for number, link in enumerate(("link", "link", "nowhere")):
        if link == "nowhere":
            (tmp_path / "link").unlink()
            (tmp_path / "disk").rename(tmp_path / "before")
        write(tmp_path / link, number)
        assert (tmp_path / link).is_symlink()
        assert number_in(tmp_path / link) == number
    (tmp_path / "file.csv").symlink_to("there.csv")
    with whole_file(tmp_path / "file.csv") as draft:
        draft.write_text("1")
    assert (tmp_path / "there.csv").read_text() == "1"


def test_a_directory_that_something_is_mounted_on_keeps_its_identity(tmp_path, monkeypatch):
    (tmp_path / "mounted").mkdir()
    before = (tmp_path / "mounted").stat().st_ino
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == tmp_path / "mounted")
    for number in range(2):
        write(tmp_path / "mounted", number)
    assert number_in(tmp_path / "mounted") == 1
    assert (tmp_path / "mounted").stat().st_ino == before


@pytest.mark.parametrize("mask", [0o022, 0o027, 0o002])
def test_the_users_mask_decides_who_may_read(tmp_path, mask):
    before = os.umask(mask)
    try:
        write(tmp_path / "new" / "run", 1)
        with whole_file(tmp_path / "file") as draft:
            draft.write_text("1")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new" / "run").stat().st_mode) == 0o777 & ~mask
    assert stat.S_IMODE((tmp_path / "new" / "run" / "0.csv").stat().st_mode) == 0o666 & ~mask
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~mask


def test_a_failure_removes_the_directories_that_were_made_for_it(tmp_path):
    with pytest.raises(RuntimeError), whole_directory(tmp_path / "a" / "b" / "run"):
        raise RuntimeError
    assert names_in(tmp_path) == set()


def test_a_file_system_without_locks_works_and_trusts_no_draft(tmp_path, monkeypatch):
    monkeypatch.setattr(_place, "fcntl", None)
    write(tmp_path / "run", 1)
    assert number_in(tmp_path / "run") == 1
    (tmp_path / ".run.jaxsched-draft").mkdir()
    with pytest.raises(OutputError, match=r"if none is, remove .*\.run\.jaxsched-draft"):
        write(tmp_path / "run", 2)
    with output_directory(None, tmp_path / "run") as (target, draft):
        (draft / "new").touch()
    assert target == tmp_path / "run-2"


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127, "two words", "-rf"])
def test_any_name_that_the_file_system_takes_can_be_written(tmp_path, name):
    write(tmp_path / name, 1)
    assert names_in(tmp_path) == {name}


def test_what_is_no_plain_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for target in (tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(OutputError, match="is no plain file"), whole_file(target, overwrite=True):
            pass
    with pytest.raises(OutputError, match="is a directory"), whole_file(tmp_path, overwrite=True):
        pass
    with pytest.raises(OutputError, match="is a file"), whole_directory(tmp_path / "pipe", overwrite=True):
        pass
