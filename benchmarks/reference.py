"""The optimum that CVXPY and Clarabel find, and how long they take from arrays to answer."""

import time

import cvxpy as cp
import numpy as np

from benchmarks.family import Instance

TOLERANCE = 1e-10


def clarabel(instance: Instance) -> dict[str, float]:
    """Optimal cost of a one-slot instance and the seconds of modelling and solving together.

    L / (C - L) is written as C / (C - L) - 1, which CVXPY knows to be convex.

    Raises:
        ValueError: If the instance has more than one slot.
        RuntimeError: If Clarabel does not report an optimum.
    """
    if len(instance.demand) != 1:
        raise ValueError(f"the instance has {len(instance.demand)} slots; give one with busiest_slot.")
    started = time.perf_counter()
    routing = cp.Variable(instance.route_cost.shape, nonneg=True)
    load = cp.sum(routing, axis=0)
    cost = cp.sum(cp.multiply(instance.route_cost, routing)) + instance.linear[0] @ load
    if instance.quadratic.any():
        cost = cost + instance.quadratic[0] @ cp.square(load)
    if instance.queueing:
        waiting = cp.sum(cp.multiply(instance.servers, cp.inv_pos(instance.servers - load)) - 1.0)
        cost = cost + instance.queueing * waiting
    limits = [cp.sum(routing, axis=1) == instance.demand[0], load <= instance.capacity]
    problem = cp.Problem(cp.Minimize(cost), limits)
    tight = {"tol_gap_abs": TOLERANCE, "tol_gap_rel": TOLERANCE, "tol_feas": TOLERANCE}
    problem.solve(solver=cp.CLARABEL, **tight)
    if problem.status != cp.OPTIMAL:
        raise RuntimeError(f"Clarabel reports {problem.status}")
    return {"objective": float(np.asarray(problem.value)), "seconds": time.perf_counter() - started}
