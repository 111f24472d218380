"""Where a result is to go, and the claim to that place while it is made."""

import contextlib
import errno
import hashlib
import os
import shutil
import time
from pathlib import Path

from jaxsched._output._interrupt import closed, opened, undisturbed

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None

# Longest part of a hidden name that is taken from the target's [bytes]; file systems allow 255 in all.
_LONGEST = 200
_TRIES = 100
_MARK = "jaxsched"
_NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK}


class OutputError(OSError):
    """A directory or file that cannot be written; the message is one sentence."""


def place_of(target: Path) -> Path:
    """The absolute path of what is to be written, links followed: a link stays a link.

    Raises:
        OutputError: If the path leads nowhere.
    """
    try:
        return Path(os.path.realpath(target))
    except (OSError, ValueError) as error:
        raise OutputError(f"{target}: is no path that can be written ({error}); choose another.") from None


class Claim:
    """The only right to write a target: a lock that the system frees when the process ends, and a hidden draft.

    A draft, and a directory moved aside, that are found when the lock is free were left by a process that was killed.

    Attributes:
        target: What is to appear.
        draft: The hidden directory in which it is made.
        old: Where earlier contents are moved aside.
        new: Where a complete draft waits while earlier contents are moved aside one by one.
        locked: Whether the file system has locks; without, a draft that is found may be that of a run that goes on.
    """

    def __init__(self, target: Path, folder: Path, shown: Path) -> None:
        """Name what belongs to a claim; `acquire` makes it.

        Arguments:
            target: Absolute path of what is to appear.
            folder: The directory, on the same file system, that holds what is hidden.
            shown: The target as the user wrote it, for messages.
        """
        stem = "" if folder == target else f".{_short(target.name)}"
        self.target, self.folder, self.shown = target, folder, shown
        self._lock = folder / f"{stem}.{_MARK}-lock"
        self.draft, self.old, self.new = (folder / f"{stem}.{_MARK}-{what}" for what in ("draft", "old", "new"))
        self._number: int | None = None
        self.locked = False
        self._parents: list[Path] = []
        self._release = self.release

    @property
    def hidden(self) -> set[str]:
        """Names of all that a claim keeps in its folder."""
        return {path.name for path in (self._lock, self.draft, self.old, self.new)}

    def acquire(self) -> bool:
        """Take the lock; False where another process has it.

        Raises:
            OSError: If nothing can be written there.
        """
        with undisturbed():
            opened(self._release)
            try:
                self._number = self._locked()
                if self._number is not None:
                    return True
            except BaseException:
                self.release()
                raise
            self.release()
            return False

    def start(self) -> None:
        """Make the empty draft, with the rights that the user's mask leaves."""
        with undisturbed():
            self.draft.mkdir()

    def release(self, kept: str | None = None) -> None:
        """Remove all that is hidden, and directories that were made for it and are empty."""
        with undisturbed():
            closed(self._release, kept)
            if self._number is not None:
                remove(self.draft)
                with contextlib.suppress(OSError):
                    self._lock.unlink()
                os.close(self._number)
                self._number = None
            while self._parents:
                with contextlib.suppress(OSError):
                    self._parents.pop().rmdir()

    def _locked(self) -> int | None:
        for attempt in range(_TRIES):
            self._make_parents()
            try:
                number = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o666)
            except FileNotFoundError:
                # Another process has just removed a directory that both needed.
                time.sleep(0.001 * attempt)
                continue
            taken = _take(number)
            if taken is False:
                os.close(number)
                return None
            self.locked = taken is True
            if _is_still(number, self._lock):
                return number
            os.close(number)
        raise OSError(errno.EBUSY, "others keep making and removing it", str(self._lock))

    def _make_parents(self) -> None:
        missing = []
        path = self.folder
        while not path.exists():
            missing.append(path)
            path = path.parent
        for path in reversed(missing):
            with contextlib.suppress(FileExistsError):
                path.mkdir()
                self._parents.append(path)


def remove(path: Path) -> None:
    """Remove a hidden directory; a thread of native code may still be adding to it."""
    for _ in range(_TRIES):
        shutil.rmtree(path, ignore_errors=True)
        if not os.path.lexists(path):
            return
        time.sleep(0.01)


def _short(name: str) -> str:
    return name if len(os.fsencode(name)) <= _LONGEST else hashlib.sha256(os.fsencode(name)).hexdigest()


def _take(number: int) -> bool | None:
    """Lock an open file for this process: whether it could be had, None where there are no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return None
        raise
    return True


def _is_still(number: int, path: Path) -> bool:
    """Whether an open file still has its name: whoever held the lock before removes the file."""
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(number)
    return (named.st_dev, named.st_ino) == (here.st_dev, here.st_ino)
