"""The unknowns of one slot inside its bounds: where iterations start, and at an answer."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxsched.problem import SlotProblem
from jaxsched.solvers._metric import cost_scale
from jaxsched.solvers._proximal_step import derivatives
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

    routing: Float[Array, "kind origin route"]
    reduced_cost: Float[Array, "kind origin route"]
    multiplier: Float[Array, "kind origin"]
    load: Float[Array, " site"]
    slack: Float[Array, " site"]
    capacity_dual: Float[Array, " site"]
    prices: Float[Array, " site"]


def usable_routes(problem: SlotProblem) -> Bool[Array, "kind origin route"]:
    """Routes that can carry something: allowed, from a demand that is not zero, to a site with capacity."""
    return (problem.demand > 0)[..., None] & problem.open_routes()


def cold_start(problem: SlotProblem) -> PrimalDualPoint:
    """A centred point at the proportional routing and its marginal costs."""
    routing = proportional(problem)
    return _centred(problem, routing, derivatives(problem.site_cost, _inside(problem, routing))[1])


def warm_start(
    problem: SlotProblem, routing: Float[Array, "kind origin route"], prices: Float[Array, " site"]
) -> PrimalDualPoint:
    """A point inside, near a routing and prices of a similar problem."""
    served = serving(problem, jnp.where(usable_routes(problem), routing, 0.0))
    return _centred(problem, (1.0 - _COLD_SHARE) * served + _COLD_SHARE * proportional(problem), prices)


def _inside(problem: SlotProblem, routing: Float[Array, "kind origin route"]) -> Float[Array, " site"]:
    low, high = _START
    load = jnp.clip(problem.load(routing), low * problem.capacity, high * problem.capacity)
    return jnp.where(problem.reached(usable_routes(problem)), load, 0.0)


def _centred(
    problem: SlotProblem, routing: Float[Array, "kind origin route"], prices: Float[Array, " site"]
) -> PrimalDualPoint:
    """Duals halfway, in logarithms, between no residual and equal complementarity products."""
    usable = usable_routes(problem)
    is_open = problem.reached(usable)
    load = _inside(problem, routing)
    slack = jnp.where(is_open, problem.capacity - load, 1.0)
    cost = problem.priced(prices)
    least = jnp.where(usable, cost, jnp.inf).min(-1)
    multiplier = jnp.where(jnp.isfinite(least), least, 0.0) - cost_scale(problem, prices)[:, None]
    feasible = jnp.where(usable, cost - multiplier[..., None], 1.0)
    mean = (routing * feasible).sum() / jnp.maximum(usable.sum(), 1).astype(routing.dtype)
    reduced_cost = jnp.where(usable, jnp.sqrt(feasible * (mean / jnp.where(usable, routing, 1.0))), 1.0)
    capacity_dual = jnp.where(is_open, mean / slack, 0.0)
    return PrimalDualPoint(
        routing,
        reduced_cost,
        multiplier,
        load,
        slack,
        capacity_dual,
        _at_closed(problem, is_open, prices + capacity_dual),
    )


def _at_closed(
    problem: SlotProblem, is_open: Bool[Array, " site"], prices: Float[Array, " site"]
) -> Float[Array, " site"]:
    """Prices, with that of the first unit of load where no route ends: any other spoils the bound or hides a missing route."""
    first = derivatives(problem.site_cost, jnp.zeros_like(prices))[1]
    return jnp.where(is_open | ~(problem.capacity > 0), prices, first)


def complete_point(
    problem: SlotProblem, routing: Float[Array, "kind origin route"], prices: Float[Array, " site"]
) -> PrimalDualPoint:
    """All unknowns that belong to an optimal routing and its prices; those on their bound are off it by rounding."""
    cost = problem.priced(prices)
    demand = jnp.where(problem.demand > 0, problem.demand, 1.0)
    multiplier = (routing * cost).sum(-1) / demand
    load = problem.load(routing)
    capacity_dual = prices - derivatives(problem.site_cost, load)[1]
    reduced_cost = cost - multiplier[..., None]
    return PrimalDualPoint(routing, reduced_cost, multiplier, load, problem.capacity - load, capacity_dual, prices)


def enter_columns(problem: SlotProblem, point: PrimalDualPoint) -> PrimalDualPoint:
    """A point with values for the usable routes, and for the sites that these reach, which had none: small, positive, on
    the central path."""
    usable = usable_routes(problem)
    is_new = usable & ~(point.routing > 0)
    is_open = problem.reached(usable)
    capacity_dual = jnp.where(is_open, point.capacity_dual, 0.0)
    known = (jnp.where(is_new, 0.0, point.reduced_cost), capacity_dual)
    total = complementarity(eqx.tree_at(lambda p: (p.reduced_cost, p.capacity_dual), point, known))
    mean = total / number_of_products(problem)
    reduced = jnp.abs(problem.priced(point.prices) - point.multiplier[..., None])
    demand = jnp.where(problem.demand > 0, problem.demand, 1.0)[..., None]
    reduced = jnp.where(is_new, jnp.maximum(reduced, mean / (_ENTERING * demand)), 1.0)
    routing = jnp.where(is_new, mean / reduced, point.routing)
    # A dual of 0 could never grow, and would let no other one move.
    opens = is_open & ~(capacity_dual > 0)
    load = jnp.where(opens, _inside(problem, routing), point.load)
    slack = jnp.where(opens, problem.capacity - load, point.slack)
    capacity_dual = jnp.where(opens, mean / jnp.where(opens, slack, 1.0), capacity_dual)
    return PrimalDualPoint(
        routing=routing,
        reduced_cost=jnp.where(is_new, reduced, jnp.where(usable, point.reduced_cost, 1.0)),
        multiplier=point.multiplier,
        load=load,
        slack=slack,
        capacity_dual=capacity_dual,
        prices=_at_closed(problem, is_open, point.prices),
    )


def complementarity(point: PrimalDualPoint) -> Float[Array, ""]:
    """Sum of all complementarity products."""
    # No mask: flows of unusable routes are 0, and a mask makes a sum of this size five times slower on a CPU.
    return (point.routing * point.reduced_cost).sum() + (point.slack * point.capacity_dual).sum()


def number_of_products(problem: SlotProblem) -> Float[Array, ""]:
    """Number of complementarity products, at least 1: usable routes and the sites that they reach."""
    usable = usable_routes(problem)
    # In the dtype of the products: whole numbers take three times as long to add up.
    dtype = problem.demand.dtype
    return jnp.maximum(usable.sum(dtype=dtype) + problem.reached(usable).sum(dtype=dtype), 1.0)
