"""A solver in a process of its own, asked with a time limit."""

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent.parent
# Starting Python, importing a solver and reading the problem are not part of the time limit of a solve.
_START_SECONDS = 120.0


class SolverProcess:
    """The process of one solver on one problem.

    Arguments:
        name: Of the solver, a key of `registry.PEERS`.
        problem: File that `Arrays.save` wrote; answers are put beside it.

    Attributes:
        alive: Whether it can be asked.
    """

    def __init__(self, name: str, problem: Path):
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.peers.worker", name, str(problem)]
        self._answer = problem.with_name(f"answer of {name}.npz")
        self._unread = b""
        self._child = subprocess.Popen(
            command,
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.alive = True

    def ready(self) -> dict[str, Any]:
        """Wait until it can be asked; otherwise the outcome says why it cannot."""
        outcome = self._read(_START_SECONDS)
        if outcome["outcome"] != "ready":
            self.close()
        return outcome

    def ask(self, tolerance: float, limit: float) -> dict[str, Any]:
        """Seconds, memory and the file of the answer; after a timeout or a crash the process is gone."""
        assert self._child.stdin is not None
        order = {"tolerance": tolerance, "answer": str(self._answer)}
        self._child.stdin.write(json.dumps(order).encode() + b"\n")
        self._child.stdin.flush()
        found = self._read(limit)
        if found["outcome"] in ("timeout", "died"):
            self.close()
        return {**found, "answer": self._answer} if found["outcome"] == "answered" else found

    def close(self) -> None:
        """End the process."""
        self.alive = False
        self._child.kill()
        self._child.communicate()

    def _read(self, limit: float) -> dict[str, Any]:
        assert self._child.stdout is not None
        source, deadline = self._child.stdout.fileno(), time.monotonic() + limit
        while b"\n" not in self._unread:
            ready, _, _ = select.select([source], [], [], max(deadline - time.monotonic(), 0.0))
            if not ready:
                return {"outcome": "timeout", "status": f"no answer within {limit:g} s"}
            more = os.read(source, 65536)
            if not more:
                return {"outcome": "died", "status": f"the process ended with {self._child.wait()}"}
            self._unread += more
        line, _, self._unread = self._unread.partition(b"\n")
        return json.loads(line)
