"""What are the bandwidth of the iteration, a year of hours, batches of exact solves, and Moreau on a machine with a CUDA GPU?

A case that fails, for want of memory say, is kept with its reason, and the others go on.
"""

import argparse
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxsched
from benchmarks import harness
from benchmarks._markdown import Record, Table
from benchmarks.clock import median_seconds
from benchmarks.family import Case, as_problem, generate, routing_of
from benchmarks.harness import beyond, option, say
from benchmarks.judge import accuracy, bound_of, judge, repair
from benchmarks.peers import batched
from benchmarks.scaling import copy_bandwidth, measure

_RTOL, _EXACT = 1e-3, 1e-8
# Half of what a copy reaches.
LEAST_SHARE = 0.5


def bandwidth(origins: int, sites: int, slots: int, copy_megabytes: int = 4096) -> dict[str, Any]:
    """Seconds and bytes of a dense ADMM iteration in float32, and its share of the bandwidth of a copy."""
    copy = copy_bandwidth(copy_megabytes, 5)
    shape = {"origins": origins, "sites": sites, "slots": slots, "classes": 1}
    return {"copy": copy, **measure(shape, 5, 100, copy["jax_bytes_per_second"])}


def year(origins: int, sites: int, slots: int, chunk: int) -> dict[str, Any]:
    """Hours of a year in chunks of slots that share one compilation, float32, each chunk to a certified 1e-3."""
    shape = {"origins": origins, "sites": sites, "slots": slots, "chunk": chunk}
    instance = generate(origins, sites, "queueing", slots)
    solver, cost, bound, seconds = jaxsched.ADMM(rtol=_RTOL), 0.0, 0.0, []
    for first in range(0, slots, chunk):
        started = time.perf_counter()
        problem = as_problem(instance.slot(first, chunk), np.float32)
        schedule = jax.block_until_ready(jaxsched.solve(problem, solver, throw=False))
        cost += float(np.asarray(schedule.slot_objective, np.float64).sum())
        bound += float(np.asarray(schedule.slot_bound, np.float64).sum())
        seconds.append(time.perf_counter() - started)
    times = {"first_chunk_seconds": seconds[0], "seconds": float(np.sum(seconds))}
    return {**shape, "gap": (cost - bound) / abs(cost), **times}


def exact_batch(size: str) -> dict[str, Any]:
    """A day of slots at once by the interior point, float64, to 1e-8, judged apart from the package."""
    instance = Case(size, "queueing", slots=24).instance()
    problem, solver = as_problem(instance), jaxsched.InteriorPoint()
    seconds = median_seconds(lambda: jaxsched.solve(problem, solver, throw=False), 3)
    schedule = jaxsched.solve(problem, solver, throw=False)
    bound = bound_of(instance, np.asarray(schedule.prices))
    reached = accuracy(judge(instance, routing_of(schedule))["objective"], bound)
    found = {"size": size, "slots": 24, "iterations": int(schedule.stats.num_steps), "accuracy": reached}
    return {**found, "gap": float(schedule.gap), "seconds": seconds, "bound": bound}


def moreau_batch(size: str, device: str = "cuda") -> dict[str, Any]:
    """The same day by Moreau on the same device; why not, where its wheel for the device is not installed."""
    try:
        moreau: Any = import_module("moreau")
    except ImportError:
        return {"size": size, "skipped": "moreau is not installed"}
    if not moreau.device_available(device):
        return {"size": size, "skipped": f"this moreau has no {device}: {moreau.device_error(device)}"}
    instance = Case(size, "queueing", slots=24).instance()
    batched.moreau(instance, 1e-8, device=device)
    found = batched.moreau(instance, 1e-8, device=device)
    cost = judge(instance, repair(instance, found.routing))["objective"]
    return {"size": size, "slots": 24, **found.seconds, "status": found.status, "cost": cost}


# Whoever adds a solver for GPU sizes appends its case here: it runs, is recorded and appears in the table like the others.
CASES: dict[str, Callable[[], dict[str, Any]]] = {
    "bandwidth": lambda: bandwidth(1000, 1000, 24),
    "year": lambda: year(1000, 1000, 8760, 73),
    "exact_200x500": lambda: exact_batch("200x500"),
    "exact_500x1000": lambda: exact_batch("500x1000"),
    "moreau_200x500": lambda: moreau_batch("200x500"),
    "moreau_500x1000": lambda: moreau_batch("500x1000"),
}


def attempt(name: str, case: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A case with its wall-clock seconds and the peak memory of the device, or with what went wrong."""
    started = time.perf_counter()
    try:
        found = case()
    except Exception as error:  # out of memory, mostly: the other cases can still be measured
        found = {"failed": f"{type(error).__name__}: {error}"[:300]}
    memory = jax.local_devices()[0].memory_stats() or {}
    wall = time.perf_counter() - started
    found = {"case": name, **found, "wall_seconds": wall, "peak_device_bytes_so_far": memory.get("peak_bytes_in_use")}
    say(f"{name}: {found}")
    return found


def failures(case: Record) -> list[str]:
    """What is missed: a case that failed, bandwidth, and gaps."""
    share = case.get("share_of_copy", LEAST_SHARE)
    limits = [(-share, -LEAST_SHARE, f"{share:.2f} of a copy, {LEAST_SHARE:g} are required")]
    for key, most in (("gap", _RTOL), ("accuracy", _EXACT)):
        limits.append((case.get(key, 0.0), most, key + " {:.1e}, {:g} is allowed"))
    failed = [f"{case['case']}: {case['failed']}"] if "failed" in case else []
    return failed + beyond(case["case"], *limits)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Every case on a GPU; without one, what is needed is said."""
    if jax.default_backend() != "gpu":
        raise harness.CannotRunError(
            f"JAX sees no CUDA GPU here, only {jax.default_backend()}: install jax[cuda12] on a machine with one, leave "
            "JAX_PLATFORMS unset, and run python -m benchmarks gpu again."
        )
    jnp.zeros(1).block_until_ready()
    return {"cases": [attempt(name, CASES[name]) for name in options.cases]}


def _row(case: Record) -> dict[str, str]:
    hidden = ("case", "copy", "failed", "skipped")
    known = {key: value for key, value in case.items() if key not in hidden and value is not None}
    recorded = (f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in known.items())
    outcome = case.get("failed") or case.get("skipped") or "measured"
    return {"case": case["case"], "outcome": outcome, "recorded": ", ".join(recorded)}


table = Table(
    "case = {case} | outcome = {outcome} | recorded = {recorded}",
    left=3,
    rows=lambda record: map(_row, record["cases"]),
    notes=("- On {measured/device}.",),
    listed=False,
)
BENCHMARK = harness.Benchmark(
    "gpu",
    __doc__,
    run,
    harness.of_cases(failures),
    table,
    (option("--cases", nargs="+", choices=list(CASES), default=list(CASES)),),
    packages=("moreau", "moreau-cuda12", "moreau-cuda13"),
)
