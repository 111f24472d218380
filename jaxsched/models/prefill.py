"""Time to read a prompt."""

from types import MappingProxyType
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel, parameter


def mean_prefill(fixed: Any, linear: Any, quadratic: Any, tokens_mean: Any, tokens_mean_square: Any) -> Any:
    """Mean prefill time over prompts of random length n [s].

        E[t] = fixed + linear E[n] + quadratic E[n^2]

    Works on numbers and on arrays, so that tables of the host and traced models share one formula.
    """
    return fixed + linear * tokens_mean + quadratic * tokens_mean_square


def check_prompt_moments(tokens_mean: Any, tokens_mean_square: Any) -> None:
    """Raise a ValueError where a mean square of prompt lengths is below the square of the mean; host numbers or arrays."""
    mean, square = np.broadcast_arrays(np.asarray(tokens_mean, float), np.asarray(tokens_mean_square, float))
    # A relative 1e-9 forgives rounding where every prompt has the same length.
    low = square < mean**2 * (1.0 - 1e-9)
    if low.any():
        raise ValueError(
            f"input_tokens_mean_square is {square[low][0]:g}, below the square of the mean "
            f"({mean[low][0] ** 2:g}); give E[n^2], not the variance."
        )


class Prefill(AbstractModel):
    """Prefill time is quadratic in the length of the prompt: launch, matrix products, attention.

        t(n) = fixed + linear n + quadratic n^2

    Attributes:
        fixed: Launch overhead, called a [s].
        linear: Time per token, called b [s/token].
        quadratic: Time per pair of tokens, called c [s/token^2].
    Valid for:
        Prompts up to 8192 tokens; the fits err by 5 to 20 %, most between 512 and 1024 tokens.
    Source:
        Least squares on Mutinifni/splitwise-sim data/perf_model.csv; defaults Llama-2-70B on four H100.
    """

    domain = MappingProxyType({"tokens_mean": (0.0, 8192.0)})

    fixed: Float[Array, "..."] = parameter(0.0357, unit="s", valid=(0.0, 10.0))
    linear: Float[Array, "..."] = parameter(6.04e-5, unit="s/token", valid=(0.0, 0.1))
    quadratic: Float[Array, "..."] = parameter(7.3e-9, unit="s/token^2", valid=(0.0, 1e-4))

    def __call__(
        self, tokens_mean: Float[Array, "..."], tokens_mean_square: Float[Array, "..."]
    ) -> Float[Array, "..."]:
        """Mean prefill time [s] from the first two moments of the prompt length [token, token^2]."""
        return mean_prefill(self.fixed, self.linear, self.quadratic, tokens_mean, tokens_mean_square)


class FlooredPrefill(AbstractModel):
    """Short prompts take as long as reading the weights; long ones as long as their arithmetic; in between, smoothly.

        t = (floor^s + work^s)^(1/s),    work = linear N1 + quadratic N2

    N1: tokens of all prompts that are read together, N2: sum of their squares. A law of one prompt or one batch, not of
    means over random lengths, which `Prefill` has.

    Attributes:
        floor: Time of the shortest prompt: weights and launches [s].
        linear: Time per token [s/token].
        quadratic: Time per pair of tokens [s/token^2].
        sharpness: s: how sharp the change is; at large s the greater of the two [1].
    Valid for:
        One token or more, in batches up to 32,768 tokens.
    Source:
        Roofline: Williams, Waterman and Patterson (2009), Commun. ACM 52:65; the p-norm of two limits is the blend of
        Churchill and Usagi (1972), AIChE J. 18:1121. Defaults: Llama-2-70B on four H100 (Mutinifni/splitwise-sim).
    """

    domain = MappingProxyType({"tokens": (1.0, 32_768.0)})

    floor: Float[Array, "..."] = parameter(0.048, unit="s", valid=(0.0, 10.0))
    linear: Float[Array, "..."] = parameter(9.0e-5, unit="s/token", valid=(0.0, 0.1))
    quadratic: Float[Array, "..."] = parameter(4.0e-9, unit="s/token^2", valid=(0.0, 1e-4))
    sharpness: Float[Array, "..."] = parameter(3.0, unit="1", valid=(1.0, 20.0))

    def __call__(self, tokens: Float[Array, "..."], tokens_square: Float[Array, "..."]) -> Float[Array, "..."]:
        """Time [s] to read prompts together, from their sum and the sum of their squares [token, token^2]."""
        work = self.linear * tokens + self.quadratic * tokens_square
        return (self.floor**self.sharpness + work**self.sharpness) ** (1.0 / self.sharpness)


def log_normal_moments(
    mu: Float[Array, "..."], sigma: Float[Array, "..."]
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Mean and mean square of a log-normal length.

        E[n] = exp(mu + sigma^2 / 2),    E[n^2] = exp(2 mu + 2 sigma^2)

    A trace ends at the longest context of its model, a log-normal does not: with the parameters of the Azure 2023
    traces the mean is 1.07 (conversation) and 1.35 (code) times the true one, and the mean square 1.6 and 6 times.
    Where the moments of a trace are known, use those.

    Arguments:
        mu: Mean of ln n [1].
        sigma: Standard deviation of ln n [1].

    Returns:
        Mean [token] and mean square [token^2].

    Source:
        Definition; comparison derived from Azure/AzurePublicDataset.
    """
    mean = jnp.exp(mu + 0.5 * sigma * sigma)
    return mean, mean * mean * jnp.exp(sigma * sigma)
