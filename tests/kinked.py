"""A site cost with kinks, and the optimum of problems that have it, by CVXPY and Clarabel."""

import cvxpy as cp
import jax
import jax.numpy as jnp
import numpy as np

import jaxsched


class Kinked(jaxsched.AbstractSiteCost):
    """base L + sum_k jump_k max(0, L - knot_k) + bend max(0, L - start)^2."""

    base: jax.Array
    knots: jax.Array
    jumps: jax.Array
    bend: jax.Array
    start: jax.Array

    def __call__(self, load):
        pieces = (self.jumps * jnp.maximum(0.0, load[None, :] - self.knots)).sum(0)
        return self.base * load + pieces + self.bend * jnp.maximum(0.0, load - self.start) ** 2


def kinked_optimum(problem: jaxsched.Problem) -> np.ndarray:
    """Optimal cost of each slot of a problem of one class with a `Kinked` cost and all routes allowed."""
    slots, origins, sites, _ = problem.shape
    cost, capacity = jax.tree.map(np.asarray, problem.site_cost), np.asarray(problem.capacity)
    route_cost = np.broadcast_to(np.asarray(problem.route_cost), (slots, origins, sites, 1))
    found = []
    for slot in range(slots):
        routing = cp.Variable((origins, sites), nonneg=True)
        load = cp.sum(routing, axis=0)
        total = cp.sum(cp.multiply(route_cost[slot, :, :, 0], routing)) + cost.base[slot] @ load
        for piece in range(cost.knots.shape[1]):
            total += cost.jumps[slot, piece] @ cp.pos(load - cost.knots[slot, piece])
        total += cost.bend[slot] @ cp.square(cp.pos(load - cost.start[slot]))
        fits = load <= capacity[slot % len(capacity)]
        limits = [cp.sum(routing, axis=1) == np.asarray(problem.demand)[slot, :, 0], fits]
        found.append(cp.Problem(cp.Minimize(total), limits).solve(solver=cp.CLARABEL))
    return np.array(found)
