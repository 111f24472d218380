"""A coarse problem: origins whose routes cost alike are merged."""

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxsched.problem import AbstractProblem, Problem
from jaxsched.problem._coupled import CoupledProblem
from jaxsched.problem._scales import dearest_ordinary
from jaxsched.solvers._layout import fixed_part

# Costs of routes are compared in so many random directions.
_DIRECTIONS = 16


def cluster_origins(problem: Problem, group: int) -> tuple[Int[Array, " origin"], int]:
    """Group of each origin, and the number of groups: halves of halves along the direction in which costs differ most.

    Arguments:
        problem: The problem.
        group: Most origins in a group.
    """
    origins, sites = problem.shape[1:3]
    levels = max(math.ceil(math.log2(origins / group)), 0)
    size = math.ceil(origins / 2**levels)
    features = _features(problem.route_cost, origins, sites)
    # Filled up with origins that do not exist, so that halves are equal.
    order = jnp.minimum(jnp.arange(size * 2**levels), origins - 1).reshape(1, -1)
    real = (jnp.arange(size * 2**levels) < origins).reshape(1, -1)
    for _ in range(levels):
        # One after the other: batches of eigenvalues on several devices of one CPU wait for one another (`map_slots`).
        along = jax.lax.map(_along, features[order])
        ranks = jnp.argsort(along, -1)
        order, real = (jnp.take_along_axis(x, ranks, -1).reshape(2 * len(x), -1) for x in (order, real))
    groups = jnp.broadcast_to(jnp.arange(2**levels)[:, None], order.shape)
    # A filler goes to a place past the end and is dropped.
    where = jnp.where(real, order, origins).reshape(-1)
    return jnp.zeros(origins, groups.dtype).at[where].set(groups.reshape(-1), mode="drop"), 2**levels


def _features(route_cost: Array, origins: int, sites: int) -> Float[Array, "origin direction"]:
    cost = jnp.broadcast_to(route_cost.mean((0, 3)), (origins, sites))
    directions = np.random.default_rng(0).normal(size=(sites, _DIRECTIONS)) / math.sqrt(sites)
    return cost @ jnp.asarray(directions, cost.dtype)


def _along(features: Float[Array, "member direction"]) -> Float[Array, " member"]:
    """Coordinate of each member along the direction in which the members differ most."""
    centred = features - features.mean(0, keepdims=True)
    return centred @ jnp.linalg.eigh(centred.T @ centred)[1][:, -1]


def merged(problem: AbstractProblem, group: int) -> AbstractProblem:
    """The problem with the origins of each group as one; jobs stay as they are."""
    fixed = aggregate(fixed_part(problem), group)
    return dataclasses.replace(problem, problem=fixed) if isinstance(problem, CoupledProblem) else fixed


def aggregate(problem: Problem, group: int) -> Problem:
    """The problem with the origins of each group as one: the sum of their demands at the mean of their route costs.

    A route is allowed to a group where it is to one of its members. Members for whom a route has a prohibitive cost are left
    out of its mean where others pay an ordinary one: the group would not take it, but they would.
    """
    group_of, count = cluster_origins(problem, group)

    def total(array: Array) -> Array:
        return jnp.swapaxes(jax.ops.segment_sum(jnp.swapaxes(array, 0, 1), group_of, count), 0, 1)

    demand = problem.demand
    weight = (demand.sum((0, 2)) + jnp.finfo(demand.dtype).eps * demand.sum())[None, :, None, None]
    weight = jnp.where(weight > 0, weight, 1.0)
    allowed = problem.allowed
    if allowed is not None:
        shape = (allowed.shape[0], problem.shape[1], *allowed.shape[2:])
        usable = jnp.broadcast_to(allowed, shape).astype(demand.dtype)
        weight, allowed = weight * usable, total(usable) > 0
    route_cost = problem.route_cost
    by_route = jnp.broadcast_to(weight, np.broadcast_shapes(weight.shape, route_cost.shape))

    def sites_last(array: Array) -> Array:
        return jnp.moveaxis(jnp.broadcast_to(array, by_route.shape), 2, -1)

    dearest = dearest_ordinary(sites_last(route_cost), sites_last(weight > 0))
    ordinary = jnp.where(route_cost <= jnp.moveaxis(dearest, -1, 2), by_route, 0.0)
    some, every = total(ordinary), total(by_route)
    ordinary = total(ordinary * route_cost) / jnp.where(some > 0, some, 1.0)
    route_cost = jnp.where(some > 0, ordinary, total(by_route * route_cost) / jnp.where(every > 0, every, 1.0))
    return eqx.tree_at(
        lambda p: (p.demand, p.route_cost, p.allowed),
        problem,
        (total(demand), route_cost, allowed),
        is_leaf=lambda leaf: leaf is None,
    )
