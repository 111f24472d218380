"""What a fitted site says of requests that it was not fitted to."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pandas as pd

from jaxsched._units import SECONDS_PER_HOUR
from jaxsched.calibrate._observations import CalibrationError
from jaxsched.calibrate._scores import scores
from jaxsched.models import ServingSite
from jaxsched.scenarios.readers import RequestLog
from jaxsched.simulation import replay

_FEWEST = 50
# Windows of the mean TTFT [s]: the fewest requests of one, and the fewest windows that are scored.
_TEN_MINUTES = 600.0
_IN_WINDOW, _WINDOWS = 5, 3


@dataclasses.dataclass(frozen=True)
class LatencyScore:
    """Times to first token that were measured, and what a site says of the same requests.

    Attributes:
        name: Of the log or of the part of it.
        requests: Those whose TTFT was measured.
        rate: Arrivals [requests/s].
        utilisation: Share of time in which a server is busy at that rate, by the site [1]; 1 or more cannot be kept up with.
        median_s: Measured [s].
        p99_s: Measured [s].
        law_median_s: By the law of `ServingSite` at that rate; NaN where the site cannot keep up [s].
        law_p99_s: By the same law [s].
        replayed_median_s: Of the same arrivals, one by one through the site [s].
        replayed_p99_s: Of the same [s].
        ten_minute_cv_rmse: Of the mean TTFT of ten minutes, replayed beside measured, as in `Scores` [1].
        ten_minute_r2: Of the same [1].
        hourly_cv_rmse: Of the mean TTFT of an hour [1].
        hourly_r2: Of the same [1]. All four are NaN where there are fewer than three windows with five requests.
    """

    name: str
    requests: int
    rate: float
    utilisation: float
    median_s: float
    p99_s: float
    law_median_s: float
    law_p99_s: float
    replayed_median_s: float
    replayed_p99_s: float
    ten_minute_cv_rmse: float
    ten_minute_r2: float
    hourly_cv_rmse: float
    hourly_r2: float


def split_log(log: RequestLog, share: float) -> tuple[RequestLog, RequestLog]:
    """The earlier part of a log, to fit, and its last share, to score.

    Raises:
        CalibrationError: If either part has fewer than 50 requests.
    """
    first = len(log.table) - round(share * len(log.table))
    if min(first, len(log.table) - first) < _FEWEST:
        raise CalibrationError(
            f"{log.source}: {len(log.table)} requests split into {first} and {len(log.table) - first}; each part needs at least "
            f"{_FEWEST}, give a longer log."
        )
    parts = log.table.iloc[:first], log.table.iloc[first:]
    earlier, later = (dataclasses.replace(log, table=part.reset_index(drop=True)) for part in parts)
    return earlier, later


def score_latency(site: ServingSite, log: RequestLog, name: str | None = None) -> LatencyScore:
    """Median and 99th percentile of TTFT of a log beside those that a site gives to its requests.

    Arguments:
        site: A fitted site; its burstiness enters the law, not what is replayed.
        log: A log with `ttft_s`. The site begins empty, so that a log that begins in a rush is predicted too low at first.
        name: What to call it; the file where not given.

    Raises:
        CalibrationError: If the log has no `ttft_s`, or too few of them.
    """
    log = log.spread()
    table, measured = log.table, measured_times(log)
    known = np.isfinite(measured)
    between = np.concatenate([[0.0], table["arrived"].diff().dt.total_seconds().to_numpy(float)[1:]])
    lengths = [jnp.asarray(table[key].to_numpy(float)) for key in ("prompt_tokens", "answer_tokens")]
    rate = 1.0 / float(between[1:].mean())
    busy = float(site.utilisation(jnp.asarray(rate), *lengths))
    law = np.full(2, np.nan)
    if 0.0 < busy < 1.0:
        law = np.asarray(site.first_token_quantile(jnp.asarray(rate), jnp.asarray([0.5, 0.99]), *lengths))
    replayed = np.asarray(replay(site, jnp.asarray(between), *lengths).ttft)[known]
    quantiles = (*np.quantile(measured[known], [0.5, 0.99]), *law, *np.quantile(replayed, [0.5, 0.99]))
    arrived = np.cumsum(between)[known]
    windows = [_of_windows(arrived, measured[known], replayed, length) for length in (_TEN_MINUTES, SECONDS_PER_HOUR)]
    numbers = (*quantiles, *windows[0], *windows[1])
    return LatencyScore(name or log.source, int(known.sum()), rate, busy, *map(float, numbers))


def measured_times(log: RequestLog) -> np.ndarray:
    """TTFT of each request of a log that can be scored, NaN where none was measured [request] [s].

    Raises:
        CalibrationError: If fewer than 50 were measured.
    """
    table = log.table
    measured = table["ttft_s"].to_numpy(float) if "ttft_s" in table else np.full(len(table), np.nan)
    known = int(np.isfinite(measured).sum())
    if known < _FEWEST:
        raise CalibrationError(f"{log.source}: 'ttft_s' holds {known} times; at least {_FEWEST} are needed to score.")
    return measured


def _of_windows(arrived: np.ndarray, measured: np.ndarray, replayed: np.ndarray, length: float) -> tuple[float, float]:
    """CV(RMSE) and R2 of the means over windows of time [s] of what was replayed, beside what was measured."""
    window = (arrived // length).astype(int)
    count = np.bincount(window)
    means = [np.bincount(window, values) / np.maximum(count, 1) for values in (measured, replayed)]
    used = count >= _IN_WINDOW
    if used.sum() < _WINDOWS:
        return float("nan"), float("nan")
    found = scores(means[0], means[1], used)
    return found.cv_rmse, found.r2


def latency_table(scores: list[LatencyScore]) -> pd.DataFrame:
    """A row for each score, with the relative errors of law and replay [1]."""
    table = pd.DataFrame([dataclasses.asdict(score) for score in scores])
    for way in ("law", "replayed"):
        for what in ("median", "p99"):
            table[f"{way}_{what}_error"] = table[f"{way}_{what}_s"] / table[f"{what}_s"] - 1.0
    return table
