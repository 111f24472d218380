"""How fast each kind of GPU serves each model, as arrays that can be differentiated and fitted."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel, as_array, parameter
from jaxsched.models.hardware import HARDWARE, request_work
from jaxsched.models.prefill import mean_prefill


class Serving(AbstractModel):
    """Prefill time and GPU time of requests, for every kind of GPU and model.

        E[t] = a + b E[n] + c E[n^2],    g = gpus_per_replica (E[t] + output ITL(B) / B),    ITL(B) = c0 + d B

    Attributes:
        prefill_fixed: Launch overhead of a prefill, a [hardware, model] [s].
        prefill_linear: Prefill time per token, b [hardware, model] [s/token].
        prefill_quadratic: Prefill time per pair of tokens, c [hardware, model] [s/token^2].
        token_fixed: Inter-token latency of an empty batch, c0 [hardware, model] [s].
        token_per_sequence: What one more sequence adds to it, d [hardware, model] [s].
        batch: Sequences that a busy replica decodes together, B [hardware, model] [1].
        gpus_per_replica: GPUs that hold one copy of the model [hardware, model] [GPU].
    Valid for:
        Where the profiles of `HARDWARE` are; each says where its numbers come from.
    Source:
        As `HARDWARE`, `mean_prefill_seconds` and `work_per_request`.
    """

    prefill_fixed: Float[Array, "..."] = parameter(unit="s", valid=(0.0, 10.0))
    prefill_linear: Float[Array, "..."] = parameter(unit="s/token", valid=(0.0, 0.1))
    prefill_quadratic: Float[Array, "..."] = parameter(unit="s/token^2", valid=(0.0, 1e-4))
    token_fixed: Float[Array, "..."] = parameter(unit="s", valid=(0.0, 10.0))
    token_per_sequence: Float[Array, "..."] = parameter(unit="s", valid=(0.0, 1.0))
    batch: Float[Array, "..."] = parameter(unit="1", valid=(1.0, 1e4))
    gpus_per_replica: Float[Array, "..."] = parameter(unit="GPU", valid=(1.0, 1e4))

    @classmethod
    def of(cls, kinds: Sequence[str], models: Sequence[str]) -> "Serving":
        """The profiles of `HARDWARE` for kinds of GPU by models, [hardware, model].

        Raises:
            ValueError: An unknown model.
        """

        def table(name: str) -> Array:
            return as_array(np.array([[getattr(HARDWARE[k].profile(m), name) for m in models] for k in kinds], float))

        return cls(
            prefill_fixed=table("prefill_fixed"),
            prefill_linear=table("prefill_linear"),
            prefill_quadratic=table("prefill_quadratic"),
            token_fixed=table("token_fixed"),
            token_per_sequence=table("token_per_sequence"),
            batch=table("batch"),
            gpus_per_replica=table("gpus_per_replica"),
        )

    def at(self, hardware: np.ndarray, model: np.ndarray) -> "Serving":
        """The same parameters at sites by classes [site, class], from the row of each and the column of the other."""
        return jax.tree.map(lambda leaf: leaf[jnp.asarray(hardware)[:, None], jnp.asarray(model)[None, :]], self)

    def prefill(self, tokens_mean: Float[Array, "..."], tokens_mean_square: Float[Array, "..."]) -> Float[Array, "..."]:
        """Mean prefill time [s] from the first two moments of the prompt length [token, token^2]."""
        return mean_prefill(
            self.prefill_fixed, self.prefill_linear, self.prefill_quadratic, tokens_mean, tokens_mean_square
        )

    def work(
        self,
        tokens_mean: Float[Array, "..."],
        tokens_mean_square: Float[Array, "..."],
        output_mean: Float[Array, "..."],
    ) -> Float[Array, "..."]:
        """GPU time of a request [GPU s], from its prompt as in `prefill` and the mean length of its answer [token]."""
        token = self.token_fixed + self.token_per_sequence * self.batch
        prefill = self.prefill(tokens_mean, tokens_mean_square)
        return request_work(self.gpus_per_replica, prefill, output_mean, token, self.batch)
