"""Fit how a site serves its requests to a log of their times to first token."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from jaxsched.calibrate._fit import fit
from jaxsched.calibrate._methods import AbstractMethod, Descent, Pinball
from jaxsched.calibrate._observations import CalibrationError, Observations
from jaxsched.calibrate._result import Fit
from jaxsched.calibrate._servers import servers_profile, with_service
from jaxsched.models import ServingSite
from jaxsched.scenarios.readers import RequestLog
from jaxsched.simulation import SimulatedRequests, replay, simulate

_READING = ("prefill.fixed", "prefill.linear", "prefill.quadratic")
# Requests at or below this quantile of TTFT at their length have most likely not waited.
_UNWAITED = 0.3
_FEWEST = 50
# The numbers of servers with the least misfit that are fitted in full, and blocks of the burstiness's bootstrap.
_FINALISTS, _BLOCKS, _SAMPLES = 3, 40, 200


@dataclasses.dataclass(frozen=True)
class LatencyFit:
    """How a site serves its requests, as its log tells.

    Attributes:
        site: The fitted site.
        fit: Prefill and token time at the fitted number of servers, with their errors; on ln TTFT.
        servers: Misfit and token time of every number of servers that was tried, and which are plausible.
        arrival_cv2_error: Standard error of the burstiness `site.arrival_cv2`.
        between: Times between the arrivals of the log, 0 for the first [s].
        prompt_tokens: Prompt lengths of the log [token].
        answer_tokens: Answer lengths of the log [token].
        warnings: What the log cannot tell, a sentence each.
    """

    site: ServingSite
    fit: Fit[ServingSite]
    servers: pd.DataFrame
    arrival_cv2_error: float
    between: np.ndarray
    prompt_tokens: np.ndarray
    answer_tokens: np.ndarray
    warnings: tuple[str, ...]

    @property
    def rate(self) -> float:
        """Arrivals of the log [requests/s]."""
        return float(1.0 / self.between[1:].mean())

    @property
    def utilisation(self) -> float:
        """Share of time in which a server of the log was busy [1]."""
        return float(self.site.utilisation(jnp.asarray(self.rate), *self._lengths()))

    def predict(self, rate: float, quantiles: Sequence[float] = (0.5, 0.99)) -> dict[str, float]:
        """Mean and quantiles of TTFT at another rate, by the law of `ServingSite`.

        Arguments:
            rate: Arrivals [requests/s].
            quantiles: Inside (0, 1).

        Returns:
            `utilisation`, `mean_s`, and a quantile a key, for example `p99_s` [s].

        Raises:
            ValueError: If the site cannot keep up with the rate.
        """
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

    def simulate(self, rate: float, *, requests: int = 20_000, seed: int = 0) -> SimulatedRequests:
        """Requests at another rate, one by one through the fitted site.

        Lengths are drawn from those of the log, times between arrivals from a gamma distribution of its burstiness:
        independent of each other, which those of real users are not; see `replay`.
        """
        return simulate(self.site, jax.random.key(seed), jnp.asarray(rate, float), *self._lengths(), requests=requests)

    def replay(self, rate: float) -> SimulatedRequests:
        """The requests of the log themselves, its clock sped up to another rate, one by one through the fitted site.

        Bursts that last, and hours that are busier than others, stay as they are in the log.
        """
        return replay(self.site, jnp.asarray(self.between * (self.rate / rate), float), *self._lengths())

    def _lengths(self) -> tuple[jax.Array, jax.Array]:
        return jnp.asarray(self.prompt_tokens, float), jnp.asarray(self.answer_tokens, float)

    def __str__(self) -> str:
        site, error = self.site, self.arrival_cv2_error
        chosen = self.servers.index[self.servers["plausible"]]
        lines = [
            f"servers {int(site.servers)} (plausible: {chosen.min()} to {chosen.max()}), "
            f"arrival_cv2 {float(site.arrival_cv2):.3g} +- {error:.2g}, utilisation {self.utilisation:.2f}"
        ]
        return "\n".join([*lines, str(self.fit), *(f"warning: {sentence}" for sentence in self.warnings)])


def fit_latency(
    log: RequestLog,
    *,
    start: ServingSite | None = None,
    most_servers: int = 64,
    method: AbstractMethod | None = None,
    bootstrap: int = 0,
    seed: int = 0,
) -> LatencyFit:
    """Service time, burstiness and effective concurrency of a site from a log of its requests, best at a low load.

    Every request of the log is sent through a simulated site of c servers; ln TTFT is fitted by its prefill law and its
    token time, for each c, so that which requests had to wait tells c and the token time apart. Arrivals count for
    requests whose TTFT is missing too. The burstiness is that of the times between arrivals.

    Arguments:
        log: A log with `ttft_s`, from `readers.read`; at one site, and at about the same load throughout.
        start: Where to start; its network time is kept, as a log cannot tell it from the fixed prefill time.
        most_servers: Most servers that are tried.
        method: As in `fit`; least squares where not given.
        bootstrap: Block bootstrap samples, as in `fit`.
        seed: Of starts and of bootstraps.

    Returns:
        The fit, which predicts TTFT at other rates.

    Raises:
        CalibrationError: If the log has no `ttft_s`, or too few of them.
    """
    table = _checked(log, most_servers)
    between = np.concatenate([[0.0], table["arrived"].diff().dt.total_seconds().to_numpy(float)[1:]])
    prompt, answer, ttft = (table[name].to_numpy(float) for name in ("prompt_tokens", "answer_tokens", "ttft_s"))
    burstiness = log.statistics().arrival_cv2
    site = ServingSite() if start is None else start
    bursty = eqx.tree_at(lambda s: s.arrival_cv2, site, jnp.asarray(np.clip(burstiness, 1e-3, 200.0)))
    reading = _unwaited(bursty, prompt, ttft, seed)
    profile = servers_profile(reading, between, prompt, answer, ttft, np.arange(1, most_servers + 1))
    finalists = profile["misfit"].nsmallest(_FINALISTS).index
    data = Observations((between, prompt, answer), np.log(ttft), times=table["arrived"], unit="ln s")
    tried = {
        number: _at(reading, profile, int(number), data, most_servers, method=method, bootstrap=0, seed=seed)
        for number in finalists
    }
    best = min(tried, key=lambda number: tried[number].misfit[0])
    found = tried[best]
    if bootstrap:
        found = _at(reading, profile, int(best), data, most_servers, method=method, bootstrap=bootstrap, seed=seed)
    warnings = (*found.warnings, *_sentences(profile, most_servers))
    error = _burstiness_error(between[1:], seed)
    return LatencyFit(found.model, found, profile, error, between, prompt, answer, warnings)


def _checked(log: RequestLog, most_servers: int) -> pd.DataFrame:
    if "ttft_s" not in log.table:
        raise CalibrationError(
            f"{log.source}: has no column 'ttft_s'; give a log with the time to first token of its requests [s]."
        )
    known = int(log.table["ttft_s"].notna().sum())
    if known < _FEWEST:
        raise CalibrationError(
            f"{log.source}: 'ttft_s' holds {known} times; at least {_FEWEST} are needed, give a longer log."
        )
    if most_servers < 1:
        raise CalibrationError(f"most_servers is {most_servers}; try at least 1.")
    return log.spread().table


def _unwaited(start: ServingSite, prompt: np.ndarray, ttft: np.ndarray, seed: int) -> ServingSite:
    """The site with the prefill law of the requests that are fast for their length."""
    found = fit(
        start,
        Observations((prompt,), np.log(ttft)),
        parameters=_READING,
        predict=_reading_alone,
        method=Descent(Pinball(jnp.asarray(_UNWAITED))),
        folds=0,
        starts=2,
        seed=seed,
    )
    return found.model


def _reading_alone(site: ServingSite, inputs: Any) -> jax.Array:
    return jnp.log(site.first_token(inputs[0], jnp.zeros_like(inputs[0])))


def _at(site, profile, servers: int, data: Observations, places: int, **options) -> Fit[ServingSite]:
    """The fit at one number of servers, from the token time of its profile."""
    token_time = profile.loc[servers, "token_time_s"]
    begin = with_service(site, jnp.asarray(float(servers)), jnp.asarray(token_time))

    names = (*_READING, "token_time")
    return fit(begin, data, parameters=names, predict=_replayed(places), folds=0, starts=1, **options)


@functools.cache
def _replayed(places: int) -> Callable[[ServingSite, Any], jax.Array]:
    """Prediction of ln TTFT; one function a number of places, so that it is compiled once."""

    def predict(site: ServingSite, inputs: Any) -> jax.Array:
        return jnp.log(replay(site, *inputs, places=places).ttft)

    return predict


def _sentences(profile: pd.DataFrame, most_servers: int) -> tuple[str, ...]:
    plausible = profile.index[profile["plausible"]]
    if plausible.max() == most_servers or plausible.max() > 2 * plausible.min():
        return (
            f"the log cannot tell the number of servers: {plausible.min()} to {plausible.max()} agree with it; "
            "give a log at a higher load, in which more requests wait.",
        )
    return ()


def _burstiness_error(between: np.ndarray, seed: int) -> float:
    """Standard error of the squared coefficient of variation, from blocks of consecutive arrivals drawn again."""
    random = np.random.default_rng(seed)
    blocks = np.array_split(between, min(_BLOCKS, len(between)))
    size, first, second = (np.array([f(b) for b in blocks]) for f in (len, np.sum, lambda b: (b * b).sum()))
    drawn = random.integers(0, len(blocks), (_SAMPLES, len(blocks)))
    mean = first[drawn].sum(1) / size[drawn].sum(1)
    return float((second[drawn].sum(1) / size[drawn].sum(1) / mean**2 - 1.0).std(ddof=1))
