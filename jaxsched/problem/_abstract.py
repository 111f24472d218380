"""What every form of a routing problem tells the solvers."""

import abc
from typing import Any, Protocol

import equinox as eqx
import jax
from jaxtyping import Array, Float

from jaxsched.problem._slot import SlotProblem


class AbstractProblem(Protocol):
    """A problem of many slots, which says what each of them is in the layout of the solvers."""

    @property
    def demand(self) -> Float[Array, "slot origin class"]:
        """Requests per second."""
        ...

    @property
    def has_classes(self) -> bool:
        """Whether demand was given by class."""
        ...

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Numbers of slots, origins, sites and classes."""
        ...

    @property
    def period(self) -> int:
        """Slots that are decided together, as one `SlotProblem`: 1 unless work may wait."""
        ...

    def slots(self) -> tuple[SlotProblem, SlotProblem]:
        """The problem in the layout of one slot, or of one period, and the axis of the slot in each of its leaves.

        A leaf that all slots share has no slot axis there, so that `jax.vmap` never repeats it.
        """
        ...

    def slot(self, index: Any) -> SlotProblem:
        """One slot in the layout of the solvers; the index may be traced."""
        ...


class AbstractView(eqx.Module):
    """A problem with other routes or in another layout, of the same sizes."""

    problem: eqx.AbstractVar[AbstractProblem]

    @property
    def demand(self) -> Float[Array, "slot origin class"]:
        """Requests per second."""
        return self.problem.demand

    @property
    def has_classes(self) -> bool:
        """Whether demand was given by class."""
        return self.problem.has_classes

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Numbers of slots, origins, sites and classes."""
        return self.problem.shape

    @property
    def period(self) -> int:
        """Slots that are decided together, as one `SlotProblem`."""
        return self.problem.period

    @abc.abstractmethod
    def slots(self) -> tuple[SlotProblem, SlotProblem]:
        """The problem in the layout of one slot, and the axis of the slot in each of its leaves."""

    def slot(self, index: Any) -> SlotProblem:
        """One slot in the layout of the solvers; the index may be traced."""
        values, axes = self.slots()
        return jax.tree.map(
            lambda axis, part: part if axis is None else part[index], axes, values, is_leaf=lambda axis: axis is None
        )
