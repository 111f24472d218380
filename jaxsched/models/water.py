"""Water that a site evaporates, and water that its electricity consumed where it was generated."""

import abc
from typing import NamedTuple

import equinox as eqx
import jax
from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel, parameter
from jaxsched.models.wetting import Wetting, wetted


class WaterFactors(NamedTuple):
    """Litres on site per kWh of IT energy, of heat and of compressor energy [L/kWh]."""

    it: Float[Array, "..."]
    heat: Float[Array, "..."]
    compressor: Float[Array, "..."]


class AbstractWater(AbstractModel):
    """Water use on site. At known weather it is linear in IT power, heat and compressor power."""

    @abc.abstractmethod
    def factors(self, dry_bulb: Float[Array, "..."], wet_bulb: Float[Array, "..."]) -> WaterFactors:
        """Litres per kWh of each flow at the weather of the slot (dry and wet bulb in degC)."""

    def __call__(
        self,
        it_power: Float[Array, "..."],
        heat: Float[Array, "..."],
        compressor: Float[Array, "..."],
        dry_bulb: Float[Array, "..."],
        wet_bulb: Float[Array, "..."],
    ) -> Float[Array, "..."]:
        """Water use on site.

        Arguments:
            it_power: IT power [kW].
            heat: Heat which the plant removes [kW].
            compressor: Compressor power [kW].
            dry_bulb: Outdoor air temperature [degC].
            wet_bulb: Outdoor wet-bulb temperature [degC].

        Returns:
            Water [L/h].
        """
        factors = self.factors(dry_bulb, wet_bulb)
        return factors.it * it_power + factors.heat * heat + factors.compressor * compressor


class EvaporativeWater(AbstractWater):
    """Make-up water of an exchanger that is wetted on hot hours only.

        W = evaporation cycles / (cycles - 1) g(T_db) Q,    g: `Wetting`

    Attributes:
        evaporation: Water evaporated per heat [L/kWh].
        cycles: Cycles of concentration [1].
        wetting: When it is wetted; in a `Plant` that of the plant.
    Valid for:
        Indirect evaporative and adiabatic plants; annual mean 0.06 to 0.08 L/kWh in Sydney and Melbourne.
    Source:
        Derived: 3600 / 2450 L/kWh is the latent heat of water; see `Wetting` for the annual means.
    """

    evaporation: Float[Array, "..."] = parameter(1.47, unit="L/kWh", valid=(1.0, 2.0))
    cycles: Float[Array, "..."] = parameter(5.0, unit="1", valid=(1.5, 15.0))
    wetting: Wetting | None = eqx.field(default_factory=Wetting)

    def factors(self, dry_bulb: Float[Array, "..."], wet_bulb: Float[Array, "..."]) -> WaterFactors:
        gate = wetted(self.wetting, dry_bulb)
        zero = 0.0 * gate
        return WaterFactors(zero, _make_up(self.evaporation, self.cycles) * gate, zero)


class TowerWater(AbstractWater):
    """Make-up water of an open cooling tower that rejects all heat, compressor heat included, all year.

        W = evaporation cycles / (cycles - 1) (Q + P_compressor)

    Attributes:
        evaporation: Water evaporated per heat [L/kWh].
        cycles: Cycles of concentration [1].
    Valid for:
        Waterside plants that use their tower in every hour.
    Source:
        Latent heat of water; cycles inside 3 to 15 of Lei and Masanet (2022), Resour. Conserv. Recycl.
        182:106323.
    """

    evaporation: Float[Array, "..."] = parameter(1.47, unit="L/kWh", valid=(1.0, 2.0))
    cycles: Float[Array, "..."] = parameter(5.0, unit="1", valid=(1.5, 15.0))

    def factors(self, dry_bulb: Float[Array, "..."], wet_bulb: Float[Array, "..."]) -> WaterFactors:
        make_up = _make_up(self.evaporation, self.cycles)
        return WaterFactors(0.0 * make_up, make_up, make_up)


