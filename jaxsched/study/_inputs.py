"""The one road from inputs, values or tracers, to a routing problem."""

from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsched._parameters import as_array, parameter
from jaxsched._units import SECONDS_PER_HOUR
from jaxsched.models import Conditions, Serving, SiteModel
from jaxsched.models.prefill import check_prompt_moments
from jaxsched.models.terms import TIMED
from jaxsched.problem import Problem
from jaxsched.scenarios import Scenario
from jaxsched.study._site_cost import PhysicalSiteCost

# Largest share of a site's GPUs that may be busy; an assumption that every policy keeps.
UTILISATION_LIMIT = 0.95


class Inputs(eqx.Module):
    """Everything that the routing problem of a study follows from, as arrays that can be changed or differentiated.

    Attributes:
        site_model: Sites and weights.
        conditions: Weather and signals [slot, site].
        serving: How each kind of GPU serves each model [hardware, model].
        rtt: Round-trip time [origin, site] [s].
        demand: Requests per second [slot, origin, class].
        facility_limit: Largest power at the meter [site] or [slot, site] [kW].
    """

    site_model: SiteModel
    conditions: Conditions
    serving: Serving
    rtt: Float[Array, "origin site"] = parameter(unit="s", valid=(0.0, 60.0))
    demand: Float[Array, "slot origin class"] = parameter(unit="requests/s", valid=(0.0, 1e12))
    facility_limit: Float[Array, "..."] = parameter(unit="kW", valid=(0.0, 1e9))


class Derived(NamedTuple):
    """What inputs imply before any routing.

    Attributes:
        cap: Largest load that GPUs and the power limit allow [slot, site] [GPU].
        work: GPU time of a request [site, class] [GPU s].
        prefill: Mean prefill time [site, class] [s].
    """

    cap: Float[Array, "slot site"]
    work: Float[Array, "site class"]
    prefill: Float[Array, "site class"]


def derive(scenario: Scenario, inputs: Inputs) -> Derived:
    """Caps and service times of inputs; the scenario says which GPUs, models and token lengths there are."""
    cap = inputs.site_model.load_cap(inputs.facility_limit, inputs.conditions, UTILISATION_LIMIT)
    shape = (len(scenario.times), len(scenario.sites))
    return Derived(jnp.broadcast_to(cap, shape), *service_times(scenario, inputs.serving))


def problem_of(scenario: Scenario, inputs: Inputs, derived: Derived, allowed: np.ndarray, dtype: Any) -> Problem:
    """The routing problem of inputs, also under `jit`, `grad` and `vmap`.

    Arguments:
        scenario: Where the length of a slot comes from.
        inputs: The inputs.
        derived: `derive(scenario, inputs)`.
        allowed: Routes that may be used [origin, site, class].
        dtype: Precision of the problem.
    """
    return Problem(
        demand=inputs.demand,
        route_cost=_route_cost(scenario, inputs, derived.prefill),
        capacity=derived.cap,
        site_cost=site_cost(inputs.site_model, inputs.conditions, derived.cap, scenario.slot_hours),
        work=derived.work,
        allowed=None if allowed.all() else allowed[None],
        dtype=dtype,
    )


def service_times(
    scenario: Scenario, serving: Serving
) -> tuple[Float[Array, "site class"], Float[Array, "site class"]]:
    """Work [GPU s] and mean prefill [s] of a request of each class at each site."""
    names = ("input_mean", "input_mean_square", "output_mean")
    mean, square, output = (scenario.classes[name].to_numpy(float)[None, :] for name in names)
    check_prompt_moments(mean, square)
    table = serving_at(scenario, serving)
    mean, square, output = map(jnp.asarray, (mean, square, output))
    return table.work(mean, square, output), table.prefill(mean, square)


def serving_at(scenario: Scenario, serving: Serving) -> Serving:
    """How each site serves each class [site, class]."""
    kinds, models = names_of_service(scenario)
    rows = np.array([kinds.index(name) for name in scenario.sites["hardware"]])
    columns = np.array([models.index(name) for name in scenario.classes["model"]])
    return serving.at(rows, columns)


def names_of_service(scenario: Scenario) -> tuple[list[str], list[str]]:
    """Kinds of GPU and models of a scenario: the rows and columns of its `Serving`."""
    return sorted(set(scenario.sites["hardware"])), sorted(set(scenario.classes["model"]))


def worth_of_waiting(site_model: SiteModel, hours: float) -> Float[Array, "..."]:
    """What one request per second that waits one second, costs over a slot of `hours` [currency]."""
    return SECONDS_PER_HOUR * hours * getattr(site_model.weights, TIMED.name)


def site_cost(site_model: SiteModel, conditions: Conditions, cap: Float[Array, "slot site"], hours: float):
    """Convex cost of load of all sites over a slot [currency]."""
    return PhysicalSiteCost(site_model.condition(conditions, cap), as_array(hours))


def _route_cost(scenario: Scenario, inputs: Inputs, prefill: Any) -> Float[Array, "1 origin site class"]:
    """What the round trip and the prefill of one request per second cost over a slot [currency]."""
    rtt = inputs.rtt
    worth = worth_of_waiting(inputs.site_model, scenario.slot_hours)
    return (worth * (rtt[:, :, None] + prefill.astype(rtt.dtype)[None]))[None]
