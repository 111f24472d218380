"""The exact solver: primal-dual interior point on a system of sites (or demands) alone."""

from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxsched._map_slots import map_slots
from jaxsched._parameters import as_array, is_concrete
from jaxsched._results import RESULTS
from jaxsched._schedule import History, Schedule, Stats
from jaxsched.problem import AbstractProblem, SlotProblem
from jaxsched.problem._demand import Routes
from jaxsched.solvers._base import AbstractRouteSolver, Iterate, carried_over
from jaxsched.solvers._incumbent import Incumbent, within_tolerance
from jaxsched.solvers._interior_slot import SlotState, first_state, iterate, on_new_routes, warm_state
from jaxsched.solvers._layout import given, number_of_routes
from jaxsched.solvers._point import PrimalDualPoint, cold_start, complete_point

# Iterations without progress after which a slot is at rest.
_PATIENCE = 12
# Prices away from marginal costs, times the load or room that they may move, relative to the cost and in gaps. The gap sees
# the square of that distance alone: without this an answer to 1e-8 can have prices and loads that are off by 1e-4.
_STATIONARY = 10.0
# Flow against reduced cost, each as a share of the mean of its row, above which a candidate is kept. At 1 candidates go
# while the prices are still rough and nothing converges; at 0 none ever goes (measured on `australia` at 500x500).
_CARRIES = 1e-2


# Arrays of the size of the routing, and square matrices, that a solve holds at once (measured from compiled programs).
_ARRAYS, _MATRICES = 30, 4


class InteriorPointState(eqx.Module):
    """All slots, the number of iterations and the certificate after each."""

    slots: SlotState
    num_steps: Int[Array, ""]
    history: History

    @property
    def incumbent(self) -> Incumbent:
        """Best answer of each slot so far, with its proof."""
        return self.slots.best


