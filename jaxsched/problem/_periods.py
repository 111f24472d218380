"""Periods: consecutive slots that windows of work join, so that they must be decided together."""

from typing import NamedTuple

import numpy as np

# Slots that may be added to give all periods one length, as a share of those that there are.
_SPARE = 0.25


class Arrangement(NamedTuple):
    """Slots in periods of one length, each filled up at its end.

    Attributes:
        length: Slots of each period.
        slots: Slot at each place; the last of its period where it is filled up [slot].
        is_real: Whether a place holds a slot rather than fills up [slot].
        shift: Place of the first slot of each period, minus that slot [period].
    """

    length: int
    slots: np.ndarray
    is_real: np.ndarray
    shift: np.ndarray


def arranged_slots(periods: tuple[int, ...]) -> Arrangement:
    """Where the slots of periods stand once all are as long as the longest."""
    length, ends = max(periods), np.cumsum(periods)
    first = ends - np.asarray(periods)
    slots = first[:, None] + np.minimum(np.arange(length), np.asarray(periods)[:, None] - 1)
    is_real = np.arange(length) < np.asarray(periods)[:, None]
    return Arrangement(length, slots.reshape(-1), is_real.reshape(-1), np.arange(len(periods)) * length - first)


def periods_of(release: np.ndarray, deadline: np.ndarray, slots: int) -> tuple[int, ...]:
    """Slots of each period, as short as they can be without many slots to fill them up.

    Arguments:
        release: First slot of each window [window].
        deadline: Last slot of each window, itself included [window].
        slots: Number of slots.
    """
    # Windows that go over the border between a slot and the next one.
    opened, closed = np.bincount(release, minlength=slots), np.bincount(deadline, minlength=slots)
    across = np.cumsum(opened - closed)[:-1] > 0
    borders = np.concatenate([[0], np.flatnonzero(~across) + 1, [slots]])
    shortest = np.diff(borders).tolist()
    for length in range(max(shortest), slots):
        periods = _packed(shortest, length)
        if len(periods) * max(periods) <= (1.0 + _SPARE) * slots:
            return periods
    return (slots,)


def _packed(parts: list[int], length: int) -> tuple[int, ...]:
    """Consecutive parts put together as long as they stay within a length."""
    periods = [0]
    for part in parts:
        if periods[-1] + part > length:
            periods.append(0)
        periods[-1] += part
    return tuple(periods)
