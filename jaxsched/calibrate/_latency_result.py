"""What a fit to a log of requests found, what it predicts, and how it scores on requests that it was not fitted to."""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from jaxsched._units import SECONDS_PER_HOUR
from jaxsched.calibrate._fit import Fit
from jaxsched.calibrate._observations import CalibrationError
from jaxsched.calibrate._validation import scores
from jaxsched.models import ServingSite
from jaxsched.scenarios.readers import RequestLog
from jaxsched.simulation import SimulatedRequests, replay, simulate

# A rate above the highest of the log by no more than this share counts as observed.
_AS_OBSERVED = 1e-3
_FEWEST = 50
# Windows of the mean TTFT [s]: the fewest requests of one, and the fewest windows that are scored.
_TEN_MINUTES = 600.0
_IN_WINDOW, _WINDOWS = 5, 3


@dataclasses.dataclass(frozen=True)
class LatencyFit:
    """How a site serves its requests, as its log tells.

    Attributes:
        site: The fitted site. Where waits do not show it has the token time of the start, and the fewest servers with which
            that agrees with the log.
        fit: Prefill and token time at that number of servers, with their errors; on ln TTFT.
        servers: Misfit and token time of every number of servers that was tried, and which are plausible.
        identified: Whether waits show in the log, beyond chance, so that it says more than a least number of servers.
        waiting: Share of the requests that wait for a server, in the fitted site [1].
        arrival_cv2_error: Standard error of the burstiness `site.arrival_cv2`.
        between: Times between the arrivals of the log, 0 for the first [s].
        prompt_tokens: Prompt lengths of the log [token].
        answer_tokens: Answer lengths of the log [token].
        warnings: What the log cannot tell, one sentence each.
    """

    site: ServingSite
    fit: Fit[ServingSite]
    servers: pd.DataFrame
    identified: bool
    waiting: float
    arrival_cv2_error: float
    between: np.ndarray
    prompt_tokens: np.ndarray
    answer_tokens: np.ndarray
    warnings: tuple[str, ...]

    @property
    def plausible(self) -> tuple[int, int]:
        """Least and largest number of servers, of those that were tried, that agree with the log."""
        chosen = self.servers.index[self.servers["plausible"]]
        if not len(chosen):  # fewer were tried than the log needs
            chosen = self.servers.index[-1:]
        return int(chosen.min()), int(chosen.max())

    @property
    def verdict(self) -> str:
        """What the log says of the number of servers, in words."""
        low, high = self.plausible
        if not self.identified or high == self.servers.index.max():
            return f"cannot tell (at least {low})"
        if high > 2 * low:
            return f"cannot tell ({low} to {high})"
        return f"{int(self.site.servers)} (plausible: {low} to {high})"

    @property
    def rate(self) -> float:
        """Arrivals of the log [requests/s]."""
        return float(1.0 / self.between[1:].mean())

    @property
    def highest_rate(self) -> float:
        """Arrivals in the busiest hour of the log, or over all of it where it is shorter [requests/s]."""
        arrived = np.cumsum(self.between)
        if arrived[-1] <= SECONDS_PER_HOUR:
            return self.rate
        first = np.searchsorted(arrived, arrived - SECONDS_PER_HOUR)
        return max(float((np.arange(len(arrived)) - first).max() / SECONDS_PER_HOUR), self.rate)

    @property
    def utilisation(self) -> float:
        """Share of time in which a server of the log was busy [1]; at most this much where servers are not identified."""
        return float(self.site.utilisation(jnp.asarray(self.rate), *self._lengths()))

    @property
    def highest_utilisation(self) -> float:
        """The same in the busiest hour of the log [1]."""
        return self.utilisation * self.highest_rate / self.rate

    def predict(
        self, rate: float, quantiles: Sequence[float] = (0.5, 0.99), *, extrapolate: bool = False
    ) -> dict[str, float]:
        """Mean and quantiles of TTFT at another rate, by the law of `ServingSite`.

        Arguments:
            rate: Arrivals [requests/s].
            quantiles: Inside (0, 1).
            extrapolate: Whether a rate above that of the busiest hour of the log may be asked for.

        Returns:
            `utilisation`, `mean_s`, and a quantile a key, for example `p99_s` [s].

        Raises:
            ValueError: If the rate lies beyond the log and this was not asked for, or the site cannot keep up with it.
        """
        self._check(rate, extrapolate)
        rates, lengths = jnp.asarray(rate, float), self._lengths()
        busy = float(self.site.utilisation(rates, *lengths))
        if not 0.0 < busy < 1.0:
            most = rate / busy if busy > 0 else 0.0
            raise ValueError(
                f"rate is {rate:g} requests/s; this site keeps up with rates above 0 and below {most:.4g}."
            )
        times = self.site.first_token_quantile(rates, jnp.asarray(quantiles, float), *lengths)
        shown = {f"p{100 * q:g}_s": float(time) for q, time in zip(quantiles, times, strict=True)}
        return {"utilisation": busy, "mean_s": float(self.site.mean_first_token(rates, *lengths)), **shown}

    def simulate(
        self, rate: float, *, requests: int = 20_000, seed: int = 0, extrapolate: bool = False
    ) -> SimulatedRequests:
        """Requests at another rate, one by one through the fitted site; rates as in `predict`.

        Lengths are drawn from those of the log, times between arrivals from a gamma distribution of its burstiness:
        independent of each other, which those of real users are not; see `replay`.
        """
        self._check(rate, extrapolate)
        return simulate(self.site, jax.random.key(seed), jnp.asarray(rate, float), *self._lengths(), requests=requests)

    def replay(self, rate: float, *, extrapolate: bool = False) -> SimulatedRequests:
        """The requests of the log themselves, its clock sped up to another rate; rates as in `predict`.

        Bursts that last, and hours that are busier than others, stay as they are in the log.
        """
        self._check(rate, extrapolate)
        return replay(self.site, jnp.asarray(self.between * (self.rate / rate), float), *self._lengths())

    def _check(self, rate: float, extrapolate: bool) -> None:
        if not extrapolate and rate > self.highest_rate * (1.0 + _AS_OBSERVED):
            raise ValueError(
                f"rate is {rate:g} requests/s, and the busiest hour of the log has {self.highest_rate:.4g}: what happens beyond "
                "is not in the log; give extrapolate=True to have it predicted all the same."
            )

    def _lengths(self) -> tuple[jax.Array, jax.Array]:
        return jnp.asarray(self.prompt_tokens, float), jnp.asarray(self.answer_tokens, float)

    def __str__(self) -> str:
        lines = [
            f"servers: {self.verdict}, arrival_cv2 {float(self.site.arrival_cv2):.3g} +- {self.arrival_cv2_error:.2g}, "
            f"utilisation {self.utilisation:.2f}, {self.waiting:.1%} of the requests wait"
        ]
        return "\n".join([*lines, str(self.fit), *(f"warning: {sentence}" for sentence in self.warnings)])


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
    between, *tokens = arrivals_of(table)
    lengths = [jnp.asarray(each) for each in tokens]
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


def arrivals_of(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times between the arrivals of a log, 0 for the first [s], prompt and answer lengths [token] [request]."""
    between = np.concatenate([[0.0], table["arrived"].diff().dt.total_seconds().to_numpy(float)[1:]])
    return between, table["prompt_tokens"].to_numpy(float), table["answer_tokens"].to_numpy(float)


def measured_times(log: RequestLog, needed: str = " to score") -> np.ndarray:
    """TTFT of each request of a log, NaN where none was measured [request] [s].

    Arguments:
        log: The log.
        needed: What they are needed for, or what to do, as the end of a sentence.

    Raises:
        CalibrationError: If fewer than 50 were measured.
    """
    table = log.table
    measured = table["ttft_s"].to_numpy(float) if "ttft_s" in table else np.full(len(table), np.nan)
    known = int(np.isfinite(measured).sum())
    if known < _FEWEST:
        raise CalibrationError(f"{log.source}: 'ttft_s' holds {known} times; at least {_FEWEST} are needed{needed}.")
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
