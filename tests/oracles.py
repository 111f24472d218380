"""Random routing problems, Clarabel's optimum of them, and what must hold of every answer."""

from typing import Any

import cvxpy as cp
import numpy as np

import jaxsched

# Clarabel's own tolerance; optima agree to this and no better.
ORACLE_RTOL = 1e-6
_CLARABEL = {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10, "tol_feas": 1e-10}


def plain_problem(dtype: type = np.float64, **changes: Any) -> jaxsched.Problem:
    """Three slots, four origins, three sites, one class, as a user would type it."""
    draw = np.random.default_rng(5)
    arrays = {
        "demand": draw.uniform(0.5, 1.5, (3, 4)),
        "route_cost": draw.uniform(0.0, 1.0, (4, 3)),
        "capacity": np.array([3.0, 4.0, 5.0]),
        "site_cost": jaxsched.CongestionCost(linear=draw.uniform(0.5, 1.0, (3, 3)), quadratic=0.1),
    }
    return jaxsched.Problem(**{**arrays, **changes}, dtype=dtype)


def random_problem(
    seed: int,
    *,
    slots: int = 2,
    origins: int = 6,
    sites: int = 5,
    classes: int = 3,
    queueing: bool = True,
    quadratic: bool = True,
    forbidden: float = 0.3,
    spare: float = 1.4,
    dtype: type = np.float64,
) -> jaxsched.Problem:
    """A feasible problem with unlike work and forbidden routes; the first site has room for whatever is left over."""
    draw = np.random.default_rng(seed)
    demand = draw.lognormal(0.0, 0.8, (slots, origins, classes))
    route_cost = draw.uniform(0.0, 1.0, (origins, sites, classes))
    work = draw.uniform(0.5, 2.0, (sites, classes))
    allowed = draw.uniform(size=(origins, sites, classes)) >= forbidden
    allowed[:, 0] = True
    servers = draw.lognormal(0.0, 0.6, sites)
    servers *= spare * (demand @ work.max(0)).sum(1).max() / servers.sum()
    servers[0] = max(servers[0], 1.1 * (demand @ work[0]).sum(1).max())
    linear = draw.uniform(0.35, 2.0, (slots, sites))
    steepness = draw.uniform(0.05, 0.25, (slots, sites)) * linear / servers if quadratic else 0.0
    cost = jaxsched.CongestionCost(linear, steepness, 0.02 * servers.mean() if queueing else 0.0, servers)
    return jaxsched.Problem(demand, route_cost, 0.95 * servers, cost, work=work, allowed=allowed, dtype=dtype)


def clarabel_optimum(problem: jaxsched.Problem) -> np.ndarray:
    """Optimal cost of each slot by CVXPY and Clarabel, for a `CongestionCost`."""
    slots, origins, sites, classes = problem.shape
    full = (slots, origins, sites, classes)
    route_cost = np.broadcast_to(np.asarray(problem.route_cost, float), full)
    allowed = np.broadcast_to(True if problem.allowed is None else np.asarray(problem.allowed), full)
    capacity = np.broadcast_to(np.asarray(problem.capacity, float), (slots, sites))
    work, demand = np.asarray(problem.work, float), np.asarray(problem.demand, float)
    cost = problem.site_cost
    assert isinstance(cost, jaxsched.CongestionCost)
    terms = (cost.linear, cost.quadratic, cost.queueing, cost.servers)
    linear, quadratic, queueing, servers = (np.broadcast_to(np.asarray(a, float), (slots, sites)) for a in terms)
    optima = np.zeros(slots)
    for slot in range(slots):
        routing = [cp.Variable((origins, sites), nonneg=True) for _ in range(classes)]
        load = sum(cp.sum(routing[k], axis=0) @ np.diag(work[:, k]) for k in range(classes))
        total = linear[slot] @ load + quadratic[slot] @ cp.square(load)
        queued = queueing[slot] > 0
        if queued.any():  # L / (C - L) = C / (C - L) - 1
            room = servers[slot] - load
            waiting = cp.multiply(servers[slot], cp.inv_pos(room)) - 1.0
            total = total + (queueing[slot] * queued) @ waiting
        limits = [load <= capacity[slot]]
        for k in range(classes):
            total = total + cp.sum(cp.multiply(route_cost[slot, :, :, k], routing[k]))
            limits += [cp.sum(routing[k], axis=1) == demand[slot, :, k]]
            limits += [cp.multiply(routing[k], ~allowed[slot, :, :, k]) == 0]
        optima[slot] = cp.Problem(cp.Minimize(total), limits).solve(solver=cp.CLARABEL, **_CLARABEL)
    return optima


