"""Between the axes of the interface [slot, origin, site(, kind)] and those of the solvers [slot, kind, origin, site]."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsched._schedule import Schedule
from jaxsched.problem import AbstractProblem


def kind_first(problem: AbstractProblem, routing: Array) -> Array:
    """A routing of the interface in the layout of the solvers."""
    return jnp.transpose(routing if problem.has_kinds else routing[..., None], (0, 3, 1, 2))


def given(
    problem: AbstractProblem, schedule: Schedule
) -> tuple[Float[Array, "slot kind origin route"], Float[Array, "slot site"]]:
    """Flows of a schedule on the routes of a problem in the layout of the solvers, and its prices.

    Where the problem lists candidates they are those of the schedule.
    """
    is_dense = problem.slots()[0].sites is None
    routing = kind_first(problem, schedule.to_dense() if is_dense else schedule.routing)
    return routing.astype(problem.demand.dtype), schedule.prices.astype(problem.demand.dtype)


def kind_last(problem: AbstractProblem, routing: Array) -> Array:
    """A routing of the solvers in the layout of the interface."""
    routing = jnp.transpose(routing, (0, 2, 3, 1))
    return routing if problem.has_kinds else routing[..., 0]


def demand_last(problem: AbstractProblem, values: Array) -> Array:
    """Values [slot, kind, origin] of the solvers in the layout of the interface, [slot, origin(, kind)]."""
    values = jnp.transpose(values, (0, 2, 1))
    return values if problem.has_kinds else values[..., 0]
