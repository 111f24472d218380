"""What every solver offers to the one loop that iterates."""

import abc
from collections.abc import Callable
from typing import ClassVar, Generic, Protocol, TypeVar

import equinox as eqx
import jax
from jaxtyping import Array, Bool, Float, Int

from jaxsched._schedule import History, Schedule
from jaxsched.problem import AbstractProblem, Problem, SlotProblem
from jaxsched.problem._demand import Routes
from jaxsched.solvers._incumbent import Incumbent
from jaxsched.solvers._layout import number_of_routes
from jaxsched.solvers._point import PrimalDualPoint

# Arrays of the size of the routing that a solver is taken to hold at once where it does not say.
_ARRAYS = 30


class SolverState(Protocol):
    """Where a solver stands, as far as the loop over iterations asks."""

    @property
    def num_steps(self) -> Int[Array, ""]:
        """Iterations done."""
        ...

    @property
    def history(self) -> History:
        """Certificate after each check."""
        ...

    @property
    def incumbent(self) -> Incumbent:
        """Best answer of each slot so far, with its proof."""
        ...


State = TypeVar("State", bound=SolverState)


class AbstractSolver(eqx.Module, Generic[State]):
    """A method as four pure functions: `init` (start), `step` (advance), `done` (stop or go on) and `finish` (answer).

    The others have defaults that suit a method without peculiarities.
    """

    rtol: eqx.AbstractVar[Array]
    max_steps: eqx.AbstractVar[int]

    @abc.abstractmethod
    def init(self, problem: AbstractProblem, warm_start: Schedule | None) -> State:
        """State before the first step, from nothing or from the schedule of a similar problem."""

    @abc.abstractmethod
    def step(self, problem: AbstractProblem, state: State) -> State:
        """State after some more iterations, with its certificate brought up to date.

        Arguments:
            problem: The problem with its arrays in the layout of the solvers (`prepared`).
            state: The one to go on from.
        """

    @abc.abstractmethod
    def done(self, state: State) -> Bool[Array, ""]:
        """Whether to stop: tolerance reached, infeasibility proved, or steps used up."""

    @abc.abstractmethod
    def finish(self, problem: AbstractProblem, state: State) -> Schedule:
        """The best feasible answer seen and its proof."""

    def fitted(self, problem: Problem) -> "AbstractSolver":
        """The method with sizes that this problem needs, asked on the host before anything is compiled."""
        return self

    def warm_start_problem(self, problem: AbstractProblem) -> "tuple[AbstractProblem, AbstractSolver] | None":
        """A smaller problem, or an easier method, whose answer is the warm start where none was given."""
        return None

    def bytes_per_slot(self, problem: AbstractProblem, routes: int) -> int:
        """Bytes for each slot, or period, with this number of routes of each demand, without what all slots share."""
        return _ARRAYS * number_of_routes(problem, routes) * problem.demand.dtype.itemsize

    def primal_dual_point(self, problem: AbstractProblem, state: State) -> PrimalDualPoint | None:
        """Unknowns of each slot at the answer, where derivatives of the schedule are taken.

        None where the method is not accurate enough: interior-point iterations then start at its answer.

        Raises:
            ValueError: If the answer is not meant to be optimal, so that optimality conditions say nothing about it.
        """
        return None


class Iterate(eqx.Module):
    """Where the iteration of each slot stands.

    Attributes:
        routing: Flows whose routes must be kept.
        prices: Prices of load.
        difference: Best feasible cost minus best bound; infinite while either is missing.
    """

    routing: Routes
    prices: Float[Array, "slot site"]
    difference: Float[Array, " slot"]


Slots = TypeVar("Slots")


def carried_over(
    problem: AbstractProblem,
    slots: Slots,
    routes: Callable[[Slots], tuple[Array, ...]],
    carry: Callable[[Array], Array],
    settle: Callable[[SlotProblem, Slots], Slots],
) -> Slots:
    """States of all slots on other routes: their arrays over routes are carried over, then each slot is settled."""
    posed, axes = problem.slots()
    moved = eqx.tree_at(routes, slots, tuple(map(carry, routes(slots))))
    return jax.vmap(settle, in_axes=(axes, 0))(posed, moved)


class AbstractRouteSolver(AbstractSolver[State]):
    """A method that can go on after some of its routes were exchanged for others.

    Attributes:
        finds_prices: Whether its iterations are cheap enough to find the first prices, by which candidates are selected, of a
            coarse problem. Another method finds them else.
    """

    finds_prices: ClassVar[bool] = True

    @abc.abstractmethod
    def start(
        self,
        problem: AbstractProblem,
        routing: Routes,
        prices: Float[Array, "slot site"],
    ) -> State:
        """State before the first step, from flows on the routes of the problem and prices of load."""

    @abc.abstractmethod
    def current(self, state: State) -> Iterate:
        """Flows, prices and certificate of a state."""

    @abc.abstractmethod
    def reroute(self, problem: AbstractProblem, state: State, carry: Callable[[Array], Array]) -> State:
        """State on other routes.

        Arguments:
            problem: The problem with the new routes.
            state: State on the old ones.
            carry: Moves an array over routes [slot, class, origin, route] to the new ones; 0 on those that are new.
        """