class DryWater(AbstractWater):
    """The little water of an air-cooled site: humidification and cleaning.

        W = per_heat Q

    Attributes:
        per_heat: Water per heat [L/kWh].
    Valid for:
        Air-cooled plants without evaporation.
    Source:
        Inside 0.01 to 0.05 L/kWh of mid-size air-cooled sites in Lei and Masanet (2022), Resour. Conserv.
        Recycl. 182:106323 (nuoaleon/UEcalculator_dash_app, src/data/UE.csv).
    """

    per_heat: Float[Array, "..."] = parameter(0.02, unit="L/kWh", valid=(0.0, 1.0))

    def factors(self, dry_bulb: Float[Array, "..."], wet_bulb: Float[Array, "..."]) -> WaterFactors:
        zero = 0.0 * self.per_heat
        return WaterFactors(zero, self.per_heat, zero)


class RenWater(AbstractWater):
    """Water use effectiveness of a tower that runs all year, cubic in the wet bulb: an upper bound.

        WUE = cycles / (cycles - 1) (cubic F^3 + quadratic F^2 + linear F + constant),    F = 9/5 T_wb + 32
        W   = P_IT (floor + width log(1 + exp((WUE - floor) / width)))

    Attributes:
        constant: [L/kWh].
        linear: Per degree Fahrenheit [L/kWh/degF].
        quadratic: [L/kWh/degF^2].
        cubic: [L/kWh/degF^3].
        cycles: Cycles of concentration [1].
        floor: Least water use effectiveness [L/kWh].
        width: Width of the smooth corner at the floor [L/kWh].
    Valid for:
        wet_bulb in [-2, 35] degC. One to two orders of magnitude above what Australian operators report.
    Source:
        Ren et al., Making AI less thirsty (Ren-Research/Making-AI-Less-Thirsty, utils/dataloader.py), where
        the floor is a hard clip and the wet bulb is in degrees Fahrenheit.
    """

    constant: Float[Array, "..."] = parameter(-10.4, unit="L/kWh", valid=(-100.0, 100.0))
    linear: Float[Array, "..."] = parameter(0.61, unit="L/kWh/degF", valid=(-10.0, 10.0))
    quadratic: Float[Array, "..."] = parameter(-0.01, unit="L/kWh/degF^2", valid=(-1.0, 1.0))
    cubic: Float[Array, "..."] = parameter(6.0e-5, unit="L/kWh/degF^3", valid=(-0.01, 0.01))
    cycles: Float[Array, "..."] = parameter(6.0, unit="1", valid=(1.5, 15.0))
    floor: Float[Array, "..."] = parameter(0.05, unit="L/kWh", valid=(0.0, 1.0))
    width: Float[Array, "..."] = parameter(0.05, unit="L/kWh", valid=(0.001, 1.0))

    def factors(self, dry_bulb: Float[Array, "..."], wet_bulb: Float[Array, "..."]) -> WaterFactors:
        fahrenheit = 1.8 * wet_bulb + 32.0
        tower = self.constant + fahrenheit * (self.linear + fahrenheit * (self.quadratic + fahrenheit * self.cubic))
        wue = _make_up(tower, self.cycles)
        held = self.floor + self.width * jax.nn.softplus((wue - self.floor) / self.width)
        zero = 0.0 * held
        return WaterFactors(held, zero, zero)


def source_water(water_intensity: Float[Array, "..."], facility_power: Float[Array, "..."]) -> Float[Array, "..."]:
    """Water consumed at power stations for the electricity of a site.

        W = EWIF P_facility

    Arguments:
        water_intensity: Energy-water intensity factor (EWIF) of the grid [L/kWh].
        facility_power: Power at the meter [kW].

    Returns:
        Water [L/h].

    Source:
        Ren et al., Making AI less thirsty; factors by state are data of the scenario.
    """
    return water_intensity * facility_power


def _make_up(evaporated: Float[Array, "..."], cycles: Float[Array, "..."]) -> Float[Array, "..."]:
    """Evaporation plus blow-down at the given cycles of concentration."""
    return evaporated * cycles / (cycles - 1.0)
