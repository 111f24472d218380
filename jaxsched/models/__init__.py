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
from jaxsched.models.hardware import HARDWARE
from jaxsched.models.it_power import ITPower
from jaxsched.models.load_curve import LoadCurve
from jaxsched.models.network import RoundTripTime
from jaxsched.models.partial_pue import ConstantPartialPUE, PolynomialPartialPUE
from jaxsched.models.plant import AbstractPlant, MixedPlants, Plant, PlantCurves
from jaxsched.models.prefill import FlooredPrefill, Prefill
from jaxsched.models.price import EnergyPrice, SmoothWinsorisation
from jaxsched.models.queueing import SakasegawaWait
from jaxsched.models.serving import Serving
from jaxsched.models.serving_site import ServingSite
from jaxsched.models.site import SiteModel
from jaxsched.models.terms import TERMS, Term
from jaxsched.models.wait_distribution import ExponentialWait
from jaxsched.models.water import AbstractWater, DryWater, EvaporativeWater, RenWater, TowerWater, WaterFactors
from jaxsched.models.wet_bulb import stull_wet_bulb
from jaxsched.models.wetting import Wetting

__all__ = [
    "HARDWARE",
    "PLANTS",
    "TERMS",
    "AbstractCooling",
    "AbstractElectrical",
    "AbstractPlant",
    "AbstractWater",
    "AirCooledChiller",
    "AirsideEconomiser",
    "Carbon",
    "ComponentElectrical",
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
    "ServingSite",
    "SiteModel",
    "SmoothWinsorisation",
    "Term",
    "TowerWater",
    "WaterCooledChiller",
    "WaterCooledPlant",
    "WaterFactors",
    "WatersideEconomiser",
    "Weights",
    "Wetting",
    "stull_wet_bulb",
]
