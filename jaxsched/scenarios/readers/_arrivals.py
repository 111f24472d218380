"""What stamps of arrivals tell: how coarse they are, and how bursty the arrivals of an hour."""

import numpy as np
import pandas as pd

# Steps below this tell nothing about arrivals [us], and neither do steps at which so few requests share a stamp.
_FINEST = 10_000
_TIED = 0.01
# Share of the times between stamps that must be multiples of the step, and the rounding allowed to each [us].
_ON_STEP, _ROUNDING = 0.95, 2
_HOUR = 3_600_000_000
# Fewer times between arrivals within hours than this say nothing; the log is then taken as a whole.
_FEWEST = 10


def microseconds(arrived: pd.Series) -> np.ndarray:
    """Stamps as whole numbers since 1970 [us]."""
    return arrived.to_numpy("datetime64[us]").astype(np.int64)


def coarse_step(instants: np.ndarray) -> int | None:
    """Step in which arrivals are stamped, where it is coarse enough that requests share stamps; None elsewhere [us].

    The step is the commonest time between different stamps, if nearly all others are its multiples.

    Arguments:
        instants: Stamps in order [us].
    """
    between = np.diff(instants)
    apart = between[between > 0]
    if not len(apart) or np.mean(between == 0) < _TIED:
        return None
    steps, counts = np.unique(apart, return_counts=True)
    step = int(steps[counts.argmax()])
    times = np.maximum(np.round(apart / step), 1)
    on_step = np.abs(apart - times * step) <= _ROUNDING * times
    return step if step >= _FINEST and np.mean(on_step) >= _ON_STEP else None


def tied_share(instants: np.ndarray) -> float:
    """Share of requests whose stamp another one bears too [1]."""
    _, counts = np.unique(instants, return_counts=True)
    return float(counts[counts > 1].sum() / max(len(instants), 1))


def spread(instants: np.ndarray, step: int) -> np.ndarray:
    """Stamps with requests that share one put at random places within its step, in order; the same on every call [us].

    Arrivals that do not know of each other lie so, given how many fall into a step.
    """
    places = np.random.default_rng(0).uniform(0.0, step, len(instants)).astype(np.int64)
    return np.sort(instants + places)


def burstiness(instants: np.ndarray) -> float:
    """Squared coefficient of variation of the times between arrivals, pooled within hours [1].

    A rate that changes from hour to hour is no burstiness: each hour is measured against its own mean. Given n times
    within an hour, those of a gamma renewal process of burstiness c have

        E[n sum(x^2) / sum(x)^2] = n (1 + c) / (n + c),

    and c is the one that agrees with the sum over all hours, weighted by n. Poisson arrivals give 1 however few there are
    in an hour.

    Arguments:
        instants: Arrivals in order [us].
    """
    number, ratio = _within(instants, _HOUR)
    if number.sum() < _FEWEST:
        number, ratio = _within(instants, int(instants[-1] - instants[0]) + 1)
    if not len(number):
        return 1.0
    wanted, low, high = float((number * ratio).sum()), 0.0, float(number.sum())
    for _ in range(100):
        middle = (low + high) / 2.0
        if float((number**2 * (1.0 + middle) / (number + middle)).sum()) < wanted:
            low = middle
        else:
            high = middle
    return high


def _within(instants: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Number of times between arrivals of each window, from two on, and their mean square over their squared mean."""
    start = instants[0] if window > _HOUR else 0
    block = (instants - start) // window
    inside = block[1:] == block[:-1]
    _, code = np.unique(block[1:][inside], return_inverse=True)
    between = np.diff(instants)[inside] / 1e6
    number, total, square = np.bincount(code), np.bincount(code, between), np.bincount(code, between**2)
    known = (number >= 2) & (total > 0)
    return number[known].astype(float), number[known] * square[known] / total[known] ** 2
