"""CVXPY with each of its solvers: what a user who writes the problem down pays for modelling, and Clarabel's optimum."""

import time
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.clock import Clock
from benchmarks.family import Instance
from benchmarks.peers.direct import MANY, Answer, pdlp_options

# The names of each solver's tolerances.
_OPTIONS = {
    "CLARABEL": ("tol_gap_abs", "tol_gap_rel", "tol_feas"),
    "OSQP": ("eps_abs", "eps_rel"),
    "SCS": ("eps_abs", "eps_rel"),
    "HIGHS": ("primal_feasibility_tolerance", "dual_feasibility_tolerance"),
    "PDLP": (),
}
_OPTIMUM_TOLERANCE = 1e-10


def posed(instance: Instance, bounded: bool = True) -> tuple[Any, list[Any]]:
    """One slot in CVXPY, and the routing of each class, non-negative by bounds of the variables or by rows."""
    import cvxpy as cp

    routing = [cp.Variable(instance.shape[:2], nonneg=bounded) for _ in range(instance.shape[2])]
    load = sum(cp.multiply(instance.work[:, k], cp.sum(routing[k], axis=0)) for k in range(len(routing)))
    cost = instance.linear[0] @ load
    if instance.quadratic.any():
        cost = cost + instance.quadratic[0] @ cp.square(load)
    if instance.queueing:  # L / (C - L) = C / (C - L) - 1, which CVXPY knows to be convex
        room = cp.multiply(instance.servers, cp.inv_pos(instance.servers - load)) - 1.0
        cost = cost + instance.queueing * cp.sum(room)
    limits = [load <= instance.capacity, *([] if bounded else [flow >= 0 for flow in routing])]
    for k, flow in enumerate(routing):
        cost = cost + cp.sum(cp.multiply(instance.route_cost, flow))
        limits.append(cp.sum(flow, axis=1) == instance.demand[0, :, k])
        if not instance.allowed[:, :, k].all():
            limits.append(flow[np.nonzero(~instance.allowed[:, :, k])] == 0)
    return cp.Problem(cp.Minimize(cost), limits), routing


def cvxpy(instance: Instance, tolerance: float, solver: str) -> Answer:
    """Model one slot in CVXPY and hand it to a solver; `model` is CVXPY's part, `solve` the solver's."""
    import cvxpy as cp

    clock = Clock()
    options: dict[str, Any] = dict.fromkeys(_OPTIONS[solver], max(tolerance, 1e-10) if solver == "HIGHS" else tolerance)
    options |= {"OSQP": {"max_iter": MANY}, "SCS": {"max_iters": MANY}}.get(solver, {})
    if solver == "PDLP":
        options["parameters_proto"] = pdlp_options(import_module("ortools.pdlp.solvers_pb2"), tolerance)
    with clock("model"):
        # CVXPY 1.9 cannot hand bounds of variables to PDLP: there they are rows.
        problem, routing = posed(instance, bounded=solver != "PDLP")
        data, chain, inverse = problem.get_problem_data(getattr(cp, solver), solver_opts=options)
    with clock("solve"):
        found = chain.solve_via_data(problem, data, warm_start=False, verbose=False, solver_opts=options)
    problem.unpack_results(found, chain, inverse)
    return Answer(np.stack([np.asarray(flow.value) for flow in routing], axis=-1)[None], clock.seconds, problem.status)


def optimum(instance: Instance) -> dict[str, float]:
    """Optimal cost of one slot by Clarabel, and the seconds of modelling and solving together.

    Raises:
        ValueError: If the instance has more than one slot.
        RuntimeError: If Clarabel does not report an optimum.
    """
    if instance.slots != 1:
        raise ValueError(f"the instance has {instance.slots} slots; give one with busiest_slot.")
    started = time.perf_counter()
    problem, _ = posed(instance)
    problem.solve(solver="CLARABEL", **dict.fromkeys(_OPTIONS["CLARABEL"], _OPTIMUM_TOLERANCE))
    if problem.status != "optimal":
        raise RuntimeError(f"Clarabel reports {problem.status}")
    return {"objective": float(np.asarray(problem.value)), "seconds": time.perf_counter() - started}
