"""From a scenario of the host to the inputs that its problem follows from."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsched._parameters import as_array
from jaxsched.models import (
    HARDWARE,
    PLANTS,
    ComponentElectrical,
    Conditions,
    EnergyPrice,
    ITPower,
    MixedPlants,
    SakasegawaWait,
    Serving,
    SiteModel,
    Weights,
    stull_wet_bulb,
)
from jaxsched.models.terms import SIGNALS, WEIGHTED
from jaxsched.scenarios import Scenario
from jaxsched.study._inputs import Inputs, names_of_service, service_times
from jaxsched.study._study import Study


def build_study(scenario: Scenario, *, dtype: Any = None) -> Study:
    """Models and routing problem of a scenario.

    The routing problem minimises, over all slots, energy cost + carbon + water + waiting in the currency of the scenario.
    Waiting counts the round-trip time and mean prefill of each request on its route, and the queue at its site.

    Arguments:
        scenario: The study.
        dtype: Precision of the routing problem; JAX's default where not given.

    A site whose idle servers alone exceed its power limit on some hour has no capacity then; that is no error.

    Raises:
        ValueError: A parameter outside its range, or an unknown model.
    """
    return Study.of(scenario, _inputs(scenario), dtype)


def _inputs(scenario: Scenario) -> Inputs:
    """Sites, service, weather and signals as the tables of a scenario give them."""
    serving = Serving.of(*names_of_service(scenario))
    work, _ = service_times(scenario, serving)
    return Inputs(
        site_model=_site_model(scenario, np.asarray(work, float)),
        conditions=_conditions(scenario),
        serving=serving,
        rtt=jnp.asarray(scenario.rtt),
        demand=jnp.asarray(scenario.demand),
        facility_limit=jnp.asarray(scenario.sites["facility_limit_kw"].to_numpy(float)),
    )


def _site_model(scenario: Scenario, work: np.ndarray) -> SiteModel:
    sites, weights = scenario.sites, scenario.weights
    hardware = [HARDWARE[name] for name in sites["hardware"]]
    idle, peak, server = np.array([(h.idle_power, h.peak_power, h.server_power) for h in hardware]).T / 1000.0
    gpus = sites["gpus"].to_numpy(float)
    membership = np.array([[float(plant == kind) for plant in sites["plant"]] for kind in PLANTS])
    return SiteModel(
        gpus=gpus,
        replicas=np.maximum(gpus / sites["gpus_per_replica"].to_numpy(float), 1.0),
        rated_it_power=gpus * (peak + server),
        weights=Weights(**{term.name: as_array(weights[term.name].value) for term in WEIGHTED}),
        it_power=ITPower(*map(as_array, (idle, _active_power(scenario, work), server))),
        electrical=ComponentElectrical(),
        plants=MixedPlants(tuple(plant() for plant in PLANTS.values()), as_array(membership)),
        price=EnergyPrice(as_array(weights["network_adder"].value)),
        queue=SakasegawaWait(variability=as_array(_variability(scenario, work))),
    )


def _class_shares(scenario: Scenario) -> np.ndarray:
    """Share of each class in all requests of the country [class]."""
    share = scenario.demand.sum((0, 1))
    return share / share.sum() if share.sum() > 0 else np.full(len(share), 1.0 / len(share))


def _active_power(scenario: Scenario, work: np.ndarray) -> np.ndarray:
    """Power of a busy GPU at each site: mean over the classes by GPU time, for the mix of the whole country [site] [kW]."""
    time = _class_shares(scenario) * work
    models = scenario.classes["model"]
    watts = {name: [hardware.profiles[m].gpu_power for m in models] for name, hardware in HARDWARE.items()}
    power = np.array([watts[name] for name in scenario.sites["hardware"]])
    return (time * power).sum(1) / time.sum(1) / 1000.0


def _variability(scenario: Scenario, work: np.ndarray) -> np.ndarray:
    """(Ca^2 + Cs^2) / 2 at each site, for the mix of requests of the whole country [site].

    Ca^2 is the mean over requests; Cs^2 that of the work, whose spread within a class follows its prompt length.
    """
    share, classes = _class_shares(scenario), scenario.classes
    arrivals = float(share @ classes["arrival_cv2"].to_numpy(float))
    mean, square = (classes[name].to_numpy(float) for name in ("input_mean", "input_mean_square"))
    within = square / mean**2
    service = (share * work**2 * within).sum(1) / (share * work).sum(1) ** 2 - 1.0
    return (arrivals + service) / 2.0


def _conditions(scenario: Scenario) -> Conditions:
    dry_bulb, humidity = jnp.asarray(scenario.dry_bulb), jnp.asarray(scenario.relative_humidity)
    return Conditions(
        dry_bulb=dry_bulb,
        wet_bulb=stull_wet_bulb(dry_bulb, humidity),
        **{one.name: jnp.asarray(getattr(scenario, one.name)) for one in SIGNALS if hasattr(scenario, one.name)},
    )