class InteriorPoint(AbstractRouteSolver[InteriorPointState]):
    """Exact answers by a primal-dual interior-point method, each slot stopped by its certified gap.

    Every iteration eliminates the routes by hand and factors one dense symmetric matrix per slot: sites by sites, or
    demands (origins times classes) by demands where that is smaller. Any number of classes, forbidden routes, capacities
    and any convex site cost are allowed; one that has kinks, or whose slope has, is smoothed over a width that shrinks with
    the barrier as soon as that shows. With Theta = x / z of each route and h = f''(L) + w / s of each site,

        (diag(1/h) + sum_ik diag(g_k) (diag(Theta) - Theta Theta' / sum Theta)_ik diag(g_k)) dp = rhs

    Meant for float64: in float32 it comes to rest at a gap of about 1e-3 to 1e-6 and says so by `RESULTS.precision`.
    Memory is a dozen arrays of the size of the routing, and one matrix for each slot. A slot that has reached its
    tolerance stays as it is while others go on; all stop once each has reached it or has come to rest. Prices are then
    marginal costs too: times the load or room that they may move, to ten times the tolerance. A `warm_start` only seeds
    the first point, pushed inside.

    Attributes:
        rtol: Certified relative gap at which a slot stops, > 0. The verdict is that of the total.
        atol: Certified gap of the total in units of the cost that is enough too, >= 0: for costs that cancel to nearly
            nothing.
        max_steps: Most iterations, > 0.

    Raises:
        ValueError: Where a setting is out of its range.

    Source:
        Mehrotra, "On the implementation of a primal-dual interior point method" (1992), with the corrections of Gondzio
        (1996).
    """

    rtol: Array = eqx.field(converter=as_array, default=1e-8)
    atol: Array = eqx.field(converter=as_array, default=0.0)
    max_steps: int = eqx.field(static=True, default=100)
    finds_prices: ClassVar[bool] = False

    def __check_init__(self) -> None:
        if self.max_steps < 1:
            raise ValueError(f"InteriorPoint.max_steps is {self.max_steps}; it must be >= 1.")
        for name, wrong, wanted in (("rtol", lambda v: not v > 0, "> 0"), ("atol", lambda v: not v >= 0, ">= 0")):
            value = getattr(self, name)
            if is_concrete(value) and wrong(float(value)):
                raise ValueError(f"InteriorPoint.{name} is {float(value):g}; it must be {wanted}.")

    def bytes_per_slot(self, problem: AbstractProblem, routes: int) -> int:
        _, origins, sites, classes = problem.shape
        demands = problem.period * origins * classes
        listed = demands * routes**2 if routes < sites else 0
        size = min(sites, demands) if problem.period == 1 else problem.period * sites
        numbers = _ARRAYS * number_of_routes(problem, routes) + listed + _MATRICES * size**2
        return numbers * problem.demand.dtype.itemsize

    def init(self, problem: AbstractProblem, warm_start: Schedule | None) -> InteriorPointState:
        if warm_start is not None:
            return self.start(problem, *given(problem, warm_start))
        slots, axes = problem.slots()
        first = jax.vmap(lambda slot: first_state(slot, cold_start(slot)), in_axes=(axes,))(slots)
        return self._state(problem, first)

    def start(
        self,
        problem: AbstractProblem,
        routing: Routes,
        prices: Float[Array, "slot site"],
    ) -> InteriorPointState:
        slots, axes = problem.slots()
        return self._state(problem, jax.vmap(warm_state, in_axes=(axes, 0, 0))(slots, routing, prices))

    def _state(self, problem: AbstractProblem, slots: SlotState) -> InteriorPointState:
        return InteriorPointState(slots, jnp.asarray(0), History.empty(self.max_steps, problem.demand.dtype))

    def step(self, problem: AbstractProblem, state: InteriorPointState) -> InteriorPointState:
        slots, axes = problem.slots()
        before = state.slots
        settled = self._settled(before)
        # Slots of unlike sign may all be settled while their total is not: then all go on.
        frozen = _at_rest(before) | (settled & ~jnp.all(settled))
        size = before.point.routing[0][0].nbytes
        after = map_slots(_unless_frozen, (axes, 0, 0), size, factors=True)(slots, before, frozen)
        num_steps = state.num_steps + 1
        history = state.history.recorded(state.num_steps, num_steps, *after.best.total)
        return InteriorPointState(after, num_steps, history)

    def done(self, state: InteriorPointState) -> Bool[Array, ""]:
        best, rest = state.incumbent, _at_rest(state.slots)
        # A slot whose cost cancels to nothing rests above its own tolerance; the total may be within it all the same.
        answered = best.reached(self.rtol, self.atol) | jnp.any(rest)
        nothing_left = answered & jnp.all(rest | self._settled(state.slots))
        return nothing_left | jnp.any(best.infeasible) | (state.num_steps >= self.max_steps)

    def finish(self, problem: AbstractProblem, state: InteriorPointState) -> Schedule:
        rest = jnp.any(_at_rest(state.slots) & ~self._settled(state.slots))
        otherwise = RESULTS.where(rest, RESULTS.precision, RESULTS.max_steps)
        best = state.incumbent
        return best.schedule(
            problem, Stats(state.num_steps, state.history), best.verdict(self.rtol, self.atol, otherwise)
        )

    def primal_dual_point(self, problem: AbstractProblem, state: InteriorPointState) -> PrimalDualPoint:
        # Not the point of the last iteration: past what the precision can show it only collects rounding.
        slots, axes = problem.slots()
        best = state.incumbent
        return jax.vmap(complete_point, in_axes=(axes, 0, 0))(slots, best.routing, best.prices)

    def current(self, state: InteriorPointState) -> Iterate:
        point = state.slots.point
        # Every flow is positive inside. A route whose reduced cost is large for its row, its flow small, may go.
        flows = tuple(map(_carrying, point.routing, point.reduced_cost))
        return Iterate(flows, point.prices, state.incumbent.difference)

    def reroute(
        self, problem: AbstractProblem, state: InteriorPointState, carry: Callable[[Array], Array]
    ) -> InteriorPointState:
        def routes(s: SlotState) -> tuple[Array, ...]:
            return s.point.routing[0], s.point.reduced_cost[0], s.best.routing[0]

        moved = carried_over(problem, state.slots, routes, carry, on_new_routes)
        return eqx.tree_at(lambda s: s.slots, state, moved)

    def _settled(self, slots: SlotState) -> Bool[Array, " slot"]:
        """Whether the answer of a slot is within the tolerance, and its prices are marginal costs."""
        best = slots.best
        atol = self.atol / len(best.objective)
        stationary = best.objective - slots.curve.price_residual / _STATIONARY
        proved = within_tolerance(best.objective, best.bound, self.rtol, atol)
        return proved & within_tolerance(best.objective, stationary, self.rtol, atol)


def _carrying(flow: Array, reduced: Array) -> Array:
    """Flows of the routes that must be kept, 0 of the others."""
    carries = flow * reduced.mean(-1, keepdims=True) > _CARRIES * reduced * flow.mean(-1, keepdims=True)
    return jnp.where(carries, flow, 0.0)


def _at_rest(slots: SlotState) -> Bool[Array, " slot"]:
    return slots.idle >= _PATIENCE


def _unless_frozen(problem: SlotProblem, state: SlotState, frozen: Bool[Array, ""]) -> SlotState:
    """An iteration of a slot that is to go on; one that is alone in its group costs nothing once it is frozen."""
    return jax.lax.cond(frozen, lambda: state, lambda: iterate(problem, state))
