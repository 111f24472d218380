"""Physical models: power, cooling, water, carbon, price, latency, queueing and the site that joins them."""

from jaxsched.models.carbon import Carbon
from jaxsched.models.chiller import AirCooledChiller, Fans, PartLoad, WaterCooledChiller
from jaxsched.models.conditions import Conditions, Weights
from jaxsched.models.cooling import AbstractCooling, CoolingCurves, CoolingPower
from jaxsched.models.cooling_laws import (
    PLANTS,
    AirsideEconomiser,
    DirectExpansion,
    IndirectEvaporative,
    WaterCooledPlant,
    WatersideEconomiser,
    mechanical_curves,
)
from jaxsched.models.decode import InterTokenLatency
from jaxsched.models.electrical import (
    AbstractElectrical,
    ComponentElectrical,
    ElectricalCurves,
    ElectricalLosses,
    ProportionalElectrical,
)
from jaxsched.models.free_cooling import FreeCooling
from jaxsched.models.hardware import (
    HARDWARE,
    REFERENCE_BATCH,
    SERVER_POWER_W,
    Hardware,
    ServingProfile,
    mean_prefill_seconds,
    work_per_request,
)
from jaxsched.models.it_power import ITPower
from jaxsched.models.load_curve import LoadCurve
from jaxsched.models.network import RoundTripTime
from jaxsched.models.partial_pue import ConstantPartialPUE, PolynomialPartialPUE
from jaxsched.models.plant import AbstractPlant, MixedPlants, Plant, PlantCurves
from jaxsched.models.prefill import FlooredPrefill, Prefill, log_normal_moments
from jaxsched.models.price import EnergyPrice, SmoothWinsorisation
from jaxsched.models.queueing import SakasegawaWait
from jaxsched.models.serving import Serving
from jaxsched.models.serving_site import ServingSite, replica_site
from jaxsched.models.site import ConditionedSite, SiteModel, SiteReport
from jaxsched.models.terms import SIGNALS, TERMS, TIMED, WEIGHTED, Signal, Term, Worth
from jaxsched.models.wait_distribution import ExponentialWait
from jaxsched.models.water import (
    AbstractWater,
    DryWater,
    EvaporativeWater,
    RenWater,
    TowerWater,
    WaterFactors,
    source_water,
)
from jaxsched.models.wet_bulb import stull_wet_bulb
from jaxsched.models.wetting import Wetting

__all__ = [
    "HARDWARE",
    "PLANTS",
    "REFERENCE_BATCH",
    "SERVER_POWER_W",
    "SIGNALS",
    "TERMS",
    "TIMED",
    "WEIGHTED",
    "AbstractCooling",
    "AbstractElectrical",
    "AbstractPlant",
    "AbstractWater",
    "AirCooledChiller",
    "AirsideEconomiser",
    "Carbon",
    "ComponentElectrical",
    "ConditionedSite",
    "Conditions",
    "ConstantPartialPUE",
    "CoolingCurves",
    "CoolingPower",
    "DirectExpansion",
    "DryWater",
    "ElectricalCurves",
    "ElectricalLosses",
    "EnergyPrice",
    "EvaporativeWater",
    "ExponentialWait",
    "Fans",
    "FlooredPrefill",
    "FreeCooling",
    "Hardware",
    "ITPower",
    "IndirectEvaporative",
    "InterTokenLatency",
    "LoadCurve",
    "MixedPlants",
    "PartLoad",
    "Plant",
    "PlantCurves",
    "PolynomialPartialPUE",
    "Prefill",
    "ProportionalElectrical",
    "RenWater",
    "RoundTripTime",
    "SakasegawaWait",
    "Serving",
    "ServingProfile",
    "ServingSite",
    "Signal",
    "SiteModel",
    "SiteReport",
    "SmoothWinsorisation",
    "Term",
    "TowerWater",
    "WaterCooledChiller",
    "WaterCooledPlant",
    "WaterFactors",
    "WatersideEconomiser",
    "Weights",
    "Wetting",
    "Worth",
    "log_normal_moments",
    "mean_prefill_seconds",
    "mechanical_curves",
    "replica_site",
    "source_water",
    "stull_wet_bulb",
    "work_per_request",
]
