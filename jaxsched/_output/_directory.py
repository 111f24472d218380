"""A directory that appears whole or not at all."""

import errno
import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jaxsched._output._content import list_files, names_in, other_files
from jaxsched._output._interrupt import undisturbed
from jaxsched._output._moves import exchange, keep, move_new
from jaxsched._output._place import Claim, OutputError, place_of, remove

_ELSEWHERE = "choose another --out directory"
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_MOUNTS = Path("/proc/self/mountinfo")


@contextmanager
def whole_directory(target: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A hidden draft that takes the place of a directory only if the block ends well.

    What is there before stays whole until the draft is complete, and comes back if the draft cannot take its place. A link
    is followed. The directory in which the process works, and one on which a file system is mounted, are written into.

    Arguments:
        target: The directory to appear; it may be there if it is empty.
        overwrite: Whether an earlier run there may be replaced; files that no run wrote never are.

    Raises:
        OutputError: If the target is in use, is being written by another process, cannot be written, or the disk is full.
    """
    claim = _claim(target, overwrite)
    if claim is None:
        raise OutputError(f"{target}: another run is writing it; wait for its end, or {_ELSEWHERE}.")
    with _filled(claim, overwrite) as draft:
        yield draft


@contextmanager
def output_directory(out: Path | None, base: Path, *, overwrite: bool = False) -> Iterator[tuple[Path, Path]]:
    """The directory that was asked for, or the next free one of a name, and its draft.

    Arguments:
        out: The directory that was asked for, as `whole_directory` takes it.
        base: Where none was: NAME, NAME-2, NAME-3, ..., so that earlier runs, and those that go on, are kept.
        overwrite: Whether an earlier run in `out` may be replaced.

    Raises:
        OutputError: As `whole_directory`.
    """
    if out is None:
        with next_directory(base) as both:
            yield both
    else:
        with whole_directory(out, overwrite=overwrite) as draft:
            yield out, draft


@contextmanager
def next_directory(base: Path) -> Iterator[tuple[Path, Path]]:
    """The first free directory of NAME, NAME-2, NAME-3, ... and its draft.

    Raises:
        OutputError: If it cannot be written, or the disk is full.
    """
    for count in itertools.count(1):
        target = base if count == 1 else base.with_name(f"{base.name}-{count}")
        if os.path.lexists(target):
            continue
        claim = _claim(target, overwrite=False)
        if claim is None:
            continue
        if os.path.lexists(target):
            # Another process was faster by an instant.
            claim.release()
            continue
        with _filled(claim, overwrite=False) as draft:
            yield target, draft
        return


def _claim(target: Path, overwrite: bool) -> Claim | None:
    """The claim to a directory, with a draft to fill; None where another process has it."""
    place = place_of(target)
    claim = None
    try:
        claim = _acquired(place, target)
        if claim is None:
            return None
        _recover(claim)
        _check_free(claim, overwrite)
        claim.start()
    except OSError as error:
        if claim is not None:
            claim.release()
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{target}: cannot be created ({error.strerror or error}); {_ELSEWHERE}.") from None
    return claim


def _acquired(place: Path, shown: Path) -> Claim | None:
    inside = place.is_dir() and _is_held(place)
    claim = Claim(place, place if inside else place.parent, shown)
    try:
        return claim if claim.acquire() else None
    except OSError as error:
        # A directory that may be written in a parent that may not.
        if inside or not place.is_dir() or error.errno not in _FORBIDDEN:
            raise
    claim = Claim(place, place, shown)
    return claim if claim.acquire() else None


def _is_held(place: Path) -> bool:
    """Whether a directory must keep its identity: one works in it, or something is mounted on it."""
    if os.path.ismount(place) or place.samefile(Path.cwd()):
        return True
    if not _MOUNTS.exists():
        return False
    # A directory that is bound to another of the same file system looks like any other.
    mounted = (line.split()[4] for line in _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines())
    return str(place) in {point.replace("\\040", " ") for point in mounted}


def _recover(claim: Claim) -> None:
    """Bring back, or finish, what a process that was killed left half done; remove its draft."""
    if not claim.locked:
        if claim.draft.exists():
            raise OutputError(
                f"{claim.shown}: another run is writing it, or was ended while it did; if none is, remove {claim.draft}."
            )
        return
    with undisturbed():
        if claim.folder == claim.target:
            if claim.new.exists():
                _move_in(claim)
            elif claim.draft.exists() and claim.old.exists():
                _move_all(claim.old, claim.target)
        elif claim.old.exists() and not claim.target.exists():
            claim.old.rename(claim.target)
        for path in (claim.draft, claim.old):
            remove(path)


def _check_free(claim: Claim, overwrite: bool) -> None:
    target, shown = claim.target, claim.shown
    if not os.path.lexists(target):
        return
    if not target.is_dir():
        raise OutputError(f"{shown}: is a file; {_ELSEWHERE}.")
    names = names_in(target) - claim.hidden
    if not names:
        return
    others = other_files(target)
    others = sorted(names) if others is None else [name for name in others if name in names]
    if others:
        some = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
        raise OutputError(f"{shown}: is not empty; it holds other files ({some}); move them away, or {_ELSEWHERE}.")
    if not overwrite:
        raise OutputError(f"{shown}: is not empty; add --overwrite to replace it.")


@contextmanager
def _filled(claim: Claim, overwrite: bool) -> Iterator[Path]:
    kept = None
    try:
        yield claim.draft
        list_files(claim.draft)
        keep(claim.draft)
        with undisturbed():
            _check_free(claim, overwrite)
            _put_in_place(claim)
            kept = str(claim.shown)
            claim.release(kept)
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(
            f"{claim.shown}: cannot be written ({_reason(error)}); nothing was kept. Free some space or {_ELSEWHERE}."
        ) from None
    finally:
        if kept is None:
            claim.release()


def _reason(error: OSError) -> str:
    where = f": {error.filename}" if error.filename else ""
    return f"{error.strerror or error}{where}"


def _put_in_place(claim: Claim) -> None:
    target = claim.target
    if claim.folder == target:
        _move_in(claim)
    elif not os.path.lexists(target):
        move_new(claim.draft, target)
    elif not names_in(target):
        shutil.copymode(target, claim.draft)
        # POSIX renames onto an empty directory only: whatever came into it in this instant stays.
        claim.draft.rename(target)
    else:
        shutil.copymode(target, claim.draft)
        _replace(claim)


def _replace(claim: Claim) -> None:
    """Exchange the draft with an earlier run, and remove that if it still holds nothing but what the run wrote."""
    before = exchange(claim.draft, claim.target, claim.old)
    others = other_files(before)
    if others or others is None:
        remove(exchange(before, claim.target, claim.new))
        raise OutputError(f"{claim.shown}: other files came into it meanwhile; {_ELSEWHERE}.")
    remove(before)


def _move_in(claim: Claim) -> None:
    """Move a complete draft into a directory that keeps its identity, earlier files aside first.

    Where a process is killed in between, `draft` says that the earlier files come back, `new` that the new ones follow.
    """
    if not claim.new.exists():
        earlier = sorted(names_in(claim.target) - claim.hidden)
        claim.old.mkdir()
        try:
            for name in earlier:
                move_new(claim.target / name, claim.old / name)
            move_new(claim.draft, claim.new)
        except BaseException:
            _move_all(claim.old, claim.target)
            claim.old.rmdir()
            raise
    fresh = names_in(claim.new)
    try:
        _move_all(claim.new, claim.target)
    except BaseException:
        for name in fresh - names_in(claim.new):
            move_new(claim.target / name, claim.new / name)
        claim.new.rename(claim.draft)
        _move_all(claim.old, claim.target)
        claim.old.rmdir()
        raise
    claim.new.rmdir()
    remove(claim.old)


def _move_all(source: Path, target: Path) -> None:
    # The manifest last: it is what makes a directory a run.
    for name in sorted(names_in(source), key=lambda name: (name == "manifest.json", name)):
        move_new(source / name, target / name)
