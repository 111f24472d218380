"""Electric input of compressors: the effect of temperature and of part load."""

import math
from types import MappingProxyType

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel, parameter
from jaxsched.models.load_curve import LoadCurve


class AirCooledChiller(AbstractModel):
    """Electric input ratio of an air-cooled compressor at full load, log-linear in the air at its condenser.

        EIR(T) = reference_ratio exp(sensitivity (T - reference_temperature)),    COP = 1 / EIR

    Attributes:
        reference_ratio: Electric power per heat removed at the reference temperature [1].
        sensitivity: Relative growth per kelvin [1/K].
        reference_temperature: Condenser air of the rating [degC].
    Valid for:
        Condenser air in [-5, 45] degC, beyond which the growth is extrapolated; within 0.5 % of the chiller
        it was fitted to from 15 to 45 degC. Convex in temperature.
    Source:
        Derived: fit to the York YCAL0033EE record of the electric EIR chiller model
        (lbl-srg/modelica-buildings, Fluid/Chillers/Data/ElectricEIR.mo) at 10 degC leaving water.
    """

    domain = MappingProxyType({"temperature": (-5.0, 45.0)})

    reference_ratio: Float[Array, "..."] = parameter(0.3012, unit="1", valid=(0.05, 1.0))
    sensitivity: Float[Array, "..."] = parameter(0.02604, unit="1/K", valid=(0.0, 0.1))
    reference_temperature: Float[Array, "..."] = parameter(35.0, unit="degC", valid=(-20.0, 60.0))

    def __call__(self, temperature: Float[Array, "..."]) -> Float[Array, "..."]:
        """Electric input ratio [1] at the temperature of the condenser air [degC]."""
        return self.reference_ratio * jnp.exp(self.sensitivity * (temperature - self.reference_temperature))


class WaterCooledChiller(AbstractModel):
    """Electric input ratio of a water-cooled compressor at full load, from the wet bulb.

        ln COP(t) = log_constant + log_linear t + log_quadratic t^2,    EIR = 1 / COP
        t = minimum + width log(1 + exp((T_wb + tower_approach - minimum) / width))

    t is the condenser water; the chiller does not let it fall below its minimum.

    Attributes:
        log_constant: Constant of ln COP [1].
        log_linear: Slope of ln COP [1/K].
        log_quadratic: Curvature of ln COP [1/K^2].
        tower_approach: Condenser water above the wet bulb [K].
        minimum: Lowest condenser water [degC].
        width: Width of the smooth corner at the minimum [K].
    Valid for:
        Condenser water in [12.8, 32.2] degC, that is a wet bulb up to 28 degC (fit within 0.5 %).
    Source:
        Derived: fit to the Carrier 19XR variable-speed record of the electric EIR chiller model
        (lbl-srg/modelica-buildings, Fluid/Chillers/Data/ElectricEIR.mo) at 10 degC leaving water; approach
        inside 2.8 to 6.7 K of Lei and Masanet (2020), Energy 201:117556.
    """

    domain = MappingProxyType({"wet_bulb": (-math.inf, 28.0)})

    log_constant: Float[Array, "..."] = parameter(2.18875, unit="1", valid=(0.0, 5.0))
    log_linear: Float[Array, "..."] = parameter(0.0141954, unit="1/K", valid=(-0.2, 0.2))
    log_quadratic: Float[Array, "..."] = parameter(-7.96545e-4, unit="1/K^2", valid=(-0.01, 0.01))
    tower_approach: Float[Array, "..."] = parameter(4.0, unit="K", valid=(1.0, 12.0))
    minimum: Float[Array, "..."] = parameter(12.8, unit="degC", valid=(5.0, 25.0))
    width: Float[Array, "..."] = parameter(1.0, unit="K", valid=(0.1, 10.0))

    def __call__(self, wet_bulb: Float[Array, "..."]) -> Float[Array, "..."]:
        """Electric input ratio [1] at the outdoor wet bulb [degC]."""
        excess = (wet_bulb + self.tower_approach - self.minimum) / self.width
        return self.at_condenser(self.minimum + self.width * jax.nn.softplus(excess))

    def at_condenser(self, water: Float[Array, "..."]) -> Float[Array, "..."]:
        """Electric input ratio [1] at the temperature of the condenser water [degC]."""
        return jnp.exp(-(self.log_constant + water * (self.log_linear + water * self.log_quadratic)))


class PartLoad(AbstractModel):
    """Compressor power over its power at full load, as a quadratic of the load fraction.

        r(x) = (standby + linear x + quadratic x^2) / (standby + linear + quadratic)

    The standby term is a fixed cost of a site which is switched on: it stays at every load, and cycling
    below the minimum load of a real machine is not modelled, because either would break convexity.

    Attributes:
        standby: Constant term [1].
        linear: Linear term [1].
        quadratic: Quadratic term [1].
    Valid for:
        x in [0, 1], machine switched on.
    Source:
        ASHRAE 90.1 air-cooled screw chiller (NREL/openstudio-standards, ashrae_90_1_2019.chillers.json),
        normalised to one at full load.
    """

    standby: Float[Array, "..."] = parameter(0.036487, unit="1", valid=(0.0, 1.0))
    linear: Float[Array, "..."] = parameter(0.734743, unit="1", valid=(0.0, 2.0))
    quadratic: Float[Array, "..."] = parameter(0.219947, unit="1", valid=(0.0, 2.0))

    def curve(self) -> LoadCurve:
        """r as a curve of the load fraction."""
        full = self.standby + self.linear + self.quadratic
        return LoadCurve(self.standby, self.linear, self.quadratic).scaled(1.0 / full)


class Fans(AbstractModel):
    """Power of the air movers, with a minimum speed and the cubic law above it.

        P_fan = P_r rated_share (fixed + cubic x^3),    x = P_IT / P_r

    Attributes:
        rated_share: Fan power at full load per rated IT power [1].
        fixed: Share of it at minimum speed [1].
        cubic: Share of it which follows the cube of the load [1].
    Valid for:
        x in [0, 1]; variable-speed fans.
    Source:
        Derived: 44 W per kW of heat at an air rise of 15 K, 600 Pa and an efficiency of 0.75, inside the
        ranges of Lei and Masanet (2020), Energy 201:117556; cubic law as in HewlettPackard/dc-rl
        envs/datacenter.py; split of fixed and cubic share assumed.
    """

    rated_share: Float[Array, "..."] = parameter(0.044, unit="1", valid=(0.0, 0.3))
    fixed: Float[Array, "..."] = parameter(0.2, unit="1", valid=(0.0, 1.0))
    cubic: Float[Array, "..."] = parameter(0.8, unit="1", valid=(0.0, 1.0))

    def curve(self, rated_it_power: Float[Array, "..."]) -> LoadCurve:
        """Fan power as a curve of the load fraction [kW]."""
        return LoadCurve(constant=self.fixed, cubic=self.cubic).scaled(self.rated_share * rated_it_power)
