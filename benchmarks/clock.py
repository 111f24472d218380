"""Seconds: of one call, of repeated calls, and of the phases of a solve. JAX is imported where it is waited for."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of a call until its arrays are there, and what it returned."""
    import jax

    started = time.perf_counter()
    found = jax.block_until_ready(call())
    return time.perf_counter() - started, found


def median_seconds(call: Callable[[], Any], repeats: int, warm_up: bool = True) -> float:
    """Median seconds of repeated calls, after one that is not counted unless the caller made it."""
    if warm_up:
        timed(call)
    return statistics.median(timed(call)[0] for _ in range(repeats))


class Clock:
    """Adds up the seconds spent in named phases.

    Attributes:
        seconds: Of each phase.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        """Time what is done inside."""
        started = time.perf_counter()
        yield
        self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - started
