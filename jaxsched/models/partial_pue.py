"""Cooling as one number on IT power: the partial PUE."""

from types import MappingProxyType

from jaxtyping import Array, Float

from jaxsched._parameters import parameter, soft_clamp
from jaxsched.models.cooling import AbstractCooling, CoolingCurves
from jaxsched.models.load_curve import LoadCurve


class ConstantPartialPUE(AbstractCooling):
    """Cooling power in proportion to IT power whatever the weather; reported as compressor power.

        P_cooling = (partial_pue - 1) P_IT

    Attributes:
        partial_pue: IT and cooling power over IT power [1], scalar or [site].
    Valid for:
        Comparisons with studies that ignore the weather.
    Source:
        Definition; default near the annual mean of `PolynomialPartialPUE` in Sydney.
    """

    partial_pue: Float[Array, "..."] = parameter(1.17, unit="1", valid=(1.0, 3.0))

    def curves(
        self,
        rated_it_power: Float[Array, "..."],
        rated_heat: Float[Array, "..."],
        dry_bulb: Float[Array, "..."],
        wet_bulb: Float[Array, "..."],
    ) -> CoolingCurves:
        return _proportional(self.partial_pue, rated_it_power)


class PolynomialPartialPUE(AbstractCooling):
    """Partial PUE as a quadratic of the outdoor air temperature; reported as compressor power.

        pPUE(T) = quadratic T^2 + linear T + constant,    P_cooling = (pPUE(T) - 1) P_IT
        T: the dry bulb, softly held inside [minimum, maximum]

    Attributes:
        constant: pPUE at 0 degC [1].
        linear: Slope [1/K].
        quadratic: Curvature [1/K^2].
        minimum: Lowest temperature used [degC].
        maximum: Highest temperature used [degC].
        width: Width of the two corners [K].
    Valid for:
        dry_bulb in [-3.9, 35] degC, where the manufacturer's data lie (largest residual 0.022); held constant
        beyond [-5, 40] degC.
    Source:
        Xu, Feng and Li (2013), Temperature aware workload management in geo-distributed datacenters, ICAC,
        table 1 and figure 2 (Emerson Liebert DSE with pumped economiser, return air 29.4 degC).
    """

    domain = MappingProxyType({"dry_bulb": (-3.9, 35.0)})

    constant: Float[Array, "..."] = parameter(1.0743, unit="1", valid=(1.0, 2.0))
    linear: Float[Array, "..."] = parameter(0.0041, unit="1/K", valid=(0.0, 0.05))
    quadratic: Float[Array, "..."] = parameter(7.1705e-5, unit="1/K^2", valid=(0.0, 0.002))
    minimum: Float[Array, "..."] = parameter(-5.0, unit="degC", valid=(-20.0, 20.0))
    maximum: Float[Array, "..."] = parameter(40.0, unit="degC", valid=(20.0, 60.0))
    width: Float[Array, "..."] = parameter(1.0, unit="K", valid=(0.1, 10.0))

    def partial_pue(self, dry_bulb: Float[Array, "..."]) -> Float[Array, "..."]:
        """IT and cooling power over IT power [1] at the outdoor air temperature [degC]."""
        held = soft_clamp(dry_bulb, self.minimum, self.maximum, self.width)
        return self.constant + held * (self.linear + held * self.quadratic)

    def curves(
        self,
        rated_it_power: Float[Array, "..."],
        rated_heat: Float[Array, "..."],
        dry_bulb: Float[Array, "..."],
        wet_bulb: Float[Array, "..."],
    ) -> CoolingCurves:
        return _proportional(self.partial_pue(dry_bulb), rated_it_power)


def _proportional(partial_pue: Float[Array, "..."], rated_it_power: Float[Array, "..."]) -> CoolingCurves:
    cooling = LoadCurve(linear=(partial_pue - 1.0) * rated_it_power)
    return CoolingCurves(compressor=cooling, fan=LoadCurve(), pump=LoadCurve())
