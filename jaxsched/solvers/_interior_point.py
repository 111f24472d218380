"""The exact solver: primal-dual interior point on a system of sites (or demands) alone."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxsched._parameters import as_array, is_concrete
from jaxsched._results import RESULTS
from jaxsched._schedule import History, Schedule, Stats, relative_gap
from jaxsched.problem import AnyProblem, CandidateProblem, Problem, SlotProblem
from jaxsched.solvers._base import AbstractRouteSolver, Iterate, carried_over
from jaxsched.solvers._certificate import other_prices
from jaxsched.solvers._interior_slot import SlotState, first_state, iterate, on_new_routes, warm_state
from jaxsched.solvers._layout import demand_last, kind_first, kind_last
from jaxsched.solvers._map_slots import map_slots
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


class InteriorPoint(AbstractRouteSolver):
    """Exact answers by a primal-dual interior-point method, each slot stopped by its certified gap.

    Every iteration eliminates the routes by hand and factors one dense symmetric matrix per slot: sites by sites, or
    demands (origins times kinds) by demands where that is smaller. Any number of kinds, forbidden routes, capacities
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

    def __check_init__(self) -> None:
        if self.max_steps < 1:
            raise ValueError(f"InteriorPoint.max_steps is {self.max_steps}; it must be >= 1.")
        for name, wrong, wanted in (("rtol", lambda v: not v > 0, "> 0"), ("atol", lambda v: not v >= 0, ">= 0")):
            value = getattr(self, name)
            if is_concrete(value) and wrong(float(value)):
                raise ValueError(f"InteriorPoint.{name} is {float(value):g}; it must be {wanted}.")

    def bytes_per_slot(self, problem: Problem, routes: int) -> int:
        _, origins, sites, kinds = problem.shape
        listed = routes**2 if routes < sites else 0
        matrix = min(sites, origins * kinds) ** 2
        numbers = origins * kinds * (_ARRAYS * routes + listed) + _MATRICES * matrix
        return numbers * problem.demand.dtype.itemsize

    def init(self, problem: AnyProblem, warm_start: Schedule | None) -> InteriorPointState:
        slots, axes = problem.slots()
        if warm_start is None:
            start = jax.vmap(lambda slot: first_state(slot, cold_start(slot)), in_axes=(axes,))(slots)
        else:
            routing = kind_first(problem, warm_start.routing.astype(problem.demand.dtype))
            prices = warm_start.prices.astype(problem.demand.dtype)
            start = jax.vmap(warm_state, in_axes=(axes, 0, 0))(slots, routing, prices)
        unknown = jnp.full(self.max_steps, jnp.inf, problem.demand.dtype)
        return InteriorPointState(start, jnp.asarray(0), History(jnp.zeros(self.max_steps, int), unknown, -unknown))

    def step(self, problem: AnyProblem, state: InteriorPointState) -> InteriorPointState:
        slots, axes = problem.slots()
        before = state.slots
        settled = self._settled(before)
        # Slots of unlike sign may all be settled while their total is not: then all go on.
        frozen = _at_rest(before) | (settled & ~jnp.all(settled))
        size = before.point.routing[0].nbytes
        after = map_slots(_unless_frozen, (axes, 0, 0), size, factors=True)(slots, before, frozen)
        history = History(
            state.history.step.at[state.num_steps].set(state.num_steps + 1),
            state.history.objective.at[state.num_steps].set(after.objective.sum()),
            state.history.bound.at[state.num_steps].set(after.bound.sum()),
        )
        return InteriorPointState(after, state.num_steps + 1, history)

    def certificate(self, state: InteriorPointState) -> tuple[Int[Array, ""], Float[Array, ""], Float[Array, ""]]:
        return state.num_steps, state.slots.objective.sum(), state.slots.bound.sum()

    def done(self, state: InteriorPointState) -> Bool[Array, ""]:
        _, objective, bound = self.certificate(state)
        rest = _at_rest(state.slots)
        # A slot whose cost cancels to nothing rests above its own tolerance; the total may be within it all the same.
        answered = self._reached(objective, bound, 1) | jnp.any(rest)
        nothing_left = answered & jnp.all(rest | self._settled(state.slots))
        return nothing_left | jnp.any(state.slots.infeasible) | (state.num_steps >= self.max_steps)

    def finish(self, problem: AnyProblem, state: InteriorPointState) -> Schedule:
        slots, axes = problem.slots()
        best = state.slots
        of_demand, of_capacity = jax.vmap(other_prices, in_axes=(axes, 0))(slots, best.best_prices)
        schedule = Schedule(
            routing=kind_last(problem, best.best_routing),
            load=jax.vmap(SlotProblem.load, in_axes=(axes, 0))(slots, best.best_routing),
            prices=best.best_prices,
            demand_price=demand_last(problem, of_demand),
            capacity_price=of_capacity,
            slot_objective=best.objective,
            slot_bound=jnp.where(best.infeasible, jnp.inf, best.bound),
            result=RESULTS.successful,
            stats=Stats(state.num_steps, state.history),
        )
        return eqx.tree_at(lambda s: s.result, schedule, self._verdict(best))

    def primal_dual_point(self, problem: AnyProblem, state: InteriorPointState) -> PrimalDualPoint:
        # Not the point of the last iteration: past what the precision can show it only collects rounding.
        slots, axes = problem.slots()
        return jax.vmap(complete_point, in_axes=(axes, 0, 0))(slots, state.slots.best_routing, state.slots.best_prices)

    def warm_start_problem(self, problem: Problem) -> None:
        return None

    def current(self, state: InteriorPointState) -> Iterate:
        best, point = state.slots, state.slots.point
        # Every flow is positive inside. A route whose reduced cost is large for its row, its flow small, may go.
        flow, reduced = point.routing, point.reduced_cost
        carries = flow * reduced.mean(-1, keepdims=True) > _CARRIES * reduced * flow.mean(-1, keepdims=True)
        return Iterate(jnp.where(carries, point.routing, 0.0), point.prices, best.objective - best.bound)

    def reroute(
        self, problem: CandidateProblem, state: InteriorPointState, carry: Callable[[Array], Array]
    ) -> InteriorPointState:
        def routes(s: SlotState) -> tuple[Array, ...]:
            return s.point.routing, s.point.reduced_cost, s.best_routing

        moved = carried_over(problem, state.slots, routes, carry, on_new_routes)
        return eqx.tree_at(lambda s: s.slots, state, moved)

    def _reached(self, objective: Array, bound: Array, slots: int) -> Bool[Array, "*slot"]:
        rtol, atol = self.rtol.astype(objective.dtype), self.atol.astype(objective.dtype)
        return (relative_gap(objective, bound) <= rtol) | (objective - bound <= atol / slots)

    def _settled(self, slots: SlotState) -> Bool[Array, " slot"]:
        count = len(slots.objective)
        proved = self._reached(slots.objective, slots.bound, count)
        return proved & self._reached(
            slots.objective, slots.objective - slots.curve.price_residual / _STATIONARY, count
        )

    def _verdict(self, best: SlotState) -> RESULTS:
        rest = jnp.any(_at_rest(best) & ~self._settled(best))
        verdict = RESULTS.where(rest, RESULTS.precision, RESULTS.max_steps)
        reached = self._reached(best.objective.sum(), best.bound.sum(), 1)
        verdict = RESULTS.where(reached, RESULTS.successful, verdict)
        verdict = RESULTS.where(jnp.any(jnp.isposinf(best.objective)), RESULTS.no_routing, verdict)
        broken = jnp.any(jnp.isnan(best.objective) | jnp.isnan(best.bound) | jnp.isneginf(best.bound))
        verdict = RESULTS.where(broken, RESULTS.nonfinite, verdict)
        return RESULTS.where(jnp.any(best.infeasible), RESULTS.infeasible, verdict)


def _at_rest(slots: SlotState) -> Bool[Array, " slot"]:
    return slots.idle >= _PATIENCE


def _unless_frozen(problem: SlotProblem, state: SlotState, frozen: Bool[Array, ""]) -> SlotState:
    """An iteration of a slot that is to go on; one that is alone in its group costs nothing once it is frozen."""
    return jax.lax.cond(frozen, lambda: state, lambda: iterate(problem, state))
