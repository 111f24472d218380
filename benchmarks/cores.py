"""Seconds of 24 slots of 200 origins by 500 sites, on one device of a CPU and on as many virtual ones as it has cores.

python -m benchmarks.cores [--rounds 5] [--check]

Every setting runs in a process of its own, compiles, and then solves as often as it is asked to; the processes take turns,
so that all share what else the machine does. Answers are judged by NumPy in float64.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

import jaxsched
from benchmarks._record import RESULTS, write_result
from benchmarks.family import as_problem, generate, judge

_ROOT = Path(__file__).resolve().parent.parent
VARIANTS = ("quadratic", "queueing")
# Precision, tolerance, and the seconds that the fastest setting may take.
SOLVERS = {"ADMM": ("float32", 1e-3, 2.0), "InteriorPoint": ("float64", 1e-8, 3.0)}
_FEASIBLE = 1e-5


def settings() -> list[int]:
    """Devices that a setting makes."""
    return sorted({1, os.cpu_count() or 1})


def serve(solver: str, variant: str, devices: int, shape: tuple[int, int, int]) -> None:
    """Solve once for each line that comes in, and tell seconds and verdict."""
    dtype, rtol, _ = SOLVERS[solver]
    jax.config.update("jax_enable_x64", dtype == "float64")
    jax.config.update("jax_num_cpu_devices", devices)
    instance = generate(*shape[:2], variant, shape[2])
    problem = as_problem(instance, np.dtype(dtype).type)
    method = jaxsched.ADMM(rtol=rtol) if solver == "ADMM" else jaxsched.InteriorPoint(rtol=rtol)
    mesh = jaxsched.device_mesh() if devices > 1 else None
    for _ in sys.stdin:
        started = time.perf_counter()
        schedule = jax.block_until_ready(jaxsched.solve(problem, method, mesh=mesh, throw=False))
        seconds = time.perf_counter() - started
        verdict = judge(instance, np.asarray(schedule.routing))
        print(
            json.dumps(
                {
                    "seconds": seconds,
                    "gap": float(schedule.gap),
                    "iterations": int(schedule.stats.num_steps),
                    "violation": max(verdict["demand_error"], verdict["overload"]),
                }
            ),
            flush=True,
        )


class _Server:
    """A process with one setting."""

    def __init__(self, solver: str, variant: str, devices: int, shape: tuple[int, int, int]):
        command = [sys.executable, "-m", "benchmarks.cores", "--serve", solver, variant, str(devices)]
        self._child = subprocess.Popen(
            [*command, "--shape", *map(str, shape)],
            cwd=_ROOT,
            env={name: value for name, value in os.environ.items() if name != "XLA_FLAGS"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def solve(self) -> dict[str, Any]:
        """One solve."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write("\n")
        self._child.stdin.flush()
        return json.loads(self._child.stdout.readline())

    def close(self) -> None:
        """End the process."""
        self._child.communicate()


def measure(solver: str, variant: str, shape: tuple[int, int, int], rounds: int) -> list[dict[str, Any]]:
    """All settings of one solver on one kind of cost, taking turns."""
    asked = settings()
    servers = [_Server(solver, variant, devices, shape) for devices in asked]
    try:
        turns = [[server.solve() for server in servers] for _ in range(rounds + 1)]
    finally:
        for server in servers:
            server.close()
    first, counted = turns[0], turns[1:]
    return [
        {
            "solver": solver,
            "variant": variant,
            "devices": devices,
            "seconds": statistics.median(turn[i]["seconds"] for turn in counted),
            "first_seconds": first[i]["seconds"],
            **{key: counted[-1][i][key] for key in ("gap", "iterations", "violation")},
        }
        for i, devices in enumerate(asked)
    ]


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


def main() -> int:
    """Measure, record, and with --check say what is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5, help="solves that count, of each setting")
    parser.add_argument("--shape", type=int, nargs=3, default=(200, 500, 24), help="origins, sites, slots")
    parser.add_argument("--name", default="cores", help="name of the result file")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the result file")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a requirement is missed")
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    shape = tuple(options.shape)
    if options.serve:
        serve(options.serve[0], options.serve[1], int(options.serve[2]), shape)
        return 0
    cases = []
    for solver in SOLVERS:
        for variant in VARIANTS:
            cases += measure(solver, variant, shape, options.rounds)
            print(json.dumps(cases[-len(settings()) :]), file=sys.stderr, flush=True)
    content = {"origins": shape[0], "sites": shape[1], "slots": shape[2], "rounds": options.rounds, "cases": cases}
    path = write_result(options.name, content, options.out)
    print(f"written: {path.name}", file=sys.stderr)
    missed = misses(cases)
    for sentence in missed:
        print(sentence, file=sys.stderr)
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
