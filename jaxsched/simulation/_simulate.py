"""Request-level simulation of a site: the time to first token of every request."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from jaxsched._parameters import is_concrete
from jaxsched.models import ServingSite
from jaxsched.simulation._arrivals import gamma_arrivals
from jaxsched.simulation._queue import fcfs_waits


class SimulatedRequests(eqx.Module):
    """What became of requests, in order of arrival; a batch of replications has leading axes.

    Attributes:
        between: Time since the arrival before [s].
        prompt_tokens: Prompt lengths [token].
        answer_tokens: Answer lengths [token].
        wait: Time before a server was free [s].
        ttft: Time to first token [s].
    """

    between: Float[Array, "*batch request"]
    prompt_tokens: Float[Array, "*batch request"]
    answer_tokens: Float[Array, "*batch request"]
    wait: Float[Array, "*batch request"]
    ttft: Float[Array, "*batch request"]

    @property
    def arrived(self) -> np.ndarray:
        """Arrivals since the start [s], summed on the host in float64."""
        return np.cumsum(np.asarray(self.between, np.float64), axis=-1)


def replay(
    site: ServingSite,
    between: Float[Array, "request"],
    prompt_tokens: Float[Array, "request"],
    answer_tokens: Float[Array, "request"],
    *,
    places: int | None = None,
) -> SimulatedRequests:
    """Send given requests through a site.

    Arguments:
        site: The site; `site.servers` must be a whole number.
        between: Time since the arrival before [s].
        prompt_tokens: Prompt lengths [token].
        answer_tokens: Answer lengths [token].
        places: Most servers of any call that shares the compiled program; needed where `site.servers` is traced,
            as under `vmap`, and otherwise `site.servers`.

    Returns:
        What became of them. The site is empty at the start: leave out the first requests where a steady state is meant.

    Raises:
        ValueError: If the number of servers is not whole, above `places`, or traced without `places`.
    """
    places = _places(site.servers, places)
    service_time = site.service_time(prompt_tokens, answer_tokens)
    wait = fcfs_waits(between, service_time, site.servers, places)
    return SimulatedRequests(between, prompt_tokens, answer_tokens, wait, site.first_token(prompt_tokens, wait))


@partial(jax.jit, static_argnames=("requests", "places"))
def _draw(site, key, rate, prompt_tokens, answer_tokens, requests, places):
    for_arrivals, for_lengths = jax.random.split(key)
    between = gamma_arrivals(for_arrivals, requests, rate, site.arrival_cv2)
    which = jax.random.randint(for_lengths, (requests,), 0, prompt_tokens.shape[0])
    return replay(site, between, prompt_tokens[which], answer_tokens[which], places=places)


def simulate(
    site: ServingSite,
    key: PRNGKeyArray,
    rate: Float[Array, ""],
    prompt_tokens: Float[Array, "length"],
    answer_tokens: Float[Array, "length"],
    *,
    requests: int,
    places: int | None = None,
) -> SimulatedRequests:
    """Draw arrivals with the burstiness of a site and lengths from a sample, and send them through the site.

    Arguments:
        site: The site.
        key: Random key; the same key gives the same requests. `vmap` over keys for replications, over rates for loads.
        rate: Arrivals [requests/s].
        prompt_tokens: Sample of prompt lengths, drawn from with replacement [token].
        answer_tokens: Answer length of each of the sample, drawn together with its prompt [token].
        requests: How many requests.
        places: As in `replay`.

    Returns:
        What became of them.

    Raises:
        ValueError: As `replay`, or if `requests` is not positive.
    """
    if requests < 1:
        raise ValueError(f"requests is {requests}; simulate at least one.")
    rate = jnp.asarray(rate, prompt_tokens.dtype)
    return _draw(site, key, rate, prompt_tokens, answer_tokens, requests, _places(site.servers, places))


def _places(servers: Float[Array, ""], places: int | None) -> int:
    if not is_concrete(servers):
        if places is None:
            raise ValueError("the number of servers is traced; give places, the most servers of any call.")
        return places
    most = float(np.max(np.asarray(servers)))
    if most != int(most):
        raise ValueError(f"ServingSite.servers is {most:g}; a simulation needs a whole number of servers, round it.")
    if places is not None and most > places:
        raise ValueError(f"ServingSite.servers is {most:g}, above places ({places}); raise places.")
    return int(most) if places is None else places
