"""Min-cost flow of OR-tools, with the convex cost of each site cut into parallel arcs.

It needs work that does not depend on the site; then load is a flow. Chords of the cost between the cuts make the cut cost
an upper bound of the true one; a linear cost needs one arc.
"""

from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.peers.clock import Clock
from benchmarks.peers.direct import Answer
from benchmarks.peers.judge import Arrays, site_cost

# Flow and cost are integers: the largest demand and the largest unit cost are this many. More costs time, not accuracy.
_FLOW, _COST = 2.0**36, 2.0**30


def cuts(arrays: Arrays, arcs: int) -> np.ndarray:
    """Loads between the arcs of each site [cut, site], finer where the cost bends more."""
    share = np.linspace(0.0, 1.0, arcs + 1)[:, None]
    if not arrays.queueing:
        return share * arrays.capacity
    # Even in the square root of the room left: the second derivative grows with its inverse third power.
    full = np.sqrt(1.0 - arrays.capacity / arrays.servers)
    return arrays.servers * (1.0 - (1.0 - share * (1.0 - full)) ** 2)


def network(arrays: Arrays, arcs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Tails, heads, capacities and unit costs of the arcs, and supplies of the nodes, in floating point."""
    origins, sites, _ = arrays.shape
    allowed = arrays.allowed[:, :, 0]
    origin, site = np.nonzero(allowed)
    at = cuts(arrays, arcs if arrays.queueing or arrays.quadratic.any() else 1)
    cost = np.stack([site_cost(arrays, load[None])[0] for load in at])
    room = np.diff(at, axis=0)
    tails = np.concatenate([origin, np.tile(origins + np.arange(sites), len(room))])
    heads = np.concatenate([origins + site, np.full(room.size, origins + sites)])
    demand = arrays.demand[0, :, 0] * arrays.work.flat[0]
    sizes = np.concatenate([demand[origin], room.ravel()])
    unit = np.concatenate(
        [arrays.route_cost[origin, site] / arrays.work.flat[0], (np.diff(cost, axis=0) / room).ravel()]
    )
    return tails, heads, sizes, unit, np.concatenate([demand, np.zeros(sites), [-demand.sum()]])


def min_cost_flow(arrays: Arrays, arcs: int) -> Answer:
    """Route one slot of one class by `SimpleMinCostFlow`.

    Raises:
        ValueError: If work differs between sites or there are several classes.
    """
    found: Any = import_module("ortools.graph.python.min_cost_flow")

    if not arrays.is_network or arrays.shape[2] != 1:
        raise ValueError("min-cost flow needs one class whose work is the same at every site.")
    clock = Clock()
    with clock("model"):
        tails, heads, sizes, unit, supply = network(arrays, arcs)
        flow, cost = _FLOW / sizes.max(), _COST / np.abs(unit).max()
        supplies = np.round(supply * flow).astype(np.int64)
        supplies[-1] = -supplies[:-1].sum()
        solver = found.SimpleMinCostFlow()
        capacities, costs = np.floor(sizes * flow + 1.0).astype(np.int64), np.round(unit * cost).astype(np.int64)
        solver.add_arcs_with_capacity_and_unit_cost(tails.astype(np.int32), heads.astype(np.int32), capacities, costs)
        solver.set_nodes_supplies(np.arange(len(supply), dtype=np.int32), supplies)
    with clock("solve"):
        status = solver.solve()
        routes = np.count_nonzero(arrays.allowed)
        used = solver.flows(np.arange(routes, dtype=np.int32)) if status == solver.OPTIMAL else np.zeros(routes)
    routing = np.zeros(arrays.shape)
    routing[arrays.allowed] = np.asarray(used) / (flow * arrays.work.flat[0])
    return Answer(routing[None], clock.seconds, status.name)
