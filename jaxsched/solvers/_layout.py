"""Between the axes of the interface [slot, origin, site(, kind)] and those of the solvers [slot, kind, origin, site]."""

from jaxtyping import Array, Float

from jaxsched._layout import KIND, ORIGIN, ROUTE, SLOT, reordered
from jaxsched._schedule import Schedule
from jaxsched.problem import AbstractProblem

# A routing, and a value for each demand.
_ROUTING, _DEMAND = (SLOT, ORIGIN, ROUTE, KIND), (SLOT, ORIGIN, KIND)
_SOLVER_ROUTING, _SOLVER_DEMAND = (SLOT, KIND, ORIGIN, ROUTE), (SLOT, KIND, ORIGIN)


def kind_first(problem: AbstractProblem, routing: Array) -> Array:
    """A routing of the interface in the layout of the solvers."""
    return reordered(routing, _of_interface(problem, _ROUTING), _SOLVER_ROUTING)


def kind_last(problem: AbstractProblem, routing: Array) -> Array:
    """A routing of the solvers in the layout of the interface."""
    return reordered(routing, _SOLVER_ROUTING, _of_interface(problem, _ROUTING))


def demand_last(problem: AbstractProblem, values: Array) -> Array:
    """Values of the demands of the solvers in the layout of the interface."""
    return reordered(values, _SOLVER_DEMAND, _of_interface(problem, _DEMAND))


def given(
    problem: AbstractProblem, schedule: Schedule
) -> tuple[Float[Array, "slot kind origin route"], Float[Array, "slot site"]]:
    """Flows of a schedule on the routes of a problem in the layout of the solvers, and its prices.

    Where the problem lists candidates they are those of the schedule.
    """
    is_dense = problem.slots()[0].sites is None
    routing = kind_first(problem, schedule.to_dense() if is_dense else schedule.routing)
    return routing.astype(problem.demand.dtype), schedule.prices.astype(problem.demand.dtype)


def _of_interface(problem: AbstractProblem, axes: tuple[str, ...]) -> tuple[str, ...]:
    """Axes of the interface: without kinds where demand was given without."""
    return axes if problem.has_kinds else axes[:-1]
