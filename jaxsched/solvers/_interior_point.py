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
from jaxsched.solvers._base import AbstractRouteSolver, Standing, carried_over
from jaxsched.solvers._central_path import advance
from jaxsched.solvers._certificate import improve, reassess
from jaxsched.solvers._each_slot import each_slot
from jaxsched.solvers._layout import kind_first, kind_last
from jaxsched.solvers._point import (
    Point,
    cold_start,
    entered,
    number_of_products,
    sum_of_products,
    unknowns,
    warm_start,
)
from jaxsched.solvers._repair import proportional

# Iterations without progress after which a slot is at rest, and the least relative progress that counts.
_PATIENCE, _PROGRESS = 12, 0.9
# The certified gap is no larger than about the sum of the complementarity products, unless rounding keeps it up.
_ROUNDED = 0.1
# A factorisation that fails is tried again with the diagonal raised by this factor more, from one rounding error on.
_FIRM, _RELAX = 100.0, 0.1
# Flow against reduced cost, each as a share of the mean of its row, above which a candidate is kept. At 1 candidates go
# while the prices are still rough and nothing converges; at 0 none ever goes (measured on `australia` at 500x500).
_CARRIES = 1e-2


# Arrays of the size of the routing, and square matrices, that a solve holds at once (measured from compiled programs).
_ARRAYS, _MATRICES = 30, 4


class SlotState(eqx.Module):
    """Where the iteration of one slot stands, and the best that its certificate has seen.

    Attributes:
        point: Primal and dual unknowns, strictly inside.
        total: Sum of its complementarity products.
        count: Their number.
        regularisation: Relative increase of the diagonal of the reduced system.
        best_routing: Cheapest feasible routing found.
        best_prices: Prices of the highest bound found.
        objective: Its cost, infinite before the first.
        bound: That bound, minus infinity before the first.
        infeasible: Whether prices have proved that the work cannot fit.
        idle: Iterations since the last progress.
        difference: Objective minus bound at the last progress.
        products: Sum of complementarity products at the last progress.
    """

    point: Point
    total: Float[Array, ""]
    count: Float[Array, ""]
    regularisation: Float[Array, ""]
    best_routing: Float[Array, "kind origin route"]
    best_prices: Float[Array, " site"]
    objective: Float[Array, ""]
    bound: Float[Array, ""]
    infeasible: Bool[Array, ""]
    idle: Int[Array, ""]
    difference: Float[Array, ""]
    products: Float[Array, ""]


class InteriorPointState(eqx.Module):
    """All slots, the number of iterations and the certificate after each."""

    slots: SlotState
    num_steps: Int[Array, ""]
    history: History


