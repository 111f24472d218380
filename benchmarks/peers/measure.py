"""Every solver on one problem: interleaved rounds, one repair, one evaluation, one bound."""

import dataclasses
import statistics
import tempfile
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
    instance = case.instance()
    with tempfile.TemporaryDirectory() as folder:
        problem = Path(folder) / "problem.npz"
        instance.save(problem)
        table = _Table(instance, plan)
        processes = {name: start(name, problem) for name in (*plan, *({EXACT} - set(plan)))}
        try:
            table.start({name: process.ready() for name, process in processes.items()})
            if processes[EXACT].alive:
                table.price(EXACT, processes[EXACT].ask(max(limit, _BOUND_SECONDS), tolerance=_BOUND_TOLERANCE))
            for number in range(rounds):
                table.round(number, processes, limit)
        finally:
            for process in processes.values():
                process.close()
    return {**dataclasses.asdict(case), **table.result()}


class _Table:
    """What is known of every run, and the best bound."""

    def __init__(self, instance: Instance, plan: Mapping[str, tuple[float, ...]]):
        self.instance, self.bound = instance, -np.inf
        self.runs = {(name, t): {"peer": name, "tolerance": t} for name, asked in plan.items() for t in asked}
        self.seconds: dict[tuple[str, float], list[dict[str, float]]] = {key: [] for key in self.runs}
        # What the first call of a process compiles is there for its later calls, whatever their tolerance.
        self.compiling: dict[str, float] = {}

    def start(self, outcomes: Mapping[str, dict[str, Any]]) -> None:
        """Keep why a solver cannot be asked."""
        for (name, _), run in self.runs.items():
            if outcomes[name]["outcome"] != "ready":
                run |= outcomes[name]

    def round(self, number: int, processes: Mapping[str, MeasuringProcess], limit: float) -> None:
        """Ask every solver that is still alive for every tolerance that is worth it."""
        for (name, tolerance), run in self.runs.items():
            if not processes[name].alive:
                run.setdefault("outcome", "skipped")
                run.setdefault("status", "not asked after the failure before")
                continue
            if number and (run["outcome"] != "answered" or run["wall"] > _LONG):
                continue
            found = processes[name].ask(limit, tolerance=tolerance)
            self._keep((name, tolerance), found, first=number == 0)
            if number == 0:
                said = f"{found['wall']:.3f} s, cost {run['cost']:.10g}" if "wall" in found else found["status"]
                say(f"  {name} at {tolerance:g}: {said}")

    def price(self, name: str, found: dict[str, Any]) -> np.ndarray | None:
        """Raise the bound by the prices of an answer, remember what compiling took, and return its routing."""
        if found["outcome"] != "answered":
            return None
        self.compiling[name] = max(self.compiling.get(name, 0.0), found["compile"])
        with np.load(found["answer"]) as answer:
            if answer["prices"].size:
                self.bound = max(self.bound, bound_of(self.instance, answer["prices"]))
            return answer["routing"]

    def _keep(self, key: tuple[str, float], found: dict[str, Any], first: bool) -> None:
        run = self.runs[key]
        if found["outcome"] != "answered":
            run |= {"outcome": found["outcome"], "status": found["status"]}
            return
        self.seconds[key].append({phase: found[phase] for phase in PHASES})
        if first:
            routing = self.price(key[0], found)
            assert routing is not None
            verdict = judge(self.instance, repair(self.instance, routing))
            run |= {k: v for k, v in found.items() if k not in (*PHASES, "answer")}
            run |= {"cost": verdict.pop("objective"), **verdict}
            run["demand_error_before_repair"] = judge(self.instance, np.nan_to_num(routing))["demand_error"]

    def result(self) -> dict[str, Any]:
        """Medians of model and solve, the largest of compile, and how far each answer is from the bound."""
        for key, run in self.runs.items():
            if run["outcome"] == "answered":
                run |= {phase: statistics.median(s[phase] for s in self.seconds[key]) for phase in ("model", "solve")}
                run["compile"] = self.compiling[key[0]]
                run |= {"rounds": len(self.seconds[key]), "accuracy": accuracy(run["cost"], self.bound)}
        reached = [run["accuracy"] for run in self.runs.values() if "accuracy" in run]
        least = min(reached) if reached and np.isfinite(self.bound) else None
        return {"bound": float(self.bound), "bound_gap": least, "runs": list(self.runs.values())}
