"""What do 2,000 origins by 2,000 sites, 24 slots and three classes take to 1e-3 and to 1e-6, and does it fit?

Every solver runs in a process of its own, which tells its peak memory. Slots are solved in chunks of what `memory` allows.
"""

import argparse
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

import jaxsched
from benchmarks import harness
from benchmarks._markdown import Record, Table, fill
from benchmarks.clock import timed
from benchmarks.harness import beyond, option, told
from benchmarks.process import asked_once, peak_kilobytes
from jaxsched.scenarios import australia
from jaxsched.study import build_study

START = "2024-01-15"
SOLVERS = {"admm": ("float32", 1e-3, 600.0), "interior": ("float64", 1e-6, 1800.0)}
TITLES = {"admm": "ADMM", "interior": "InteriorPoint"}
MOST_GIGABYTES = 12.0
# A share that float32 sums of 2,000 numbers leave.
_FEASIBLE = 1e-4


def prepare(name: str, sites: int, origins: int, slots: int, memory: float) -> Callable[[], dict[str, Any]]:
    """In a process of its own: what builds and solves."""
    dtype, rtol, _ = SOLVERS[name]
    jax.config.update("jax_enable_x64", dtype == "float64")

    def answer() -> dict[str, Any]:
        shape: dict[str, Any] = {"sites": sites, "origins": origins, "slots": slots, "start": START}
        built, problem = timed(lambda: build_study(australia(**shape)).problem)
        compiled = compiling()
        solver, most = getattr(jaxsched, TITLES[name])(rtol=rtol), memory * 2.0**30
        seconds, schedule = timed(lambda: jaxsched.solve(problem, solver, memory=most, throw=False))
        return {
            "solver": name,
            "dtype": dtype,
            "rtol": rtol,
            "slots": slots,
            "memory_gib": memory,
            "build_seconds": built,
            "compile_seconds": compiled(),
            "seconds": seconds - compiled(),
            "peak_gigabytes": peak_kilobytes() * 1024 / 1e9,
            "gap": float(schedule.gap),
            "worst_slot_gap": float(schedule.slot_gap.max()),
            "iterations": int(schedule.stats.num_steps),
            "objective": float(schedule.objective),
            **violations(problem, schedule),
        }

    return answer


def compiling() -> Callable[[], float]:
    """What tells the seconds of lowering and compiling since now."""
    events = ("/jax/core/compile/jaxpr_to_mlir_module_duration", "/jax/core/compile/backend_compile_duration")
    taken: list[float] = []

    def listen(event: str, duration_secs: float, **_: str | int) -> None:
        if event in events:
            taken.append(duration_secs)

    jax.monitoring.register_event_duration_secs_listener(listen)
    return lambda: sum(taken)


def violations(problem: jaxsched.Problem, schedule: jaxsched.Schedule) -> dict[str, float]:
    """Largest shortfall of a demand and excess of a site, as shares, added up in float64."""
    missed, exceeded = 0.0, 0.0
    work, capacity = np.asarray(problem.work, np.float64), np.asarray(problem.capacity, np.float64)
    for slot in range(problem.shape[0]):
        routing = np.asarray(schedule.routing[slot], np.float64)
        demand, room = np.asarray(problem.demand[slot], np.float64), capacity[slot % len(capacity)]
        off = np.abs(routing.sum(1) - demand) / np.maximum(demand, demand[demand > 0].min())
        over = np.einsum("isk,sk->s", routing, work) - room
        missed, exceeded = max(missed, float(off.max())), max(exceeded, float((over / room.max()).max()))
    return {"demand_missed": missed, "capacity_exceeded": exceeded}


def misses(case: dict[str, Any]) -> list[str]:
    """What a case misses of its goal, in sentences."""
    _, rtol, most = SOLVERS[case["solver"]]
    broken = max(case["demand_missed"], case["capacity_exceeded"])
    return beyond(
        case["solver"],
        (case["gap"], rtol, "certified gap {:.1e}, {:g} is asked for"),
        (case["seconds"], most, "{:.0f} s, {:.0f} s are allowed"),
        (case["peak_gigabytes"], MOST_GIGABYTES, "{:.1f} GB, {:g} GB are allowed"),
        (broken, _FEASIBLE, "the routing misses a demand or exceeds a capacity"),
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Each solver in a fresh process."""
    shape = {"sites": options.sites, "origins": options.origins, "slots": options.slots}
    fewer = {"interior": options.interior_slots or options.slots}

    def one(name: str) -> dict[str, Any]:
        given = {**shape, "slots": fewer.get(name, options.slots), "memory": options.memory}
        return asked_once("benchmarks.largest:prepare", name=name, **given)

    return {"shape": {**shape, "classes": 3}, "start": START, "cases": told(map(one, options.solvers))}


def _about(record: Record) -> list[str]:
    worst = max(max(case["demand_missed"], case["capacity_exceeded"]) for case in record["cases"])
    size = (
        "`australia(...)` with {shape/origins:,} origins, {shape/sites:,} sites and {shape/classes} classes from {start}, every "
        "route. Seconds are without compiling. What demands miss and sites exceed, added up in float64: at most {worst:.0e}."
    )
    return [fill(size, {**record, "worst": worst})]


table = Table(
    "solver = {title} | precision = {dtype} | asked for = {rtol:g} | slots = {slots} | certified gap = {gap:.1e} | worst slot = "
    "{worst_slot_gap:.1e} | most iterations of a slot = {iterations} | seconds = {seconds:.0f} | compile [s] = "
    "{compile_seconds:.1f} | build [s] = {build_seconds:.1f} | peak GB = {peak_gigabytes:.1f}",
    left=3,
    rows=lambda record: ({**case, "title": TITLES[case["solver"]]} for case in record["cases"]),
    notes=(_about,),
)
BENCHMARK = harness.Benchmark(
    "largest",
    __doc__,
    run,
    harness.of_cases(misses),
    table,
    records=("largest", "largest_interior"),
    options=(
        option("--sites", type=int, default=2000),
        option("--origins", type=int, default=2000),
        option("--slots", type=int, default=24),
        option("--interior-slots", type=int, help="fewer slots for the interior point"),
        option("--solvers", nargs="+", choices=tuple(SOLVERS), default=list(SOLVERS)),
        option("--memory", type=float, default=4.0, help="GiB that an iteration may take"),
    ),
    float64=False,
)
