"""Differentiable layers of others: from demand, route cost and linear site cost to the loads, in JAX."""

import importlib.util
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.family import Instance
from benchmarks.peers.batched import moreau_cones, moreau_limits, moreau_matrices
from benchmarks.peers.program import cones, quadratic_program

_TOLERANCE = 1e-8
_MODULES = {"cvxpylayers": ("cvxpylayers", "diffcp"), "Moreau": ("moreau",), "Moreau, qdldl": ("moreau",)}


def missing(name: str) -> str | None:
    """The first module of a layer that is not installed."""
    return next((module for module in _MODULES.get(name, ()) if importlib.util.find_spec(module) is None), None)


def moreau(instance: Instance, method: str = "auto") -> tuple[Callable[..., Any], bool]:
    """Moreau's JAX layer, which can be jitted; only q and b move, matrices are set once."""
    import jax.numpy as jnp

    solver: Any = import_module("moreau")
    layer: Any = import_module("moreau.jax")

    program = quadratic_program(instance)
    rows = cones(program, bound_routes=False)
    quadratic, matrix = moreau_matrices(program, rows)
    cone, limits = moreau_cones(program, rows), moreau_limits(_TOLERANCE, method)
    settings = solver.Settings(device="cpu", solver="ipm", ipm_settings=limits, enable_grad=True)
    pattern = (quadratic.indptr, quadratic.indices, matrix.indptr, matrix.indices)
    posed = layer.Solver(len(program.linear), len(rows.level), *pattern, cones=cone, settings=settings)
    posed.setup(jnp.asarray(quadratic.data), jnp.asarray(matrix.data))
    origins, sites, _ = instance.shape
    load = slice(origins * sites, origins * sites + sites)
    rest_q, rest_b = jnp.asarray(program.linear[load.stop :]), jnp.asarray(rows.level[origins:])

    def loads(demand, route_cost, linear):
        q = jnp.concatenate([route_cost.reshape(-1), linear, rest_q])
        return posed.solve(q, jnp.concatenate([demand, rest_b])).x[load]

    return loads, True


def cvxpylayers(instance: Instance) -> tuple[Callable[..., Any], bool]:
    """The JAX layer of cvxpylayers on diffcp, which cannot be jitted."""
    import cvxpy as cp

    layers: Any = import_module("cvxpylayers.jax")

    origins, sites, _ = instance.shape
    demand, linear = cp.Parameter(origins), cp.Parameter(sites)
    route_cost = cp.Parameter((origins, sites))
    routing, load = cp.Variable((origins, sites)), cp.Variable(sites)
    cost = cp.sum(cp.multiply(route_cost, routing)) + linear @ load
    cost = cost + cp.sum_squares(cp.multiply(np.sqrt(instance.quadratic[0]), load))
    if instance.queueing:
        cost = cost + instance.queueing * cp.sum(cp.multiply(instance.servers, cp.inv_pos(instance.servers - load)))
    limits = [
        cp.sum(routing, axis=1) == demand,
        cp.sum(routing, axis=0) == load,
        load <= instance.capacity,
        routing >= 0,
    ]
    layer = layers.CvxpyLayer(
        cp.Problem(cp.Minimize(cost), limits),
        parameters=[demand, route_cost, linear],
        variables=[load],
        solver_args={"solve_method": "Clarabel", "tol_gap_abs": _TOLERANCE, "tol_gap_rel": _TOLERANCE},
    )
    return lambda *values: layer(*values)[0], False


LAYERS: dict[str, Callable[[Instance], tuple[Callable[..., Any], bool]]] = {
    "Moreau": moreau,
    "Moreau, qdldl": partial(moreau, method="qdldl"),
    "cvxpylayers": cvxpylayers,
}
