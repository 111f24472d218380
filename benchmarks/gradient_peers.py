"""Forward and backward through a schedule beside differentiable layers of others: seconds, and errors of the derivative.

python -m benchmarks.gradient_peers [--sizes 20x20 50x100] [--check]

Everyone differentiates one number, the same random weighting of the loads, with respect to demand, route cost and linear
site cost, each moved in proportion to itself along one random direction. The truth is a central difference of our re-solves
to 1e-14. Ours is jitted; its first call, and building a layer, are listed apart.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import jaxsched
from benchmarks._record import RESULTS, write_result
from benchmarks.family import SIZES, as_problem, busiest_slot, generate
from benchmarks.peers import layers
from benchmarks.peers.judge import Arrays
from benchmarks.peers.problems import Case, arrays_of

_SIZES = ("20x20", "50x100", "200x500")
_VARIANTS = ("quadratic", "queueing")
# cvxpylayers takes minutes beyond this many routes.
_MOST_ROUTES = {"cvxpylayers": 5_000}
_TIGHT, _STEP = 1e-14, 1e-6
LEAST_SPEEDUP, MOST_ERROR, GOAL_SIZE = 30.0, 1e-4, "200x500"
OURS = "jaxsched"
# A layer of a peer: from the three arrays to the loads, differentiable by JAX, and whether it can be jitted.
Layer = Callable[..., Any]


class Truth(NamedTuple):
    """What everyone is compared with: weights of the loads, a direction for each array, and the slope along it."""

    weights: np.ndarray
    moves: tuple[np.ndarray, ...]
    slopes: tuple[float, ...]


def values_of(arrays: Arrays) -> tuple[np.ndarray, ...]:
    """Demand [origin], route cost [origin, site] and linear site cost [site] of the one slot."""
    return arrays.demand[0, :, 0], arrays.route_cost, arrays.linear[0]


def ours(arrays: Arrays, rtol: float = 1e-8) -> Layer:
    """The package as a layer."""
    instance = busiest_slot(generate(*arrays.shape[:2], _variant(arrays)))
    posed, solver = as_problem(instance), jaxsched.InteriorPoint(rtol=rtol)

    def loads(demand, route_cost, linear):
        problem = eqx.tree_at(
            lambda p: (p.demand, p.route_cost, p.site_cost.linear),
            posed,
            (demand[None, :, None], route_cost[None, :, :, None], linear[None]),
        )
        return jaxsched.solve(problem, solver, throw=False).load[0]

    return loads


def _variant(arrays: Arrays) -> str:
    return "queueing" if arrays.queueing else ("quadratic" if arrays.quadratic.any() else "linear")


def truth(arrays: Arrays) -> Truth:
    """Weights, directions and central differences of re-solves."""
    random, values = np.random.default_rng(0), values_of(arrays)
    weights = random.normal(size=arrays.shape[1])
    moves = tuple(random.normal(size=value.shape) * value for value in values)
    loads = eqx.filter_jit(ours(arrays, _TIGHT))
    slopes = []
    for number, move in enumerate(moves):
        ends = []
        for sign in (1, -1):
            moved = [v + sign * _STEP * move if n == number else v for n, v in enumerate(values)]
            ends.append(float(weights @ np.asarray(loads(*(jnp.asarray(v) for v in moved)))))
        slopes.append((ends[0] - ends[1]) / (2 * _STEP))
    return Truth(weights, moves, tuple(slopes))


def measure(build: Callable[[], tuple[Layer, bool]], arrays: Arrays, true: Truth, repeats: int) -> dict[str, Any]:
    """Seconds of building, of the first call and of later ones, forward alone and with the gradient, and its errors."""
    started = time.perf_counter()
    layer, jits = build()
    built = time.perf_counter() - started
    weights, values = jnp.asarray(true.weights), tuple(jnp.asarray(v) for v in values_of(arrays))
    wrap = jax.jit if jits else (lambda function: function)
    forward = wrap(lambda *v: weights @ layer(*v))
    both = wrap(jax.value_and_grad(lambda *v: weights @ layer(*v), argnums=(0, 1, 2)))
    found: dict[str, Any] = {"build_seconds": built}
    result: Any = None
    for name, call in (("forward", forward), ("forward_and_gradient", both)):
        times = []
        for _ in range(repeats + 1):
            started = time.perf_counter()
            result = jax.block_until_ready(call(*values))
            times.append(time.perf_counter() - started)
        found[f"{name}_first_seconds"], found[f"{name}_seconds"] = times[0], statistics.median(times[1:])
        if name == "forward_and_gradient":
            gradient = [np.asarray(part) for part in result[1]]
            names = ("demand", "route_cost", "linear")
            triples = zip(names, gradient, true.moves, true.slopes, strict=True)
            found["errors"] = {n: abs(float((g * move).sum()) / slope - 1) for n, g, move, slope in triples}
    return found


def cases(sizes: list[str], repeats: int) -> list[dict[str, Any]]:
    """Everyone on every size and site cost; who is not installed is said to be."""
    found = []
    for size in sizes:
        for variant in _VARIANTS:
            arrays = arrays_of(Case(size, variant))
            true = truth(arrays)
            builders = {OURS: lambda a=arrays: (ours(a), True)}
            builders |= {name: lambda a=arrays, b=build: b(a) for name, build in layers.LAYERS.items()}
            for name, build in builders.items():
                case = {"size": size, "variant": variant, "layer": name}
                missing = layers.missing(name)
                if missing:
                    case["skipped"] = f"{missing} is not installed"
                elif arrays.allowed.size > _MOST_ROUTES.get(name, arrays.allowed.size):
                    case["skipped"] = "takes minutes at this size"
                else:
                    case |= measure(build, arrays, true, repeats)
                _say(case)
                found.append(case)
    return found


def _say(case: dict[str, Any]) -> None:
    what = case.get("skipped") or f"{case['forward_and_gradient_seconds']:.4f} s, errors {case['errors']}"
    print(f"{case['size']} {case['variant']}, {case['layer']}: {what}", file=sys.stderr, flush=True)


def speedup(found: list[dict[str, Any]], size: str, variant: str, layer: str) -> float | None:
    """How many times longer a layer takes for forward and gradient than ours; None where either was not measured."""
    seconds = {
        case["layer"]: case.get("forward_and_gradient_seconds")
        for case in found
        if (case["size"], case["variant"]) == (size, variant)
    }
    mine, theirs = seconds.get(OURS), seconds.get(layer)
    return None if mine is None or theirs is None else theirs / mine


def failures(found: list[dict[str, Any]]) -> list[str]:
    """What is missed: accuracy of ours anywhere, and the factor to Moreau at the size of the goal."""
    missed = [
        f"{case['size']} {case['variant']}: error for {array} is {error:.1e}, {MOST_ERROR:.1e} is allowed"
        for case in found
        if case["layer"] == OURS
        for array, error in case["errors"].items()
        if not error <= MOST_ERROR
    ]
    for variant in _VARIANTS:
        factors = [speedup(found, GOAL_SIZE, variant, name) for name in layers.LAYERS if name.startswith("Moreau")]
        known = [factor for factor in factors if factor is not None]
        if known and not min(known) >= LEAST_SPEEDUP:
            missed.append(
                f"{GOAL_SIZE} {variant}: {min(known):.1f} times as fast as Moreau, {LEAST_SPEEDUP:g} are required"
            )
    return missed


def main() -> int:
    """Measure, record, and with --check say whether the requirements are met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(_SIZES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--name", default="gradient_peers", help="name of the result file")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the result file")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a requirement is missed")
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    found = cases(options.sizes, options.repeats)
    path = write_result(options.name, {"cases": found}, options.out, ("moreau", "cvxpylayers", "diffcp"))
    print(f"written: {path.name}", file=sys.stderr)
    missed = failures(found)
    for sentence in missed:
        print(sentence, file=sys.stderr)
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
