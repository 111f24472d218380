"""Time between two tokens of an answer."""

from types import MappingProxyType
from typing import Any

from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel, parameter


def inter_token_latency(fixed: Any, per_sequence: Any, batch: Any, per_context: Any = 0.0, context: Any = 0.0) -> Any:
    """Time between two tokens of every sequence of a batch [s].

        ITL(B, n) = fixed + per_sequence B + per_context B n

    Works on numbers and on arrays, so that tables of the host and traced models share one formula.
    """
    return fixed + batch * (per_sequence + per_context * context)


class InterTokenLatency(AbstractModel):
    """A step of decoding reads the weights once, works on each sequence, and reads what each has in its cache.

        ITL(B, n) = fixed + per_sequence B + per_context B n

    B: sequences decoded together; n: tokens that each of them holds in its cache, on average over the answer.

    Attributes:
        fixed: Time at which the weights are read, and launch overhead, called c0 [s].
        per_sequence: Time for each sequence of the batch, called d [s].
        per_context: Time for each token in the cache of each sequence [s/token].
    Valid for:
        Batches of 1 to 500 and contexts up to 8192 tokens, as far as memory holds their caches; beyond, times jump.
    Source:
        Least squares on ml-energy/leaderboard (`fixed`, `per_sequence`; defaults Llama-3.1-70B on four H100), which does
        not vary the context; `per_context` from calibration on Mutinifni/splitwise-sim data/perf_model.csv, zero until
        it is fitted. Roofline of the decode step: Pope et al. (2023), Efficiently scaling transformer inference.
    """

    domain = MappingProxyType({"batch": (1.0, 500.0), "context": (0.0, 8192.0)})

    fixed: Float[Array, "..."] = parameter(15.28e-3, unit="s", valid=(0.0, 1.0))
    per_sequence: Float[Array, "..."] = parameter(0.107e-3, unit="s", valid=(0.0, 0.1))
    per_context: Float[Array, "..."] = parameter(0.0, unit="s/token", valid=(0.0, 1e-3))

    def __call__(self, batch: Float[Array, "..."], context: Float[Array, "..."]) -> Float[Array, "..."]:
        """Time between tokens [s] at a batch [1] of sequences with a mean context [token]."""
        return inter_token_latency(self.fixed, self.per_sequence, batch, self.per_context, context)
