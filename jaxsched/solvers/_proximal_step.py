"""What a site does with the load that is offered to it: one scalar root for each site."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsched.problem import AbstractSiteCost

_MOST_STEPS = 80
# A root is found when the Newton step is this many rounding errors of the capacity.
_ROUNDINGS = 4.0


def increasing_root(
    residual: Callable[[Float[Array, " site"]], tuple[Float[Array, " site"], Float[Array, " site"]]],
    start: Float[Array, " site"],
    high: Float[Array, " site"],
) -> Float[Array, " site"]:
    """Root in [0, high] of an increasing function of each load, or the end nearest to one.

    Newton steps inside a bracket that every evaluation tightens; a step that leaves the bracket goes to an end that
    has not been tried, or else bisects. It iterates to rounding: a root that is only nearly right while prices still
    move makes the whole ADMM stall.

    Arguments:
        residual: Value and slope (>= 0) at a load.
        start: First guess.
        high: Upper end of each interval, >= 0.
    """
    tolerance = _ROUNDINGS * jnp.finfo(high.dtype).eps * high
    tiny = jnp.finfo(high.dtype).tiny

    def unfinished(state):
        count, _, _, _, step = state
        return (count < _MOST_STEPS) & jnp.any(jnp.abs(step) > tolerance)

    def advance(state):
        count, load, low, top, _ = state
        value, slope = residual(load)
        low, top = jnp.where(value <= 0, load, low), jnp.where(value >= 0, load, top)
        newton = load - value / jnp.maximum(slope, tiny)
        middle = 0.5 * (low + top)
        # A step of rounding ends on the end of the bracket that it started from: it is done, not outside.
        settled = jnp.abs(newton - load) <= tolerance
        inside = settled | ((newton > low) & (newton < top))
        # An end that Newton points beyond is the answer if the residual keeps its sign there: try it once.
        fallback = jnp.where((newton <= 0) & (low <= 0), 0.0, jnp.where((newton >= high) & (top >= high), high, middle))
        new = jnp.where(inside, jnp.clip(newton, low, top), fallback)
        return count + 1, new, low, top, new - load

    zero = jnp.zeros_like(high)
    first = (jnp.asarray(0), jnp.clip(start, zero, high), zero, high, jnp.full_like(high, jnp.inf))
    return jax.lax.while_loop(unfinished, advance, first)[1]


def proximal_step(
    cost: AbstractSiteCost,
    capacity: Float[Array, " site"],
    offered: Float[Array, " site"],
    prox_weight: Float[Array, " site"],
    start: Float[Array, " site"],
) -> tuple[Float[Array, " site"], Float[Array, " site"]]:
    """Load that each site takes of what is offered, and its price of load.

        L = offered - give theta,    theta in f'(L) + normal cone of [0, capacity]

    Arguments:
        cost: Convex cost f of load.
        capacity: Largest load.
        offered: Load offered at price zero.
        prox_weight: Load that leaves for each unit of price, >= 0.
        start: First guess of the load.

    Returns:
        Load and price, [site] each.
    """

    def residual(load):
        _, first, second = cost.derivatives(load)
        return load + prox_weight * first - offered, 1.0 + prox_weight * second

    load = increasing_root(residual, start, capacity)
    marginal = around(cost, capacity, load)[2]
    # The balance gives the price, but magnifies the rounding of the load: the marginal costs beside the load do not.
    left = jnp.where(load <= 0, -jnp.inf, marginal[0])
    right = jnp.where(load >= capacity, jnp.inf, marginal[1])
    from_balance = (offered - load) / jnp.where(prox_weight > 0, prox_weight, 1.0)
    return load, jnp.where(prox_weight > 0, jnp.clip(from_balance, left, right), marginal.mean(0))


def around(
    cost: AbstractSiteCost, capacity: Float[Array, " site"], load: Float[Array, " site"]
) -> tuple[Float[Array, "side site"], Float[Array, "side site"], Float[Array, "side site"]]:
    """Loads to the left and right of each load by its rounding, inside [0, capacity], their costs and marginal costs.

    At a kink the marginal costs are the one-sided ones. Between them lies every price that the load belongs to.
    """
    width = _ROUNDINGS * jnp.finfo(capacity.dtype).eps * capacity
    beside = jnp.stack([jnp.maximum(load - width, 0.0), jnp.minimum(load + width, capacity)])
    values, firsts = jax.vmap(lambda at: jax.jvp(cost, (at,), (jnp.ones_like(at),)))(beside)
    return beside, values, firsts


def load_at_prices(
    cost: AbstractSiteCost, capacity: Float[Array, " site"], prices: Float[Array, " site"], start: Float[Array, " site"]
) -> Float[Array, " site"]:
    """Load of each site in [0, capacity] whose marginal cost is the price, or the end nearest to it."""

    def residual(load):
        _, first, second = cost.derivatives(load)
        return first - prices, second

    return increasing_root(residual, start, capacity)


def conjugate(
    cost: AbstractSiteCost, capacity: Float[Array, " site"], prices: Float[Array, " site"], start: Float[Array, " site"]
) -> tuple[Float[Array, " site"], Float[Array, " site"]]:
    """A value never above the least of f(L) - price L over 0 <= L <= capacity, and the size of its terms.

    Tangents of a convex function bound it from below over the whole interval, and so does what lies between two of them:
    of those on both sides of an approximate minimiser, that which is as flat as can be. The bound is rigorous even where
    the minimiser is not exact, and tight at a kink too. The size |f(L)| + |price L| says how much rounding it holds.
    """
    load = load_at_prices(cost, capacity, prices, start)
    beside, values, firsts = around(cost, capacity, load)
    slopes = firsts - prices[None]
    # Share of the left tangent that makes their mean flat, if one does.
    share = jnp.clip(slopes[1] / jnp.where(slopes[1] > slopes[0], slopes[1] - slopes[0], 1.0), 0.0, 1.0)
    share = jnp.stack([share, 1.0 - share])
    paid, drop = prices[None] * beside, slopes * beside
    at_zero, slope = (share * (values - paid - drop)).sum(0), (share * slopes).sum(0)
    size = (share * (jnp.abs(values) + jnp.abs(paid) + jnp.abs(drop))).sum(0)
    return at_zero + jnp.minimum(slope * capacity, 0.0), size
