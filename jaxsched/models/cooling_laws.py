"""Five cooling plants: two with compressors alone, and three kinds of economiser; and the list of those a site may have."""

import math
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import equinox as eqx
from jaxtyping import Array, Float

from jaxsched._parameters import parameter
from jaxsched.models.chiller import AirCooledChiller, Fans, PartLoad, WaterCooledChiller
from jaxsched.models.cooling import AbstractCooling, CoolingCurves
from jaxsched.models.free_cooling import FreeCooling
from jaxsched.models.load_curve import LoadCurve
from jaxsched.models.plant import Plant
from jaxsched.models.water import DryWater, EvaporativeWater, TowerWater
from jaxsched.models.wetting import Wetting, wetted

# What the chillers of air-cooled and of water-cooled plants were fitted to.
_AIR = MappingProxyType({"dry_bulb": (-5.0, 45.0), "load fraction": (0.0, 1.0)})
_WATER = MappingProxyType({"wet_bulb": (-math.inf, 28.0), "load fraction": (0.0, 1.0)})


def _economiser(*temperatures_and_width: Any) -> Any:
    """A field with a `FreeCooling` of its own."""
    return eqx.field(default_factory=lambda: FreeCooling(*temperatures_and_width))


def mechanical_curves(
    electric_share: Float[Array, "..."],
    part_load: PartLoad,
    fans: Fans,
    pump_share: Float[Array, "..."],
    rated_it_power: Float[Array, "..."],
    rated_heat: Float[Array, "..."],
) -> CoolingCurves:
    """Curves of a plant with compressors, fans and pumps.

        compressor = rated_heat electric_share r(x),    pump = pump_share P_IT

    Arguments:
        electric_share: Mechanical share times electric input ratio at the weather of the slot [1].
        part_load: r, the effect of the load fraction.
        fans: Fans of the plant.
        pump_share: Pump power per IT power [1].
        rated_it_power: IT power for which the site was built [kW].
        rated_heat: Heat removed at rated IT power [kW].

    Returns:
        Curves of the load fraction [kW].
    """
    return CoolingCurves(
        compressor=part_load.curve().scaled(rated_heat * electric_share),
        fan=fans.curve(rated_it_power),
        pump=LoadCurve(linear=pump_share * rated_it_power),
    )


class DirectExpansion(AbstractCooling):
    """Air-cooled compressors take all the heat at all times.

        compressor = Q_r EIR(T_db) r(x)

    Attributes:
        chiller: Electric input ratio.
        part_load: Effect of the load fraction.
        fans: Indoor and condenser fans.
        pump_share: Pump power per IT power [1].
    Valid for:
        dry_bulb in [-5, 45] degC, load fraction in [0, 1].
    Source:
        Derived from the parts; annual PUE 1.28 to 1.30 at load fraction 0.6 in Sydney, Melbourne and Perth,
        beside 1.25 to 1.34 stated for Australian colocation sites (opennem/openelectricity,
        data-centres-au.json).
    """

    domain = _AIR

    chiller: AirCooledChiller = eqx.field(default_factory=AirCooledChiller)
    part_load: PartLoad = eqx.field(default_factory=PartLoad)
    fans: Fans = eqx.field(default_factory=Fans)
    pump_share: Float[Array, "..."] = parameter(0.0, unit="1", valid=(0.0, 0.2))

    def curves(
        self,
        rated_it_power: Float[Array, "..."],
        rated_heat: Float[Array, "..."],
        dry_bulb: Float[Array, "..."],
        wet_bulb: Float[Array, "..."],
    ) -> CoolingCurves:
        share = self.chiller(dry_bulb)
        return mechanical_curves(share, self.part_load, self.fans, self.pump_share, rated_it_power, rated_heat)


class WaterCooledPlant(AbstractCooling):
    """Water-cooled compressors with a cooling tower take all the heat at all times.

        compressor = Q_r EIR(T_wb) r(x)

    Attributes:
        chiller: Electric input ratio.
        part_load: Effect of the load fraction.
        fans: Indoor and tower fans.
        pump_share: Chilled-water and tower pumps per IT power [1].
    Valid for:
        wet_bulb up to 28 degC, load fraction in [0, 1]. One curve for all machines of the plant: the step where a
        further machine starts is smoothed, because it would break convexity.
    Source:
        Derived from the parts; the plant of `WatersideEconomiser` without its heat exchanger. Compared with the
        compressors of a building in Singapore in benchmarks/calibration_cooling.py.
    """

    domain = _WATER

    chiller: WaterCooledChiller = eqx.field(default_factory=WaterCooledChiller)
    part_load: PartLoad = eqx.field(default_factory=PartLoad)
    fans: Fans = eqx.field(default_factory=Fans)
    pump_share: Float[Array, "..."] = parameter(0.03, unit="1", valid=(0.0, 0.2))

    def curves(
        self,
        rated_it_power: Float[Array, "..."],
        rated_heat: Float[Array, "..."],
        dry_bulb: Float[Array, "..."],
        wet_bulb: Float[Array, "..."],
    ) -> CoolingCurves:
        share = self.chiller(wet_bulb)
        return mechanical_curves(share, self.part_load, self.fans, self.pump_share, rated_it_power, rated_heat)


