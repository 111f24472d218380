"""CVXPY with each of its solvers: what a user who writes the problem down pays for modelling."""

from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.peers.clock import Clock
from benchmarks.peers.direct import Answer
from benchmarks.peers.judge import Arrays

_MANY = 1_000_000_000
# The names of each solver's tolerances.
_OPTIONS = {
    "CLARABEL": ("tol_gap_abs", "tol_gap_rel", "tol_feas"),
    "OSQP": ("eps_abs", "eps_rel"),
    "SCS": ("eps_abs", "eps_rel"),
    "HIGHS": ("primal_feasibility_tolerance", "dual_feasibility_tolerance"),
    "PDLP": (),
}


def cvxpy(arrays: Arrays, tolerance: float, solver: str) -> Answer:
    """Model one slot in CVXPY and hand it to a solver; `model` is CVXPY's part, `solve` the solver's."""
    import cvxpy as cp

    clock = Clock()
    with clock("model"):
        # CVXPY 1.9 cannot hand bounds of variables to PDLP: there they are rows.
        bounded = solver != "PDLP"
        routing = [cp.Variable(arrays.shape[:2], nonneg=bounded) for _ in range(arrays.shape[2])]
        load = sum(cp.multiply(arrays.work[:, k], cp.sum(routing[k], axis=0)) for k in range(len(routing)))
        cost = arrays.linear[0] @ load
        if arrays.quadratic.any():
            cost = cost + arrays.quadratic[0] @ cp.square(load)
        if arrays.queueing:  # L / (C - L) = C / (C - L) - 1
            room = cp.multiply(arrays.servers, cp.inv_pos(arrays.servers - load)) - 1.0
            cost = cost + arrays.queueing * cp.sum(room)
        limits = [load <= arrays.capacity, *([] if bounded else [flow >= 0 for flow in routing])]
        for k, flow in enumerate(routing):
            cost = cost + cp.sum(cp.multiply(arrays.route_cost, flow))
            limits.append(cp.sum(flow, axis=1) == arrays.demand[0, :, k])
            if not arrays.allowed[:, :, k].all():
                limits.append(flow[np.nonzero(~arrays.allowed[:, :, k])] == 0)
        problem = cp.Problem(cp.Minimize(cost), limits)
    options = dict.fromkeys(_OPTIONS[solver], max(tolerance, 1e-10) if solver == "HIGHS" else tolerance)
    options |= _more(solver, tolerance)
    with clock("model"):
        data, chain, inverse = _canonical(problem, getattr(cp, solver), options)
    with clock("solve"):
        found = chain.solve_via_data(problem, data, warm_start=False, verbose=False, solver_opts=options)
    problem.unpack_results(found, chain, inverse)
    return Answer(np.stack([np.asarray(flow.value) for flow in routing], axis=-1)[None], clock.seconds, problem.status)


def _canonical(problem: Any, solver: str, options: dict) -> tuple[Any, Any, Any]:
    """What CVXPY hands to a solver, how, and the way back."""
    return problem.get_problem_data(solver, solver_opts=options)


def _more(solver: str, tolerance: float) -> dict:
    if solver == "OSQP":
        return {"max_iter": _MANY}
    if solver == "SCS":
        return {"max_iters": _MANY}
    if solver == "PDLP":
        settings: Any = import_module("ortools.pdlp.solvers_pb2")
        options = settings.PrimalDualHybridGradientParams()
        criteria = options.termination_criteria.simple_optimality_criteria
        criteria.eps_optimal_absolute = criteria.eps_optimal_relative = tolerance
        return {"parameters_proto": options}
    return {}
