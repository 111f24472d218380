"""Who is measured, on which problems, at which tolerances, and what runs in the process of one."""

import dataclasses
import importlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.family import Instance
from benchmarks.peers import batched, direct, modelled
from benchmarks.peers.direct import Answer
from benchmarks.process import peak_kilobytes, reset_peak

_QUADRATIC = ("linear", "quadratic")
_ALL = (*_QUADRATIC, "queueing")


@dataclasses.dataclass(frozen=True)
class Peer:
    """A way to solve the family.

    Attributes:
        modules: What must be importable.
        solve: From all slots and a tolerance to an answer.
        tolerances: Asked of it, loose first; the fastest answer that is good enough counts.
        variants: Site costs that it takes.
        network: Whether it needs one class and equal work at every site.
        most_routes: Largest problem, in routes of a slot, where it is tried by default.
        most_day: The same with more than one slot.
    """

    modules: tuple[str, ...]
    solve: Callable[[Instance, float], Answer]
    tolerances: tuple[float, ...]
    variants: tuple[str, ...] = _ALL
    network: bool = False
    most_routes: int = 500_000
    most_day: int = 0

    def takes(self, variant: str, classes: int) -> bool:
        """Whether the solver can pose such a problem at all."""
        return variant in self.variants and (classes == 1 or not self.network)

    def tried(self, routes: int, slots: int) -> bool:
        """Whether a full run has time for it."""
        return routes <= (self.most_routes if slots == 1 else self.most_day)


def _each(solve: Callable[..., Answer], **options: Any) -> Callable[[Instance, float], Answer]:
    return lambda instance, tolerance: batched.each_slot(solve, instance, tolerance, **options)


def _flow(arcs: int) -> Peer:
    def solve(instance: Instance, tolerance: float) -> Answer:
        return direct.min_cost_flow(instance, arcs)

    # Its accuracy is that of the cut cost: there is no tolerance to ask for.
    return Peer(("ortools",), _each(solve), (1.0 / arcs,), network=True, most_routes=5_000_000, most_day=100_000)


def _moreau(method: str, most_routes: int, most_day: int) -> Peer:
    solve = lambda instance, tolerance: batched.moreau(instance, tolerance, method)  # noqa: E731
    return Peer(("moreau",), solve, (1e-4, 1e-9), most_routes=most_routes, most_day=most_day)


def _ours(solver: str, precision: str, tolerances: tuple[float, ...], most_routes: int = 5_000_000) -> Peer:
    def solve(instance: Instance, tolerance: float) -> Answer:
        from benchmarks.peers import ours

        return ours.solve(instance, tolerance, solver, precision)

    return Peer(("jaxsched",), solve, tolerances, most_routes=most_routes, most_day=500_000)


def _modelled(
    solver: str, variants: tuple[str, ...] = _QUADRATIC, most_routes: int = 5_000, tolerance: float = 1e-8
) -> Peer:
    needed = {"HIGHS": "highspy", "PDLP": "ortools"}.get(solver, solver.lower())
    solve = _each(modelled.cvxpy, solver=solver)
    return Peer(("cvxpy", needed), solve, (tolerance,), variants, most_routes=most_routes)


EXACT = "jaxsched interior point"
OURS = ("jaxsched ADMM float32", "jaxsched ADMM float64", EXACT)
PEERS: dict[str, Peer] = {
    OURS[0]: _ours("admm", "float32", (1e-3,)),
    OURS[1]: _ours("admm", "float64", (1e-4,), most_routes=500_000),
    EXACT: _ours("interior point", "float64", (1e-3, 1e-6, 1e-8)),
    "min-cost flow, 32 arcs": _flow(32),
    "min-cost flow, 128 arcs": _flow(128),
    "Clarabel": Peer(("clarabel",), _each(direct.clarabel), (1e-4, 1e-9), most_day=5_000),
    "Moreau": _moreau("auto", most_routes=100_000, most_day=5_000),
    "Moreau, qdldl": _moreau("qdldl", most_routes=500_000, most_day=100_000),
    "PIQP": Peer(("piqp",), _each(direct.piqp), (1e-4, 1e-9), _QUADRATIC, most_day=100_000),
    "HiGHS": Peer(("highspy",), _each(direct.highs), (1e-8,), ("linear",)),
    "HiGHS, active set": Peer(("highspy",), _each(direct.highs), (1e-8,), ("quadratic",), most_routes=5_000),
    "PDLP": Peer(("ortools",), _each(direct.pdlp), (1e-4, 1e-6, 1e-8), _QUADRATIC, most_routes=5_000),
    "OSQP": Peer(("osqp",), _each(direct.osqp), (1e-4, 1e-6), ("quadratic",), most_routes=5_000),
    "SCS": Peer(("scs",), _each(direct.scs), (1e-4, 1e-6, 1e-8), most_routes=5_000),
    "MPAX": Peer(("mpax",), _each(batched.mpax), (1e-4, 1e-8), _QUADRATIC, most_routes=5_000),
    "CVXPY + Clarabel": _modelled("CLARABEL", _ALL, 100_000),
    "CVXPY + OSQP": _modelled("OSQP", ("quadratic",), tolerance=1e-4),
    "CVXPY + SCS": _modelled("SCS", _ALL),
    "CVXPY + HiGHS": _modelled("HIGHS", ("linear",)),
    "CVXPY + PDLP": _modelled("PDLP", ("linear",)),
}
# The slow ones are each tried at one tolerance where a larger problem still lets them finish: size, variant, classes.
ONCE: dict[tuple[str, str, int], dict[str, float]] = {
    ("200x500", "linear", 1): {"PDLP": 1e-4, "SCS": 1e-4, "MPAX": 1e-4, "CVXPY + HiGHS": 1e-8},
    ("200x500", "quadratic", 1): {"PDLP": 1e-4, "OSQP": 1e-4, "SCS": 1e-4},
    ("200x500", "queueing", 1): {"SCS": 1e-4},
    ("500x1000", "linear", 1): {"PDLP": 1e-4},
    ("500x1000", "queueing", 3): {"Clarabel": 1e-9},
}


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
