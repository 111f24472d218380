"""A seeded family of routing problems of one class, in the sizes and variants that the results name.

Origins and sites lie uniformly on a unit square. Latency is 5 + 100 x distance + Exp(5) ms at 0.01 cost per ms; demand is
log-normal with a diurnal swing; servers are log-normal and total 1.5 times the peak; the cost of load is linear (0.35 to
2), quadratic (5 to 25 % of the linear one at full load) and, with queueing, w L / (C - L). Load stays below 95 % of the
servers.
"""

import dataclasses

import numpy as np

import jaxsched

SIZES = {"20x20": (20, 20), "50x100": (50, 100), "200x500": (200, 500), "500x1000": (500, 1000)}
VARIANTS = ("linear", "quadratic", "queueing")
SLOTS = 24

_SEED = 20260101
_LATENCY_COST = 0.01  # per ms and request
_SPARE = 1.5
_FULL = 0.95
_WAIT = 0.02  # of the mean number of servers


@dataclasses.dataclass(frozen=True)
class Instance:
    """One problem of the family, in float64.

    Attributes:
        demand: Requests per second [slot, origin].
        route_cost: Cost of one request [origin, site].
        linear: Cost per unit of load [slot, site].
        quadratic: Growth of that cost [slot, site].
        queueing: Cost of one waiting request; 0 without queueing.
        servers: Servers [site].
    """

    demand: np.ndarray
    route_cost: np.ndarray
    linear: np.ndarray
    quadratic: np.ndarray
    queueing: float
    servers: np.ndarray

    @property
    def capacity(self) -> np.ndarray:
        """Largest load [site]."""
        return _FULL * self.servers


def generate(origins: int, sites: int, variant: str, slots: int = SLOTS) -> Instance:
    """All slots of the instance of a size; the size fixes the seed."""
    if variant not in VARIANTS:
        raise ValueError(f"variant is {variant!r}; give one of {', '.join(VARIANTS)}.")
    random = np.random.default_rng(_SEED + 10_000 * origins + sites)
    places = [np.stack([random.uniform(0, 1, n), random.uniform(0, 1, n)], axis=1) for n in (origins, sites)]
    apart = np.sqrt(((places[0][:, None] - places[1][None]) ** 2).sum(-1))
    latency = 5.0 + 100.0 * apart + random.exponential(5.0, (origins, sites))
    population = random.lognormal(0.0, 0.8, origins)
    day = np.arange(slots)[:, None] / 24.0
    swing = 1.0 + 0.6 * np.sin(2 * np.pi * (day - places[0][None, :, 0]))
    noise = np.exp(0.05 * random.standard_normal((slots, origins)))
    demand = (population / population.mean())[None] * swing * noise
    servers = random.lognormal(0.0, 0.6, sites)
    servers = servers / servers.sum() * _SPARE * demand.sum(1).max()
    price = random.uniform(0.5, 1.5, sites)
    linear = price[None] * (1.0 + 0.3 * np.sin(2 * np.pi * (day - places[1][None, :, 0] - 0.25)))
    linear = linear + 0.05 * random.standard_normal((slots, sites))
    quadratic = random.uniform(0.05, 0.25, (slots, sites)) * linear / servers[None]
    return Instance(
        demand=demand,
        route_cost=_LATENCY_COST * latency,
        linear=linear,
        quadratic=np.zeros_like(quadratic) if variant == "linear" else quadratic,
        queueing=float(_WAIT * servers.mean()) if variant == "queueing" else 0.0,
        servers=servers,
    )


def busiest_slot(instance: Instance) -> Instance:
    """The slot with the largest demand alone."""
    slot = int(instance.demand.sum(1).argmax())
    one = slice(slot, slot + 1)
    return dataclasses.replace(
        instance, demand=instance.demand[one], linear=instance.linear[one], quadratic=instance.quadratic[one]
    )


def as_problem(instance: Instance, dtype: type = np.float64) -> jaxsched.Problem:
    """The instance as a user would pose it."""
    cost = jaxsched.CongestionCost(instance.linear, instance.quadratic, instance.queueing, instance.servers)
    return jaxsched.Problem(instance.demand, instance.route_cost, instance.capacity, cost, dtype=dtype)


def judge(instance: Instance, routing: np.ndarray) -> dict[str, float]:
    """Cost and violations of a routing [slot, origin, site], by NumPy in float64, apart from the package.

    Returns:
        `objective`; `demand_error`, the largest relative error of a served demand; `overload`, the largest relative
        excess of a load over its capacity; `least_flow`.
    """
    flow = np.asarray(routing, np.float64)
    load = flow.sum(1)
    cost = (instance.route_cost[None] * flow).sum() + (instance.linear * load + instance.quadratic * load**2).sum()
    if instance.queueing:
        cost += instance.queueing * (load / (instance.servers - load)).sum()
    return {
        "objective": float(cost),
        "demand_error": float(np.abs(flow.sum(2) / instance.demand - 1.0).max()),
        "overload": float(max((load / instance.capacity - 1.0).max(), 0.0)),
        "least_flow": float(flow.min()),
    }
