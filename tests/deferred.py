"""Problems with work that may wait, and each written out as one slot whose sites are those of all slots."""

from typing import Any

import numpy as np

from jaxsched import CongestionCost, Deferrable, Problem


def waiting_problem(
    seed: int,
    share: float = 0.3,
    sizes: tuple[int, int, int] = (24, 20, 12),
    jobs: int = 24,
    day: int | None = None,
    **changes: Any,
) -> Problem:
    """A day whose prices swing by 0.7, of whose work a share may wait for some hours, or to the end of its day at most."""
    draw = np.random.default_rng(seed)
    slots, origins, sites = sizes
    phase = 2.0 * np.pi * np.arange(slots) / slots
    demand = draw.lognormal(0.0, 0.6, (slots, origins)) * (1.0 + 0.5 * np.sin(phase))[:, None]
    total = demand.sum()
    volume = draw.lognormal(0.0, 0.8, jobs)
    release = draw.integers(0, slots, jobs)
    deadline = np.minimum(release + draw.integers(2, max(slots // 2, 3), jobs), slots - 1)
    if day is not None:
        deadline = np.minimum(deadline, (release // day + 1) * day - 1)
    capacity = draw.lognormal(0.0, 0.5, sites)
    capacity *= 2.0 * total / slots / capacity.sum()
    linear = (1.0 + 0.7 * np.sin(phase + 2.0))[:, None] * draw.uniform(0.5, 1.5, sites)
    cost = CongestionCost(linear, 0.3 * linear / capacity, 0.02 * capacity.mean(), capacity / 0.95)
    given = {"volume": share * total * volume / volume.sum(), "origin": draw.integers(0, origins, jobs)}
    waiting = Deferrable(**{**given, "release": release, "deadline": deadline, **changes})
    return Problem((1.0 - share) * demand, draw.uniform(0.0, 0.3, (origins, sites)), capacity, cost, deferrable=waiting)


def written_out(problem: Problem) -> Problem:
    """The same work in one slot whose sites are those of all slots; every job is an origin of its own."""
    waiting, cost = problem.deferrable, problem.site_cost
    assert waiting is not None
    assert isinstance(cost, CongestionCost)
    slots, origins, sites, classes = problem.shape
    full, jobs = (slots, origins, sites, classes), len(waiting.volume)
    costs = np.broadcast_to(np.asarray(problem.route_cost), full)
    permitted = np.broadcast_to(True if problem.allowed is None else np.asarray(problem.allowed), full)
    route_cost, allowed = np.zeros((2, slots * origins + jobs, slots, sites, classes))
    demand = np.zeros((len(allowed), classes))
    demand[: slots * origins] = np.asarray(problem.demand).reshape(-1, classes)
    for slot in range(slots):
        own = slice(slot * origins, (slot + 1) * origins)
        allowed[own, slot], route_cost[own, slot] = permitted[slot], costs[slot]
    for job in range(jobs):
        origin, row = int(waiting.origin[job]), slots * origins + job
        window = slice(int(waiting.release[job]), int(np.asarray(waiting.deadline)[job]) + 1)
        demand[row, int(waiting.kind[job])] = float(waiting.volume[job])
        allowed[row, window], route_cost[row] = permitted[window, origin], costs[:, origin]
        if waiting.route_cost is not None:
            route_cost[row] = np.broadcast_to(np.asarray(waiting.route_cost), (jobs, sites))[job][:, None]

    def over_slots(array: Any) -> np.ndarray:
        return np.broadcast_to(np.asarray(array), (slots, sites)).reshape(-1)

    terms = (cost.linear, cost.quadratic, cost.queueing, cost.servers)
    flat = (1, len(demand), slots * sites, classes)
    return Problem(
        demand[None],
        route_cost.reshape(flat),
        over_slots(problem.capacity),
        CongestionCost(*(over_slots(term)[None] for term in terms)),
        work=np.tile(np.asarray(problem.work), (slots, 1)),
        allowed=allowed.reshape(flat).astype(bool),
    )
