"""A problem that lies in the layout of the solvers once, for a loop that asks for it every time."""

from typing import Any, cast

import equinox as eqx
import jax

from jaxsched.problem._abstract import AbstractProblem, AbstractView
from jaxsched.problem._candidates import is_none
from jaxsched.problem._slot import SlotProblem


class PreparedProblem(AbstractView):
    """What the loop over iterations hands to `step` in place of a problem: no array is transposed in it again.

    Attributes:
        problem: As it was posed.
        values: Its arrays in the layout of one slot.
        axes: Axis of the slot in each of them.
    """

    problem: AbstractProblem
    values: SlotProblem
    axes: Any = eqx.field(static=True)

    def __init__(self, problem: AbstractProblem):
        self.problem = problem
        self.values, self.axes = _with_most(*problem.slots())

    def slots(self) -> tuple[SlotProblem, SlotProblem]:
        return self.values, self.axes


def _with_most(values: SlotProblem, axes: Any) -> tuple[SlotProblem, Any]:
    """The same with the most that each site can be asked to carry, which bounds ask for: a pass over the routes."""
    most = jax.vmap(lambda slot: (slot.whole or slot).most_load(), in_axes=(axes,))(values)
    is_whole = values.whole is None

    def place(slot: SlotProblem) -> Any:
        return slot.most if is_whole else cast(SlotProblem, slot.whole).most

    return tuple(eqx.tree_at(place, tree, new, is_leaf=is_none) for tree, new in ((values, most), (axes, 0)))