class InteriorPoint(AbstractRouteSolver):
    """Exact answers by a primal-dual interior-point method, each slot stopped by its certified gap.

    Every iteration eliminates the routes by hand and factors one dense symmetric matrix per slot: sites by sites, or
    demands (origins times kinds) by demands where that is smaller. Any number of kinds, forbidden routes, capacities
    and any smooth convex site cost are allowed. With Theta = x / z of each route and h = f''(L) + w / s of each site,

        (diag(1/h) + sum_ik diag(g_k) (diag(Theta) - Theta Theta' / sum Theta)_ik diag(g_k)) dp = rhs

    Meant for float64: in float32 it comes to rest at a gap of about 1e-3 to 1e-6 and says so by `RESULTS.precision`.
    Memory is a dozen arrays of the size of the routing, and one matrix for each slot. A slot that has reached its
    tolerance stays as it is while others go on; all stop once each has reached it or has come to rest. A `warm_start`
    only seeds the first point, pushed inside.

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
            start = jax.vmap(lambda slot: _state(slot, cold_start(slot)), in_axes=(axes,))(slots)
        else:
            routing = kind_first(problem, warm_start.routing.astype(problem.demand.dtype))
            prices = warm_start.prices.astype(problem.demand.dtype)
            start = jax.vmap(_warm_state, in_axes=(axes, 0, 0))(slots, routing, prices)
        unknown = jnp.full(self.max_steps, jnp.inf, problem.demand.dtype)
        return InteriorPointState(start, jnp.asarray(0), History(jnp.zeros(self.max_steps, int), unknown, -unknown))

    def step(self, problem: AnyProblem, state: InteriorPointState) -> InteriorPointState:
        slots, axes = problem.slots()
        before = state.slots
        settled = self._settled(before)
        # Slots of unlike sign may all be settled while their total is not: then all go on.
        frozen = _at_rest(before) | (settled & ~jnp.all(settled))
        size = before.point.routing[0].nbytes
        after = each_slot(_unless_frozen, (axes, 0, 0), size, factors=True)(slots, before, frozen)
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
        schedule = Schedule(
            routing=kind_last(problem, best.best_routing),
            load=jax.vmap(SlotProblem.load, in_axes=(axes, 0))(slots, best.best_routing),
            prices=best.best_prices,
            slot_objective=best.objective,
            slot_bound=jnp.where(best.infeasible, jnp.inf, best.bound),
            result=RESULTS.successful,
            stats=Stats(state.num_steps, state.history),
        )
        return eqx.tree_at(lambda s: s.result, schedule, self._verdict(best))

    def interior(self, problem: AnyProblem, state: InteriorPointState) -> Point:
        # Not the point of the last iteration: past what the precision can show it only collects rounding.
        slots, axes = problem.slots()
        return jax.vmap(unknowns, in_axes=(axes, 0, 0))(slots, state.slots.best_routing, state.slots.best_prices)

    def rehearsal(self, problem: Problem) -> None:
        return None

    def standing(self, state: InteriorPointState) -> Standing:
        best, point = state.slots, state.slots.point
        # Every flow is positive inside. A route whose reduced cost is large for its row, its flow small, may go.
        flow, reduced = point.routing, point.reduced_cost
        carries = flow * reduced.mean(-1, keepdims=True) > _CARRIES * reduced * flow.mean(-1, keepdims=True)
        return Standing(jnp.where(carries, point.routing, 0.0), point.prices, best.objective - best.bound)

    def reroute(
        self, problem: CandidateProblem, state: InteriorPointState, carry: Callable[[Array], Array]
    ) -> InteriorPointState:
        def routes(s: SlotState) -> tuple[Array, ...]:
            return s.point.routing, s.point.reduced_cost, s.best_routing

        moved = carried_over(problem, state.slots, routes, carry, _on_new_routes)
        return eqx.tree_at(lambda s: s.slots, state, moved)

    def _reached(self, objective: Array, bound: Array, slots: int) -> Bool[Array, "*slot"]:
        rtol, atol = self.rtol.astype(objective.dtype), self.atol.astype(objective.dtype)
        return (relative_gap(objective, bound) <= rtol) | (objective - bound <= atol / slots)

    def _settled(self, slots: SlotState) -> Bool[Array, " slot"]:
        return self._reached(slots.objective, slots.bound, len(slots.objective))

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


def _state(problem: SlotProblem, point: Point) -> SlotState:
    zero = jnp.zeros((), point.routing.dtype)
    return SlotState(
        point=point,
        total=sum_of_products(point),
        count=number_of_products(problem),
        regularisation=zero,
        best_routing=proportional(problem),
        best_prices=point.prices,
        objective=zero + jnp.inf,
        bound=zero - jnp.inf,
        infeasible=jnp.asarray(False),
        idle=jnp.asarray(0),
        difference=zero + jnp.inf,
        products=zero + jnp.inf,
    )


def _warm_state(
    problem: SlotProblem, routing: Float[Array, "kind origin route"], prices: Float[Array, " site"]
) -> SlotState:
    return _state(problem, warm_start(problem, routing, prices))


def _unless_frozen(problem: SlotProblem, state: SlotState, frozen: Bool[Array, ""]) -> SlotState:
    """An iteration of a slot that is to go on; one that is alone in its group costs nothing once it is frozen."""
    return jax.lax.cond(frozen, lambda: state, lambda: _iterate_slot(problem, state))


def _iterate_slot(problem: SlotProblem, state: SlotState) -> SlotState:
    """One iteration, the certificate of its point, and whether it was worth it."""
    trial = advance(problem, state.point, state.regularisation, state.total, state.count)
    # One broken factor spoils every unknown, and a sum keeps any NaN. What sites are left with tells of all their routes.
    sound = jnp.isfinite(trial.prices.sum() + trial.load.sum() + trial.multiplier.sum())
    point = jax.tree.map(lambda new, old: jnp.where(sound, new, old), trial, state.point)
    eps = jnp.finfo(trial.prices.dtype).eps
    firmer = jnp.maximum(_FIRM * state.regularisation, eps)
    softer = jnp.where(state.regularisation > eps, _RELAX * state.regularisation, 0.0)
    served = point.routing.sum(-1)
    scale = jnp.where(served > 0, problem.demand / jnp.where(served > 0, served, 1.0), 1.0)
    state = improve(problem, state, point.routing * scale[..., None], (point.prices,))
    difference, total = state.objective - state.bound, sum_of_products(point)
    closer = difference < _PROGRESS * state.difference
    known = jnp.where(jnp.isfinite(difference), difference, 0.0)
    nearer = sound & (total < _PROGRESS * state.products) & (total > _ROUNDED * known)
    return eqx.tree_at(
        lambda s: (s.point, s.total, s.regularisation, s.idle, s.difference, s.products),
        state,
        (
            point,
            total,
            jnp.where(sound, softer, firmer),
            jnp.where(closer | nearer, 0, state.idle + 1),
            jnp.where(closer, difference, state.difference),
            jnp.where(nearer, total, state.products),
        ),
    )


def _on_new_routes(problem: SlotProblem, state: SlotState) -> SlotState:
    """The point with new routes entered, and what its best routing costs on them."""
    point = entered(problem, state.point)
    return eqx.tree_at(
        lambda s: (s.point, s.total, s.count),
        reassess(problem, state),
        (point, sum_of_products(point), number_of_products(problem)),
    )