def host_routing(problem: jaxsched.Problem, schedule: jaxsched.Schedule) -> np.ndarray:
    """The routing in float64 with the axis of classes."""
    routing = np.asarray(schedule.routing, np.float64)
    return routing if problem.has_classes else routing[..., None]


def assert_feasible(problem: jaxsched.Problem, schedule: jaxsched.Schedule) -> None:
    """Every demand is served to rounding, within every capacity, on allowed routes, with no negative flow."""
    rounding = 64 * float(np.finfo(problem.demand.dtype).eps)
    routing, demand = host_routing(problem, schedule), np.asarray(problem.demand, np.float64)
    assert np.isfinite(routing).all()
    assert (routing >= 0).all()
    np.testing.assert_allclose(routing.sum(2), demand, rtol=rounding, atol=0)
    load = np.einsum("tijk,jk->tj", routing, np.asarray(problem.work, np.float64))
    if problem.deferrable is not None:
        load = load + _load_of_jobs(problem, problem.deferrable, schedule)
    capacity = np.broadcast_to(np.asarray(problem.capacity, np.float64), load.shape)
    assert (load <= capacity * (1 + rounding)).all()
    np.testing.assert_allclose(np.asarray(schedule.load), load, rtol=rounding, atol=rounding * demand.sum())
    if problem.allowed is not None:
        forbidden = ~np.broadcast_to(np.asarray(problem.allowed), routing.shape)
        assert (routing[forbidden] == 0).all()


def _load_of_jobs(problem: jaxsched.Problem, jobs: jaxsched.Deferrable, schedule: jaxsched.Schedule) -> np.ndarray:
    """Load of deferrable work [slot, site]; every job is served within its window, on allowed routes."""
    deferred, slot = np.asarray(schedule.deferred, np.float64), np.arange(problem.shape[0])[:, None]
    assert (deferred >= 0).all()
    np.testing.assert_allclose(deferred.sum((0, 2)), np.asarray(jobs.volume), rtol=1e-12)
    outside = (slot < np.asarray(jobs.release)) | (slot > np.asarray(jobs.deadline))
    assert (deferred[outside] == 0).all()
    origin, request_class = np.asarray(jobs.origin), np.asarray(jobs.kind)
    if problem.allowed is not None:
        full = (*problem.shape,)
        allowed = np.broadcast_to(np.asarray(problem.allowed), full)[:, origin, :, request_class]
        assert (deferred.swapaxes(0, 1)[~allowed] == 0).all()
    return (deferred * np.asarray(problem.work, np.float64).T[request_class]).sum(1)


def cost_of(problem: jaxsched.Problem, schedule: jaxsched.Schedule) -> np.ndarray:
    """Cost of each slot of a schedule, by NumPy in float64, for a `CongestionCost`."""
    routing = host_routing(problem, schedule)
    load = np.einsum("tijk,jk->tj", routing, np.asarray(problem.work, np.float64))
    cost = problem.site_cost
    assert isinstance(cost, jaxsched.CongestionCost)
    terms = (cost.linear, cost.quadratic, cost.queueing, cost.servers)
    linear, quadratic, queueing, servers = (np.broadcast_to(np.asarray(a, float), load.shape) for a in terms)
    waiting = np.where(queueing > 0, queueing * load / np.where(queueing > 0, servers - load, 1.0), 0.0)
    routes = (np.asarray(problem.route_cost, float) * routing).sum((1, 2, 3))
    return routes + (linear * load + quadratic * load**2 + waiting).sum(1)
