"""The one repair and the one evaluation that every answer gets, and a bound from prices: NumPy, apart from the package."""

import numpy as np

from benchmarks.family import Instance

# Passes of the repair, and the share of a capacity that it leaves free so that adding up again cannot exceed it.
_PASSES, _ROOM = 50, 1e-14
_BISECTIONS = 200


def site_cost(instance: Instance, load: np.ndarray) -> np.ndarray:
    """Cost of the load of each site [slot, site]; infinite where a queue has no room left."""
    cost = (instance.linear + instance.quadratic * load) * load
    if instance.queueing:
        room = instance.servers - load
        with np.errstate(divide="ignore"):
            cost = cost + np.where(room > 0, instance.queueing * load / np.where(room > 0, room, 1.0), np.inf)
    return cost


def marginal_cost(instance: Instance, load: np.ndarray) -> np.ndarray:
    """Derivative of the cost of load [slot, site]."""
    marginal = instance.linear + 2 * instance.quadratic * load
    return marginal + instance.queueing * instance.servers / (instance.servers - load) ** 2


def load_of(instance: Instance, routing: np.ndarray) -> np.ndarray:
    """Load of each site [slot, site] of a routing [slot, origin, site, class]."""
    return np.einsum("tijk,jk->tj", routing, instance.work)


def repair(instance: Instance, routing: np.ndarray) -> np.ndarray:
    """The nearest thing to an answer that breaks no rule, the same way for every solver.

    What is negative, not a number or on a forbidden route becomes 0; each demand is scaled to what was asked, or shared by
    capacity where nothing was sent; what overloads a site moves to sites with room, in proportion to the room.
    """
    allowed = instance.allowed[None]
    flow = np.where(allowed & (routing > 0), routing, 0.0)
    flow[~np.isfinite(flow)] = 0.0
    served = flow.sum(2, keepdims=True)
    share = np.where(allowed, (instance.capacity[:, None] / instance.work)[None, None], 0.0)
    asked = instance.demand[:, :, None]
    shared = asked * share / share.sum(2, keepdims=True)
    flow = np.where(served > 0, flow * (asked / np.where(served > 0, served, 1.0)), shared)
    limit = instance.capacity * (1.0 - _ROOM)
    for _ in range(_PASSES):
        load = load_of(instance, flow)
        if (load <= instance.capacity).all():
            break
        over = load > limit
        keep = np.where(over, limit / np.where(over, load, 1.0), 1.0)[:, None, :, None]
        shed = (flow * (1.0 - keep)).sum(2, keepdims=True)
        room = np.where(allowed, (np.maximum(limit - load, 0.0)[:, :, None] / instance.work)[:, None], 0.0)
        total = room.sum(2, keepdims=True)
        flow = np.where(total > 0, flow * keep + shed * room / np.where(total > 0, total, 1.0), flow)
    return flow


def judge(instance: Instance, routing: np.ndarray) -> dict[str, float]:
    """Cost of a routing and by how much it breaks the rules.

    Returns:
        `objective`; `demand_error`, the largest error of a served demand relative to it; `overload`, the largest relative excess
        of a load; `least_flow`; `forbidden`, the largest flow on a route that may not be used.
    """
    load = load_of(instance, routing)
    routes = np.einsum("tijk,ij->", routing, instance.route_cost)
    return {
        "objective": float(routes + site_cost(instance, load).sum()),
        "demand_error": float(np.abs(routing.sum(2) / instance.demand - 1.0).max()),
        "overload": float(max((load / instance.capacity - 1.0).max(), 0.0)),
        "least_flow": float(routing.min()),
        "forbidden": float(np.where(instance.allowed[None], 0.0, routing).max()),
    }


def violation(verdict: dict[str, float]) -> float:
    """The worst of what a verdict says is broken."""
    return max(verdict["demand_error"], verdict["overload"], -verdict["least_flow"], verdict["forbidden"])


def bound_of(instance: Instance, prices: np.ndarray) -> float:
    """Lower bound on the cost of every routing, from any prices of load [slot, site].

    sum_tik demand min_j (c + g theta) + sum_tj min_{0 <= L <= capacity} (f(L) - theta L)
    """
    served = 0.0
    for slot, price in enumerate(prices):
        reduced = instance.route_cost[:, :, None] + (price[:, None] * instance.work)[None]
        served += float((instance.demand[slot] * np.where(instance.allowed, reduced, np.inf).min(1)).sum())
    low, high = np.zeros_like(prices), np.broadcast_to(instance.capacity, prices.shape).copy()
    for _ in range(_BISECTIONS):
        load = (low + high) / 2
        below = marginal_cost(instance, load) < prices
        low, high = np.where(below, load, low), np.where(below, high, load)
    # The minimum lies between the two; a convex function is above its tangents, so this is below it.
    least = site_cost(instance, low) - prices * low
    slope = marginal_cost(instance, low) - prices
    return served + float((least + np.minimum(slope, 0.0) * (high - low)).sum())


def accuracy(cost: float, bound: float) -> float:
    """How far a cost can be above the optimum, relative to it; infinite where there is no cost."""
    return (cost - bound) / abs(cost) if np.isfinite(cost) else float("inf")
