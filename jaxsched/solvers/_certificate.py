"""The proof that comes with an answer: a feasible cost from above and a dual bound from below."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxsched.problem import AbstractDemand, SlotProblem
from jaxsched.problem._demand import Demands, Routes
from jaxsched.problem._slot import summed
from jaxsched.solvers._proximal_step import around, conjugate
from jaxsched.solvers._repair import repair, serving

# Rounding errors of a bound's terms that are taken off it: a product, a sum and a pairwise summation of many terms.
BOUND_ROUNDINGS = 8.0


def cost_of(problem: SlotProblem, routing: Routes) -> Float[Array, ""]:
    """Cost of a routing in one slot: its routes and the load of its sites."""
    of_routes = summed(problem.each(lambda block, flow: (block.route_cost * flow).sum(-1).sum(), routing))
    return of_routes + problem.site_cost(problem.load(routing)).sum()


def cost_by_slot(problem: SlotProblem, routing: Routes, slots: int) -> Float[Array, " slot"]:
    """Cost of a routing in each of several slots that are decided together."""

    def of_routes(block: AbstractDemand, flow: Array) -> Float[Array, " slot"]:
        return block.by_slot(block.route_cost * flow, slots)

    of_sites = problem.site_cost(problem.load(routing)).reshape(slots, -1).sum(-1)
    return summed(problem.each(of_routes, routing)) + of_sites


def dual_bound(
    problem: SlotProblem, prices: Float[Array, " site"], load: Float[Array, " site"] | None = None
) -> Float[Array, ""]:
    """Lower bound on the cost of every feasible routing of one slot, for any prices of load.

        sum_ik demand min_j (c + g theta) + sum_j min_{0 <= L <= most} (f(L) - theta L)

    where most is the capacity, or the load of all demand that may come if that is less, and j runs over every site, also
    where the problem lists candidates. An allowance for the rounding
    of its own sums is taken off, so that the bound holds in float32 too.

    Loads that the prices may belong to save steps of the search for L; the bound holds whatever they are.
    """
    problem = problem.whole or problem
    served = cheapest_route(problem, problem.priced(prices))
    most = problem.most_load()
    least, size = conjugate(problem.site_cost, most, prices, 0.5 * most if load is None else load)
    terms = summed(jnp.abs(part).sum() for part in served) + size.sum()
    rounding = BOUND_ROUNDINGS * jnp.finfo(prices.dtype).eps * terms
    return summed(part.sum() for part in served) + least.sum() - rounding


def proves_infeasible(problem: SlotProblem, prices: Float[Array, " site"]) -> Bool[Array, ""]:
    """Whether non-negative prices show that the work cannot fit, whatever it costs (Farkas).

    Work that must be bought is worth more than all capacity is: sum demand min_j g theta > sum capacity theta.
    """
    problem, prices = problem.whole or problem, jnp.maximum(prices, 0.0)
    needed = summed(part.sum() for part in cheapest_route(problem, problem.priced_work(prices)))
    offered = (problem.capacity * prices).sum()
    return needed > offered * (1.0 + 1e3 * jnp.finfo(prices.dtype).eps)


def feasible_cost(
    problem: SlotProblem, routing: Routes, prices: Float[Array, " site"]
) -> tuple[Float[Array, ""], Routes]:
    """Cost of a repaired routing, infinite where the repair did not fit, and that routing.

    It is scaled to its demands first: what iterations leave unserved is not theirs to save.

    Arguments:
        problem: One slot.
        routing: Flows that serve about every demand.
        prices: Prices of load, by which the repair tells cheap sites from dear ones.
    """
    repaired, fits = repair(problem, serving(problem, routing), prices)
    return jnp.where(fits, cost_of(problem, repaired), jnp.inf), repaired


def other_prices(problem: SlotProblem, prices: Float[Array, " site"]) -> tuple[Demands, Float[Array, " site"]]:
    """Duals of the demands and of the capacities that belong to prices of load.

        y = min_j (c + g p) over usable routes,    w = max(0, p - f'(capacity))

    At a site that can never be full the bound holds for any price above the last marginal cost; the price is cut there. A
    demand without a usable route and a site without capacity have 0.
    """
    problem = problem.whole or problem
    most = problem.most_load()
    last = around(problem.site_cost, most, most)[2][0]
    prices = jnp.where(most < problem.capacity, jnp.minimum(prices, last), prices)
    capacity_dual = jnp.where(most > 0, jnp.maximum(prices - last, 0.0), 0.0)

    def of_demand(block: AbstractDemand) -> Float[Array, "*demand"]:
        least = _least(problem, block, block.priced(prices))
        demand = jnp.broadcast_to(least, block.demand.shape)
        return jnp.where(jnp.isfinite(demand), demand, 0.0)

    return problem.each(of_demand), jnp.where(most < problem.capacity, 0.0, capacity_dual)


def cheapest_route(problem: SlotProblem, cost: Routes) -> Demands:
    """Cost of each demand by its cheapest route; 0 without demand, infinite without a route."""

    def served(block: AbstractDemand, cost: Array) -> Float[Array, "*demand"]:
        return jnp.where(block.demand > 0, block.demand * _least(problem, block, cost), 0.0)

    return problem.each(served, cost)


def _least(problem: SlotProblem, block: AbstractDemand, cost: Array) -> Float[Array, "*demand"]:
    """Cost of the cheapest route that may carry something."""
    return jnp.where(block.open_routes(problem.capacity), cost, jnp.inf).min(-1)
