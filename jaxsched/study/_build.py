"""From a scenario of the host to the arrays that the solver works on."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel, as_array
from jaxsched.models import (
    HARDWARE,
    AbstractCooling,
    AirsideEconomiser,
    ComponentElectrical,
    Conditions,
    DirectExpansion,
    DryWater,
    EnergyPrice,
    EvaporativeWater,
    IndirectEvaporative,
    ITPower,
    MixedCooling,
    MixedWater,
    SakasegawaWait,
    Serving,
    SiteModel,
    TowerWater,
    WatersideEconomiser,
    Weights,
    mean_prefill_seconds,
    stull_wet_bulb,
    work_per_request,
)
from jaxsched.problem import Problem
from jaxsched.scenarios import Scenario
from jaxsched.study._site_cost import PhysicalSiteCost

# Largest share of a site's GPUs that may be busy; an assumption that every policy keeps.
UTILISATION_LIMIT = 0.95
_SECONDS_PER_HOUR = 3600.0

# Plants of the scenario table with the water that each uses.
_PLANTS = {
    "dx": (DirectExpansion, DryWater),
    "airside": (AirsideEconomiser, EvaporativeWater),
    "waterside": (WatersideEconomiser, TowerWater),
    "indirect_evaporative": (IndirectEvaporative, EvaporativeWater),
}


@dataclasses.dataclass(frozen=True)
class Study:
    """A scenario with its models and the routing problem that follows from them.

    Attributes:
        scenario: Where everything comes from.
        site_model: Every effect of a load at each site.
        conditions: Weather and signals [slot, site].
        cap: Largest load that GPUs and the power limit allow [slot, site] [GPU].
        work: GPU time of a request [site, class] [GPU s].
        prefill: Mean prefill time [site, class] [s].
        allowed: Routes that keep the latency limit and the residency rule [origin, site, class].
        problem: The routing problem; its objective is the cost of all slots [AUD].
        limit: Largest power at the meter, which the cap keeps [site] or [slot, site] [kW].
        serving: How each kind of GPU serves each model, rows and columns by `serving_names`.
    """

    scenario: Scenario
    site_model: SiteModel
    conditions: Conditions
    cap: Float[Array, "slot site"]
    work: np.ndarray
    prefill: np.ndarray
    allowed: np.ndarray
    problem: Problem
    limit: Float[Array, "..."]
    serving: Serving

    def with_(self, *models: AbstractModel, at: str | Sequence[str] | None = None, **inputs: Any) -> "Study":
        """The study with other models or inputs, and its caps, routes and problem in step with them.

            study.with_(plant)                                   a fitted cooling plant at every site
            study.with_(plant, at="waterside")                   at the sites of one kind of plant, or at named ones
            study.with_(conditions=hotter, facility_limit=1.1 * study.limit)

        A model takes the place of its kind: cooling, water, losses, IT power, price, carbon, queue, or a whole `SiteModel`.
        `Serving` and `Conditions` count too. A single law of prefill goes in by `with_prefill`.

        Arguments:
            models: Models of `jaxsched.models`, for example from `fit` or `load_model`.
            at: Names of sites or of kinds of plant where the models hold; everywhere where not given.
            inputs: Fields of `Inputs` by name: `site_model`, `conditions`, `serving`, `rtt`, `demand`, `facility_limit`.
                Under `jit` and `grad` take `repose`, which gives the problem alone: a study holds values, not tracers.

        Returns:
            A new study. The mix of classes that sets the power of a busy GPU and the burstiness stays, as in `repose`.

        Raises:
            ValueError: If a model has no place in a study, a name is unknown, or an input does not fit.
        """
        from jaxsched.study._with import changed

        return changed(self, models, at, inputs)

    @property
    def negative_weight(self) -> np.ndarray:
        """Where a kWh has a negative total worth, so that the cost was replaced by its convex envelope [slot, site]."""
        weight = np.asarray(self.site_model.energy_weight(self.conditions))
        return np.broadcast_to(weight < 0, self.cap.shape)


def build(scenario: Scenario, *, dtype: Any = None) -> Study:
    """Models and routing problem of a scenario.

    The routing problem minimises, over all slots, energy cost + carbon + water + waiting in AUD. Waiting counts the
    round-trip time and mean prefill of each request on its route, and the queue at its site.

    Arguments:
        scenario: The study.
        dtype: Precision of the routing problem; JAX's default where not given.

    A site whose idle servers alone exceed its power limit on some hour has no capacity then; that is no error.

    Raises:
        ValueError: A parameter outside its range, or an unknown model.
    """
    sites, classes = scenario.sites, scenario.classes
    work, prefill = _service(sites, classes)
    service = Service(Serving.of(*names_of_service(scenario)), work, prefill)
    site_model, conditions = _site_model(scenario, work), _conditions(scenario)
    return assemble(scenario, site_model, conditions, facility_limit(scenario), service, dtype)


class Service(NamedTuple):
    """How requests are served, and what follows: work [GPU s] and mean prefill [s] of a request [site, class]."""

    serving: Serving
    work: np.ndarray
    prefill: np.ndarray


def assemble(
    scenario: Scenario,
    site_model: SiteModel,
    conditions: Conditions,
    limit: Float[Array, "..."],
    service: Service,
    dtype: Any,
) -> Study:
    """The study of a scenario and its models: caps, routes and problem follow from them."""
    serving, work, prefill = service
    cap = largest_load(scenario, site_model, conditions, limit)
    allowed = _allowed(scenario, prefill)
    problem = Problem(
        demand=scenario.demand,
        route_cost=route_cost(scenario, site_model, jnp.asarray(scenario.rtt), prefill),
        capacity=cap,
        site_cost=site_cost(site_model, conditions, cap, scenario.slot_hours),
        work=work,
        allowed=None if allowed.all() else allowed[None],
        dtype=dtype or jnp.asarray(0.0).dtype,
    )
    return Study(scenario, site_model, conditions, cap, work, prefill, allowed, problem, limit, serving)


def names_of_service(scenario: Scenario) -> tuple[list[str], list[str]]:
    """Kinds of GPU and models of a scenario."""
    return sorted(set(scenario.sites["hardware"])), sorted(set(scenario.classes["model"]))


def facility_limit(scenario: Scenario) -> Float[Array, " site"]:
    """Power limit of the facility at each site [kW]."""
    return jnp.asarray(scenario.sites["facility_limit_kw"].to_numpy(float))


def largest_load(
    scenario: Scenario, site_model: SiteModel, conditions: Conditions, limit: Float[Array, "..."]
) -> Float[Array, "slot site"]:
    """Largest load that GPUs and a power limit [kW], [site] or [slot, site], allow [GPU]."""
    shape = (len(scenario.times), len(scenario.sites))
    return jnp.broadcast_to(site_model.load_cap(limit, conditions, UTILISATION_LIMIT), shape)


def route_cost(
    scenario: Scenario, site_model: SiteModel, rtt: Float[Array, "origin site"], prefill: Any
) -> Float[Array, "1 origin site kind"]:
    """What the round trip and the prefill of one request per second cost over a slot [AUD]."""
    worth = _SECONDS_PER_HOUR * scenario.slot_hours * site_model.weights.waiting
    return (worth * (rtt[:, :, None] + jnp.asarray(prefill, rtt.dtype)[None]))[None]


def site_cost(site_model: SiteModel, conditions: Conditions, cap: Float[Array, "slot site"], hours: float):
    """Convex cost of load of all sites over a slot [AUD]."""
    return PhysicalSiteCost(site_model.condition(conditions, cap), as_array(hours))


def with_cooling(site_model: SiteModel, cooling: AbstractCooling) -> SiteModel:
    """The same sites with another law of cooling."""
    return dataclasses.replace(site_model, cooling=cooling)


def _service(sites: pd.DataFrame, classes: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Work [GPU s] and mean prefill [s] of a request of each class at each site, by its hardware."""
    lengths = ["model", "input_mean", "input_mean_square", "output_mean"]
    rows = list(classes[lengths].itertuples(index=False, name=None))
    work = {h: [work_per_request(HARDWARE[h], m, n, n2, out) for m, n, n2, out in rows] for h in HARDWARE}
    prefill = {h: [mean_prefill_seconds(HARDWARE[h], m, n, n2) for m, n, n2, _ in rows] for h in HARDWARE}
    at_sites = [np.array([table[h] for h in sites["hardware"]]) for table in (work, prefill)]
    return at_sites[0], at_sites[1]


