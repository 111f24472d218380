"""Seconds, memory and proof at 2,000 origins by 2,000 sites, 24 slots and three classes of the Australian scenario.

python -m benchmarks.largest [--sites N --origins N --slots N] [--solvers admm interior] [--interior-slots N] [--check]

Every solver runs in a process of its own, which tells its peak memory. Slots are solved in chunks of what `memory` allows.
Seconds are those of the whole call of `solve` less what JAX spent on tracing and compiling in it, which is listed apart.
The answer is checked once more in NumPy and float64: what demands miss and sites exceed, as shares.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

import jaxsched
from benchmarks._record import RESULTS, write_result
from jaxsched.scenarios import australia
from jaxsched.study import build

START = "2024-01-15"
SOLVERS = {"admm": ("float32", 1e-3, 600.0), "interior": ("float64", 1e-6, 1800.0)}
MOST_GIGABYTES = 12.0
# A share that float32 sums of 2,000 numbers leave.
_FEASIBLE = 1e-4


def solver_of(name: str) -> jaxsched.AbstractSolver:
    """The solver of a case at its tolerance."""
    rtol = SOLVERS[name][1]
    return jaxsched.ADMM(rtol=rtol) if name == "admm" else jaxsched.InteriorPoint(rtol=rtol)


def measure(name: str, sites: int, origins: int, slots: int, memory: float) -> dict[str, Any]:
    """Build and solve in this process."""
    dtype, rtol, _ = SOLVERS[name]
    jax.config.update("jax_enable_x64", dtype == "float64")
    started = time.perf_counter()
    problem = build(australia(sites=sites, origins=origins, slots=slots, start=START)).problem
    jax.block_until_ready(problem.demand)
    built, compiling = time.perf_counter() - started, _Compiling()
    started = time.perf_counter()
    schedule = jaxsched.solve(problem, solver_of(name), memory=memory * 2.0**30, throw=False)
    jax.block_until_ready(schedule.routing)
    seconds = time.perf_counter() - started
    return {
        "solver": name,
        "dtype": dtype,
        "rtol": rtol,
        "slots": slots,
        "memory_gib": memory,
        "build_seconds": built,
        "compile_seconds": compiling.seconds,
        "seconds": seconds - compiling.seconds,
        "peak_gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
        "gap": float(schedule.gap),
        "worst_slot_gap": float(schedule.slot_gap.max()),
        "iterations": int(schedule.stats.num_steps),
        "objective": float(schedule.objective),
        **violations(problem, schedule),
    }


class _Compiling:
    """Seconds of tracing, lowering and compiling from now on."""

    def __init__(self) -> None:
        self.seconds = 0.0
        jax.monitoring.register_event_duration_secs_listener(self._listen)

    def _listen(self, event: str, duration_secs: float, **_: str | int) -> None:
        if event in ("/jax/core/compile/jaxpr_to_mlir_module_duration", "/jax/core/compile/backend_compile_duration"):
            self.seconds += duration_secs


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


def alone(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """`measure` in a fresh process."""
    slots = options.interior_slots or options.slots if name == "interior" else options.slots
    shape = ("--sites", options.sites, "--origins", options.origins, "--slots", slots, "--memory", options.memory)
    command = [sys.executable, "-m", "benchmarks.largest", "--one", name, *map(str, shape)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} ended with {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def misses(case: dict[str, Any]) -> list[str]:
    """What a case misses of its goal, in sentences."""
    name, (_, rtol, most) = case["solver"], SOLVERS[case["solver"]]
    found = []
    if not case["gap"] <= rtol:
        found.append(f"{name}: certified gap {case['gap']:.1e}, {rtol:g} is asked for")
    if not case["seconds"] <= most:
        found.append(f"{name}: {case['seconds']:.0f} s, {most:.0f} s are allowed")
    if not case["peak_gigabytes"] <= MOST_GIGABYTES:
        found.append(f"{name}: {case['peak_gigabytes']:.1f} GB, {MOST_GIGABYTES:g} GB are allowed")
    if not max(case["demand_missed"], case["capacity_exceeded"]) <= _FEASIBLE:
        found.append(f"{name}: the routing misses a demand or exceeds a capacity")
    return found


def main() -> int:
    """Measure each solver, record, and with --check say what is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sites", type=int, default=2000)
    parser.add_argument("--origins", type=int, default=2000)
    parser.add_argument("--slots", type=int, default=24)
    parser.add_argument("--interior-slots", type=int, help="fewer slots for the interior point")
    parser.add_argument("--solvers", nargs="+", choices=tuple(SOLVERS), default=list(SOLVERS))
    parser.add_argument("--memory", type=float, default=4.0, help="GiB that an iteration may take")
    parser.add_argument("--name", default="largest", help="name of the result file")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the result file")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a requirement is missed")
    parser.add_argument("--one", choices=tuple(SOLVERS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.sites, options.origins, options.slots, options.memory)))
        return 0
    cases = []
    for name in options.solvers:
        cases.append(alone(name, options))
        print(json.dumps(cases[-1]), file=sys.stderr, flush=True)
    shape = {"sites": options.sites, "origins": options.origins, "slots": options.slots, "classes": 3}
    path = write_result(options.name, {"shape": shape, "start": START, "cases": cases}, options.out)
    print(f"written: {path.name}", file=sys.stderr)
    missed = [sentence for case in cases for sentence in misses(case)]
    for sentence in missed:
        print(sentence, file=sys.stderr)
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
