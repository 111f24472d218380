"""Min-cost flow of OR-tools, with the convex cost of each site cut into parallel arcs.

It needs work that does not depend on the site; then load is a flow. Chords of the cost between the cuts make the cut cost
an upper bound of the true one; a linear cost needs one arc.
"""

from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.clock import Clock
from benchmarks.family import Instance
from benchmarks.judge import site_cost
from benchmarks.peers.direct import Answer

# Flow and cost are integers: the largest demand and the largest unit cost are this many. More costs time, not accuracy.
_FLOW, _COST = 2.0**36, 2.0**30


def cuts(instance: Instance, arcs: int) -> np.ndarray:
    """Loads between the arcs of each site [cut, site], finer where the cost bends more."""
    share = np.linspace(0.0, 1.0, arcs + 1)[:, None]
    if not instance.queueing:
        return share * instance.capacity
    # Even in the square root of the room left: the second derivative grows with its inverse third power.
    full = np.sqrt(1.0 - instance.capacity / instance.servers)
    return instance.servers * (1.0 - (1.0 - share * (1.0 - full)) ** 2)


def network(instance: Instance, arcs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Tails, heads, capacities and unit costs of the arcs, and supplies of the nodes, in floating point."""
    origins, sites, _ = instance.shape
    allowed = instance.allowed[:, :, 0]
    origin, site = np.nonzero(allowed)
    at = cuts(instance, arcs if instance.queueing or instance.quadratic.any() else 1)
    cost = np.stack([site_cost(instance, load[None])[0] for load in at])
    room = np.diff(at, axis=0)
    tails = np.concatenate([origin, np.tile(origins + np.arange(sites), len(room))])
    heads = np.concatenate([origins + site, np.full(room.size, origins + sites)])
    demand = instance.demand[0, :, 0] * instance.work.flat[0]
    sizes = np.concatenate([demand[origin], room.ravel()])
    unit = np.concatenate(
        [instance.route_cost[origin, site] / instance.work.flat[0], (np.diff(cost, axis=0) / room).ravel()]
    )
    return tails, heads, sizes, unit, np.concatenate([demand, np.zeros(sites), [-demand.sum()]])


def min_cost_flow(instance: Instance, arcs: int) -> Answer:
    """Route one slot of one class by `SimpleMinCostFlow`.

    Raises:
        ValueError: If work differs between sites or there are several classes.
    """
    found: Any = import_module("ortools.graph.python.min_cost_flow")

    if not instance.is_network or instance.shape[2] != 1:
        raise ValueError("min-cost flow needs one class whose work is the same at every site.")
    clock = Clock()
    with clock("model"):
        tails, heads, sizes, unit, supply = network(instance, arcs)
        flow, cost = _FLOW / sizes.max(), _COST / np.abs(unit).max()
        supplies = np.round(supply * flow).astype(np.int64)
        supplies[-1] = -supplies[:-1].sum()
        solver = found.SimpleMinCostFlow()
        capacities, costs = np.floor(sizes * flow + 1.0).astype(np.int64), np.round(unit * cost).astype(np.int64)
        solver.add_arcs_with_capacity_and_unit_cost(tails.astype(np.int32), heads.astype(np.int32), capacities, costs)
        solver.set_nodes_supplies(np.arange(len(supply), dtype=np.int32), supplies)
    with clock("solve"):
        status = solver.solve()
        routes = np.count_nonzero(instance.allowed)
        used = solver.flows(np.arange(routes, dtype=np.int32)) if status == solver.OPTIMAL else np.zeros(routes)
    routing = np.zeros(instance.shape)
    routing[instance.allowed] = np.asarray(used) / (flow * instance.work.flat[0])
    return Answer(routing[None], clock.seconds, status.name)
