"""When a plant that uses water on hot hours alone does so."""

import jax
from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel, parameter


class Wetting(AbstractModel):
    """Share of a heat exchanger that is wetted: none when it is cold outside, all when it is hot.

        g(T_db) = logistic((T_db - threshold) / width)

    Attributes:
        threshold: Dry bulb at which wetting starts [degC].
        width: Width of that switch [K].
    Valid for:
        Every temperature; g is increasing, smooth and between 0 and 1.
    Source:
        Derived: calibrated so that the water of `EvaporativeWater` and the share of wet hours match the disclosures of
        AWS for 2025 (Sydney 0.10, Melbourne 0.06 L/kWh, no water in 95.5 % of the year).
    """

    threshold: Float[Array, "..."] = parameter(27.0, unit="degC", valid=(5.0, 45.0))
    width: Float[Array, "..."] = parameter(1.0, unit="K", valid=(0.1, 10.0))

    def __call__(self, dry_bulb: Float[Array, "..."]) -> Float[Array, "..."]:
        """Wetted share [1] at a dry bulb [degC]."""
        return jax.nn.sigmoid((dry_bulb - self.threshold) / self.width)


def wetted(wetting: Wetting | None, dry_bulb: Float[Array, "..."]) -> Float[Array, "..."]:
    """Wetted share of a law that holds its own `Wetting`, or gets it from its plant.

    Raises:
        ValueError: If the law was taken out of its plant without it.
    """
    if wetting is None:
        raise ValueError("the wetting of this law is in its plant: take it from `Plant.laws()`.")
    return wetting(dry_bulb)
