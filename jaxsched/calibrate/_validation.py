"""How well a law predicts what it has not seen: parts held out as blocks of time, scores, and regressions to compare with."""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from jaxsched.calibrate._observations import CalibrationError

_FEWEST_HOURS = 3


@dataclasses.dataclass(frozen=True)
class Scores:
    """Agreement of predictions with observed values.

    Attributes:
        cv_rmse: Root of the sum of squared errors over (n - 1), over the mean of the observed values; NaN where that
            is 0 [1].
        nmbe: Sum of observed less predicted over (n - 1), over the mean of the observed values: positive where the law
            predicts too little [1].
        mae: Mean absolute error, in the unit of the observed values.
        r2: 1 less the squared errors over those of the mean; negative where the mean is the better prediction [1].
        median_relative_error: Median of |error| / |observed| over values other than 0 [1].
        count: Number of values n.

    Source:
        ASHRAE Guideline 14-2014, section 5.2.11 (CV(RMSE), NMBE with one parameter); its limits for hourly data are
        30 % and 10 %.
    """

    cv_rmse: float
    nmbe: float
    mae: float
    r2: float
    median_relative_error: float
    count: int


def scores(observed: np.ndarray, predicted: np.ndarray, used: np.ndarray | None = None) -> Scores:
    """Scores of predictions over the values that are used (all where not given)."""
    chosen = np.ones(np.shape(observed), bool) if used is None else used
    truth, guess = np.asarray(observed, float)[chosen], np.asarray(predicted, float)[chosen]
    error, count = truth - guess, truth.size
    if count < 2:
        return Scores(*[float("nan")] * 5, count=count)
    mean, variation = truth.mean(), ((truth - truth.mean()) ** 2).sum()
    relative = np.abs(error[truth != 0]) / np.abs(truth[truth != 0])
    with np.errstate(divide="ignore", invalid="ignore"):
        return Scores(
            cv_rmse=float(np.sqrt((error**2).sum() / (count - 1)) / abs(mean)) if mean else float("nan"),
            nmbe=float(error.sum() / (count - 1) / mean) if mean else float("nan"),
            mae=float(np.abs(error).mean()),
            r2=float(1.0 - (error**2).sum() / variation) if variation else float("nan"),
            median_relative_error=float(np.median(relative)) if relative.size else float("nan"),
            count=int(count),
        )


def hourly_scores(
    times: pd.DatetimeIndex, observed: np.ndarray, predicted: np.ndarray, used: np.ndarray
) -> Scores | None:
    """Scores of hourly means of the values that are used [row]; None where rows are an hour apart, or hours are few.

    The limits of ASHRAE Guideline 14 are for hourly values: those of shorter intervals scatter more.
    """
    rows = np.flatnonzero(used)
    hours, group = np.unique(times[rows].floor("h").as_unit("us").asi8, return_inverse=True)
    if len(hours) == len(rows) or len(hours) < _FEWEST_HOURS:
        return None
    count = np.bincount(group)
    means = [np.bincount(group, values[rows]) / count for values in (observed, predicted)]
    return scores(means[0], means[1])


def proportional_prediction(driver: np.ndarray | None, observed: np.ndarray, weights: np.ndarray) -> np.ndarray | None:
    """Predictions by one constant ratio to a driver, by least squares where weights are positive; None without a driver."""
    if driver is None or not (weights * driver**2).sum() > 0:
        return None
    return driver * ((weights * driver * observed).sum() / (weights * driver**2).sum())


def polynomial_prediction(
    features: Mapping[str, np.ndarray], observed: np.ndarray, weights: np.ndarray, degree: int = 2
) -> np.ndarray | None:
    """Predictions of a least-squares polynomial with all products of the features, fitted where weights are positive.

    Features are standardised over the rows that are fitted. None where there are no features.
    """
    if not features:
        return None
    fitted = weights > 0
    columns = [(f - f[fitted].mean()) / (f[fitted].std() or 1.0) for f in features.values()]
    terms = [np.ones_like(observed)]
    for power in range(1, degree + 1):
        for chosen in itertools.combinations_with_replacement(columns, power):
            terms.append(np.prod(chosen, axis=0))
    table = np.stack(terms, axis=-1)
    root = np.sqrt(weights[fitted])
    coefficients = np.linalg.lstsq(table[fitted] * root[:, None], observed[fitted] * root, rcond=None)[0]
    return table @ coefficients


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


def time_blocks(times: pd.DatetimeIndex | None, rows: int, hours: float) -> np.ndarray:
    """Block of time of each row, 0 first; without times every row is a block of its own [row]."""
    if times is None:
        return np.arange(rows)
    since = (times - times.min()) / pd.Timedelta(hours=hours)
    return np.unique(np.floor(since.to_numpy()), return_inverse=True)[1]


def _ranks(times: Any) -> np.ndarray:
    """Rank of each row in time; rows of equal times have that of the first."""
    if isinstance(times, int):
        return np.arange(times)
    stamps = pd.Series(pd.DatetimeIndex(times))
    return stamps.rank(method="min").to_numpy() - 1