def _site_model(scenario: Scenario, work: np.ndarray) -> SiteModel:
    sites, weights = scenario.sites, scenario.weights
    hardware = [HARDWARE[name] for name in sites["hardware"]]
    idle, peak, server = np.array([(h.idle_power, h.peak_power, h.server_power) for h in hardware]).T / 1000.0
    gpus = sites["gpus"].to_numpy(float)
    kinds = list(_PLANTS)
    membership = np.array([[float(plant == kind) for plant in sites["plant"]] for kind in kinds])
    return SiteModel(
        gpus=gpus,
        replicas=np.maximum(gpus / sites["gpus_per_replica"].to_numpy(float), 1.0),
        rated_it_power=gpus * (peak + server),
        weights=Weights(*(as_array(weights[name].value) for name in ("carbon", "water", "waiting"))),
        it_power=ITPower(*map(as_array, (idle, _active_power(scenario, work), server))),
        electrical=ComponentElectrical(),
        cooling=MixedCooling(tuple(_PLANTS[kind][0]() for kind in kinds), as_array(membership)),
        water=MixedWater(tuple(_PLANTS[kind][1]() for kind in kinds), as_array(membership)),
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
        price=jnp.asarray(scenario.price),
        carbon_intensity=jnp.asarray(scenario.carbon_intensity),
        source_water=jnp.asarray(scenario.source_water),
    )


def _allowed(scenario: Scenario, prefill: np.ndarray) -> np.ndarray:
    """Routes within the latency limit of each class, and within the state where data must stay there."""
    limit = scenario.classes["latency_limit_s"].to_numpy(float)
    quick = scenario.rtt[:, :, None] + prefill[None] <= limit
    same = scenario.origins["state"].to_numpy()[:, None] == scenario.sites["state"].to_numpy()[None, :]
    stays = scenario.classes["residency"].to_numpy() == "state"
    return quick & (same[:, :, None] | ~stays)
