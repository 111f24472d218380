"""The process of one solver: reads a problem, then answers one tolerance a line until its input ends.

python -m benchmarks.peers.worker NAME PROBLEM.npz     # started by `process.py`
"""

import importlib
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.judge import Arrays
from benchmarks.peers.registry import PEERS


def peak_megabytes() -> float:
    """Largest resident memory since the last reset.

    Linux counts the memory of the parent at the fork into `ru_maxrss`; the high-water mark of the address space does not.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1000
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def _reset_peak() -> None:
    """Forget the high-water mark, where the system can."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def answer(name: str, arrays: Arrays, tolerance: float, path: str) -> dict[str, Any]:
    """Solve, keep the routing, and tell seconds, memory and status; or the sentence of what went wrong."""
    _reset_peak()
    before = peak_megabytes()
    started = time.perf_counter()
    try:
        found = PEERS[name].solve(arrays, tolerance)
    except Exception as error:  # a solver that fails is a result
        return {"outcome": "failed", "status": f"{type(error).__name__}: {error}"[:300]}
    wall = time.perf_counter() - started
    prices = np.zeros((0, 0)) if found.prices is None else found.prices
    np.savez(path, routing=found.routing, prices=prices)
    seconds = {phase: found.seconds.get(phase, 0.0) for phase in ("model", "compile", "solve")}
    memory = {"megabytes": peak_megabytes(), "megabytes_before": before}
    return {"outcome": "answered", "status": found.status, **seconds, "wall": wall, **memory}


def main() -> int:
    """Answer line by line."""
    name, problem = sys.argv[1:3]
    # Solvers print: what they say goes to the error stream, and the answers have the output for themselves.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def reply(content: dict[str, Any]) -> None:
        replies.write(json.dumps(content) + "\n")
        replies.flush()

    for module in PEERS[name].modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            reply({"outcome": "not installed", "status": str(error)})
            return 0
    arrays = Arrays.load(Path(problem))
    reply({"outcome": "ready"})
    for line in sys.stdin:
        order = json.loads(line)
        reply(answer(name, arrays, order["tolerance"], order["answer"]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
