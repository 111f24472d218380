"""Every solver on one problem: interleaved rounds, one repair, one evaluation, one bound."""

import contextlib
import dataclasses
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.family import Case, Instance
from benchmarks.harness import say
from benchmarks.judge import accuracy, bound_of, judge, repair
from benchmarks.peers.registry import EXACT, ONCE, PEERS
from benchmarks.process import MeasuringProcess

PHASES = ("model", "compile", "solve")
# The prices of this solve prove the bound that every answer is compared with.
_BOUND_TOLERANCE, _BOUND_SECONDS = 1e-10, 900.0
# A run of more seconds than this is not repeated.
_LONG = 8.0
# Above this many routes every solver is asked for its tightest tolerance alone.
_LARGE = 2_000_000


def tolerances(case: Case, name: str) -> tuple[float, ...]:
    """What is asked of a solver on a case by default; empty where it is not tried."""
    peer = PEERS[name]
    if not peer.takes(case.variant, case.classes):
        return ()
    if peer.tried(case.routes, case.slots):
        return peer.tolerances if case.routes <= _LARGE else peer.tolerances[-1:]
    once = ONCE.get((case.size, case.variant, case.classes), {}) if case.slots == 1 else {}
    return (once[name],) if name in once else ()


def start(name: str, problem: Path) -> MeasuringProcess:
    """The process of a solver on the problem in a file; its answers are put beside it."""
    return MeasuringProcess("benchmarks.peers.registry:prepare", name=name, problem=str(problem))


def measure(case: Case, plan: Mapping[str, tuple[float, ...]], limit: float, rounds: int) -> dict[str, Any]:
    """Run a plan of solvers and tolerances on a case.

    Returns:
        The case, `bound`, `bound_gap` (from the cheapest answer) and `runs`, one for each solver and tolerance.
    """
    table = _Table(case.instance(), plan)
    with contextlib.ExitStack() as stack:
        problem = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "problem.npz"
        table.instance.save(problem)
        names = (*plan, *({EXACT} - set(plan)))
        processes = {name: stack.enter_context(contextlib.closing(start(name, problem))) for name in names}
        outcomes = {name: process.ready() for name, process in processes.items()}
        for run in table.runs:
            run |= outcomes[run["peer"]] if outcomes[run["peer"]]["outcome"] != "ready" else {}
        if processes[EXACT].alive:
            table.price(EXACT, processes[EXACT].ask(max(limit, _BOUND_SECONDS), tolerance=_BOUND_TOLERANCE))
        for number in range(rounds):
            for run in table.runs:
                table.ask(run, processes[run["peer"]], limit, first=number == 0)
    return {**dataclasses.asdict(case), **table.result()}


class _Table:
    """What is known of every run, and the best bound."""

    def __init__(self, instance: Instance, plan: Mapping[str, tuple[float, ...]]):
        self.instance, self.bound = instance, -np.inf
        self.runs: list[dict[str, Any]] = [{"peer": n, "tolerance": t} for n, asked in plan.items() for t in asked]
        self.seconds: dict[tuple[str, float], list[dict[str, float]]] = defaultdict(list)
        # What the first call of a process compiles is there for its later calls, whatever their tolerance.
        self.compiling: dict[str, float] = defaultdict(float)

    def ask(self, run: dict[str, Any], process: MeasuringProcess, limit: float, first: bool) -> None:
        """Ask a solver that is still alive, again only where that is worth it, and keep what it says."""
        if not process.alive:
            said = {"outcome": "skipped", "status": "not asked after the failure before"}
            run |= {key: value for key, value in said.items() if key not in run}
            return
        if not first and (run["outcome"] != "answered" or run["wall"] > _LONG):
            return
        found = process.ask(limit, tolerance=run["tolerance"])
        if found["outcome"] != "answered":
            run |= {"outcome": found["outcome"], "status": found["status"]}
        else:
            self.seconds[run["peer"], run["tolerance"]].append({phase: found[phase] for phase in ("model", "solve")})
            if first:
                run |= self.judged(run["peer"], found)
        if first:
            said = f"{found['wall']:.3f} s, cost {run['cost']:.10g}" if "wall" in found else found["status"]
            say(f"  {run['peer']} at {run['tolerance']:g}: {said}")

    def price(self, name: str, found: dict[str, Any]) -> np.ndarray | None:
        """Raise the bound by the prices of an answer, remember what compiling took, and return its routing."""
        if found["outcome"] != "answered":
            return None
        self.compiling[name] = max(self.compiling[name], found["compile"])
        with np.load(found["answer"]) as answer:
            if answer["prices"].size:
                self.bound = max(self.bound, bound_of(self.instance, answer["prices"]))
            return answer["routing"]

    def judged(self, name: str, found: dict[str, Any]) -> dict[str, Any]:
        """What the record has of an answer: seconds and memory as told, cost and broken rules after the repair."""
        routing = self.price(name, found)
        assert routing is not None
        verdict = judge(self.instance, repair(self.instance, routing))
        before = judge(self.instance, np.nan_to_num(routing))["demand_error"]
        told = {key: value for key, value in found.items() if key not in (*PHASES, "answer")}
        return {**told, "cost": verdict.pop("objective"), **verdict, "demand_error_before_repair": before}

    def result(self) -> dict[str, Any]:
        """Medians of model and solve, the largest of compile, and how far each answer is from the bound."""
        reached = []
        for run in self.runs:
            if run["outcome"] == "answered":
                seconds = self.seconds[run["peer"], run["tolerance"]]
                run |= {phase: statistics.median(s[phase] for s in seconds) for phase in ("model", "solve")}
                run |= {"compile": self.compiling[run["peer"]], "rounds": len(seconds)}
                run["accuracy"] = accuracy(run["cost"], self.bound)
                reached.append(run["accuracy"])
        least = min(reached) if reached and np.isfinite(self.bound) else None
        return {"bound": float(self.bound), "bound_gap": least, "runs": self.runs}
