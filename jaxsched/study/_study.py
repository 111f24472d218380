"""A scenario with the inputs of its models, and the routing problem that follows from them."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel
from jaxsched.models import AbstractCooling, Conditions, Serving, SiteModel
from jaxsched.problem import Problem
from jaxsched.scenarios import Scenario
from jaxsched.study._inputs import Inputs, derive, names_of_service, problem_of


@dataclasses.dataclass(frozen=True)
class Study:
    """A scenario and the inputs of its models, with the routing problem that follows from the two.

    Attributes:
        scenario: Where everything comes from.
        inputs: Sites, weather, signals, service, round trips, demand and power limits, as arrays.
        cap: Largest load that GPUs and the power limit allow [slot, site] [GPU].
        work: GPU time of a request [site, class] [GPU s].
        prefill: Mean prefill time [site, class] [s].
        allowed: Routes that keep the latency limit and the residency rule [origin, site, class].
        problem: The routing problem; its objective is the cost of all slots [currency].
    """

    scenario: Scenario
    inputs: Inputs
    cap: Float[Array, "slot site"]
    work: np.ndarray
    prefill: np.ndarray
    allowed: np.ndarray
    problem: Problem

    @classmethod
    def of(cls, scenario: Scenario, inputs: Inputs, dtype: Any = None) -> "Study":
        """The study of a scenario and inputs that agree with it.

        Arguments:
            scenario: The scenario.
            inputs: Its inputs, values and not tracers.
            dtype: Precision of the routing problem; JAX's default where not given.
        """
        derived = derive(scenario, inputs)
        cap, work, prefill = derived.cap, np.asarray(derived.work, float), np.asarray(derived.prefill, float)
        allowed = _allowed(scenario, prefill)
        problem = problem_of(scenario, inputs, derived, allowed, dtype or jnp.asarray(0.0).dtype)
        return cls(scenario, inputs, cap, work, prefill, allowed, problem)

    def with_(self, *models: AbstractModel, at: str | Sequence[str] | None = None, **inputs: Any) -> "Study":
        """The study with other models or inputs, and its caps, routes and problem in step with them.

            study.with_(plant)                                   a fitted cooling plant at every site
            study.with_(plant, at="waterside")                   at the sites of one kind of plant, or at named ones
            study.with_(conditions=hotter, facility_limit=1.1 * study.limit)

        A model takes the place of its kind: plant, cooling, water, losses, IT power, price, carbon, queue, or a whole
        `SiteModel`. The wetting of a law of cooling or of water becomes that of its plant, for both laws. `Serving` and
        `Conditions` count too. A single law of prefill goes in by `with_prefill`.

        Arguments:
            models: Models of `jaxsched.models`, for example from `fit` or `load_model`.
            at: Names of sites or of kinds of plant where the models hold; everywhere where not given.
            inputs: Fields of `Inputs` by name: `site_model`, `conditions`, `serving`, `rtt`, `demand`, `facility_limit`.
                Under `jit` and `grad` take `build_problem`, which gives the problem alone: a study holds values, not tracers.

        Returns:
            A new study. The mix of classes that sets the power of a busy GPU and the burstiness stays, as in `build_problem`.

        Raises:
            ValueError: If a model has no place in a study, a name is unknown, or an input does not fit.
        """
        from jaxsched.study._with import changed

        return changed(self, models, at, inputs)

    @property
    def site_model(self) -> SiteModel:
        """Every effect of a load at each site."""
        return self.inputs.site_model

    @property
    def conditions(self) -> Conditions:
        """Weather and signals [slot, site]."""
        return self.inputs.conditions

    @property
    def serving(self) -> Serving:
        """How each kind of GPU serves each model, rows and columns by `serving_names`."""
        return self.inputs.serving

    @property
    def limit(self) -> Float[Array, "..."]:
        """Largest power at the meter, which the cap keeps [site] or [slot, site] [kW]."""
        return self.inputs.facility_limit

    @property
    def negative_weight(self) -> np.ndarray:
        """Where a kWh has a negative total worth, so that the cost was replaced by its convex envelope [slot, site]."""
        weight = np.asarray(self.site_model.energy_weight(self.conditions))
        return np.broadcast_to(weight < 0, self.cap.shape)


def build_problem(study: Study, inputs: Inputs | None = None, **changed: Any) -> Problem:
    """The routing problem of a study under other sites, weather, signals, round-trip times, demand, limits or service.

        build_problem(study, inputs)                       a whole set of inputs
        build_problem(study, site_model=m, demand=d)       some of them, the others those of the study

    Costs and capacities follow what is given, also under `jax.grad`, `jit` and `vmap`: this is where a gradient with
    respect to weather, prices, weights, demand or a parameter of a model starts. Which routes are allowed stays that of the
    study, so that a limit on latency does not move with `rtt` or `serving`; so does the mix of classes that sets the power
    of a busy GPU and the burstiness at each site, which are parameters of `site_model`.

    Arguments:
        study: The study.
        inputs: The inputs; those of the study where not given.
        changed: Fields of `Inputs` by name, in the place of those of `inputs`.

    Raises:
        ValueError: As `Problem`.
        TypeError: If `Inputs` has no such field.
    """
    inputs = dataclasses.replace(study.inputs if inputs is None else inputs, **changed)
    derived = derive(study.scenario, inputs)
    return problem_of(study.scenario, inputs, derived, study.allowed, study.problem.demand.dtype)


def serving_names(study: Study) -> tuple[list[str], list[str]]:
    """Kinds of GPU and models of a study: the rows and columns of its `Serving`."""
    return names_of_service(study.scenario)


def with_cooling(site_model: SiteModel, cooling: AbstractCooling) -> SiteModel:
    """The same sites with another law of cooling."""
    everywhere = np.ones(site_model.gpus.shape, bool)
    plants = site_model.plants.replaced(lambda plant: plant.with_law(cooling), everywhere)
    return dataclasses.replace(site_model, plants=plants)


def _allowed(scenario: Scenario, prefill: np.ndarray) -> np.ndarray:
    """Routes within the latency limit of each class, and within the state where data must stay there."""
    limit = scenario.classes["latency_limit_s"].to_numpy(float)
    quick = scenario.rtt[:, :, None] + prefill[None] <= limit
    same = scenario.origins["state"].to_numpy()[:, None] == scenario.sites["state"].to_numpy()[None, :]
    stays = scenario.classes["residency"].to_numpy() == "state"
    return quick & (same[:, :, None] | ~stays)
