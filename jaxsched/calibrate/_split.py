"""Parts of the rows as blocks of time: what is held out is never drawn row by row."""

from typing import Any

import numpy as np
import pandas as pd

from jaxsched.calibrate._observations import CalibrationError


def last_part(times: Any, share: float = 1.0 / 3.0) -> np.ndarray:
    """Which rows lie in the last part of the time that the rows cover.

    Arguments:
        times: Time of each row, or the number of rows where their order is all that is known.
        share: Share of the rows, in (0, 1).

    Returns:
        A mask [row]; rows of equal times fall on the same side.

    Raises:
        CalibrationError: If a part would be empty.
    """
    order = _ranks(times)
    first = np.quantile(order, 1.0 - share, method="higher") if 0.0 < share < 1.0 else -1
    mask = order >= first
    if not 0.0 < share < 1.0 or mask.all() or not mask.any():
        raise CalibrationError(
            f"a share of {share:g} of {len(order)} rows leaves nothing to fit to or nothing to score."
        )
    return mask


def time_folds(times: Any, folds: int = 5) -> np.ndarray:
    """Which of several consecutive blocks of time each row lies in.

    Arguments:
        times: Time of each row, or the number of rows where their order is all that is known.
        folds: Number of blocks of about equally many rows, >= 2.

    Returns:
        Number of the block, 0 first [row]; rows of equal times share one.

    Raises:
        CalibrationError: If there are fewer rows than blocks.
    """
    order = _ranks(times)
    if folds < 2 or len(np.unique(order)) < folds:
        raise CalibrationError(
            f"{len(order)} rows cannot be split into {folds} blocks of time; give fewer, at least 2."
        )
    ends = np.quantile(order, np.arange(1, folds) / folds, method="higher")
    return np.searchsorted(ends, order, side="right")


def blocks(times: pd.DatetimeIndex | None, rows: int, hours: float) -> np.ndarray:
    """Block of time of each row, 0 first; without times every row is a block of its own [row]."""
    if times is None:
        return np.arange(rows)
    since = (times - times.min()) / pd.Timedelta(hours=hours)
    return np.unique(np.floor(since.to_numpy()), return_inverse=True)[1]


def _ranks(times: Any) -> np.ndarray:
    """Place of each row in time; rows of equal times have the place of the first."""
    if isinstance(times, int):
        return np.arange(times)
    stamps = pd.Series(pd.DatetimeIndex(times))
    return stamps.rank(method="min").to_numpy() - 1