class AirsideEconomiser(AbstractCooling):
    """Outdoor air cools directly when it is cold enough, compressors take what it leaves.

        compressor = Q_r m(T_db) EIR(T_db) r(x)

    Attributes:
        free_cooling: Mechanical share m.
        chiller: Electric input ratio.
        part_load: Effect of the load fraction.
        fans: Fans.
        pump_share: Pump power per IT power [1].
    Valid for:
        dry_bulb in [-5, 45] degC, load fraction in [0, 1]; humidity limits of the room are not modelled.
    Source:
        Modes as in lbl-srg/modelica-buildings (Applications/DataCenters), smoothed; parameters derived.
    """

    domain = _AIR

    free_cooling: FreeCooling = _economiser(18.0, 30.0, 1.5)
    chiller: AirCooledChiller = eqx.field(default_factory=AirCooledChiller)
    part_load: PartLoad = eqx.field(default_factory=PartLoad)
    fans: Fans = eqx.field(default_factory=Fans)
    pump_share: Float[Array, "..."] = parameter(0.01, unit="1", valid=(0.0, 0.2))

    def curves(
        self,
        rated_it_power: Float[Array, "..."],
        rated_heat: Float[Array, "..."],
        dry_bulb: Float[Array, "..."],
        wet_bulb: Float[Array, "..."],
    ) -> CoolingCurves:
        share = self.free_cooling(dry_bulb) * self.chiller(dry_bulb)
        return mechanical_curves(share, self.part_load, self.fans, self.pump_share, rated_it_power, rated_heat)


class WatersideEconomiser(AbstractCooling):
    """Tower water cools through a heat exchanger when it is cold enough, water-cooled compressors do the
    rest.

        compressor = Q_r m(T_wb + approach) EIR(T_wb) r(x)

    Attributes:
        free_cooling: Mechanical share m.
        approach: Chilled water above the wet bulb: tower and heat exchanger [K].
        chiller: Electric input ratio.
        part_load: Effect of the load fraction.
        fans: Indoor and tower fans.
        pump_share: Chilled-water and tower pumps per IT power [1].
    Valid for:
        wet_bulb up to 28 degC, load fraction in [0, 1].
    Source:
        Lei and Masanet (2020), Energy 201:117556 (form and range of the approaches), smoothed; pump share
        derived from their pressure drops.
    """

    domain = _WATER

    free_cooling: FreeCooling = _economiser(18.0, 26.0, 1.0)
    approach: Float[Array, "..."] = parameter(6.0, unit="K", valid=(2.0, 15.0))
    chiller: WaterCooledChiller = eqx.field(default_factory=WaterCooledChiller)
    part_load: PartLoad = eqx.field(default_factory=PartLoad)
    fans: Fans = eqx.field(default_factory=Fans)
    pump_share: Float[Array, "..."] = parameter(0.03, unit="1", valid=(0.0, 0.2))

    def curves(
        self,
        rated_it_power: Float[Array, "..."],
        rated_heat: Float[Array, "..."],
        dry_bulb: Float[Array, "..."],
        wet_bulb: Float[Array, "..."],
    ) -> CoolingCurves:
        share = self.free_cooling(wet_bulb + self.approach) * self.chiller(wet_bulb)
        return mechanical_curves(share, self.part_load, self.fans, self.pump_share, rated_it_power, rated_heat)


class IndirectEvaporative(AbstractCooling):
    """Outdoor air, wetted on hot hours, cools through a heat exchanger; compressors trim what is left.

        T_eff = T_db - effectiveness g(T_db) (T_db - T_wb),    g: `Wetting`
        compressor = Q_r m(T_eff + approach) EIR(T_eff) r(x)

    Attributes:
        free_cooling: Mechanical share m.
        effectiveness: Share of the wet-bulb depression which the wetted exchanger reaches [1].
        wetting: When it is wetted; in a `Plant` that of the plant, for its water too.
        approach: Room air above the cooled outdoor air [K].
        chiller: Electric input ratio.
        part_load: Effect of the load fraction.
        fans: Fans.
        pump_share: Pump power per IT power [1].
    Valid for:
        dry_bulb in [-5, 45] degC, load fraction in [0, 1].
    Source:
        Derived; annual PUE 1.13 at load fraction 0.6 in Sydney, Melbourne and Perth, beside 1.15 to 1.2
        stated for indirect evaporative sites in Australia (opennem/openelectricity, data-centres-au.json).
    """

    domain = _AIR

    free_cooling: FreeCooling = _economiser(24.0, 36.0, 1.5)
    effectiveness: Float[Array, "..."] = parameter(0.7, unit="1", valid=(0.0, 1.0))
    wetting: Wetting | None = eqx.field(default_factory=Wetting)
    approach: Float[Array, "..."] = parameter(3.0, unit="K", valid=(0.0, 15.0))
    chiller: AirCooledChiller = eqx.field(default_factory=AirCooledChiller)
    part_load: PartLoad = eqx.field(default_factory=PartLoad)
    fans: Fans = eqx.field(default_factory=Fans)
    pump_share: Float[Array, "..."] = parameter(0.01, unit="1", valid=(0.0, 0.2))

    def curves(
        self,
        rated_it_power: Float[Array, "..."],
        rated_heat: Float[Array, "..."],
        dry_bulb: Float[Array, "..."],
        wet_bulb: Float[Array, "..."],
    ) -> CoolingCurves:
        air = dry_bulb - self.effectiveness * wetted(self.wetting, dry_bulb) * (dry_bulb - wet_bulb)
        share = self.free_cooling(air + self.approach) * self.chiller(air)
        return mechanical_curves(share, self.part_load, self.fans, self.pump_share, rated_it_power, rated_heat)


PLANTS: dict[str, Callable[[], Plant]] = {
    "dx": lambda: Plant(DirectExpansion(), DryWater()),
    "airside": lambda: Plant(AirsideEconomiser(), EvaporativeWater()),
    "waterside": lambda: Plant(WatersideEconomiser(), TowerWater()),
    "indirect_evaporative": lambda: Plant(IndirectEvaporative(), EvaporativeWater()),
}
"""The plants that a site may have, by the name in its table: the one list that tables, configurations and studies read."""
