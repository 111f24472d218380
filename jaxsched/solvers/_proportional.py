"""The routing that asks nothing: every demand is shared by capacity."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxsched._parameters import as_array
from jaxsched._results import RESULTS
from jaxsched._schedule import History, Schedule, Stats
from jaxsched.problem import Problem, SlotProblem
from jaxsched.solvers._base import AbstractSolver
from jaxsched.solvers._certificate import dual_bound, feasible_cost, other_prices
from jaxsched.solvers._layout import demand_last, kind_last
from jaxsched.solvers._point import PrimalDualPoint
from jaxsched.solvers._proximal_step import derivatives
from jaxsched.solvers._repair import proportional


class Proportional(AbstractSolver):
    """Share each demand over its allowed sites in proportion to capacity, and move only what overloads a site.

    It does not iterate; its bound is that of the marginal costs at its own loads, so its gap says how far from optimal
    such a routing is.

    Attributes:
        rtol: Gap below which the routing counts as successful; infinite, since nothing can be done about it.
        max_steps: 0.
    """

    rtol: Array = eqx.field(converter=as_array, default=float("inf"))
    max_steps: int = eqx.field(static=True, default=0)

    def warm_start_problem(self, problem: Problem) -> None:
        return None

    def bytes_per_slot(self, problem: Problem, routes: int) -> int:
        _, origins, _, kinds = problem.shape
        return 4 * origins * routes * kinds * problem.demand.dtype.itemsize

    def init(self, problem: Problem, warm_start: Schedule | None) -> Schedule:
        slots, axes = problem.slots()

        def one_slot(slot):
            asked = proportional(slot)
            cost, routing = feasible_cost(slot, asked, self._marginal(slot, slot.load(asked)))
            load = slot.load(routing)
            prices = self._marginal(slot, load)
            return routing, load, prices, other_prices(slot, prices), cost, dual_bound(slot, prices, load)

        routing, load, prices, (of_demand, of_capacity), cost, bound = jax.vmap(one_slot, in_axes=(axes,))(slots)
        empty = jnp.zeros(0, cost.dtype)
        stats = Stats(jnp.asarray(0), History(jnp.zeros(0, int), empty, empty))
        fits = jnp.all(jnp.isfinite(cost))
        result = RESULTS.where(fits, RESULTS.successful, RESULTS.no_routing)
        others = demand_last(problem, of_demand), of_capacity
        return Schedule(kind_last(problem, routing), load, prices, *others, cost, bound, result, stats)

    @staticmethod
    def _marginal(slot: SlotProblem, load: Float[Array, " site"]) -> Float[Array, " site"]:
        return derivatives(slot.site_cost, jnp.minimum(load, slot.capacity))[1]

    def step(self, problem: Problem, state: Schedule) -> Schedule:
        return state

    def certificate(self, state: Schedule) -> tuple[Int[Array, ""], Float[Array, ""], Float[Array, ""]]:
        return state.stats.num_steps, state.objective, state.bound

    def done(self, state: Schedule) -> Bool[Array, ""]:
        return jnp.asarray(True)

    def finish(self, problem: Problem, state: Schedule) -> Schedule:
        return state

    def primal_dual_point(self, problem: Problem, state: Schedule) -> PrimalDualPoint | None:
        raise ValueError(
            "Proportional does not look for the optimum, so its schedule and cost have no derivative by the optimality "
            "conditions; differentiate through `solve` with InteriorPoint or ADMM, or call it on constants."
        )
