"""The best answer that a solve has seen: what it costs, what it proves, and when it is good enough."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxsched._results import RESULTS
from jaxsched._schedule import Schedule, Stats, relative_gap
from jaxsched.problem import AbstractProblem, SlotProblem
from jaxsched.problem._demand import Routes
from jaxsched.solvers._certificate import cost_by_slot, dual_bound, feasible_cost, other_prices, proves_infeasible
from jaxsched.solvers._layout import answered, by_slot


class Incumbent(eqx.Module):
    """The cheapest feasible routing of a slot and the prices of its highest bound; with one more axis in front, of all slots.

    Attributes:
        routing: Cheapest feasible routing found.
        prices: Prices of the highest bound found.
        objective: Cost of that routing, infinite before the first.
        bound: That bound, minus infinity before the first.
        infeasible: Whether prices have proved that the work cannot fit.
    """

    routing: Routes
    prices: Float[Array, "*slot site"]
    objective: Float[Array, "*slot"]
    bound: Float[Array, "*slot"]
    infeasible: Bool[Array, "*slot"]

    @classmethod
    def first(cls, routing: Routes, prices: Float[Array, " site"]) -> "Incumbent":
        """Of one slot, before anything is known: a routing and prices that cost and prove nothing yet."""
        zero = jnp.zeros((), prices.dtype)
        return cls(routing, prices, zero + jnp.inf, zero - jnp.inf, jnp.asarray(False))

    @property
    def difference(self) -> Float[Array, "*slot"]:
        """Objective minus bound; infinite while either is missing."""
        return self.objective - self.bound

    @property
    def total(self) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Objective and bound of all slots together."""
        return self.objective.sum(), self.bound.sum()

    def updated(
        self,
        problem: SlotProblem,
        routing: Routes,
        candidates: tuple[Float[Array, " site"], ...],
    ) -> "Incumbent":
        """Of one slot, with the better of what is known and of a routing and prices.

        Arguments:
            problem: One slot.
            routing: A routing that serves every demand; it is repaired.
            candidates: Prices that may prove a higher bound, or that the work cannot fit.
        """
        cost, repaired = feasible_cost(problem, routing, candidates[0])
        cheaper = cost < self.objective
        load = problem.load(repaired)
        # What has been routed fits: prices have nothing to prove, and a pass over the routes is saved.
        unrouted = ~jnp.isfinite(jnp.minimum(cost, self.objective))
        bound, best_prices, infeasible = self.bound, self.prices, self.infeasible
        for prices in candidates:
            candidate = dual_bound(problem, prices, load)
            higher = candidate > bound
            best_prices = jnp.where(higher, prices, best_prices)
            bound = jnp.where(higher, candidate, bound)
            impossible = jax.lax.cond(unrouted, proves_infeasible, lambda *_: jnp.asarray(False), problem, prices)
            best_prices = jnp.where(impossible & ~infeasible, prices, best_prices)
            infeasible = infeasible | impossible
        return Incumbent(
            tuple(jnp.where(cheaper, new, old) for new, old in zip(repaired, self.routing, strict=True)),
            best_prices,
            jnp.where(cheaper, cost, self.objective),
            bound,
            infeasible,
        )

    def repriced(self, problem: SlotProblem) -> "Incumbent":
        """Of one slot, carried over to other routes: what its routing costs there. Bounds hold for every route and stay."""
        cost, repaired = feasible_cost(problem, self.routing, self.prices)
        return eqx.tree_at(lambda s: (s.routing, s.objective), self, (repaired, cost))

    def reached(self, rtol: Array, atol: Array) -> Bool[Array, ""]:
        """Whether the certified gap of all slots together is within a tolerance."""
        return within_tolerance(*self.total, rtol, atol)

    def verdict(self, rtol: Array, atol: Array, otherwise: RESULTS = RESULTS.max_steps) -> RESULTS:
        """Success, or what is wrong; `otherwise` where there is an answer whose gap is too large."""
        verdict = RESULTS.where(self.reached(rtol, atol), RESULTS.successful, otherwise)
        verdict = RESULTS.where(jnp.any(jnp.isposinf(self.objective)), RESULTS.no_routing, verdict)
        broken = jnp.any(jnp.isnan(self.objective) | jnp.isnan(self.bound) | jnp.isneginf(self.bound))
        verdict = RESULTS.where(broken, RESULTS.nonfinite, verdict)
        return RESULTS.where(jnp.any(self.infeasible), RESULTS.infeasible, verdict)

    def schedule(self, problem: AbstractProblem, stats: Stats, result: RESULTS) -> Schedule:
        """Of all slots, as the answer to the problem."""
        slots, axes = problem.slots()
        of_demand, of_capacity = jax.vmap(other_prices, in_axes=(axes, 0))(slots, self.prices)
        load = jax.vmap(SlotProblem.load, in_axes=(axes, 0))(slots, self.routing)
        bound = jnp.where(self.infeasible, jnp.inf, self.bound)
        objective, bound = self._by_slot(problem, bound)
        return Schedule(
            **answered(problem, self.routing, of_demand),
            load=by_slot(problem, load),
            prices=by_slot(problem, self.prices),
            capacity_price=by_slot(problem, of_capacity),
            slot_objective=objective,
            slot_bound=bound,
            result=result,
            stats=stats,
        )

    def _by_slot(self, problem: AbstractProblem, bound: Array) -> tuple[Float[Array, " slot"], Float[Array, " slot"]]:
        """Objective and bound of each slot; what the bound of a period leaves open is in proportion to the costs."""
        if problem.period == 1:
            return self.objective, bound
        slots, axes = problem.slots()
        cost = jax.vmap(lambda slot, flow: cost_by_slot(slot, flow, problem.period), in_axes=(axes, 0))
        objective = cost(slots, self.routing)
        size = jnp.abs(objective).sum(-1, keepdims=True)
        share = jnp.where(size > 0, jnp.abs(objective) / jnp.where(size > 0, size, 1.0), 1.0 / problem.period)
        known = jnp.isfinite(self.objective) & jnp.isfinite(bound)
        left = jnp.where(known, self.objective - bound, 0.0)[:, None] * share
        bound = jnp.where(known[:, None], objective - left, bound[:, None])
        objective = jnp.where(jnp.isfinite(self.objective)[:, None], objective, self.objective[:, None])
        return objective.reshape(-1), bound.reshape(-1)


def within_tolerance(
    objective: Float[Array, "*slot"], bound: Float[Array, "*slot"], rtol: Array, atol: Array
) -> Bool[Array, "*slot"]:
    """Whether a certified gap is small enough, relative to the cost or in units of it."""
    rtol, atol = rtol.astype(objective.dtype), atol.astype(objective.dtype)
    return (relative_gap(objective, bound) <= rtol) | (objective - bound <= atol)
