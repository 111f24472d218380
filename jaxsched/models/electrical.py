"""Losses between the meter and the servers, and the heat which they add to the room."""

import abc
from types import MappingProxyType
from typing import NamedTuple

import equinox as eqx
from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel, parameter
from jaxsched.models.load_curve import LoadCurve


class ElectricalLosses(NamedTuple):
    """Losses by component [kW]."""

    ups: Float[Array, "..."]
    pdu: Float[Array, "..."]
    misc: Float[Array, "..."]


class ElectricalCurves(eqx.Module):
    """Losses by component as curves of the load fraction [kW]."""

    ups: LoadCurve
    pdu: LoadCurve
    misc: LoadCurve

    def total(self) -> LoadCurve:
        """All losses together."""
        return self.ups + self.pdu + self.misc


class AbstractElectrical(AbstractModel):
    """What the electrical path of a site loses."""

    @abc.abstractmethod
    def curves(self, rated_it_power: Float[Array, "..."], cooling: LoadCurve) -> ElectricalCurves:
        """Losses as curves of the load fraction, given the cooling power as such a curve."""

    @abc.abstractmethod
    def heat(self, rated_it_power: Float[Array, "..."]) -> LoadCurve:
        """Heat to be removed from the room as a curve of the load fraction [kW]."""

    def __call__(
        self,
        it_power: Float[Array, "..."],
        rated_it_power: Float[Array, "..."],
        cooling_power: Float[Array, "..."],
    ) -> ElectricalLosses:
        """Losses of sites.

        Arguments:
            it_power: IT power [kW].
            rated_it_power: IT power for which the site was built [kW].
            cooling_power: Compressors, fans and pumps [kW].

        Returns:
            Losses by component [kW].
        """
        fraction = it_power / rated_it_power
        curves = self.curves(rated_it_power, LoadCurve(constant=cooling_power))
        return ElectricalLosses(curves.ups(fraction), curves.pdu(fraction), curves.misc(fraction))


class ComponentElectrical(AbstractElectrical):
    """Quadratic UPS losses, and power distribution and the rest in proportion to IT power.

        UPS  = P_r (ups_fixed + ups_linear x + ups_quadratic x^2),    x = P_IT / P_r
        PDU  = pdu_share P_IT,    misc = misc_share P_IT
        heat = P_IT + ups_heat_share UPS

    Attributes:
        ups_fixed: No-load loss as a share of rated IT power [1].
        ups_linear: Proportional loss [1].
        ups_quadratic: Square-law loss [1].
        pdu_share: Power distribution loss per IT power [1].
        misc_share: Lighting, controls and offices per IT power [1].
        ups_heat_share: Share of the UPS loss which the cooling plant must remove [1].
    Valid for:
        x in [0, 1]; UPS efficiency .913, .943, .951, .952 at x = .25, .5, .75, 1.
    Source:
        Form: no-load, proportional and square-law losses as a UPS maker defines them (Schneider Electric).
        Coefficients: derived, chosen inside the efficiency ranges of Lei and Masanet (2020), Energy
        201:117556.
    """

    domain = MappingProxyType({"load fraction": (0.0, 1.0)})

    ups_fixed: Float[Array, "..."] = parameter(0.02, unit="1", valid=(0.0, 0.2))
    ups_linear: Float[Array, "..."] = parameter(0.01, unit="1", valid=(0.0, 0.3))
    ups_quadratic: Float[Array, "..."] = parameter(0.02, unit="1", valid=(0.0, 0.2))
    pdu_share: Float[Array, "..."] = parameter(0.015, unit="1", valid=(0.0, 0.2))
    misc_share: Float[Array, "..."] = parameter(0.01, unit="1", valid=(0.0, 0.2))
    ups_heat_share: Float[Array, "..."] = parameter(0.5, unit="1", valid=(0.0, 1.0))

    def curves(self, rated_it_power: Float[Array, "..."], cooling: LoadCurve) -> ElectricalCurves:
        return ElectricalCurves(
            ups=self._ups(rated_it_power),
            pdu=LoadCurve(linear=self.pdu_share * rated_it_power),
            misc=LoadCurve(linear=self.misc_share * rated_it_power),
        )

    def heat(self, rated_it_power: Float[Array, "..."]) -> LoadCurve:
        return LoadCurve(linear=rated_it_power) + self._ups(rated_it_power).scaled(self.ups_heat_share)

    def _ups(self, rated_it_power: Float[Array, "..."]) -> LoadCurve:
        return LoadCurve(self.ups_fixed, self.ups_linear, self.ups_quadratic).scaled(rated_it_power)


class ProportionalElectrical(AbstractElectrical):
    """One factor on IT and cooling power, as goes with a partial PUE.

        P_facility = factor (P_IT + P_cooling)

    The whole loss is reported as UPS loss, and none of it as heat in the room: a partial PUE is defined
    on IT power alone.

    Attributes:
        factor: Facility power over the sum of IT and cooling power [1].
    Valid for:
        Sites run near their rated load; at low load the fixed losses, which this law has not, dominate.
    Source:
        1.069 = 1 / (0.95 0.985), derived from a UPS efficiency of 95 % and a distribution loss of 1.5 %,
        inside the ranges of Lei and Masanet (2020), Energy 201:117556.
    """

    factor: Float[Array, "..."] = parameter(1.069, unit="1", valid=(1.0, 2.0))

    def curves(self, rated_it_power: Float[Array, "..."], cooling: LoadCurve) -> ElectricalCurves:
        supplied = LoadCurve(linear=rated_it_power) + cooling
        return ElectricalCurves(supplied.scaled(self.factor - 1.0), LoadCurve(), LoadCurve())

    def heat(self, rated_it_power: Float[Array, "..."]) -> LoadCurve:
        return LoadCurve(linear=rated_it_power)
