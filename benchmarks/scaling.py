"""How seconds and bytes of an ADMM iteration grow with sites, origins, slots and classes, beside a copy of the same memory.

python -m benchmarks.scaling [--factors 1 2] [--check]

From one base, one axis at a time is made larger. The seconds of an iteration are the difference between two solves of
different length over the difference of their iterations, so that start and finish do not count. `least_bytes` is counted
from the arrays: one number a route is read of the flow, the metric and the route cost, and written of the flow, which no
implementation can do without. `working_bytes` is the memory that the compiled step needs, by XLA's analysis of it. Bandwidth
is `least_bytes` over seconds, and its share is that of a copy measured in the same run.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxsched
from benchmarks._record import RESULTS, write_result
from benchmarks.family import generate

BASE = {"origins": 200, "sites": 500, "slots": 2, "classes": 1}
AXES = tuple(BASE)
FACTORS = (1, 2, 4, 8)
_ARRAYS, _NEVER = 4, 1e-30
# More routes than this are not tried: the method keeps about a dozen arrays of that size.
_MOST_ROUTES = 20_000_000
# Seconds may grow with the number of routes to this power at most, over the whole range of an axis.
MOST_POWER = 1.25


def problem_of(origins: int, sites: int, slots: int, classes: int, dtype: type = np.float32) -> jaxsched.Problem:
    """The family with queueing at any size; classes share the demand and put unlike work on each site."""
    instance = generate(origins, sites, "queueing", slots)
    cost = jaxsched.CongestionCost(instance.linear, instance.quadratic, instance.queueing, instance.servers)
    if classes == 1:
        return jaxsched.Problem(instance.demand, instance.route_cost, instance.capacity, cost, dtype=dtype)
    random = np.random.default_rng(classes)
    shares, work = random.dirichlet(np.ones(classes), origins), random.uniform(0.6, 1.3, (sites, classes))
    demand, route_cost = instance.demand[..., None] * shares, instance.route_cost[..., None]
    return jaxsched.Problem(demand, route_cost, instance.capacity, cost, work=work, dtype=dtype)


def least_seconds(function: Callable[[], Any], repeats: int) -> float:
    """Median seconds of a call after one that is not counted."""
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        jax.block_until_ready(function())
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


def copy_bandwidth(megabytes: int, repeats: int) -> dict[str, float]:
    """Bytes read and written in a second by a copy, in JAX (all threads it wants) and in NumPy (one thread)."""
    source = jnp.zeros(megabytes * 250_000, jnp.float32)
    copy = jax.jit(lambda x: x + 1.0)
    host, target = np.zeros(megabytes * 250_000, np.float32), np.empty(megabytes * 250_000, np.float32)
    in_jax = least_seconds(lambda: copy(source), repeats)
    in_numpy = least_seconds(lambda: np.copyto(target, host), repeats)
    size = 2 * host.nbytes
    return {"megabytes": megabytes, "jax_bytes_per_second": size / in_jax, "numpy_bytes_per_second": size / in_numpy}


def measure(shape: dict[str, int], repeats: int, iterations: int, copy: float) -> dict[str, Any]:
    """Seconds and bytes of one iteration at a shape."""
    problem = problem_of(shape["origins"], shape["sites"], shape["slots"], shape["classes"])
    every = iterations // 2
    short, long = (
        jaxsched.ADMM(rtol=_NEVER, max_steps=steps, check_every=every) for steps in (every, every + iterations)
    )
    seconds = [least_seconds(lambda s=s: jaxsched.solve(problem, s, throw=False), repeats) for s in (short, long)]
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


def main() -> int:
    """Measure, record, and with --check say whether the seconds grow no faster than the routes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--factors", nargs="+", type=int, default=list(FACTORS), help="of each axis of the base")
    parser.add_argument("--iterations", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--copy-megabytes", type=int, default=256)
    parser.add_argument("--name", default="scaling", help="name of the result file")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the result file")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a requirement is missed")
    options = parser.parse_args()
    copy = copy_bandwidth(options.copy_megabytes, options.repeats)
    fastest = max(copy["jax_bytes_per_second"], copy["numpy_bytes_per_second"])
    cases = []
    for shape in shapes(options.factors):
        cases.append(measure(shape, options.repeats, options.iterations, fastest))
        each, share = cases[-1]["seconds_per_iteration"], cases[-1]["share_of_copy"]
        print(f"{shape}: {1e3 * each:.3f} ms an iteration, {share:.2f} of a copy", file=sys.stderr, flush=True)
    powers = {axis: power(cases, axis) for axis in AXES}
    path = write_result(options.name, {"dtype": "float32", "copy": copy, "cases": cases, "powers": powers}, options.out)
    print(f"written: {path.name}", file=sys.stderr)
    missed = [
        f"seconds grow with the {axis} to the power {p:.2f}, {MOST_POWER:g} is allowed"
        for axis, p in powers.items()
        if p is not None and not p <= MOST_POWER
    ]
    for sentence in missed:
        print(sentence, file=sys.stderr)
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
