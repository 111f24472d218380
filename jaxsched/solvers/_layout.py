"""Between the axes of the interface [slot, origin, site(, class)] and those of the solvers [slot, class, origin, site]."""

from typing import cast

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsched._layout import CLASS, ORIGIN, ROUTE, SLOT, reordered
from jaxsched._schedule import Schedule
from jaxsched.problem import AbstractProblem, Problem
from jaxsched.problem._coupled import CoupledProblem
from jaxsched.problem._demand import Demands, Routes

# A routing, and a value for each demand.
_ROUTING, _DEMAND = (SLOT, ORIGIN, ROUTE, CLASS), (SLOT, ORIGIN, CLASS)
_SOLVER_ROUTING, _SOLVER_DEMAND = (SLOT, CLASS, ORIGIN, ROUTE), (SLOT, CLASS, ORIGIN)


def class_first(problem: AbstractProblem, routing: Array) -> Array:
    """A routing of the interface in the layout of the solvers."""
    return reordered(routing, _of_interface(problem, _ROUTING), _SOLVER_ROUTING)


def class_last(problem: AbstractProblem, routing: Array) -> Array:
    """A routing of the solvers in the layout of the interface."""
    return reordered(routing, _SOLVER_ROUTING, _of_interface(problem, _ROUTING))


def demand_last(problem: AbstractProblem, values: Array) -> Array:
    """Values of the demands of the solvers in the layout of the interface."""
    return reordered(values, _SOLVER_DEMAND, _of_interface(problem, _DEMAND))


def given(problem: AbstractProblem, schedule: Schedule) -> tuple[Routes, Float[Array, "slot site"]]:
    """Flows of a schedule on the routes of a problem in the layout of the solvers, and its prices.

    Where the problem lists candidates they are those of the schedule.
    """
    dtype = problem.demand.dtype
    routing = class_first(problem, schedule.routing if problem.slots()[0].lists_routes else schedule.to_dense())
    return laid_out(problem, routing.astype(dtype), schedule.deferred, schedule.prices.astype(dtype))


def laid_out(
    problem: AbstractProblem,
    routing: Float[Array, "slot class origin route"],
    deferred: Float[Array, "slot job site"] | None,
    prices: Float[Array, "slot site"],
) -> tuple[Routes, Float[Array, "period site"]]:
    """Flows and prices of slots as those of periods. Jobs without flows carry nothing, which solvers share out."""
    if not isinstance(problem, CoupledProblem):
        return (routing,), prices
    nothing = deferred is None
    jobs = jnp.zeros_like(problem.jobs.route_cost) if nothing else problem.to_jobs(deferred.astype(prices.dtype))
    return (problem.by_period(routing), jobs), prices.reshape(-1, problem.period * prices.shape[-1])


def fixed_part(problem: AbstractProblem) -> Problem:
    """The problem of the demand that is served in its own slot, as it was posed."""
    return cast(Problem, problem.problem if isinstance(problem, CoupledProblem) else problem)


def by_slot(problem: AbstractProblem, values: Float[Array, "period site"]) -> Float[Array, "slot site"]:
    """Values of the sites of each period by slot."""
    return values if problem.period == 1 else values.reshape(-1, problem.shape[2])


def fixed_by_slot(problem: AbstractProblem, values: Float[Array, "period *slot_and_demand"]) -> Array:
    """Values of the demands, or routes, of the demand that is served in its own slot, by slot."""
    return values.reshape(-1, *values.shape[2:]) if isinstance(problem, CoupledProblem) else values


def answered(problem: AbstractProblem, routing: Routes, of_demand: Demands) -> dict[str, Array]:
    """Flows and prices of the demands in the layout of the interface, by their name in a schedule."""
    arrays = {
        "routing": class_last(problem, fixed_by_slot(problem, routing[0])),
        "demand_price": demand_last(problem, fixed_by_slot(problem, of_demand[0])),
    }
    if isinstance(problem, CoupledProblem):
        arrays |= {"deferred": problem.from_jobs(routing[1]), "deferred_price": problem.of_jobs(of_demand[1])}
    return arrays


def number_of_routes(problem: AbstractProblem, routes: int) -> int:
    """Routes in a slot, or period, with so many of each demand that is served in its own slot."""
    _, origins, sites, classes = problem.shape
    fixed = problem.period * origins * routes * classes
    return fixed + (problem.order.shape[-1] * problem.period * sites if isinstance(problem, CoupledProblem) else 0)


def _of_interface(problem: AbstractProblem, axes: tuple[str, ...]) -> tuple[str, ...]:
    """Axes of the interface: without classes where demand was given without."""
    return axes if problem.has_classes else axes[:-1]
