"""A site as its requests see it: they queue, have their prompt read, and their answer decoded."""

from types import MappingProxyType

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel, as_array, parameter
from jaxsched.models.hardware import ServingProfile
from jaxsched.models.prefill import Prefill
from jaxsched.models.queueing import SakasegawaWait
from jaxsched.models.wait_distribution import ExponentialWait

# Halvings of the interval in which a quantile lies: below the spacing of float64 of any time.
_HALVINGS = 60


class ServingSite(AbstractModel):
    """Requests wait, first come first served, for one of several servers that reads their prompt and decodes.

        S(n, a) = prefill(n) + token_time a
        TTFT = network + W + prefill(n)

    n: prompt tokens, a: answer tokens, S: time that a request holds a server, W: wait with the mean of
    `SakasegawaWait` at variability (arrival_cv2 + Cs^2) / 2, distributed as `ExponentialWait`. A server is whatever
    takes one request at a time: a replica, or one of the places in its batch. Which of them a log shows is what its
    effective concurrency, `servers`, tells.

    Attributes:
        prefill: Time to read a prompt.
        token_time: Time that a server spends on each answer token [s/token]. Default: a replica of Llama-3.1-70B on
            four H100 that decodes 32 sequences together.
        servers: Requests in service together, the effective concurrency [1].
        arrival_cv2: Squared coefficient of variation of the times between arrivals: 1 for Poisson [1].
        network: Round-trip time and all else that is added to every request [s].
    Valid for:
        Loads below `servers`; prompts as `Prefill`. The token time is one number, so the batch must not change much
        with load.
    Source:
        Service time: as `work_per_request`. Burstiness: Azure 2023 conversation trace (Azure/AzurePublicDataset).
        Number of servers: an assumption, to be fitted.
    """

    domain = MappingProxyType({"prompt_tokens": (0.0, 8192.0)})

    prefill: Prefill = eqx.field(default_factory=Prefill)
    token_time: Float[Array, "..."] = parameter(5.85e-4, unit="s/token", valid=(0.0, 1.0))
    servers: Float[Array, "..."] = parameter(4.0, unit="1", valid=(1.0, 4096.0))
    arrival_cv2: Float[Array, "..."] = parameter(1.2, unit="1", valid=(1e-3, 200.0))
    network: Float[Array, "..."] = parameter(0.0, unit="s", valid=(0.0, 10.0))

    def prompt_time(self, prompt_tokens: Float[Array, "..."]) -> Float[Array, "..."]:
        """Time to read prompts of given lengths [token] -> [s]."""
        return self.prefill(prompt_tokens, prompt_tokens * prompt_tokens)

    def service_time(
        self, prompt_tokens: Float[Array, "..."], answer_tokens: Float[Array, "..."]
    ) -> Float[Array, "..."]:
        """Time that requests hold a server [s], from their lengths [token]."""
        return self.prompt_time(prompt_tokens) + self.token_time * answer_tokens

    def first_token(self, prompt_tokens: Float[Array, "..."], wait: Float[Array, "..."]) -> Float[Array, "..."]:
        """Time to first token [s] of prompts [token] that waited [s]."""
        return self.network + wait + self.prompt_time(prompt_tokens)

    def utilisation(
        self, rate: Float[Array, ""], prompt_tokens: Float[Array, "request"], answer_tokens: Float[Array, "request"]
    ) -> Float[Array, ""]:
        """Share of time in which a server is busy [1], at a rate [requests/s] of requests of these lengths [token]."""
        return rate * self.service_time(prompt_tokens, answer_tokens).mean() / self.servers

    def mean_first_token(
        self, rate: Float[Array, ""], prompt_tokens: Float[Array, "request"], answer_tokens: Float[Array, "request"]
    ) -> Float[Array, ""]:
        """Mean time to first token.

        Arguments:
            rate: Arrivals [requests/s].
            prompt_tokens: Lengths that represent those of the requests [token].
            answer_tokens: Their answers [token].

        Returns:
            Time [s].
        """
        law, at = self._wait(rate, prompt_tokens, answer_tokens)
        return self.network + law.mean.wait(*at) + self.prompt_time(prompt_tokens).mean()

    def first_token_quantile(
        self,
        rate: Float[Array, ""],
        quantile: Float[Array, "..."],
        prompt_tokens: Float[Array, "request"],
        answer_tokens: Float[Array, "request"],
    ) -> Float[Array, "..."]:
        """Quantile of the time to first token over waits and prompt lengths, which are independent under FCFS.

            P(TTFT > t) = mean over requests of P(W > t - network - prefill(n)) = 1 - quantile

        Arguments:
            rate: Arrivals [requests/s].
            quantile: Which quantiles, inside (0, 1).
            prompt_tokens: Lengths that represent those of the requests [token].
            answer_tokens: Their answers [token].

        Returns:
            Time [s], in the shape of `quantile`.
        """
        law, at = self._wait(rate, prompt_tokens, answer_tokens)
        base = self.network + self.prompt_time(prompt_tokens)

        def solve(share: Float[Array, ""]) -> Float[Array, ""]:
            # No request waits longer than the tail allows on its own, and none is faster than its prefill.
            low, high = base.min(), base.max() + law.scale(*at) * jnp.maximum(-jnp.log1p(-share), 0.0)

            def halve(_: int, ends: tuple) -> tuple:
                middle = 0.5 * (ends[0] + ends[1])
                more = law.exceeding(middle - base, *at).mean() > 1.0 - share
                return jnp.where(more, middle, ends[0]), jnp.where(more, ends[1], middle)

            return jax.lax.fori_loop(0, _HALVINGS, halve, (low, high))[1]

        return jnp.reshape(jax.lax.map(solve, jnp.ravel(quantile)), jnp.shape(quantile))

    def _wait(
        self, rate: Float[Array, ""], prompt_tokens: Float[Array, "request"], answer_tokens: Float[Array, "request"]
    ) -> tuple[ExponentialWait, tuple[Float[Array, ""], ...]]:
        """The wait's law at the burstiness of these requests, and where it is to be evaluated."""
        service = self.service_time(prompt_tokens, answer_tokens)
        mean = service.mean()
        variability = 0.5 * (self.arrival_cv2 + service.var() / (mean * mean))
        return ExponentialWait(SakasegawaWait(variability)), (rate * mean, self.servers, self.servers, mean)


def replica_site(profile: ServingProfile, replicas: float, **others: float) -> ServingSite:
    """A site whose servers are replicas of one model on one kind of GPU.

        token_time = ITL(B) / B

    Arguments:
        profile: How the GPU serves the model, from `HARDWARE`.
        replicas: Copies of the model.
        **others: Further parameters of `ServingSite`.

    Returns:
        The site; a request holds a replica for `work_per_request` over the GPUs of a replica.
    """
    times = map(as_array, (profile.prefill_fixed, profile.prefill_linear, profile.prefill_quadratic))
    token_time = as_array(profile.inter_token_latency / profile.batch)
    given = {name: as_array(value) for name, value in others.items()}
    return ServingSite(Prefill(*times), token_time, as_array(replicas), **given)
