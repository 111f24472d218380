"""First come, first served at several servers, request by request."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


@partial(jax.jit, static_argnames="places")
def fcfs_waits(
    between: Float[Array, "request"],
    service_time: Float[Array, "request"],
    servers: Float[Array, ""],
    places: int,
) -> Float[Array, "request"]:
    """Wait of each request at servers that take requests in order of arrival.

        w: work left at each server, in ascending order, as the next request finds it
        W = w_1,    w <- sort(w_1 + S, w_2, ..., w_c),    w <- max(w - time to the next arrival, 0)

    One pass over the requests in arrival order; differentiable, and one call under `vmap` serves many replications,
    loads and numbers of servers. The servers are empty at the start.

    Arguments:
        between: Time since the arrival before, of the first since the start [s].
        service_time: Time that each request holds a server [s].
        servers: Servers, a whole number from 1 to `places`.
        places: Most servers of any call that shares the compiled program.

    Returns:
        Waits [s].

    Source:
        Kiefer and Wolfowitz (1955), On the theory of queues with many servers, Trans. Am. Math. Soc. 78:1.
    """
    # A server that is not there is busy for ever.
    empty = jnp.where(jnp.arange(places, dtype=servers.dtype) < servers, 0.0, jnp.inf).astype(service_time.dtype)

    def serve(left: Array, request: tuple[Array, Array]) -> tuple[Array, Array]:
        since, service = request
        left = jnp.maximum(left - since, 0.0)
        # The first leaves its place in the order, the rest move down, and its new work is put where it belongs.
        others = jnp.append(left[1:], jnp.inf)
        return jnp.maximum(left, jnp.minimum(others, left[0] + service)), left[0]

    return jax.lax.scan(serve, empty, (between, service_time))[1]
