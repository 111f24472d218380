"""The dual subgradient method, as a distributed scheduler would use it: sites post prices, origins send all they have.

    x(theta)  every demand to its cheapest site at c + g theta;   L(theta)  the load that a site wants at its price
    theta    <- theta + step / sqrt(k)  spread / mean capacity  (load of x(theta) - L(theta))

The answer is the running average of x with weights that grow with k, repaired as every answer of the package is; bound and
cost are the package's own certificate, so that only the methods differ.
"""

import time
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import jaxsched
from jaxsched.problem import SlotProblem
from jaxsched.problem._scales import price_scale
from jaxsched.solvers._certificate import dual_bound, feasible_cost
from jaxsched.solvers._proximal_step import load_at_prices
from jaxsched.solvers._repair import proportional


def wanted_load(problem: SlotProblem, prices: Float[Array, " site"]) -> Float[Array, " site"]:
    """Load at which the marginal cost of each site is its price, or the end of its range nearest to that."""
    return load_at_prices(problem.site_cost, problem.capacity, prices, 0.5 * problem.capacity)


def cheapest(problem: SlotProblem, prices: Float[Array, " site"]) -> Float[Array, "class origin site"]:
    """Every demand to its cheapest site at these prices."""
    (block,) = problem.blocks
    site = jnp.argmin(jnp.broadcast_to(block.priced(prices), (*block.demand.shape, len(prices))), axis=-1)
    chosen = site[..., None] == jnp.arange(len(prices))
    return jnp.where(chosen, block.demand[..., None], 0.0)


@partial(jax.jit, static_argnames="every")
def _advance(problem: SlotProblem, state: tuple, step: Array, every: int) -> tuple:
    """Some iterations, and the cost and the bound of what they found."""

    def iterate(_, state):
        prices, mean, count = state
        routing = cheapest(problem, prices)
        count = count + 1
        # Weights that grow with the iteration: the first answers are far off.
        mean = mean + (2.0 / (count + 1)) * (routing - mean)
        excess = problem.load((routing,)) - wanted_load(problem, prices)
        return prices + step / jnp.sqrt(count) * excess, mean, count

    state = jax.lax.fori_loop(0, every, iterate, state)
    cost, _ = feasible_cost(problem, (state[1],), state[0])
    return state, cost, dual_bound(problem, state[0])


def subgradient(problem: jaxsched.Problem, step: float, steps: int, every: int) -> dict[str, Any]:
    """Curve of the certified gap and seconds of an iteration, for a problem of one slot."""
    slots, axes = problem.slots()
    slot: Any = jax.tree.map(
        lambda leaf, axis: leaf if axis is None else leaf[0], slots, axes, is_leaf=lambda leaf: leaf is None
    )
    dtype = problem.demand.dtype
    start = proportional(slot)
    prices = slot.site_cost.derivatives(slot.load(start))[1]
    scale = jnp.asarray(step, dtype) * price_scale(slot, prices) / slot.capacity.mean()
    state = (prices, start[0], jnp.zeros((), dtype))
    jax.block_until_ready(_advance(slot, state, scale, every))
    gaps, cost, bound = {}, np.inf, -np.inf
    started = time.perf_counter()
    for done in range(every, steps + 1, every):
        state, found, proved = _advance(slot, state, scale, every)
        cost, bound = min(cost, float(found)), max(bound, float(proved))
        gaps[done] = (cost - bound) / abs(cost) if np.isfinite(cost) else np.inf
    return curve(gaps, (time.perf_counter() - started) / max(gaps, default=1))


def curve(gaps: dict[int, float], seconds: float) -> dict[str, Any]:
    """Gaps by iteration as the record has them, without what is not finite, and the seconds of an iteration."""
    known = {step: gap for step, gap in gaps.items() if np.isfinite(gap)}
    return {"iterations": list(known), "gap": list(known.values()), "seconds_per_iteration": seconds}
