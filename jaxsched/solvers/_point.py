"""The unknowns of one slot inside its bounds: where iterations start, and at an answer."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxsched.problem import SlotProblem
from jaxsched.problem._demand import Demands, Routes
from jaxsched.problem._scales import cost_scale
from jaxsched.problem._slot import summed
from jaxsched.solvers._repair import proportional, serving

# Loads start within these shares of the capacity, where a convex cost is finite.
_START = (0.01, 0.99)
# Most of a demand that a route which enters on the way carries at first.
_ENTERING = 1e-3
# Share of the proportional routing mixed into a warm start: a route that carries nothing could not come back.
_COLD_SHARE = 0.1


class PrimalDualPoint(eqx.Module):
    """Unknowns of one slot, or a step of them.

    Attributes:
        routing: x > 0 on usable routes, 0 elsewhere.
        reduced_cost: z > 0, the dual of x >= 0.
        multiplier: y, the price of one more request of each demand.
        load: L, in (0, capacity).
        slack: s > 0, capacity - L, kept apart so that a nearly full site loses no digits.
        capacity_dual: w > 0, the dual of the capacity.
        prices: p, the price of load.
    """

    routing: Routes
    reduced_cost: Routes
    multiplier: Demands
    load: Float[Array, " site"]
    slack: Float[Array, " site"]
    capacity_dual: Float[Array, " site"]
    prices: Float[Array, " site"]


def cold_start(problem: SlotProblem) -> PrimalDualPoint:
    """A centred point at the proportional routing and its marginal costs."""
    routing = proportional(problem)
    return _centred(problem, routing, problem.site_cost.derivatives(_inside(problem, routing))[1])


def warm_start(problem: SlotProblem, routing: Routes, prices: Float[Array, " site"]) -> PrimalDualPoint:
    """A point inside, near a routing and prices of a similar problem."""
    usable = problem.usable_routes()
    served = serving(problem, tuple(jnp.where(u, flow, 0.0) for u, flow in zip(usable, routing, strict=True)))
    pairs = zip(served, proportional(problem), strict=True)
    return _centred(problem, tuple((1.0 - _COLD_SHARE) * own + _COLD_SHARE * shared for own, shared in pairs), prices)


def _inside(problem: SlotProblem, routing: Routes) -> Float[Array, " site"]:
    low, high = _START
    load = jnp.clip(problem.load(routing), low * problem.capacity, high * problem.capacity)
    return jnp.where(problem.reached(problem.usable_routes()), load, 0.0)


def _centred(problem: SlotProblem, routing: Routes, prices: Float[Array, " site"]) -> PrimalDualPoint:
    """Duals halfway, in logarithms, between no residual and equal complementarity products."""
    usable = problem.usable_routes()
    is_open = problem.reached(usable)
    load = _inside(problem, routing)
    slack = jnp.where(is_open, problem.capacity - load, 1.0)

    def duals(block, usable, scale):
        cost = block.priced(prices)
        least = jnp.where(usable, cost, jnp.inf).min(-1)
        multiplier = jnp.where(jnp.isfinite(least), least, 0.0) - scale[..., None]
        return multiplier, jnp.where(usable, cost - multiplier[..., None], 1.0)

    multiplier, feasible = zip(*problem.each(duals, usable, cost_scale(problem, prices)), strict=True)
    worth = summed((flow * reduced).sum() for flow, reduced in zip(routing, feasible, strict=True))
    mean = worth / jnp.maximum(summed(part.sum() for part in usable), 1).astype(worth.dtype)
    reduced_cost = tuple(
        jnp.where(u, jnp.sqrt(reduced * (mean / jnp.where(u, flow, 1.0))), 1.0)
        for u, reduced, flow in zip(usable, feasible, routing, strict=True)
    )
    capacity_dual = jnp.where(is_open, mean / slack, 0.0)
    prices = _at_closed(problem, is_open, prices + capacity_dual)
    return PrimalDualPoint(routing, reduced_cost, multiplier, load, slack, capacity_dual, prices)


def _at_closed(
    problem: SlotProblem, is_open: Bool[Array, " site"], prices: Float[Array, " site"]
) -> Float[Array, " site"]:
    """Prices, with that of the first unit of load where no route ends: any other spoils the bound or hides a missing route."""
    first = problem.site_cost.derivatives(jnp.zeros_like(prices))[1]
    return jnp.where(is_open | ~(problem.capacity > 0), prices, first)


def complete_point(problem: SlotProblem, routing: Routes, prices: Float[Array, " site"]) -> PrimalDualPoint:
    """All unknowns that belong to an optimal routing and its prices; those on their bound are off it by rounding."""

    def duals(block, flow):
        cost = block.priced(prices)
        multiplier = (flow * cost).sum(-1) / jnp.where(block.demand > 0, block.demand, 1.0)
        return multiplier, cost - multiplier[..., None]

    multiplier, reduced_cost = zip(*problem.each(duals, routing), strict=True)
    load = problem.load(routing)
    capacity_dual = prices - problem.site_cost.derivatives(load)[1]
    return PrimalDualPoint(routing, reduced_cost, multiplier, load, problem.capacity - load, capacity_dual, prices)


def enter_columns(problem: SlotProblem, point: PrimalDualPoint) -> PrimalDualPoint:
    """A point with values for the usable routes, and for the sites that these reach, which had none: small, positive, on
    the central path."""
    usable = problem.usable_routes()
    is_new = tuple(u & ~(flow > 0) for u, flow in zip(usable, point.routing, strict=True))
    is_open = problem.reached(usable)
    capacity_dual = jnp.where(is_open, point.capacity_dual, 0.0)
    known = tuple(jnp.where(new, 0.0, reduced) for new, reduced in zip(is_new, point.reduced_cost, strict=True))
    products = complementarity(eqx.tree_at(lambda p: (p.reduced_cost, p.capacity_dual), point, (known, capacity_dual)))
    mean = products / number_of_products(problem)

    def enter(block, usable, is_new, flow, reduced_cost, multiplier):
        reduced = jnp.abs(block.priced(point.prices) - multiplier[..., None])
        demand = jnp.where(block.demand > 0, block.demand, 1.0)[..., None]
        reduced = jnp.where(is_new, jnp.maximum(reduced, mean / (_ENTERING * demand)), 1.0)
        old = jnp.where(usable, reduced_cost, 1.0)
        return jnp.where(is_new, mean / reduced, flow), jnp.where(is_new, reduced, old)

    entered = problem.each(enter, usable, is_new, point.routing, point.reduced_cost, point.multiplier)
    routing, reduced_cost = zip(*entered, strict=True)
    # A dual of 0 could never grow, and would let no other one move.
    opens = is_open & ~(capacity_dual > 0)
    load = jnp.where(opens, _inside(problem, routing), point.load)
    slack = jnp.where(opens, problem.capacity - load, point.slack)
    capacity_dual = jnp.where(opens, mean / jnp.where(opens, slack, 1.0), capacity_dual)
    prices = _at_closed(problem, is_open, point.prices)
    return PrimalDualPoint(routing, reduced_cost, point.multiplier, load, slack, capacity_dual, prices)


def complementarity(point: PrimalDualPoint) -> Float[Array, ""]:
    """Sum of all complementarity products."""
    # No mask: flows of unusable routes are 0, and a mask makes a sum of this size five times slower on a CPU.
    of_routes = summed((flow * reduced).sum() for flow, reduced in zip(point.routing, point.reduced_cost, strict=True))
    return of_routes + (point.slack * point.capacity_dual).sum()


def number_of_products(problem: SlotProblem) -> Float[Array, ""]:
    """Number of complementarity products, at least 1: usable routes and the sites that they reach."""
    usable = problem.usable_routes()
    # In the dtype of the products: whole numbers take three times as long to add up.
    dtype = problem.dtype
    routes = summed(part.sum(dtype=dtype) for part in usable)
    return jnp.maximum(routes + problem.reached(usable).sum(dtype=dtype), 1.0)
