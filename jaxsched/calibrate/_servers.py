"""How many requests a server takes together, told from which requests of a log had to wait."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Array, Float

from jaxsched.models import ServingSite
from jaxsched.simulation import replay

# Utilisations from which the token time of each number of servers is first tried, then how often and how finely a
# smaller interval about the best is searched.
_LEAST, _MOST, _TRIED, _ZOOMS, _FINER = 0.02, 1.2, 24, 3, 9
# A number of servers is plausible where its likelihood ratio is not refused at 5 % (chi-squared, one degree).
_CHI_SQUARED = 3.84


def with_service(site: ServingSite, servers: Array, token_time: Array) -> ServingSite:
    """The site with another number of servers and another time per answer token."""
    return eqx.tree_at(lambda s: (s.servers, s.token_time), site, (servers, token_time))


@partial(jax.jit, static_argnames="places")
def _misfit(site, servers, token_times, between, prompt_tokens, answer_tokens, log_ttft, used, places):
    """Sum of squared errors of ln TTFT [server, try] over the used requests."""

    def one(number: Float[Array, ""], token_time: Float[Array, ""]) -> Float[Array, ""]:
        done = replay(with_service(site, number, token_time), between, prompt_tokens, answer_tokens, places=places)
        return (jnp.where(used, log_ttft - jnp.log(done.ttft), 0.0) ** 2).sum()

    # One number of servers at a time holds the memory down.
    return jax.lax.map(lambda row: jax.vmap(partial(one, row[0]))(row[1]), (servers, token_times))


def servers_profile(
    site: ServingSite,
    between: np.ndarray,
    prompt_tokens: np.ndarray,
    answer_tokens: np.ndarray,
    ttft: np.ndarray,
    servers: np.ndarray,
) -> pd.DataFrame:
    """The least misfit that each number of servers reaches over all token times, other parameters held.

    Arguments:
        site: Its prefill and network time are used.
        between: Time since the arrival before [request] [s].
        prompt_tokens: Prompt lengths [request] [token].
        answer_tokens: Answer lengths [request] [token].
        ttft: Times to first token, NaN where unknown [request] [s].
        servers: Whole numbers to try [server].

    Returns:
        By `servers`: `token_time_s`, `misfit` (sum of squared errors of ln TTFT), and whether it is `plausible`.
    """
    used = np.isfinite(ttft) & (ttft > 0)
    data = [jnp.asarray(a, float) for a in (between, prompt_tokens, answer_tokens, np.log(np.where(used, ttft, 1.0)))]
    number = np.asarray(servers, float)
    low, high = _token_times(site, data, number)
    tries = low[:, None] * (high / low)[:, None] ** np.linspace(0.0, 1.0, _TRIED)
    rows = np.arange(len(number))

    def least_of(tries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = _misfit(site, jnp.asarray(number), jnp.asarray(tries), *data, jnp.asarray(used), int(number.max()))
        found = np.where(np.isfinite(found), found, np.inf)
        return found.min(1), found.argmin(1)

    least, best = least_of(tries)
    for _ in range(_ZOOMS):
        ends = tries[rows, np.maximum(best - 1, 0)], tries[rows, np.minimum(best + 1, tries.shape[1] - 1)]
        tries = ends[0][:, None] * (ends[1] / ends[0])[:, None] ** np.linspace(0.0, 1.0, _FINER)
        least, best = least_of(tries)
    token_time = tries[rows, best]
    ratio = used.sum() * np.log(least / max(least.min(), np.finfo(float).tiny))
    return pd.DataFrame(
        {"token_time_s": token_time, "misfit": least, "plausible": ratio <= _CHI_SQUARED},
        index=pd.Index(np.asarray(servers, int), name="servers"),
    )


def _token_times(site: ServingSite, data: list[Array], number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Token times at which the servers would be nearly idle, and busy all the time [server]."""
    between, prompt_tokens, answer_tokens, _ = data
    rate = 1.0 / float(between[1:].mean())
    reading, answer = float(site.prompt_time(prompt_tokens).mean()), max(float(answer_tokens.mean()), 1.0)
    busy = np.maximum(_MOST * number / rate - reading, 0.0) / answer
    # Where reading alone fills the servers, the token time can only be next to nothing.
    high = np.maximum(busy, 1e-6)
    return np.maximum(high * _LEAST / _MOST, 1e-9), high
