"""What do forward and gradient take beside other differentiable layers, and how wrong are they?

Everyone differentiates one number, the same random weighting of the loads, with respect to demand, route cost and linear
site cost, each moved in proportion to itself along one random direction. The truth is a central difference of our re-solves
to 1e-14. Ours is jitted; its first call, and building a layer, are listed apart.
"""

import importlib.util
import itertools
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import jaxsched
from benchmarks import harness
from benchmarks._markdown import Record, Table
from benchmarks.clock import timed
from benchmarks.family import SIZES, Case, Instance, as_problem
from benchmarks.gradients import DEFAULT_SIZES, STEP, TIGHT, VARIANTS
from benchmarks.harness import beyond, told
from benchmarks.peers.batched import moreau_cones, moreau_limits, moreau_matrices
from benchmarks.peers.program import cones, quadratic_program

# cvxpylayers takes minutes beyond this many routes.
_MOST_ROUTES = {"cvxpylayers": 5_000}
_TOLERANCE = 1e-8
_MODULES = {"cvxpylayers": ("cvxpylayers", "diffcp"), "Moreau": ("moreau",), "Moreau, qdldl": ("moreau",)}
LEAST_SPEEDUP, MOST_ERROR, GOAL_SIZE = 30.0, 1e-4, "200x500"
OURS = "jaxsched"
_ARRAYS = ("demand", "route_cost", "linear")
# A layer of a peer: from the three arrays to the loads, differentiable by JAX, and whether it can be jitted.
Layer = Callable[..., Any]


class Truth(NamedTuple):
    """What everyone is compared with: weights of the loads, a direction for each array, and the slope along it."""

    weights: np.ndarray
    moves: tuple[np.ndarray, ...]
    slopes: tuple[float, ...]


def values_of(instance: Instance) -> tuple[np.ndarray, ...]:
    """Demand [origin], route cost [origin, site] and linear site cost [site] of the one slot."""
    return instance.demand[0, :, 0], instance.route_cost, instance.linear[0]


def ours(instance: Instance, solver: jaxsched.InteriorPoint | None = None) -> Layer:
    """The package as a layer."""
    posed, method = as_problem(instance), solver or jaxsched.InteriorPoint(rtol=1e-8)

    def loads(demand, route_cost, linear):
        problem = eqx.tree_at(
            lambda p: (p.demand, p.route_cost, p.site_cost.linear),
            posed,
            (demand[None, :, None], route_cost[None, :, :, None], linear[None]),
        )
        return jaxsched.solve(problem, method, throw=False).load[0]

    return loads


def missing(name: str) -> str | None:
    """The first module of a layer that is not installed."""
    return next((module for module in _MODULES.get(name, ()) if importlib.util.find_spec(module) is None), None)


def moreau(instance: Instance, method: str = "auto") -> tuple[Layer, bool]:
    """Moreau's JAX layer, which can be jitted; only q and b move, matrices are set once."""
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


def cvxpylayers(instance: Instance) -> tuple[Layer, bool]:
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
    balances: list[Any] = [cp.sum(routing, axis=1) == demand, cp.sum(routing, axis=0) == load]
    layer = layers.CvxpyLayer(
        cp.Problem(cp.Minimize(cost), [*balances, load <= instance.capacity, routing >= 0]),
        parameters=[demand, route_cost, linear],
        variables=[load],
        solver_args={"solve_method": "Clarabel", "tol_gap_abs": _TOLERANCE, "tol_gap_rel": _TOLERANCE},
    )
    return lambda *values: layer(*values)[0], False


LAYERS: dict[str, Callable[[Instance], tuple[Layer, bool]]] = {
    OURS: lambda instance: (ours(instance), True),
    "Moreau": moreau,
    "Moreau, qdldl": partial(moreau, method="qdldl"),
    "cvxpylayers": cvxpylayers,
}


def truth(instance: Instance) -> Truth:
    """Weights, directions and central differences of re-solves."""
    random, values = np.random.default_rng(0), values_of(instance)
    weights = random.normal(size=instance.shape[1])
    moves = tuple(random.normal(size=value.shape) * value for value in values)
    loads = eqx.filter_jit(ours(instance, TIGHT))
    slopes = []
    for number, move in enumerate(moves):
        ends = []
        for sign in (1, -1):
            moved = [v + sign * STEP * move if n == number else v for n, v in enumerate(values)]
            ends.append(float(weights @ np.asarray(loads(*(jnp.asarray(v) for v in moved)))))
        slopes.append((ends[0] - ends[1]) / (2 * STEP))
    return Truth(weights, moves, tuple(slopes))


