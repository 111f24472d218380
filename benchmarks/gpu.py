"""GPU sizes on a machine with a CUDA GPU: bandwidth of the iteration, a year of hours, batches of exact solves, and Moreau.

python -m benchmarks.gpu [--cases year]

Writes `gpu.json`. Without a GPU it says so and ends with 2. A case that fails, for want of memory say, is kept with its
reason, and the others go on.
"""

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxsched
from benchmarks._record import RESULTS, write_result
from benchmarks.family import Instance, as_problem, generate
from benchmarks.peers import batched
from benchmarks.peers.judge import accuracy, bound_of, judge, repair
from benchmarks.peers.problems import Case, arrays_of, dimensions
from benchmarks.scaling import copy_bandwidth, least_seconds, measure

NO_GPU = 2
_RTOL, _EXACT = 1e-3, 1e-8
# Half of what a copy reaches.
LEAST_SHARE = 0.5


@dataclasses.dataclass(frozen=True)
class GpuCase:
    """One thing that is measured on a GPU.

    Attributes:
        name: Its name on the command line and in the result file.
        run: Measures it, and returns what is recorded.
    """

    name: str
    run: Callable[[], dict[str, Any]]


def bandwidth(origins: int, sites: int, slots: int, copy_megabytes: int = 4096) -> dict[str, Any]:
    """Seconds and bytes of a dense ADMM iteration in float32, and its share of the bandwidth of a copy."""
    copy = copy_bandwidth(copy_megabytes, 5)
    shape = {"origins": origins, "sites": sites, "slots": slots, "classes": 1}
    return {"copy": copy, **measure(shape, 5, 100, copy["jax_bytes_per_second"])}


def chunk_of(instance: Instance, first: int, length: int) -> Instance:
    """Some slots of an instance, from the first on."""
    some = slice(first, first + length)
    return dataclasses.replace(
        instance, demand=instance.demand[some], linear=instance.linear[some], quadratic=instance.quadratic[some]
    )


def year(origins: int, sites: int, slots: int, chunk: int) -> dict[str, Any]:
    """Hours of a year in chunks of slots that share one compilation, float32, each chunk to a certified 1e-3.

    Raises:
        ValueError: If the chunks do not fill the year.
    """
    if slots % chunk:
        raise ValueError(f"{slots} slots cannot be cut into chunks of {chunk}; give a divisor.")
    instance = generate(origins, sites, "queueing", slots)
    solver, cost, bound, seconds = jaxsched.ADMM(rtol=_RTOL), 0.0, 0.0, []
    for first in range(0, slots, chunk):
        started = time.perf_counter()
        problem = as_problem(chunk_of(instance, first, chunk), np.float32)
        schedule = jax.block_until_ready(jaxsched.solve(problem, solver, throw=False))
        cost += float(np.asarray(schedule.slot_objective, np.float64).sum())
        bound += float(np.asarray(schedule.slot_bound, np.float64).sum())
        seconds.append(time.perf_counter() - started)
    return {
        "origins": origins,
        "sites": sites,
        "slots": slots,
        "chunk": chunk,
        "gap": (cost - bound) / abs(cost),
        "first_chunk_seconds": seconds[0],
        "seconds": float(np.sum(seconds)),
    }


def exact_batch(size: str) -> dict[str, Any]:
    """A day of slots at once by the interior point, float64, to 1e-8, judged apart from the package."""
    case = Case(size, "queueing", slots=24)
    arrays, problem = arrays_of(case), as_problem(generate(*dimensions(size), "queueing"))
    solver = jaxsched.InteriorPoint()
    seconds = least_seconds(lambda: jaxsched.solve(problem, solver, throw=False), 3)
    schedule = jaxsched.solve(problem, solver, throw=False)
    bound = bound_of(arrays, np.asarray(schedule.prices))
    reached = accuracy(judge(arrays, np.asarray(schedule.routing)[..., None])["cost"], bound)
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
    arrays = arrays_of(Case(size, "queueing", slots=24))
    batched.moreau(arrays, 1e-8, device=device)
    found = batched.moreau(arrays, 1e-8, device=device)
    cost = judge(arrays, repair(arrays, found.routing))["cost"]
    return {"size": size, "slots": 24, **found.seconds, "status": found.status, "cost": cost}


# Whoever adds a solver for GPU sizes appends its case here: it runs, is recorded and appears in the table like the others.
CASES: list[GpuCase] = [
    GpuCase("bandwidth", lambda: bandwidth(1000, 1000, 24)),
    GpuCase("year", lambda: year(1000, 1000, 8760, 73)),
    GpuCase("exact_200x500", lambda: exact_batch("200x500")),
    GpuCase("exact_500x1000", lambda: exact_batch("500x1000")),
    GpuCase("moreau_200x500", lambda: moreau_batch("200x500")),
    GpuCase("moreau_500x1000", lambda: moreau_batch("500x1000")),
]


def run_cases(cases: list[GpuCase]) -> list[dict[str, Any]]:
    """Every case with its wall-clock seconds and the peak memory of the device, or with what went wrong."""
    found = []
    for case in cases:
        started = time.perf_counter()
        try:
            result = case.run()
        except Exception as error:  # out of memory, mostly: the other cases can still be measured
            result = {"failed": f"{type(error).__name__}: {error}"[:300]}
        memory = jax.local_devices()[0].memory_stats() or {}
        peak = memory.get("peak_bytes_in_use")
        wall = time.perf_counter() - started
        found.append({"case": case.name, **result, "wall_seconds": wall, "peak_device_bytes_so_far": peak})
        print(f"{case.name}: {found[-1]}", file=sys.stderr, flush=True)
    return found


def failures(found: list[dict[str, Any]]) -> list[str]:
    """What is missed: cases that failed, bandwidth, and gaps."""
    missed = [f"{case['case']}: {case['failed']}" for case in found if "failed" in case]
    for case in found:
        if case.get("share_of_copy", LEAST_SHARE) < LEAST_SHARE:
            missed.append(f"{case['case']}: {case['share_of_copy']:.2f} of a copy, {LEAST_SHARE:g} are required")
        if not case.get("gap", 0.0) <= _RTOL:
            missed.append(f"{case['case']}: gap {case['gap']:.1e}, {_RTOL:g} is allowed")
        if not case.get("accuracy", 0.0) <= _EXACT:
            missed.append(f"{case['case']}: accuracy {case['accuracy']:.1e}, {_EXACT:g} is allowed")
    return missed


def main() -> int:
    """Measure and record on a GPU; without one, say what is needed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    names = [case.name for case in CASES]
    parser.add_argument("--cases", nargs="+", choices=names, default=names)
    parser.add_argument("--name", default="gpu", help="name of the result file")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the result file")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a requirement is missed")
    options = parser.parse_args()
    if jax.default_backend() != "gpu":
        print(
            f"JAX sees no CUDA GPU here, only {jax.default_backend()}: install jax[cuda12] on a machine with one, leave "
            "JAX_PLATFORMS unset, and run python -m benchmarks.gpu again.",
            file=sys.stderr,
        )
        return NO_GPU
    jax.config.update("jax_enable_x64", True)
    jnp.zeros(1).block_until_ready()
    found = run_cases([case for case in CASES if case.name in options.cases])
    path = write_result(options.name, {"cases": found}, options.out, ("moreau", "moreau-cuda12", "moreau-cuda13"))
    print(f"written: {path.name}", file=sys.stderr)
    missed = failures(found)
    for sentence in missed:
        print(sentence, file=sys.stderr)
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
