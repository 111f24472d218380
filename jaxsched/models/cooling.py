"""What every cooling plant answers, and a mixture of plants over the sites."""

import abc
import operator
from functools import reduce
from typing import NamedTuple

import equinox as eqx
from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel, parameter
from jaxsched.models._axes import align
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


class MixedCooling(AbstractCooling):
    """Different plants at different sites, in one call.

        power[site] = sum over plants of membership[plant, site] power_plant[site]

    Attributes:
        plants: The kinds of plant.
        membership: Share of each plant at each site, 0 or 1 where a site has one plant [plant, site] [1].
    Valid for:
        Where every member is.
    Source:
        Definition.
    """

    plants: tuple[AbstractCooling, ...]
    membership: Float[Array, "plant site"] = parameter(unit="1", valid=(0.0, 1.0))

    def __check_init__(self) -> None:
        check_membership("MixedCooling", len(self.plants), self.membership)

    def curves(
        self,
        rated_it_power: Float[Array, "..."],
        rated_heat: Float[Array, "..."],
        dry_bulb: Float[Array, "..."],
        wet_bulb: Float[Array, "..."],
    ) -> CoolingCurves:
        parts = []
        for plant, share in zip(self.plants, self.membership, strict=True):
            curves = plant.curves(rated_it_power, rated_heat, dry_bulb, wet_bulb)
            weight = align(share, dry_bulb.ndim)
            parts.append([c.scaled(weight) for c in (curves.compressor, curves.fan, curves.pump)])
        compressor, fan, pump = (reduce(operator.add, column) for column in zip(*parts, strict=True))
        return CoolingCurves(compressor, fan, pump)


def check_membership(owner: str, members: int, membership: Float[Array, "member site"]) -> None:
    """Raise a ValueError unless `membership` has two axes and one row per member."""
    shape = getattr(membership, "shape", None)
    if shape is not None and (len(shape) != 2 or shape[0] != members):
        raise ValueError(
            f"{owner}.membership has shape {shape}, but {members} members need one row each: "
            f"give an array [{members}, number of sites]."
        )
