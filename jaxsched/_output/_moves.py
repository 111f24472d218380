"""Renames that replace nothing unasked, and the exchange of two directories."""

import ctypes
import errno
import functools
import os
from collections.abc import Callable
from pathlib import Path

# linux/fs.h
_NO_REPLACE, _EXCHANGE = 1, 2
_HERE = -100
_UNKNOWN = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}


def move_new(source: Path, target: Path) -> None:
    """Rename to a name that is free.

    Raises:
        FileExistsError: If something has that name.
    """
    if not _renamed(source, target, _NO_REPLACE):
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        source.rename(target)


def exchange(draft: Path, target: Path, aside: Path) -> Path:
    """Put a directory in the place of another, and return where the other now is.

    In one step where the file system can (Linux). Elsewhere the old directory is moved aside first, and moved back if the
    new one cannot take its place; a process that is killed in between leaves the old one whole in `aside`.
    """
    if _renamed(draft, target, _EXCHANGE):
        return draft
    target.rename(aside)
    try:
        move_new(draft, target)
    except BaseException:
        aside.rename(target)
        raise
    return aside


def keep(folder: Path) -> None:
    """Have the disk hold every file of a directory before the directory takes its place; a full disk may show only here."""
    if os.name != "posix":
        return
    for path in (*folder.iterdir(), folder):
        number = os.open(path, os.O_RDONLY)
        try:
            os.fsync(number)
        except OSError as error:
            # Some file systems cannot sync a directory; what they cannot do is no fault of the data.
            if error.errno not in _UNKNOWN:
                raise
        finally:
            os.close(number)


def _renamed(source: Path, target: Path, flag: int) -> bool:
    """Whether Linux's renameat2 did it; False where the system or the file system does not know it."""
    call = _renameat2()
    if call is None:
        return False
    if call(_HERE, os.fsencode(source), _HERE, os.fsencode(target), flag) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNKNOWN:
        return False
    raise OSError(number, os.strerror(number), str(target))


@functools.cache
def _renameat2() -> Callable[..., int] | None:
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    return call
