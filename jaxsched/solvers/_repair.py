"""From a routing that may overload sites to one that does not."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxsched.problem import SlotProblem

_ROUNDS = 3
# Room left at a repaired site, in rounding errors of its capacity, so that adding up the routes again cannot exceed it.
_ROOM = 32.0


def site_load(problem: SlotProblem, routing: Float[Array, "kind origin site"]) -> Float[Array, " site"]:
    """Load that a routing puts on each site."""
    return (routing.sum(1) * problem.work).sum(0)


def proportional(problem: SlotProblem) -> Float[Array, "kind origin site"]:
    """Routing that shares each demand over its allowed sites in proportion to their capacity for it."""
    share = (problem.capacity[None, :] / problem.work)[:, None, :]
    if problem.allowed is not None:
        share = jnp.where(problem.allowed, share, 0.0)
    total = share.sum(-1, keepdims=True)
    return problem.demand[..., None] * (share / jnp.where(total > 0, total, 1.0))


def repair(
    problem: SlotProblem, routing: Float[Array, "kind origin site"]
) -> tuple[Float[Array, "kind origin site"], Bool[Array, ""]]:
    """Move what overloads a site to sites with room, and say whether every site now fits.

    Only the excess moves: each flow into an overloaded site shrinks by the same share, and what it sheds goes to the
    allowed sites in proportion to their room. Blending the whole routing with a feasible one costs ten times more.
    """
    room_kept = 1.0 - _ROOM * jnp.finfo(routing.dtype).eps
    limit = problem.capacity * room_kept

    def one_round(_, routing):
        load = site_load(problem, routing)
        keep = jnp.where(load > limit, limit / jnp.where(load > 0, load, 1.0), 1.0)
        shed = (routing * (1.0 - keep)[None, None, :]).sum(-1)
        room = (jnp.maximum(limit - load, 0.0)[None, :] / problem.work)[:, None, :]
        if problem.allowed is not None:
            room = jnp.where(problem.allowed, room, 0.0)
        total = room.sum(-1)
        placed = jnp.where(total > 0, shed / jnp.where(total > 0, total, 1.0), 0.0)[..., None] * room
        # A demand whose every allowed site is full keeps its flow, and the routing stays overloaded.
        stuck = (total <= 0)[..., None]
        return jnp.where(stuck, routing, routing * keep[None, None, :] + placed)

    repaired = jax.lax.fori_loop(0, _ROUNDS, one_round, routing)
    return repaired, jnp.all(site_load(problem, repaired) <= problem.capacity)
