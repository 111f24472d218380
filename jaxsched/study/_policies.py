"""The schedules that are compared: all serve the same demand within the same capacities and routes."""

import dataclasses
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxsched._parameters import as_array
from jaxsched._results import RESULTS
from jaxsched._schedule import Schedule
from jaxsched._solve import solve
from jaxsched.models import ConstantPartialPUE
from jaxsched.problem import AbstractSiteCost, CongestionCost, Problem
from jaxsched.solvers import ADMM, Proportional
from jaxsched.study._inputs import site_cost
from jaxsched.study._study import Study, with_cooling

Progress = Callable[[int, float, float], None]

# Partial PUE that the temperature-blind planner believes in, everywhere and always.
BLIND_PARTIAL_PUE = 1.2
# Baselines follow one signal and are solved to this certified gap of it. The nearer of two equal sites is preferred.
_BASELINE_GAP = 2e-3
_TIE_BREAK = 1e-3


def temperature_aware(study: Study, solver: ADMM, progress: Progress | None = None) -> Schedule:
    """The optimum under the true weather."""
    return solve(study.problem, solver, progress=progress)


def temperature_blind(study: Study, solver: ADMM, progress: Progress | None = None) -> Schedule:
    """The optimum of a planner who believes in one partial PUE and one mild day everywhere."""
    conditions = study.conditions
    mean = [jnp.mean(value) for value in (conditions.dry_bulb, conditions.wet_bulb)]
    believed = dataclasses.replace(conditions, dry_bulb=mean[0], wet_bulb=mean[1])
    blind = with_cooling(study.site_model, ConstantPartialPUE(as_array(BLIND_PARTIAL_PUE)))
    cost = site_cost(blind, believed, study.cap, study.scenario.slot_hours)
    return solve(_with_costs(study, study.problem.route_cost, cost), solver, progress=progress)


def nearest(study: Study, solver: ADMM, progress: Progress | None = None) -> Schedule:
    """Every request to the site with the least round-trip time that has room."""
    return _baseline(study, solver, np.zeros(study.cap.shape), progress, tie_break=1.0)


def cheapest(study: Study, solver: ADMM, progress: Progress | None = None) -> Schedule:
    """Load where a kWh is cheapest, by the delivered price alone."""
    return _baseline(study, solver, np.asarray(study.site_model.price(study.conditions.price)), progress)


def greenest(study: Study, solver: ADMM, progress: Progress | None = None) -> Schedule:
    """Load where a kWh has the least carbon."""
    return _baseline(study, solver, np.asarray(study.conditions.carbon_intensity), progress)


def proportional(study: Study, solver: ADMM, progress: Progress | None = None) -> Schedule:
    """Every demand shared over its sites by capacity; where that overloads too many, every site as busy as possible alike."""
    schedule = solve(study.problem, Proportional(), throw=False)
    if bool(schedule.result == RESULTS.successful):
        return schedule
    capacity = jnp.maximum(study.cap, 1e-6 * study.cap.max())
    cost = CongestionCost(linear=0.0, quadratic=0.5 / capacity)
    flat = _with_costs(study, jnp.zeros_like(study.problem.route_cost), cost)
    return solve(flat, _baseline_solver(solver), progress=progress, throw=False)


POLICIES: dict[str, Callable[..., Schedule]] = {
    "temperature_aware": temperature_aware,
    "temperature_blind": temperature_blind,
    "nearest": nearest,
    "proportional": proportional,
    "cheapest": cheapest,
    "greenest": greenest,
}
"""The policies by name, each `policy(study, solver)` to a schedule: the list that configuration, commands and reports read."""


def _baseline(
    study: Study, solver: ADMM, signal: np.ndarray, progress: Progress | None, tie_break: float = _TIE_BREAK
) -> Schedule:
    """The least sum of a signal [slot, site] times the energy of the load, and of round-trip times to break ties."""
    per_gpu = np.broadcast_to(signal, study.cap.shape) * np.asarray(study.site_model.it_power.slope())
    scale = float(np.abs(per_gpu).mean())
    linear = per_gpu / scale if scale > 0 else per_gpu
    rtt = study.scenario.rtt / max(float(study.scenario.rtt.mean()), 1e-9)
    problem = _with_costs(study, jnp.asarray(tie_break * rtt)[None, :, :, None], CongestionCost(linear=linear))
    return solve(problem, _baseline_solver(solver), progress=progress, throw=False)


def _baseline_solver(solver: ADMM) -> ADMM:
    return ADMM(rtol=_BASELINE_GAP, max_steps=solver.max_steps)


def _with_costs(study: Study, route_cost: Array, cost: AbstractSiteCost) -> Problem:
    """The study's problem with other costs: demand, capacities, latency limits and residency stay."""
    problem = study.problem
    return Problem(
        demand=problem.demand,
        route_cost=route_cost,
        capacity=problem.capacity,
        site_cost=cost,
        work=problem.work,
        allowed=problem.allowed,
        dtype=problem.demand.dtype,
    )
