"""What every solver offers to the one loop that iterates."""

import abc
from typing import Any

import equinox as eqx
from jaxtyping import Array, Bool, Float, Int

from jaxsched._schedule import Schedule
from jaxsched.problem import Problem
from jaxsched.solvers._central_path import Point


class AbstractSolver(eqx.Module):
    """A method as four pure functions: start, advance, decide whether to stop, and answer."""

    rtol: eqx.AbstractVar[Array]
    max_steps: eqx.AbstractVar[int]

    @abc.abstractmethod
    def init(self, problem: Problem, warm_start: Schedule | None) -> Any:
        """State before the first step, from nothing or from the schedule of a similar problem."""

    @abc.abstractmethod
    def step(self, problem: Problem, state: Any) -> Any:
        """State after some more iterations, with its certificate brought up to date."""

    @abc.abstractmethod
    def certificate(self, state: Any) -> tuple[Int[Array, ""], Float[Array, ""], Float[Array, ""]]:
        """Iterations done, best feasible cost and best bound so far."""

    @abc.abstractmethod
    def done(self, state: Any) -> Bool[Array, ""]:
        """Whether to stop: tolerance reached, infeasibility proved, or steps used up."""

    @abc.abstractmethod
    def finish(self, problem: Problem, state: Any) -> Schedule:
        """The best feasible answer seen and its proof."""

    @abc.abstractmethod
    def interior(self, state: Any) -> Point | None:
        """Strictly interior point of each slot near the answer, where derivatives of the schedule are taken.

        None where the method keeps none: interior-point iterations then start at its answer.

        Raises:
            ValueError: If the answer is not meant to be optimal, so that optimality conditions say nothing about it.
        """
