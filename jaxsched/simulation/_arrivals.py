"""Times between arrivals of a given burstiness."""

import jax
from jaxtyping import Array, Float, PRNGKeyArray


def gamma_arrivals(
    key: PRNGKeyArray, requests: int, rate: Float[Array, ""], arrival_cv2: Float[Array, ""]
) -> Float[Array, "request"]:
    """Independent times between arrivals from a gamma distribution.

        shape = 1 / arrival_cv2,    mean = 1 / rate

    Arguments:
        key: Random key; the same key gives the same times.
        requests: How many.
        rate: Arrivals [requests/s].
        arrival_cv2: Squared coefficient of variation: 1 for Poisson arrivals, above for bursts; above zero [1].

    Returns:
        Times between arrivals [s].

    Source:
        Gamma renewal arrivals with fitted variation: BurstGPT (Wang et al. 2024), ServeGen (Xiang et al. 2025).
    """
    shape = 1.0 / arrival_cv2
    return jax.random.gamma(key, shape, (requests,), dtype=shape.dtype) / (shape * rate)
