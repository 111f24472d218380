"""How much of the heat the compressors must take when outdoor air or water helps."""

import jax
from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel, parameter


class FreeCooling(AbstractModel):
    """Share of the heat left to the compressors: 0 when it is cold outside, 1 when it is hot.

        m(T) = s / (Tr - Ts) [sp((T - Ts) / s) - sp((T - Tr) / s)],    sp(v) = log(1 + exp(v))

    Ts: supply, Tr: return, s: width. Outdoor air or water below the supply temperature does all the work,
    above the return temperature none, and between the two a share linear in T; the corners are smooth, so the
    gradient never dies.

    Attributes:
        supply_temperature: Below it no compressor is needed [degC].
        return_temperature: Above it the economiser is of no use; above `supply_temperature` [degC].
        width: Width of the corners [K].
    Valid for:
        Every temperature; m is increasing, smooth and between 0 and 1.
    Source:
        Derived: smooth form of the waterside fraction of Lei and Masanet (2020), Energy 201:117556, and of
        the cooling-mode controllers of lbl-srg/modelica-buildings (Applications/DataCenters).
    """

    supply_temperature: Float[Array, "..."] = parameter(18.0, unit="degC", valid=(5.0, 40.0))
    return_temperature: Float[Array, "..."] = parameter(30.0, unit="degC", valid=(6.0, 60.0))
    width: Float[Array, "..."] = parameter(1.5, unit="K", valid=(0.1, 10.0))

    def __call__(self, temperature: Float[Array, "..."]) -> Float[Array, "..."]:
        """Mechanical share [1] at the temperature of the air or water which cools [degC]."""
        above_supply = jax.nn.softplus((temperature - self.supply_temperature) / self.width)
        above_return = jax.nn.softplus((temperature - self.return_temperature) / self.width)
        span = self.return_temperature - self.supply_temperature
        return self.width / span * (above_supply - above_return)
