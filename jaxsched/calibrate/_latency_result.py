"""What a fit to a log of requests found, and what it predicts."""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from jaxsched._units import SECONDS_PER_HOUR
from jaxsched.calibrate._result import Fit
from jaxsched.models import ServingSite
from jaxsched.simulation import SimulatedRequests, replay, simulate

# A rate above the highest of the log by no more than this share counts as observed.
_AS_OBSERVED = 1e-3


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
        """Share of time in which a server of the log was busy [1]; at most so much where servers are not identified."""
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
