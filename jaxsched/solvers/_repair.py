"""From a routing that may overload sites to one that does not."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxsched.problem import AbstractDemand, SlotProblem
from jaxsched.problem._demand import Routes

_ROUNDS = 3
_CHOOSY = 4
# Room left at a repaired site, in rounding errors of its capacity, so that adding up the routes again cannot exceed it.
_SLACK = 32.0


def proportional(problem: SlotProblem) -> Routes:
    """Routing that shares each demand over its allowed sites in proportion to their capacity for it."""
    most = problem.most_load()

    def share_out(block: AbstractDemand) -> Float[Array, "*demand route"]:
        share = _allowed(block, block.room(most))
        every = share.sum(-1, keepdims=True)
        return block.demand[..., None] * (share / jnp.where(every > 0, every, 1.0))

    return problem.each(share_out)


def serving(problem: SlotProblem, routing: Routes) -> Routes:
    """A routing scaled to serve every demand; proportional where it carries nothing of one that can be served.

    What goes to sites without capacity goes to the others that serve the same demand.
    """

    def scale(block: AbstractDemand, flow: Array, other: Array) -> Float[Array, "*demand route"]:
        flow = jnp.where(block.at_routes(problem.capacity > 0), flow, 0.0)
        served = flow.sum(-1, keepdims=True)
        scaled = flow * (block.demand[..., None] / jnp.where(served > 0, served, 1.0))
        return jnp.where(served > 0, scaled, other)

    return problem.each(scale, routing, proportional(problem))


def repair(problem: SlotProblem, routing: Routes, prices: Float[Array, " site"]) -> tuple[Routes, Bool[Array, ""]]:
    """Move what overloads a site to sites with room, and say whether every site now fits.

    Only the excess moves: the flows into an overloaded site that can go elsewhere shrink by the same share, and what they
    shed goes to the allowed sites in proportion to their room, by far more to those that are cheap at given prices, so that
    a route which no optimum uses takes next to nothing. Each round is less choosy, the last ones look at room alone.
    Blending the whole routing with a feasible one costs ten times more.
    """
    slack_kept = 1.0 - _SLACK * jnp.finfo(problem.dtype).eps
    limit = problem.capacity * slack_kept
    cost = tuple(jnp.broadcast_to(c, flow.shape) for c, flow in zip(problem.priced(prices), routing, strict=True))

    def one_round(count, routing, load):
        room = jnp.maximum(limit - load, 0.0)

        def slack_of(block, cost, flow):
            slack = _allowed(block, block.room(room))
            return jnp.where(count < _CHOOSY, _cheap(cost, flow, slack, count), slack)

        slack = problem.each(slack_of, cost, routing)
        every = tuple(part.sum(-1) for part in slack)
        # A demand whose every allowed site is full keeps its flow, and the others give up the more.
        stuck = tuple((part <= 0)[..., None] for part in every)
        movable = problem.load(tuple(jnp.where(s, 0.0, flow) for s, flow in zip(stuck, routing, strict=True)))
        share = jnp.minimum(jnp.maximum(load - limit, 0.0) / jnp.where(movable > 0, movable, 1.0), 1.0)

        def moved(block, flow, stuck, slack, every):
            given_up = jnp.where(stuck, 0.0, flow * block.at_routes(share))
            placed = (given_up.sum(-1) / jnp.where(every > 0, every, 1.0))[..., None] * slack
            return flow - given_up + placed

        routing = problem.each(moved, routing, stuck, slack, every)
        return routing, problem.load(routing)

    def if_needed(count, state):
        return jax.lax.cond(jnp.any(state[1] > limit), one_round, lambda _, *same: same, count, *state)

    repaired, load = jax.lax.fori_loop(0, _CHOOSY + _ROUNDS, if_needed, (routing, problem.load(routing)))
    return repaired, jnp.all(load <= problem.capacity)


def _allowed(block: AbstractDemand, values: Float[Array, "*demand route"]) -> Float[Array, "*demand route"]:
    """Values of the routes that may be used, 0 of the others."""
    return values if block.allowed is None else jnp.where(block.allowed, values, 0.0)


def _cheap(
    cost: Float[Array, "*demand route"],
    routing: Float[Array, "*demand route"],
    slack: Float[Array, "*demand route"],
    count: Int[Array, ""],
) -> Float[Array, "*demand route"]:
    """Room, less the more a route costs beyond the cheapest with room, in units of what its demand pays beyond it today."""
    least = jnp.where(slack > 0, cost, jnp.inf).min(-1, keepdims=True)
    above = jnp.where(slack > 0, jnp.maximum(cost - jnp.where(jnp.isfinite(least), least, 0.0), 0.0), 0.0)
    served = routing.sum(-1, keepdims=True)
    paid = (routing * above).sum(-1, keepdims=True) / jnp.where(served > 0, served, 1.0)
    rounding = jnp.finfo(cost.dtype).eps * jnp.abs(least)
    scale = 10.0 ** count.astype(cost.dtype) * jnp.maximum(paid, jnp.where(jnp.isfinite(rounding), rounding, 0.0))
    return slack * jnp.where(above > 0, (scale / jnp.where(above > 0, scale + above, 1.0)) ** 2, 1.0)
