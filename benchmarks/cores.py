"""What are virtual devices worth, one for each core of a CPU, and is a day of 200x500 within its seconds?"""

import argparse
import contextlib
import itertools
import os
import statistics
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

import jaxsched
from benchmarks import harness
from benchmarks._markdown import Table
from benchmarks.clock import timed
from benchmarks.family import as_problem, generate, routing_of
from benchmarks.harness import option, told
from benchmarks.judge import judge
from benchmarks.process import MeasuringProcess

VARIANTS = ("quadratic", "queueing")
# Precision, tolerance, and the seconds that the fastest setting may take.
SOLVERS = {"ADMM": ("float32", 1e-3, 2.0), "InteriorPoint": ("float64", 1e-8, 3.0)}
_FEASIBLE = 1e-5


def settings() -> list[int]:
    """Devices that a setting makes."""
    return sorted({1, os.cpu_count() or 1})


def prepare(solver: str, variant: str, devices: int, shape: list[int]) -> Callable[[], dict[str, Any]]:
    """In a process of its own: a problem on this number of virtual devices, and what solves it once and judges the answer."""
    dtype, rtol, _ = SOLVERS[solver]
    jax.config.update("jax_enable_x64", dtype == "float64")
    jax.config.update("jax_num_cpu_devices", devices)
    instance = generate(shape[0], shape[1], variant, shape[2])
    problem = as_problem(instance, np.dtype(dtype).type)
    method = getattr(jaxsched, solver)(rtol=rtol)
    mesh = jaxsched.device_mesh() if devices > 1 else None

    def answer() -> dict[str, Any]:
        seconds, schedule = timed(lambda: jaxsched.solve(problem, method, mesh=mesh, throw=False))
        verdict = judge(instance, routing_of(schedule))
        return {
            "seconds": seconds,
            "gap": float(schedule.gap),
            "iterations": int(schedule.stats.num_steps),
            "violation": max(verdict["demand_error"], verdict["overload"]),
        }

    return answer


def measure(solver: str, variant: str, shape: list[int], rounds: int) -> list[dict[str, Any]]:
    """All settings of one solver on one kind of cost, taking turns."""
    given = {"solver": solver, "variant": variant}
    with contextlib.ExitStack() as stack:
        start = lambda n: MeasuringProcess("benchmarks.cores:prepare", **given, devices=n, shape=shape)  # noqa: E731
        processes = [stack.enter_context(contextlib.closing(start(devices))) for devices in settings()]
        turns = [[process.answer() for process in processes] for _ in range(rounds + 1)]
    found = []
    for devices, (first, *counted) in zip(settings(), zip(*turns, strict=True), strict=True):
        seconds = {"seconds": statistics.median(one["seconds"] for one in counted), "first_seconds": first["seconds"]}
        found.append({**given, "devices": devices, **counted[-1], **seconds})
    return found


def misses(cases: list[dict[str, Any]]) -> list[str]:
    """What the fastest setting of each solver and cost misses, in sentences."""
    found = []
    for solver, variant in dict.fromkeys((case["solver"], case["variant"]) for case in cases):
        _, rtol, most = SOLVERS[solver]
        alike = [case for case in cases if (case["solver"], case["variant"]) == (solver, variant)]
        best = min(case["seconds"] for case in alike)
        if not best <= most:
            found.append(f"{solver}, {variant}: {best:.2f} s, {most:g} s are allowed")
        if not all(case["gap"] <= rtol and case["violation"] <= _FEASIBLE for case in alike):
            found.append(f"{solver}, {variant}: not feasible and certified to {rtol:g} in every setting")
    return found


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Every solver and site cost."""
    shape, rounds = list(options.shape), options.rounds
    pairs = itertools.product(SOLVERS, VARIANTS)
    cases = told(case for pair in pairs for case in measure(*pair, shape, rounds))
    return {"origins": shape[0], "sites": shape[1], "slots": shape[2], "rounds": rounds, "cases": cases}


table = Table(
    "solver = {solver} | site cost = {variant} | virtual devices = {devices} | seconds = {seconds:.2f} | "
    "first call = {first_seconds:.1f} | certified gap = {gap:.1e}",
    left=2,
    notes=(
        "{slots} slots of {origins} origins by {sites} sites; ADMM in float32 to 1e-3, interior point in float64 to 1e-8. "
        "Medians of {rounds} solves that take turns; the first call compiles, while the other settings wait.",
    ),
)
BENCHMARK = harness.Benchmark(
    "cores",
    __doc__,
    run,
    lambda record: misses(record["cases"]),
    table,
    options=(
        option("--rounds", type=int, default=5, help="solves that count, of each setting"),
        option("--shape", type=int, nargs=3, default=(200, 500, 24), help="origins, sites, slots"),
    ),
    float64=False,
)