def measure(build: Callable[[], tuple[Layer, bool]], instance: Instance, true: Truth, repeats: int) -> dict[str, Any]:
    """Seconds of building, of the first call and of later ones, forward alone and with the gradient, and its errors."""
    built, (layer, jits) = timed(build)
    weights, values = jnp.asarray(true.weights), tuple(jnp.asarray(v) for v in values_of(instance))
    wrap = jax.jit if jits else (lambda function: function)
    forward = wrap(lambda *v: weights @ layer(*v))
    both = wrap(jax.value_and_grad(lambda *v: weights @ layer(*v), argnums=(0, 1, 2)))
    found: dict[str, Any] = {"build_seconds": built}
    for name, call in (("forward", forward), ("forward_and_gradient", both)):
        times = [timed(lambda call=call: call(*values))[0] for _ in range(repeats + 1)]
        found[f"{name}_first_seconds"], found[f"{name}_seconds"] = times[0], statistics.median(times[1:])
    gradient = [np.asarray(part) for part in both(*values)[1]]
    triples = zip(_ARRAYS, gradient, true.moves, true.slopes, strict=True)
    found["errors"] = {name: abs(float((g * move).sum()) / slope - 1) for name, g, move, slope in triples}
    return found


def cases(sizes: list[str], repeats: int) -> Iterator[dict[str, Any]]:
    """Everyone on every size and site cost; who is not installed is said to be."""
    for size, variant in itertools.product(sizes, VARIANTS):
        instance = Case(size, variant).instance()
        true = truth(instance)
        for name, build in LAYERS.items():
            case, absent = {"size": size, "variant": variant, "layer": name}, missing(name)
            if absent:
                case["skipped"] = f"{absent} is not installed"
            elif instance.allowed.size > _MOST_ROUTES.get(name, instance.allowed.size):
                case["skipped"] = "takes minutes at this size"
            else:
                case |= measure(partial(build, instance), instance, true, repeats)
            yield case


def speedup(found: list[dict[str, Any]], size: str, variant: str, layer: str) -> float | None:
    """How many times longer a layer takes for forward and gradient than ours; None where either was not measured."""
    seconds = {
        case["layer"]: case.get("forward_and_gradient_seconds")
        for case in found
        if (case["size"], case["variant"]) == (size, variant)
    }
    mine, theirs = seconds.get(OURS), seconds.get(layer)
    return None if mine is None or theirs is None else theirs / mine


def failures(record: Record) -> list[str]:
    """What is missed: accuracy of ours anywhere, and the factor to Moreau at the size of the goal."""
    missed = []
    for case in record["cases"]:
        errors = case["errors"] if case["layer"] == OURS else {}
        limits = ((e, MOST_ERROR, f"error for {array} is {{:.1e}}, {{:.1e}} is allowed") for array, e in errors.items())
        missed += beyond(f"{case['size']} {case['variant']}", *limits)
    for variant in VARIANTS:
        factors = (speedup(record["cases"], GOAL_SIZE, variant, name) for name in LAYERS if "Moreau" in name)
        least = min((factor for factor in factors if factor is not None), default=LEAST_SPEEDUP)
        said = f"{least:.1f} times as fast as Moreau, {LEAST_SPEEDUP:g} are required"
        missed += beyond(f"{GOAL_SIZE} {variant}", (-least, -LEAST_SPEEDUP, said))
    return missed


def _rows(record: Record) -> Iterator[dict[str, Any]]:
    for case in record["cases"]:
        times = speedup(record["cases"], case["size"], case["variant"], case["layer"])
        yield {**case, "times": times, "forward": case.get("skipped") or f"{case['forward_seconds']:.3g}"}


table = Table(
    "origins x sites = {size} | site cost = {variant} | layer = {layer} | forward [s] = {forward} | forward and gradient [s] = "
    "{forward_and_gradient_seconds:.3g} | times ours = {times:.3g} | first call [s] = {forward_and_gradient_first_seconds:.2g} | "
    "error: demand = {errors/demand:.0e} | error: route cost = {errors/route_cost:.0e} | error: site cost = {errors/linear:.0e}",
    left=3,
    rows=_rows,
    notes=(
        "Relative errors of slopes along a random direction of each array, against central differences of re-solves.",
    ),
)
BENCHMARK = harness.Benchmark(
    "gradient_peers",
    __doc__,
    lambda options: {"cases": told(cases(options.sizes, options.repeats))},
    failures,
    table,
    (harness.sizes(DEFAULT_SIZES, SIZES), harness.repeats(3)),
    packages=("moreau", "cvxpylayers", "diffcp"),
)
