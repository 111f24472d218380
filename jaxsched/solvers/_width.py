"""How many candidates the demands of a problem need at least; on the host, from its numbers."""

import math

import numpy as np

from jaxsched.problem import Problem

# A demand gets so many times the fewest sites that can hold it: others want these sites too, and prices decide.
_TIMES = 2
# Below this share of spare capacity nearly every site fills up, and a demand must be spread over more of them.
_SPARE = 0.1


def fitting_width(problem: Problem, width: int) -> int:
    """The width, or a larger one where a demand fills more sites or hardly any capacity is spare; at most all sites."""
    spare = _least_spare(problem)
    if 0.0 < spare < _SPARE:
        width = math.ceil(width * math.sqrt(_SPARE / spare))
    return min(max(width, _TIMES * _most_filled(problem)), problem.shape[2])


def _most_filled(problem: Problem) -> int:
    """The largest number of sites that a demand fills at least, had it the largest ones to itself."""
    demand = np.asarray(problem.demand, float).max(1)
    work, capacity = np.asarray(problem.work, float), np.asarray(problem.capacity, float)
    filled = 1
    for slot in range(len(demand)):
        for request_class, largest in enumerate(demand[slot]):
            held = np.cumsum(np.sort(capacity[slot % len(capacity)] / work[:, request_class])[::-1])
            filled = max(filled, int(np.searchsorted(held, largest)) + 1)
    return filled


def _least_spare(problem: Problem) -> float:
    """Capacity beyond the work of the busiest slot, as a share of that work, each request at a site of ordinary work."""
    demand, work = np.asarray(problem.demand, float), np.asarray(problem.work, float)
    needed = (demand.sum(1) * work.mean(0)).sum(-1)
    offered = np.broadcast_to(np.asarray(problem.capacity, float).sum(-1), needed.shape)
    busy = needed > 0
    return float((offered[busy] / needed[busy]).min()) - 1.0 if busy.any() else math.inf
