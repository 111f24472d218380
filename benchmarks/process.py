"""A function in a process of its own, asked line by line, with a time limit.

python -m benchmarks.process MODULE:FUNCTION ARGUMENTS     # started by `MeasuringProcess`

The function gets the arguments, a JSON object, prepares, and returns what answers an order. Nothing but its module is
imported there, so that the memory of the process is the memory of what it measures.
"""

import importlib
import json
import os
import resource
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent
# Starting Python, importing and preparing are not part of the time limit of an order.
START_SECONDS = 120.0


class MeasuringProcess:
    """The process of one function.

    Arguments:
        target: `module:function`.
        arguments: What the function gets, as JSON has it.

    Attributes:
        alive: Whether it can be asked.
    """

    def __init__(self, target: str, **arguments: Any):
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.process", target, json.dumps(arguments)]
        # What the caller told XLA, of virtual devices say, is the caller's.
        environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
        self._unread, self._said = b"", ""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._errors}
        self._child = subprocess.Popen(command, cwd=_ROOT, env=environment, **pipes)
        self.alive, self._ready = True, False

    def ready(self, limit: float | None = START_SECONDS) -> dict[str, Any]:
        """Wait until it can be asked; otherwise the outcome says why it cannot."""
        outcome = self._read(limit)
        self._ready = outcome["outcome"] == "ready"
        if not self._ready:
            self.close()
        return outcome

    def ask(self, limit: float | None = None, **order: Any) -> dict[str, Any]:
        """The answer to an order; after a timeout or a crash the process is gone."""
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(order).encode() + b"\n")
        self._child.stdin.flush()
        found = self._read(limit)
        if found["outcome"] in ("timeout", "died"):
            self.close()
        return found

    def answer(self, **order: Any) -> dict[str, Any]:
        """The answer to an order, however long it takes.

        Raises:
            RuntimeError: If there is none, with the end of what the process wrote to the error stream.
        """
        found = {} if self._ready else self.ready(None)
        found = self.ask(**order) if self._ready else found
        if found.pop("outcome") != "answered":
            self.close()
            raise RuntimeError(f"{found['status']}\n{self._said}")
        return found

    def close(self) -> None:
        """End the process."""
        if self.alive:
            self.alive = False
            self._child.kill()
            self._child.communicate()
            self._errors.seek(0)
            self._said = self._errors.read().decode(errors="replace")[-2000:]
            self._errors.close()

    def _read(self, limit: float | None) -> dict[str, Any]:
        assert self._child.stdout is not None
        source = self._child.stdout.fileno()
        deadline = None if limit is None else time.monotonic() + limit
        while b"\n" not in self._unread:
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            if not select.select([source], [], [], left)[0]:
                return {"outcome": "timeout", "status": f"no answer within {limit:g} s"}
            more = os.read(source, 65536)
            if not more:
                return {"outcome": "died", "status": f"the process ended with {self._child.wait()}"}
            self._unread += more
        line, _, self._unread = self._unread.partition(b"\n")
        return json.loads(line)


def asked_once(target: str, **arguments: Any) -> dict[str, Any]:
    """The answer of a fresh process to its only order."""
    process = MeasuringProcess(target, **arguments)
    try:
        return process.answer()
    finally:
        process.close()


def peak_kilobytes() -> int:
    """Largest resident memory since the last reset [KiB].

    Linux counts the memory of the parent at the fork into `ru_maxrss`; the high-water mark of the address space does not.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def reset_peak() -> None:
    """Forget the high-water mark, where the system can."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def _serve(target: str, arguments: str) -> None:
    """Prepare, then answer orders until the input ends; what raises is an answer, what ends the process is not."""
    # Solvers print: what they say goes to the error stream, and the answers have the output for themselves.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def reply(**content: Any) -> None:
        replies.write(json.dumps(content) + "\n")
        replies.flush()

    module, function = target.split(":")
    try:
        answer = getattr(importlib.import_module(module), function)(**json.loads(arguments))
    except ImportError as error:
        reply(outcome="not installed", status=str(error))
        return
    reply(outcome="ready")
    for line in sys.stdin:
        try:
            reply(outcome="answered", **answer(**json.loads(line)))
        except Exception as error:  # a solver that fails is a result
            reply(outcome="failed", status=f"{type(error).__name__}: {error}"[:300])


if __name__ == "__main__":
    _serve(*sys.argv[1:3])
