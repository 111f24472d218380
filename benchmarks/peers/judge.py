"""A routing problem in plain arrays, the one repair and the one evaluation that every answer gets, and a bound from prices.

NumPy in float64, apart from the package.
"""

import dataclasses
from pathlib import Path

import numpy as np

# Passes of the repair, and the share of a capacity that it leaves free so that adding up again cannot exceed it.
_PASSES, _ROOM = 50, 1e-14
_BISECTIONS = 200


@dataclasses.dataclass(frozen=True)
class Arrays:
    """A problem of the family in float64, with the axis of kinds.

    Attributes:
        demand: Requests per second [slot, origin, kind].
        route_cost: Cost of one request [origin, site].
        linear: Cost per unit of load [slot, site].
        quadratic: Growth of that cost [slot, site].
        queueing: Cost of one waiting request; 0 without queueing.
        servers: Servers [site].
        capacity: Largest load [site].
        work: Load of one request per second [site, kind].
        allowed: Whether a route may be used [origin, site, kind].
    """

    demand: np.ndarray
    route_cost: np.ndarray
    linear: np.ndarray
    quadratic: np.ndarray
    queueing: float
    servers: np.ndarray
    capacity: np.ndarray
    work: np.ndarray
    allowed: np.ndarray

    @property
    def slots(self) -> int:
        """Number of slots."""
        return len(self.demand)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of origins, sites and kinds."""
        return self.allowed.shape  # pyright: ignore[reportReturnType]

    @property
    def is_network(self) -> bool:
        """Whether load is a flow: a request puts the same work on every site."""
        return bool((self.work == self.work.flat[0]).all())

    def slot(self, number: int) -> "Arrays":
        """One slot alone."""
        one = slice(number, number + 1)
        return dataclasses.replace(self, **{n: getattr(self, n)[one] for n in ("demand", "linear", "quadratic")})

    def save(self, path: Path) -> None:
        """Write everything into one file of NumPy."""
        np.savez(path, allow_pickle=False, **dataclasses.asdict(self))

    @classmethod
    def load(cls, path: Path) -> "Arrays":
        """What `save` wrote."""
        with np.load(path) as stored:
            found = {field.name: stored[field.name] for field in dataclasses.fields(cls)}
        return cls(**{**found, "queueing": float(found["queueing"])})


def site_cost(arrays: Arrays, load: np.ndarray) -> np.ndarray:
    """Cost of the load of each site [slot, site]; infinite where a queue has no room left."""
    cost = (arrays.linear + arrays.quadratic * load) * load
    if arrays.queueing:
        room = arrays.servers - load
        with np.errstate(divide="ignore"):
            cost = cost + np.where(room > 0, arrays.queueing * load / np.where(room > 0, room, 1.0), np.inf)
    return cost


def load_of(arrays: Arrays, routing: np.ndarray) -> np.ndarray:
    """Load of each site [slot, site] of a routing [slot, origin, site, kind]."""
    return np.einsum("tijk,jk->tj", routing, arrays.work)


def repair(arrays: Arrays, routing: np.ndarray) -> np.ndarray:
    """The nearest thing to an answer that breaks no rule, the same way for every solver.

    What is negative, not a number or on a forbidden route becomes 0; each demand is scaled to what was asked, or shared by
    capacity where nothing was sent; what overloads a site moves to sites with room, in proportion to the room.
    """
    allowed = arrays.allowed[None]
    flow = np.where(allowed & (routing > 0), routing, 0.0)
    flow[~np.isfinite(flow)] = 0.0
    served = flow.sum(2, keepdims=True)
    share = np.where(allowed, (arrays.capacity[:, None] / arrays.work)[None, None], 0.0)
    asked = arrays.demand[:, :, None]
    shared = asked * share / share.sum(2, keepdims=True)
    flow = np.where(served > 0, flow * (asked / np.where(served > 0, served, 1.0)), shared)
    limit = arrays.capacity * (1.0 - _ROOM)
    for _ in range(_PASSES):
        load = load_of(arrays, flow)
        if (load <= arrays.capacity).all():
            break
        over = load > limit
        keep = np.where(over, limit / np.where(over, load, 1.0), 1.0)[:, None, :, None]
        shed = (flow * (1.0 - keep)).sum(2, keepdims=True)
        room = np.where(allowed, (np.maximum(limit - load, 0.0)[:, :, None] / arrays.work)[:, None], 0.0)
        total = room.sum(2, keepdims=True)
        flow = np.where(total > 0, flow * keep + shed * room / np.where(total > 0, total, 1.0), flow)
    return flow


def judge(arrays: Arrays, routing: np.ndarray) -> dict[str, float]:
    """Cost of a routing and by how much it breaks the rules.

    Returns:
        `cost`; `demand_error`, the largest error of a served demand relative to it; `overload`, the largest relative excess
        of a load; `least_flow`; `forbidden`, the largest flow on a route that may not be used.
    """
    load = load_of(arrays, routing)
    routes = np.einsum("tijk,ij->", routing, arrays.route_cost)
    return {
        "cost": float(routes + site_cost(arrays, load).sum()),
        "demand_error": float(np.abs(routing.sum(2) / arrays.demand - 1.0).max()),
        "overload": float(max((load / arrays.capacity - 1.0).max(), 0.0)),
        "least_flow": float(routing.min()),
        "forbidden": float(np.where(arrays.allowed[None], 0.0, routing).max()),
    }


def bound_of(arrays: Arrays, prices: np.ndarray) -> float:
    """Lower bound on the cost of every routing, from any prices of load [slot, site].

    sum_tik demand min_j (c + g theta) + sum_tj min_{0 <= L <= capacity} (f(L) - theta L)
    """
    served = 0.0
    for slot, price in enumerate(prices):
        reduced = arrays.route_cost[:, :, None] + (price[:, None] * arrays.work)[None]
        served += float((arrays.demand[slot] * np.where(arrays.allowed, reduced, np.inf).min(1)).sum())
    low, high = np.zeros_like(prices), np.broadcast_to(arrays.capacity, prices.shape).copy()
    for _ in range(_BISECTIONS):
        load = (low + high) / 2
        marginal = arrays.linear + 2 * arrays.quadratic * load
        marginal = marginal + arrays.queueing * arrays.servers / (arrays.servers - load) ** 2
        low, high = np.where(marginal < prices, load, low), np.where(marginal < prices, high, load)
    # The minimum lies between the two; a convex function is above its tangents, so this is below it.
    least = site_cost(arrays, low) - prices * low
    slope = arrays.linear + 2 * arrays.quadratic * low
    slope = slope + arrays.queueing * arrays.servers / (arrays.servers - low) ** 2 - prices
    return served + float((least + np.minimum(slope, 0.0) * (high - low)).sum())


def accuracy(cost: float, bound: float) -> float:
    """How far a cost can be above the optimum, relative to it; infinite where there is no cost."""
    return (cost - bound) / abs(cost) if np.isfinite(cost) else float("inf")
