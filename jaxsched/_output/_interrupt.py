"""Signals that end the command line in order: what is half written is removed, what is being put in place is finished."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

# The shell's convention for a command that a signal ended; SIGTERM and SIGHUP end like Ctrl-C.
INTERRUPTED = 130
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_SHOW_CURSOR = b"\r\x1b[2K\x1b[?25h"


class _State:
    """What a signal finds: how many blocks must not be disturbed, what is open, and what is already in place."""

    def __init__(self) -> None:
        self.undisturbed = 0
        self.told = False
        self.open: dict[int, Callable[[], None]] = {}
        self.kept: list[str] = []


_state = _State()


def leave_in_order() -> None:
    """End the process in order on Ctrl-C, SIGTERM and SIGHUP from now on: one sentence, nothing half written, exit 130.

    The handler ends the process itself and raises nothing: an exception would be lost in callbacks, turned into others by
    imports, and in the end meet threads of native code that still compile. A signal that whoever started the process
    ignores (`nohup`, a job in the background) stays ignored.
    """
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _told)


@contextmanager
def undisturbed() -> Iterator[None]:
    """A block that such a signal waits for: it takes effect after the block."""
    _state.undisturbed += 1
    try:
        yield
    finally:
        _state.undisturbed -= 1
        if _state.told and not _state.undisturbed:
            _leave()


def opened(release: Callable[[], None]) -> None:
    """Remember what is to be released if a signal comes."""
    _state.open[id(release)] = release


def closed(release: Callable[[], None], kept: str | None = None) -> None:
    """Forget what was opened; where it is now in place, say so."""
    _state.open.pop(id(release), None)
    if kept is not None:
        _state.kept.append(kept)


def _told(_number: int, _frame: FrameType | None) -> None:
    _state.told = True
    if not _state.undisturbed:
        _leave()


def _leave() -> NoReturn:
    _state.undisturbed += 1
    for release in list(_state.open.values()):
        release()
    sentence = (
        f"interrupted: {', '.join(_state.kept)} is whole." if _state.kept else "interrupted: nothing was written."
    )
    # Not by the streams of Python: the signal may have come while they are being written.
    cursor = (
        _SHOW_CURSOR if sys.stderr is not None and os.isatty(2) and os.environ.get("TERM", "dumb") != "dumb" else b""
    )
    try:
        os.write(2, cursor + sentence.encode() + b"\n")
    finally:
        os._exit(INTERRUPTED)
