"""What every solver offers to the one loop that iterates."""

import abc
from collections.abc import Callable
from typing import Any, TypeVar

import equinox as eqx
import jax
from jaxtyping import Array, Bool, Float, Int

from jaxsched._schedule import Schedule
from jaxsched.problem import CandidateProblem, Problem, SlotProblem
from jaxsched.solvers._point import PrimalDualPoint

Slots = TypeVar("Slots")


class AbstractSolver(eqx.Module):
    """A method as four pure functions: start, advance, decide whether to stop, and answer."""

    rtol: eqx.AbstractVar[Array]
    max_steps: eqx.AbstractVar[int]

    def fitted(self, problem: Problem) -> "AbstractSolver":
        """The method with sizes that this problem needs, asked on the host before anything is compiled; mostly itself."""
        return self

    @abc.abstractmethod
    def warm_start_problem(self, problem: Problem) -> "tuple[Problem, AbstractSolver] | None":
        """A smaller problem, or an easier method, whose answer is the warm start where none was given; mostly None."""

    @abc.abstractmethod
    def bytes_per_slot(self, problem: Problem, routes: int) -> int:
        """Memory that a solve takes for each slot with so many routes of each demand, but for what all slots share [B]."""

    @abc.abstractmethod
    def init(self, problem: Any, warm_start: Schedule | None) -> Any:
        """State before the first step, from nothing or from the schedule of a similar problem."""

    @abc.abstractmethod
    def step(self, problem: Any, state: Any) -> Any:
        """State after some more iterations, with its certificate brought up to date.

        Arguments:
            problem: A `PreparedProblem`: `slots()`, `slot(index)`, `shape` and `demand` of the problem.
            state: The one to go on from.
        """

    @abc.abstractmethod
    def certificate(self, state: Any) -> tuple[Int[Array, ""], Float[Array, ""], Float[Array, ""]]:
        """Iterations done, best feasible cost and best bound so far."""

    @abc.abstractmethod
    def done(self, state: Any) -> Bool[Array, ""]:
        """Whether to stop: tolerance reached, infeasibility proved, or steps used up."""

    @abc.abstractmethod
    def finish(self, problem: Any, state: Any) -> Schedule:
        """The best feasible answer seen and its proof."""

    @abc.abstractmethod
    def primal_dual_point(self, problem: Any, state: Any) -> PrimalDualPoint | None:
        """Unknowns of each slot at the answer, where derivatives of the schedule are taken.

        None where the method is not accurate enough: interior-point iterations then start at its answer.

        Raises:
            ValueError: If the answer is not meant to be optimal, so that optimality conditions say nothing about it.
        """


class Iterate(eqx.Module):
    """Where the iteration of each slot stands.

    Attributes:
        routing: Flows whose routes must be kept.
        prices: Prices of load.
        difference: Best feasible cost minus best bound; infinite while either is missing.
    """

    routing: Float[Array, "slot kind origin route"]
    prices: Float[Array, "slot site"]
    difference: Float[Array, " slot"]


def carried_over(
    problem: CandidateProblem,
    slots: Slots,
    routes: Callable[[Slots], tuple[Array, ...]],
    carry: Callable[[Array], Array],
    settle: Callable[[SlotProblem, Slots], Slots],
) -> Slots:
    """States of all slots on other routes: their arrays over routes are carried over, then each slot is settled."""
    posed, axes = problem.slots()
    moved = eqx.tree_at(routes, slots, tuple(map(carry, routes(slots))))
    return jax.vmap(settle, in_axes=(axes, 0))(posed, moved)


class AbstractRouteSolver(AbstractSolver):
    """A method that can go on after some of its routes were exchanged for others."""

    @abc.abstractmethod
    def current(self, state: Any) -> Iterate:
        """Flows, prices and certificate of a state."""

    @abc.abstractmethod
    def reroute(self, problem: CandidateProblem, state: Any, carry: Callable[[Array], Array]) -> Any:
        """State on other routes.

        Arguments:
            problem: A `CandidateProblem` with the new routes.
            state: State on the old ones.
            carry: Moves an array over routes [slot, kind, origin, route] to the new ones; 0 on those that are new.
        """
