"""The routing that asks nothing: every demand is shared by capacity."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxsched._parameters import as_array
from jaxsched._schedule import History, Schedule, Stats
from jaxsched.problem import AbstractProblem, SlotProblem
from jaxsched.solvers._base import AbstractSolver
from jaxsched.solvers._certificate import dual_bound, feasible_cost
from jaxsched.solvers._incumbent import Incumbent
from jaxsched.solvers._layout import number_of_routes
from jaxsched.solvers._repair import proportional

# Arrays of the size of the routing that it holds at once.
_ARRAYS = 4


class ProportionalState(eqx.Module):
    """The answer, which is known from the start."""

    incumbent: Incumbent
    num_steps: Int[Array, ""]
    history: History


class Proportional(AbstractSolver[ProportionalState]):
    """Share each demand over its allowed sites in proportion to capacity, and move only what overloads a site.

    It does not iterate; its bound is that of the marginal costs at its own loads, so its gap says how far from optimal
    such a routing is.

    Attributes:
        rtol: Gap below which the routing counts as successful; infinite, since nothing can be done about it.
        max_steps: 0.
    """

    rtol: Array = eqx.field(converter=as_array, default=float("inf"))
    max_steps: int = eqx.field(static=True, default=0)

    def bytes_per_slot(self, problem: AbstractProblem, routes: int) -> int:
        return _ARRAYS * number_of_routes(problem, routes) * problem.demand.dtype.itemsize

    def init(self, problem: AbstractProblem, warm_start: Schedule | None) -> ProportionalState:
        slots, axes = problem.slots()
        best = jax.vmap(_shared_by_capacity, in_axes=(axes,))(slots)
        return ProportionalState(best, jnp.asarray(0), History.empty(0, best.objective.dtype))

    def step(self, problem: AbstractProblem, state: ProportionalState) -> ProportionalState:
        return state

    def done(self, state: ProportionalState) -> Bool[Array, ""]:
        return jnp.asarray(True)

    def finish(self, problem: AbstractProblem, state: ProportionalState) -> Schedule:
        best = state.incumbent
        return best.schedule(
            problem, Stats(state.num_steps, state.history), best.verdict(self.rtol, jnp.zeros_like(self.rtol))
        )

    def primal_dual_point(self, problem: AbstractProblem, state: ProportionalState) -> None:
        raise ValueError(
            "Proportional does not look for the optimum, so its schedule and cost have no derivative by the optimality "
            "conditions; differentiate through `solve` with InteriorPoint or ADMM, or call it on constants."
        )


def _shared_by_capacity(slot: SlotProblem) -> Incumbent:
    asked = proportional(slot)
    cost, routing = feasible_cost(slot, asked, _marginal(slot, slot.load(asked)))
    load = slot.load(routing)
    prices = _marginal(slot, load)
    return Incumbent(routing, prices, cost, dual_bound(slot, prices, load), jnp.asarray(False))


def _marginal(slot: SlotProblem, load: Float[Array, " site"]) -> Float[Array, " site"]:
    return slot.site_cost.derivatives(jnp.minimum(load, slot.capacity))[1]
