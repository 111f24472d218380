"""Fit how a site serves its requests to a log of their times to first token."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from jaxsched._units import SECONDS_PER_HOUR
from jaxsched.calibrate._diagnostics import domain_warnings
from jaxsched.calibrate._fit import Fit, fit
from jaxsched.calibrate._latency_result import LatencyFit, arrivals_of, measured_times
from jaxsched.calibrate._methods import AbstractMethod, Descent, Pinball
from jaxsched.calibrate._observations import CalibrationError, Observations
from jaxsched.calibrate._servers import Requests, ServerGrid, blocks_of, replayed_log_ttft, with_service
from jaxsched.models import ServingSite
from jaxsched.scenarios.readers import RequestLog
from jaxsched.simulation import replay

MOST_SERVERS = 1024
"""Most servers that a configuration may ask for."""

_READING = ("prefill.fixed", "prefill.linear", "prefill.quadratic")
# Requests at or below this quantile of TTFT at their length have most likely not waited.
_UNWAITED = 0.3
# The numbers of servers with the least misfit that are fitted in full, and blocks of the burstiness's bootstrap.
_FINALISTS, _BLOCKS, _SAMPLES = 3, 40, 200
# A wait counts where it lengthens the TTFT by this share.
_NOTICED = 0.01


def fit_latency(
    log: RequestLog,
    *,
    start: ServingSite | None = None,
    most_servers: int = 64,
    method: AbstractMethod | None = None,
    bootstrap: int = 0,
    seed: int = 0,
) -> LatencyFit:
    """Service time, burstiness and effective concurrency of a site from a log of its requests.

    Every request of the log is sent through a simulated site of c servers; ln TTFT is fitted by its prefill law and its
    token time, for each c, so that which requests had to wait tells c and the token time apart. Arrivals count for
    requests whose TTFT is missing too. The burstiness is that of the times between arrivals.

    Whether c can be told is judged by blocks of consecutive requests drawn again, not by residuals that count as
    independent: those of a log are correlated, and far off at times, which a few simulated waits can be made to match. Where
    no wait shows beyond that chance, the verdict is that the log cannot tell; the site then keeps the token time of the
    start, and has the fewest servers with which that agrees with the log. Standard errors are by the same blocks
    (`bootstrap_error`), at that number of servers.

    Arguments:
        log: A log with `ttft_s`, from `readers.read`; at one site. Some requests should have waited.
        start: Where to start; its network time is kept, as a log cannot tell it from the fixed prefill time.
        most_servers: Most servers that are tried.
        method: As in `fit`; least squares where not given.
        bootstrap: Block bootstrap samples, as in `fit`; errors by the same blocks to first order where 0.
        seed: Of starts and of bootstraps.

    Returns:
        The fit, which predicts TTFT at other rates.

    Raises:
        CalibrationError: If the log has no `ttft_s`, or too few of them.

    Source:
        Differences of misfits by blocks: Vuong (1989), Econometrica 57:307; blocks: Kuensch (1989), Ann. Stat. 17:1217.
    """
    table = _checked(log, most_servers)
    between, prompt, answer = arrivals_of(table)
    ttft = table["ttft_s"].to_numpy(float)
    burstiness = log.statistics().arrival_cv2
    site = ServingSite() if start is None else start
    bursty = eqx.tree_at(lambda s: s.arrival_cv2, site, jnp.asarray(np.clip(burstiness, 1e-3, 200.0)))
    data = Observations((between, prompt, answer), np.log(ttft), times=table["arrived"], unit="ln s")
    hours = max(between.sum() / SECONDS_PER_HOUR / (blocks_of(len(between))[-1] + 1), 1e-9)
    how = {"method": method, "seed": seed, "block_hours": hours}
    job = _LatencyJob(data, Requests.of(between, prompt, answer, ttft), most_servers, how)
    found, profile, identified = job.fitted(bursty)
    if bootstrap:
        at, names = (int(found.model.servers), float(found.model.token_time)), tuple(found.parameters.index)
        found = job.at(found.model, *at, names=names, bootstrap=bootstrap)
    found = found.with_block_errors(blocks_of(len(between)))
    waits = replay(found.model, *map(jnp.asarray, data.inputs)).wait
    fitted = LatencyFit(
        site=found.model,
        fit=found,
        servers=profile,
        identified=identified,
        waiting=float((np.asarray(waits) > _NOTICED * np.exp(found.predicted)).mean()),
        arrival_cv2_error=_burstiness_error(between[1:], seed),
        between=between,
        prompt_tokens=prompt,
        answer_tokens=answer,
        warnings=(),
    )
    domain = domain_warnings(found.model, {"prompt_tokens": prompt})
    return dataclasses.replace(fitted, warnings=(*found.warnings, *domain, *_server_warnings(fitted, most_servers)))


@dataclasses.dataclass(frozen=True)
class _LatencyJob:
    """A fit to a log that can be made.

    Attributes:
        data: Time between arrivals, lengths, and ln TTFT.
        requests: The same, in blocks.
        most_servers: Most servers that are tried.
        how: Method, seed and length of a block, as in `fit`.
    """

    data: Observations
    requests: Requests
    most_servers: int
    how: dict[str, Any]

    def fitted(self, site: ServingSite) -> tuple[Fit[ServingSite], pd.DataFrame, bool]:
        """The fit, the profile of the number of servers, and whether any wait shows in the log."""
        alone_data = Observations((self.data.inputs[1],), self.data.observed)
        alone_how = {"parameters": _READING, "predict": _reading_alone, "folds": 0, "seed": self.how["seed"]}
        quick = Descent(Pinball(jnp.asarray(_UNWAITED)))
        reading = fit(site, alone_data, method=quick, starts=2, **alone_how).model
        grid = ServerGrid.of(reading, self.requests, self.most_servers)
        if grid.waits_show(reading):
            best = grid.best(reading)["token_time_s"].iloc[:_FINALISTS]
            pairs = zip(best.index.to_numpy(), best.to_numpy(), strict=True)
            fits = [self.at(reading, int(number), float(time)) for number, time in pairs]
            found = min(fits, key=lambda one: one.misfit[0])
            return found, grid.profile(found.model, None), True
        alone = fit(reading, alone_data, starts=1, **alone_how)
        return self._least_site(alone), grid.profile(alone.model, alone.predicted), False

    def at(
        self,
        site: ServingSite,
        servers: int,
        token_time: float,
        names: tuple[str, ...] = (*_READING, "token_time"),
        bootstrap: int = 0,
    ) -> Fit[ServingSite]:
        """The fit at one number of servers, from a token time [s]."""
        begin = with_service(site, jnp.asarray(float(servers)), jnp.asarray(token_time))
        predict = _replayed(self.most_servers)
        return fit(
            begin, self.data, parameters=names, predict=predict, folds=0, starts=1, bootstrap=bootstrap, **self.how
        )

    def _least_site(self, alone: Fit[ServingSite]) -> Fit[ServingSite]:
        """The fit of the prefill at the token time that was given, and the fewest servers with which that agrees with the log."""
        most, requests, token_time = self.most_servers, self.requests, float(alone.model.token_time)
        tries = jnp.asarray(np.arange(1.0, most + 1.0)), jnp.full(most, token_time)
        laws = np.asarray(replayed_log_ttft(alone.model, *tries, requests, most))
        servers = next((n for n, law in enumerate(laws, 1) if requests.agrees(law, alone.predicted)), most)
        return self.at(alone.model, servers, token_time, names=_READING)


def _checked(log: RequestLog, most_servers: int) -> pd.DataFrame:
    if "ttft_s" not in log.table:
        raise CalibrationError(
            f"{log.source}: has no column 'ttft_s'; give a log with the time to first token of its requests [s]."
        )
    measured_times(log, ", give a longer log")
    if most_servers < 1:
        raise CalibrationError(f"most_servers is {most_servers}; try at least 1.")
    return log.spread().table


def _reading_alone(site: ServingSite, inputs: Any) -> jax.Array:
    return jnp.log(site.first_token(inputs[0], jnp.zeros_like(inputs[0])))


@functools.cache
def _replayed(most_servers: int) -> Callable[[ServingSite, Any], jax.Array]:
    """Prediction of ln TTFT; one function for each number of servers, so that it is compiled once."""

    def predict(site: ServingSite, inputs: Any) -> jax.Array:
        return jnp.log(replay(site, *inputs, places=most_servers).ttft)

    return predict


def _server_warnings(found: LatencyFit, most_servers: int) -> tuple[str, ...]:
    """What the log leaves open, and what would help."""
    low, high = found.plausible
    if not found.identified:
        return (
            f"the log cannot tell the number of servers (at least {low}), nor the token time: no wait shows in its times beyond "
            f"chance. The fitted site keeps {float(found.site.token_time):.3g} s/token as given, and the fewest servers that "
            f"agree with the log at that, {int(found.site.servers)}: a site that the log does not contradict, not a measured "
            "one. Give a log of busier hours, in which more requests wait.",
        )
    if high == most_servers:
        more = "raise `most_servers`" if most_servers < MOST_SERVERS else "give a log of busier hours"
        return (
            f"the log cannot tell the number of servers (at least {low}): all up to the {high} tried agree with it; {more}.",
        )
    if high > 2 * low:
        return (
            f"the log cannot tell the number of servers: {low} to {high} agree with it; give a log at a higher load, in which "
            "more requests wait.",
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
