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
    """The same work in one slot whose sites are those of all slots; a problem without request classes."""
    waiting = problem.deferrable
    assert waiting is not None
    assert isinstance(problem.site_cost, CongestionCost)
    slots, origins, sites, _ = problem.shape
    jobs = len(waiting.volume)
    route_cost = np.broadcast_to(np.asarray(problem.route_cost)[..., 0], (slots, origins, sites))
    permitted = np.ones((slots, origins, sites), bool)
    if problem.allowed is not None:
        permitted = np.broadcast_to(np.asarray(problem.allowed)[..., 0], permitted.shape)
    cost, allowed = np.zeros((2, slots * origins + jobs, slots, sites))
    for slot in range(slots):
        own = slice(slot * origins, (slot + 1) * origins)
        allowed[own, slot], cost[own, slot] = permitted[slot], route_cost[slot]
    for job in range(jobs):
        origin, row = int(waiting.origin[job]), slots * origins + job
        window = slice(int(waiting.release[job]), int(np.asarray(waiting.deadline)[job]) + 1)
        allowed[row, window], cost[row] = permitted[window, origin], route_cost[:, origin]
        if waiting.route_cost is not None:
            cost[row] = np.broadcast_to(np.asarray(waiting.route_cost), (jobs, sites))[job]

    def over_slots(array: Any) -> np.ndarray:
        return np.broadcast_to(np.asarray(array), (slots, sites)).reshape(-1)

    demand = np.concatenate([np.asarray(problem.demand)[..., 0].reshape(-1), np.asarray(waiting.volume)])
    terms = (
        problem.site_cost.linear,
        problem.site_cost.quadratic,
        problem.site_cost.queueing,
        problem.site_cost.servers,
    )
    return Problem(
        demand[None],
        cost.reshape(1, len(demand), -1),
        over_slots(problem.capacity),
        CongestionCost(*(over_slots(term)[None] for term in terms)),
        work=np.tile(np.asarray(problem.work)[:, 0], slots),
        allowed=allowed.reshape(1, len(demand), -1).astype(bool),
    )
