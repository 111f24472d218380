"""What every law of cooling answers."""

import abc
from typing import NamedTuple

import equinox as eqx
from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel
from jaxsched.models.load_curve import LoadCurve


class CoolingPower(NamedTuple):
    """Electric power of a cooling plant by component [kW]."""

    compressor: Float[Array, "..."]
    fan: Float[Array, "..."]
    pump: Float[Array, "..."]


class CoolingCurves(eqx.Module):
    """The same components as curves of the load fraction, at known weather [kW]."""

    compressor: LoadCurve
    fan: LoadCurve
    pump: LoadCurve

    def total(self) -> LoadCurve:
        """Compressors, fans and pumps together."""
        return self.compressor + self.fan + self.pump


class AbstractCooling(AbstractModel):
    """A cooling plant. At known weather its power is a cubic of the load fraction of its site.

    A plant states its curves; everything else follows. Non-negative coefficients make it convex in the load.
    """

    @abc.abstractmethod
    def curves(
        self,
        rated_it_power: Float[Array, "..."],
        rated_heat: Float[Array, "..."],
        dry_bulb: Float[Array, "..."],
        wet_bulb: Float[Array, "..."],
    ) -> CoolingCurves:
        """Power by component as curves of the load fraction.

        Arguments:
            rated_it_power: IT power for which the site was built [kW].
            rated_heat: Heat which the plant removes at rated IT power [kW].
            dry_bulb: Outdoor air temperature [degC].
            wet_bulb: Outdoor wet-bulb temperature [degC].

        Returns:
            Curves of the load fraction [kW].
        """

    def __call__(
        self,
        it_power: Float[Array, "..."],
        rated_it_power: Float[Array, "..."],
        rated_heat: Float[Array, "..."],
        dry_bulb: Float[Array, "..."],
        wet_bulb: Float[Array, "..."],
    ) -> CoolingPower:
        """Power by component [kW] at an IT power [kW]; the other arguments as in `curves`."""
        fraction = it_power / rated_it_power
        curves = self.curves(rated_it_power, rated_heat, dry_bulb, wet_bulb)
        return CoolingPower(curves.compressor(fraction), curves.fan(fraction), curves.pump(fraction))
