"""Electric power of servers."""

import jax
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel, parameter


class ITPower(AbstractModel):
    """IT power is affine in the number of busy GPUs.

        P_IT = gpus (idle_power + server_power) + load (active_power - idle_power)

    Attributes:
        idle_power: Power of a GPU which holds a model but serves nobody, scalar or [site] [kW/GPU].
        active_power: Power of a GPU at the reference batch, above `idle_power`, scalar or [site] [kW/GPU].
        server_power: CPU, memory, network and fans of the server, scalar or [site] [kW/GPU].
    Valid for:
        load in [0, gpus]; batches of about 1 to 500 sequences in bf16, where measured power is affine in
        token throughput (residual of 4 % or less for the 8B model).
    Source:
        Least squares on the ML.ENERGY leaderboard measurements (ml-energy/leaderboard); defaults are
        Llama-3.1-70B on four H100 (see `HARDWARE`); server share 1.2 kW per 8 GPUs from EcoLogits
        (mlco2/ecologits).
    """

    idle_power: Float[Array, "..."] = parameter(0.113, unit="kW/GPU", valid=(0.0, 2.0))
    active_power: Float[Array, "..."] = parameter(0.475, unit="kW/GPU", valid=(0.0, 5.0))
    server_power: Float[Array, "..."] = parameter(0.150, unit="kW/GPU", valid=(0.0, 2.0))

    def __check_init__(self) -> None:
        powers = (self.idle_power, self.active_power)
        if not all(isinstance(p, jax.Array) and not isinstance(p, Tracer) for p in powers):
            return
        if not np.all(np.asarray(self.active_power) > np.asarray(self.idle_power)):
            raise ValueError(
                "ITPower.active_power must be above ITPower.idle_power at every site: a busy GPU draws "
                "more than an idle one. Exchange the two or correct the hardware table."
            )

    def __call__(self, gpus: Float[Array, "..."], load: Float[Array, "..."]) -> Float[Array, "..."]:
        """IT power of sites.

        Arguments:
            gpus: GPUs switched on [GPU].
            load: Busy GPUs [GPU].

        Returns:
            IT power [kW].
        """
        return self.idle(gpus) + self.slope() * load

    def idle(self, gpus: Float[Array, "..."]) -> Float[Array, "..."]:
        """IT power with no request in service [kW]."""
        return (self.idle_power + self.server_power) * gpus

    def slope(self) -> Float[Array, "..."]:
        """Additional IT power of one busy GPU [kW/GPU]."""
        return self.active_power - self.idle_power
