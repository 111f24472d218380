"""From a routing that may overload sites to one that does not."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxsched.problem import SlotProblem

_ROUNDS = 3
_CHOOSY = 4
# Room left at a repaired site, in rounding errors of its capacity, so that adding up the routes again cannot exceed it.
_SLACK = 32.0


def proportional(problem: SlotProblem) -> Float[Array, "kind origin route"]:
    """Routing that shares each demand over its allowed sites in proportion to their capacity for it."""
    share = problem.at_routes(problem.most_load()[None, :] / problem.work)
    if problem.allowed is not None:
        share = jnp.where(problem.allowed, share, 0.0)
    total = share.sum(-1, keepdims=True)
    return problem.demand[..., None] * (share / jnp.where(total > 0, total, 1.0))


def serving(problem: SlotProblem, routing: Float[Array, "kind origin route"]) -> Float[Array, "kind origin route"]:
    """A routing scaled to serve every demand; proportional where it carries nothing of one that can be served.

    What goes to sites without capacity goes to the others that serve the same demand.
    """
    routing = jnp.where(problem.at_routes(problem.capacity > 0), routing, 0.0)
    served = routing.sum(-1, keepdims=True)
    scaled = routing * (problem.demand[..., None] / jnp.where(served > 0, served, 1.0))
    return jnp.where(served > 0, scaled, proportional(problem))


def repair(
    problem: SlotProblem, routing: Float[Array, "kind origin route"], prices: Float[Array, " site"]
) -> tuple[Float[Array, "kind origin route"], Bool[Array, ""]]:
    """Move what overloads a site to sites with room, and say whether every site now fits.

    Only the excess moves: the flows into an overloaded site that can go elsewhere shrink by the same share, and what they
    shed goes to the allowed sites in proportion to their room, by far more to those that are cheap at given prices, so that
    a route which no optimum uses takes next to nothing. Each round is less choosy, the last ones look at room alone.
    Blending the whole routing with a feasible one costs ten times more.
    """
    slack_kept = 1.0 - _SLACK * jnp.finfo(routing.dtype).eps
    limit = problem.capacity * slack_kept
    cost = jnp.broadcast_to(problem.priced(prices), routing.shape)

    def one_round(count, routing, load):
        slack = problem.at_routes(jnp.maximum(limit - load, 0.0)[None, :] / problem.work)
        if problem.allowed is not None:
            slack = jnp.where(problem.allowed, slack, 0.0)
        slack = jnp.where(count < _CHOOSY, _cheap(cost, routing, slack, count), slack)
        total = slack.sum(-1)
        # A demand whose every allowed site is full keeps its flow, and the others give up the more.
        stuck = (total <= 0)[..., None]
        movable = problem.load(jnp.where(stuck, 0.0, routing))
        share = jnp.minimum(jnp.maximum(load - limit, 0.0) / jnp.where(movable > 0, movable, 1.0), 1.0)
        given_up = jnp.where(stuck, 0.0, routing * problem.at_routes(share))
        placed = (given_up.sum(-1) / jnp.where(total > 0, total, 1.0))[..., None] * slack
        routing = routing - given_up + placed
        return routing, problem.load(routing)

    def if_needed(count, state):
        return jax.lax.cond(jnp.any(state[1] > limit), one_round, lambda _, *same: same, count, *state)

    repaired, load = jax.lax.fori_loop(0, _CHOOSY + _ROUNDS, if_needed, (routing, problem.load(routing)))
    return repaired, jnp.all(load <= problem.capacity)


def _cheap(
    cost: Float[Array, "kind origin route"],
    routing: Float[Array, "kind origin route"],
    slack: Float[Array, "kind #origin route"],
    count: Int[Array, ""],
) -> Float[Array, "kind origin route"]:
    """Room, less the more a route costs beyond the cheapest with room, in units of what its demand pays beyond it today."""
    least = jnp.where(slack > 0, cost, jnp.inf).min(-1, keepdims=True)
    above = jnp.where(slack > 0, jnp.maximum(cost - jnp.where(jnp.isfinite(least), least, 0.0), 0.0), 0.0)
    served = routing.sum(-1, keepdims=True)
    paid = (routing * above).sum(-1, keepdims=True) / jnp.where(served > 0, served, 1.0)
    rounding = jnp.finfo(cost.dtype).eps * jnp.abs(least)
    scale = 10.0 ** count.astype(cost.dtype) * jnp.maximum(paid, jnp.where(jnp.isfinite(rounding), rounding, 0.0))
    return slack * jnp.where(above > 0, (scale / jnp.where(above > 0, scale + above, 1.0)) ** 2, 1.0)
