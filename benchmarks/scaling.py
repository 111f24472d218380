"""How do seconds and bytes grow with sites, origins, slots and classes, and how near is the iteration to a copy?

The seconds of an iteration are the difference between two solves of different length over the difference of their
iterations, so that start and finish do not count.
"""

import argparse
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxsched
from benchmarks import harness
from benchmarks._markdown import Record, Table
from benchmarks.clock import median_seconds
from benchmarks.family import as_problem, generate, with_classes
from benchmarks.harness import option, told

BASE = {"origins": 200, "sites": 500, "slots": 2, "classes": 1}
AXES = tuple(BASE)
FACTORS = (1, 2, 4, 8)
_ARRAYS, _NEVER = 4, 1e-30
# More routes than this are not tried: the method keeps about a dozen arrays of that size.
_MOST_ROUTES = 20_000_000
# Seconds may grow with the number of routes to this power at most, over the whole range of an axis.
MOST_POWER = 1.25


def problem_of(origins: int, sites: int, slots: int, classes: int) -> jaxsched.Problem:
    """The family with queueing at any size, in float32, every route allowed."""
    instance = generate(origins, sites, "queueing", slots)
    # The number of classes is the seed.
    instance = with_classes(instance, classes, seed=classes, forbidden=0.0) if classes > 1 else instance
    return as_problem(instance, np.float32)


def copy_bandwidth(megabytes: int, repeats: int) -> dict[str, float]:
    """Bytes read and written in a second by a copy, in JAX (all threads it wants) and in NumPy (one thread)."""
    source = jnp.zeros(megabytes * 250_000, jnp.float32)
    copy = jax.jit(lambda x: x + 1.0)
    host, target = np.zeros(megabytes * 250_000, np.float32), np.empty(megabytes * 250_000, np.float32)
    in_jax = median_seconds(lambda: copy(source), repeats)
    in_numpy = median_seconds(lambda: np.copyto(target, host), repeats)
    size = 2 * host.nbytes
    return {"megabytes": megabytes, "jax_bytes_per_second": size / in_jax, "numpy_bytes_per_second": size / in_numpy}


def measure(shape: dict[str, int], repeats: int, iterations: int, copy: float) -> dict[str, Any]:
    """Seconds and bytes of one iteration at a shape."""
    problem = problem_of(shape["origins"], shape["sites"], shape["slots"], shape["classes"])
    every = iterations // 2
    short, long = (
        jaxsched.ADMM(rtol=_NEVER, max_steps=steps, check_every=every) for steps in (every, every + iterations)
    )
    seconds = [median_seconds(lambda s=s: jaxsched.solve(problem, s, throw=False), repeats) for s in (short, long)]
    routes = int(np.prod(list(shape.values())))
    each = max(seconds[1] - seconds[0], 1e-9) / iterations
    least = _ARRAYS * routes * problem.demand.dtype.itemsize
    return {
        **shape,
        "routes": routes,
        "seconds_per_iteration": each,
        "least_bytes": least,
        "working_bytes": working_bytes(problem, short),
        "bytes_per_second": least / each,
        "share_of_copy": least / each / copy,
    }


def working_bytes(problem: jaxsched.Problem, solver: jaxsched.ADMM) -> int:
    """Memory that the compiled iteration needs by XLA's memory analysis: arguments, results and what is between."""
    state = solver.init(problem, None)
    analysis = jax.jit(lambda p, s: solver.step(p, s)).lower(problem, state).compile().memory_analysis()
    parts = ("argument_size_in_bytes", "output_size_in_bytes", "temp_size_in_bytes")
    return sum(int(getattr(analysis, part)) for part in parts)


def power(cases: list[dict[str, Any]], axis: str) -> float | None:
    """Growth of the seconds with the routes along an axis, from its smallest to its largest, as a power."""
    along = sorted((c for c in cases if all(c[a] == BASE[a] for a in AXES if a != axis)), key=lambda c: c["routes"])
    if len(along) < 2:
        return None
    first, last = along[0], along[-1]
    grown = last["seconds_per_iteration"] / first["seconds_per_iteration"]
    return float(np.log(grown) / np.log(last["routes"] / first["routes"]))


def shapes(factors: list[int]) -> list[dict[str, int]]:
    """The base, and the base with one axis made larger."""
    found = [dict(BASE)]
    for axis in AXES:
        found += [{**BASE, axis: BASE[axis] * factor} for factor in factors if factor > 1]
    return [shape for shape in found if np.prod(list(shape.values())) <= _MOST_ROUTES]


def failures(record: Record) -> list[str]:
    """Axes along which the seconds grow faster than the routes."""
    return [
        f"seconds grow with the {axis} to the power {p:.2f}, {MOST_POWER:g} is allowed"
        for axis, p in record["powers"].items()
        if p is not None and not p <= MOST_POWER
    ]


def run(options: argparse.Namespace) -> dict[str, Any]:
    """A copy, the base, and every axis."""
    copy = copy_bandwidth(options.copy_megabytes, options.repeats)
    fastest = max(copy["jax_bytes_per_second"], copy["numpy_bytes_per_second"])
    cases = told(measure(shape, options.repeats, options.iterations, fastest) for shape in shapes(options.factors))
    return {"dtype": "float32", "copy": copy, "cases": cases, "powers": {axis: power(cases, axis) for axis in AXES}}


def _powers(record: Record) -> list[str]:
    known = ", ".join(f"{axis} {power:.2f}" for axis, power in record["powers"].items() if power is not None)
    return [f"Seconds grow with the power: {known}."]


table = Table(
    "origins = {origins} | sites = {sites} | slots = {slots} | classes = {classes} | ms an iteration = "
    "{seconds_per_iteration*1e3:.3g} | least MB moved = {least_bytes*1e-6:.3g} | working MB = {working_bytes*1e-6:.3g} | "
    "GB/s = {bytes_per_second*1e-9:.3g} | share of a copy = {share_of_copy:.2f}",
    left=0,
    notes=(
        "{dtype}. Least MB moved is counted from the arrays (read flow, metric and route cost, write flow), working MB is XLA's "
        "memory analysis. A copy of {copy/megabytes:g} MB in the same run: JAX {copy/jax_bytes_per_second*1e-9:.1f} GB/s, NumPy "
        "{copy/numpy_bytes_per_second*1e-9:.1f} GB/s.",
        _powers,
    ),
)
BENCHMARK = harness.Benchmark(
    "scaling",
    __doc__,
    run,
    failures,
    table,
    options=(
        option("--factors", nargs="+", type=int, default=list(FACTORS), help="of each axis of the base"),
        option("--iterations", type=int, default=50),
        harness.repeats(3),
        option("--copy-megabytes", type=int, default=256),
    ),
    float64=False,
)
