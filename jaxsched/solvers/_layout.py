"""Between the axes of the interface [slot, origin, site(, kind)] and those of the solvers [slot, kind, origin, site]."""

import jax.numpy as jnp
from jaxtyping import Array

from jaxsched.problem import AnyProblem


def kind_first(problem: AnyProblem, routing: Array) -> Array:
    """A routing of the interface in the layout of the solvers."""
    return jnp.transpose(routing if problem.has_kinds else routing[..., None], (0, 3, 1, 2))


def kind_last(problem: AnyProblem, routing: Array) -> Array:
    """A routing of the solvers in the layout of the interface."""
    routing = jnp.transpose(routing, (0, 2, 3, 1))
    return routing if problem.has_kinds else routing[..., 0]


def demand_last(problem: AnyProblem, values: Array) -> Array:
    """Values [slot, kind, origin] of the solvers in the layout of the interface, [slot, origin(, kind)]."""
    values = jnp.transpose(values, (0, 2, 1))
    return values if problem.has_kinds else values[..., 0]
