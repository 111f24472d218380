"""The routing problem of a study under other inputs: where every derivative and every scenario starts."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsched._parameters import parameter
from jaxsched.models import Conditions, Serving, SiteModel
from jaxsched.problem import Problem
from jaxsched.study._build import Study, largest_load, names_of_service, route_cost, site_cost


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
    demand: Float[Array, "slot origin kind"] = parameter(unit="requests/s", valid=(0.0, 1e12))
    facility_limit: Float[Array, "..."] = parameter(unit="kW", valid=(0.0, 1e9))


def inputs_of(study: Study) -> Inputs:
    """The inputs of a study; `repose(study, **vars(inputs_of(study)))` is its own problem, to rounding."""
    scenario = study.scenario
    return Inputs(
        site_model=study.site_model,
        conditions=study.conditions,
        rtt=jnp.asarray(scenario.rtt),
        demand=jnp.asarray(scenario.demand),
        facility_limit=study.limit,
        serving=study.serving,
    )


def serving_names(study: Study) -> tuple[list[str], list[str]]:
    """Kinds of GPU and models of a study: the rows and columns of its `Serving`."""
    return names_of_service(study.scenario)


def service_of(study: Study, serving: Serving) -> tuple[Float[Array, "site kind"], Float[Array, "site kind"]]:
    """Work [GPU s] and mean prefill [s] of a request of each class at each site."""
    sites, classes = study.scenario.sites, study.scenario.classes
    kinds, models = serving_names(study)
    rows = np.array([kinds.index(name) for name in sites["hardware"]])
    columns = np.array([models.index(name) for name in classes["model"]])
    lengths = (classes[name].to_numpy(float)[None, :] for name in ("input_mean", "input_mean_square", "output_mean"))
    mean, square, output = map(jnp.asarray, lengths)
    table = serving.at(rows, columns)
    return table.work(mean, square, output), table.prefill(mean, square)


def repose(
    study: Study,
    *,
    site_model: SiteModel | None = None,
    conditions: Conditions | None = None,
    rtt: Float[Array, "origin site"] | None = None,
    demand: Float[Array, "slot origin kind"] | None = None,
    facility_limit: Float[Array, "..."] | None = None,
    serving: Serving | None = None,
) -> Problem:
    """The routing problem of a study under other sites, weather, signals, round-trip times, demand, limits or service.

    Costs and capacities follow what is given, also under `jax.grad`, `jit` and `vmap`: this is where a gradient with
    respect to weather, prices, weights, demand or a parameter of a model starts. Which routes are allowed stays that of the
    study, so that a limit on latency does not move with `rtt` or `serving`; so does the mix of classes that sets the power
    of a busy GPU and the burstiness at each site, which are parameters of `site_model`.

    Arguments:
        study: The study.
        site_model: Sites; those of the study where not given.
        conditions: Weather and signals [slot, site]; those of the study where not given.
        rtt: Round-trip time [origin, site] [s]; that of the scenario where not given.
        demand: Requests per second [slot, origin, class]; that of the scenario where not given.
        facility_limit: Largest power at the meter [site] or [slot, site] [kW]; that of the scenario where not given.
        serving: How GPUs serve models, rows and columns by `serving_names`; that of the study where not given.

    Raises:
        ValueError: As `Problem`.
    """
    scenario, problem = study.scenario, study.problem
    site_model = study.site_model if site_model is None else site_model
    conditions = study.conditions if conditions is None else conditions
    work, prefill = (problem.work, study.prefill) if serving is None else service_of(study, serving)
    limit = study.limit if facility_limit is None else facility_limit
    cap = largest_load(scenario, site_model, conditions, limit)
    rtt = jnp.asarray(scenario.rtt) if rtt is None else rtt
    return Problem(
        demand=problem.demand if demand is None else demand,
        route_cost=route_cost(scenario, site_model, rtt, prefill),
        capacity=cap,
        site_cost=site_cost(site_model, conditions, cap, scenario.slot_hours),
        work=work,
        allowed=problem.allowed,
        dtype=problem.demand.dtype,
    )


def pose(study: Study, inputs: Inputs) -> Problem:
    """The routing problem under a whole set of inputs."""
    everything: dict[str, Any] = {name: getattr(inputs, name) for name in Inputs.__dataclass_fields__}
    return repose(study, **everything)
