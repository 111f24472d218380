"""Scales of costs and prices: what the routes of a demand ordinarily differ by."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxsched.problem._demand import AbstractDemand
from jaxsched.problem._slot import SlotProblem, summed

# A route is ordinary up to so many times what the cheapest tenth of the routes differ by.
_TENTH, _ORDINARY = 0.1, 40.0
# Halvings of a range of up to 90 powers of two: to less than a factor of two.
_HALVINGS = 7
_TINY = 1e-30


def cost_scale(problem: SlotProblem, prices: Float[Array, " site"]) -> tuple[Float[Array, "*class"], ...]:
    """Demand-weighted standard deviation, over all sites, of what one request of each class costs at given prices.

    Routes that cost more than `dearest_ordinary` do not count, so that a penalty which no optimum pays does not set the
    scale. A class has its own: its costs are in units of its own work.
    """
    problem = problem.whole or problem
    return problem.each(lambda block: _cost_scale(block, problem.capacity, prices))


def _cost_scale(
    block: AbstractDemand, capacity: Float[Array, " site"], prices: Float[Array, " site"]
) -> Float[Array, "*class"]:
    cost = block.priced(prices)
    cost = jnp.broadcast_to(cost, (*block.demand.shape, cost.shape[-1]))
    usable = jnp.broadcast_to(block.open_routes(capacity), cost.shape)
    usable = usable & (cost <= dearest_ordinary(cost, usable))
    count = jnp.maximum(usable.sum(-1), 1).astype(cost.dtype)
    mean = jnp.where(usable, cost, 0.0).sum(-1) / count
    variance = jnp.where(usable, (cost - mean[..., None]) ** 2, 0.0).sum(-1) / count
    demand = block.demand.sum(-1, keepdims=True)
    weight = block.demand / jnp.where(demand > 0, demand, 1.0)
    spread, level = (weight * jnp.sqrt(variance)).sum(-1), (weight * jnp.abs(mean)).sum(-1)
    # One site, or equal costs everywhere: any scale does, so take that of the cost itself.
    spread = jnp.where(spread > 1e-6 * level, spread, level)
    if block.one_scale:
        work = jnp.broadcast_to(block.mean_work()[..., 0], spread.shape)
        every = (demand[..., 0] * work).sum()
        spread = work * (demand[..., 0] * spread).sum() / jnp.where(every > 0, every, 1.0)
    return jnp.where(spread > 0, spread, 1.0)


def price_scale(problem: SlotProblem, prices: Float[Array, " site"]) -> Float[Array, ""]:
    """The spread of costs for each unit of load rather than request, over all classes: the scale of prices."""
    work = summed(problem.each(lambda block: (block.demand * block.mean_work()).sum()))
    of_all = summed(
        (demand.sum(-1) * scale).sum()
        for demand, scale in zip(problem.demand, cost_scale(problem, prices), strict=True)
    )
    return jnp.where(work > 0, of_all / jnp.where(work > 0, work, 1.0), 1.0)


def dearest_ordinary(
    cost: Float[Array, "*row route"], usable: Bool[Array, "*row route"], times: float = _ORDINARY
) -> Float[Array, "*row 1"]:
    """What the routes of each demand ordinarily cost at most: beyond, a cost is a penalty that says nothing of the scale.

        cheapest + times (tenth - cheapest),    tenth: what a tenth of the usable routes stay below, and two of six or more

    to a factor of two, found by halving the range of its logarithm: a sort would take as long as several iterations. For
    costs that are spread evenly nothing lies beyond. Infinite where all cost the same.
    """
    least = jnp.where(usable, cost, jnp.inf).min(-1, keepdims=True)
    above = jnp.where(usable & jnp.isfinite(least), cost - jnp.where(jnp.isfinite(least), least, 0.0), jnp.inf)
    count = usable.sum(-1, keepdims=True).astype(cost.dtype)
    wanted = jnp.maximum(jnp.ceil(_TENTH * count), jnp.minimum(jnp.floor(count / 3.0), 2.0)) + 1.0
    most = jnp.where(jnp.isfinite(above), above, 0.0).max(-1, keepdims=True)
    top = jnp.log2(jnp.where(most > 0, most, 1.0))
    # Differences below rounding are ties.
    bottom = jnp.minimum(jnp.log2(jnp.finfo(cost.dtype).eps * jnp.where(least != 0, jnp.abs(least), most) + _TINY), top)
    bottom = jnp.where(jnp.isfinite(bottom), bottom, top)

    def halve(_, ends):
        low, high = ends
        middle = 0.5 * (low + high)
        enough = (above <= 2.0**middle).sum(-1, keepdims=True).astype(cost.dtype) >= wanted
        return jnp.where(enough, low, middle), jnp.where(enough, middle, high)

    tenth = 2.0 ** jax.lax.fori_loop(0, _HALVINGS, halve, (bottom, top))[1]
    return jnp.where(most > 0, least + times * tenth, jnp.inf)
