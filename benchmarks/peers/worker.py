"""What runs in the process of one solver: it reads a problem, then answers one tolerance an order."""

import importlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.family import Instance
from benchmarks.peers.registry import PEERS
from benchmarks.process import peak_kilobytes, reset_peak


def prepare(name: str, problem: str) -> Callable[..., dict[str, Any]]:
    """What solves the problem in a file by a peer, keeps the routing beside it, and tells seconds, memory and status."""
    for module in PEERS[name].modules:
        importlib.import_module(module)
    instance, path = Instance.load(Path(problem)), Path(problem).with_name(f"answer of {name}.npz")

    def answer(tolerance: float) -> dict[str, Any]:
        reset_peak()
        before = peak_kilobytes() / 1000
        started = time.perf_counter()
        found = PEERS[name].solve(instance, tolerance)
        wall = time.perf_counter() - started
        np.savez(path, routing=found.routing, prices=np.zeros((0, 0)) if found.prices is None else found.prices)
        seconds = {phase: found.seconds.get(phase, 0.0) for phase in ("model", "compile", "solve")}
        memory = {"megabytes": peak_kilobytes() / 1000, "megabytes_before": before}
        return {"status": found.status, **seconds, "wall": wall, **memory, "answer": str(path)}

    return answer
