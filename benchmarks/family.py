"""A seeded family of routing problems, in the sizes and variants that the results name, as arrays of NumPy.

Origins and sites lie uniformly on a unit square. Latency is 5 + 100 x distance + Exp(5) ms at 0.01 cost per ms; demand is
log-normal with a diurnal swing; servers are log-normal and total 1.5 times the peak; the cost of load is linear (0.35 to
2), quadratic (5 to 25 % of the linear one at full load) and, with queueing, w L / (C - L). Load stays below 95 % of the
servers. `with_classes` splits the demand. Neither JAX nor the package is imported before a problem is posed with it.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import jaxsched

SIZES = {"20x20": (20, 20), "50x100": (50, 100), "200x500": (200, 500), "500x1000": (500, 1000)}
VARIANTS = ("linear", "quadratic", "queueing")
SLOTS, CLASSES = 24, 3

_SEED = 20260101
_LATENCY_COST = 0.01  # per ms and request
_SPARE = 1.5
_FULL = 0.95
_WAIT = 0.02  # of the mean number of servers


@dataclasses.dataclass(frozen=True)
class Instance:
    """One problem of the family, in float64.

    Attributes:
        demand: Requests per second [slot, origin, class].
        route_cost: Cost of one request [origin, site].
        linear: Cost per unit of load [slot, site].
        quadratic: Growth of that cost [slot, site].
        queueing: Cost of one waiting request; 0 without queueing.
        servers: Servers [site].
        work: Load of one request per second [site, class].
        allowed: Whether a route may be used [origin, site, class].
    """

    demand: np.ndarray
    route_cost: np.ndarray
    linear: np.ndarray
    quadratic: np.ndarray
    queueing: float
    servers: np.ndarray
    work: np.ndarray
    allowed: np.ndarray

    @property
    def capacity(self) -> np.ndarray:
        """Largest load [site]."""
        return _FULL * self.servers

    @property
    def slots(self) -> int:
        """Number of slots."""
        return len(self.demand)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of origins, sites and classes."""
        return self.allowed.shape  # pyright: ignore[reportReturnType]

    @property
    def is_network(self) -> bool:
        """Whether load is a flow: a request puts the same work on every site."""
        return bool((self.work == self.work.flat[0]).all())

    def slot(self, first: int, length: int = 1) -> "Instance":
        """Some slots alone, from the first on."""
        some = slice(first, first + length)
        return dataclasses.replace(self, **{n: getattr(self, n)[some] for n in ("demand", "linear", "quadratic")})

    def save(self, path: Path) -> None:
        """Write everything into one file of NumPy."""
        np.savez(path, allow_pickle=False, **dataclasses.asdict(self))

    @classmethod
    def load(cls, path: Path) -> "Instance":
        """What `save` wrote."""
        with np.load(path) as stored:
            found = {field.name: stored[field.name] for field in dataclasses.fields(cls)}
        return cls(**{**found, "queueing": float(found["queueing"])})


def generate(origins: int, sites: int, variant: str, slots: int = SLOTS) -> Instance:
    """All slots of the instance of a size, with one class; the size fixes the seed."""
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
        demand=demand[..., None],
        route_cost=_LATENCY_COST * latency,
        linear=linear,
        quadratic=np.zeros_like(quadratic) if variant == "linear" else quadratic,
        queueing=float(_WAIT * servers.mean()) if variant == "queueing" else 0.0,
        servers=servers,
        work=np.ones((sites, 1)),
        allowed=np.ones((origins, sites, 1), bool),
    )


def busiest_slot(instance: Instance) -> Instance:
    """The slot with the largest demand alone."""
    return instance.slot(int(instance.demand.sum((1, 2)).argmax()))


def with_classes(
    instance: Instance, classes: int = CLASSES, seed: int | None = None, forbidden: float = 0.1
) -> Instance:
    """The instance with its demand split over classes that put unlike work on each site.

    Work is uniform on 0.6 to 1.3 for each site and class, drawn anew; a share of the routes of a class is not allowed,
    except to the first site. Without a seed the number of sites is the seed.
    """
    origins, sites, _ = instance.shape
    random = np.random.default_rng(sites if seed is None else seed)
    shares = random.dirichlet(np.ones(classes), origins)
    work = random.uniform(0.6, 1.3, (sites, classes))
    allowed = random.uniform(size=(origins, sites, classes)) >= forbidden
    allowed[:, 0] = True
    return dataclasses.replace(instance, demand=instance.demand * shares, work=work, allowed=allowed)


@dataclasses.dataclass(frozen=True)
class Case:
    """What a problem of the family is called in the results.

    Attributes:
        size: Origins x sites.
        variant: Site cost.
        classes: 1, or 3 with work that depends on the site and every tenth route forbidden.
        slots: 1 for the busiest, or the whole day.
    """

    size: str
    variant: str
    classes: int = 1
    slots: int = 1

    @property
    def routes(self) -> int:
        """Routes of a slot, the forbidden ones included."""
        origins, sites = dimensions(self.size)
        return origins * sites * self.classes

    def instance(self) -> Instance:
        """The problem itself."""
        instance = generate(*dimensions(self.size), self.variant)
        if self.slots == 1:
            instance = busiest_slot(instance)
        elif self.slots != SLOTS:
            raise ValueError(f"a case has 1 slot or {SLOTS}, not {self.slots}.")
        return instance if self.classes == 1 else with_classes(instance, self.classes)

    def alike(self, record: Mapping[str, Any]) -> bool:
        """Whether a recorded case is of this problem."""
        return all(record[field.name] == getattr(self, field.name) for field in dataclasses.fields(self))

    def __str__(self) -> str:
        return title(dataclasses.asdict(self))


def title(case: Mapping[str, Any]) -> str:
    """What a recorded case is called in sentences."""
    return f"{case['size']} {case['variant']}, {case['classes']} classes, {case['slots']} slots"


def dimensions(size: str) -> tuple[int, int]:
    """Origins and sites of a size.

    Raises:
        ValueError: If it does not read like 20x20.
    """
    parts = size.split("x")
    if len(parts) != 2 or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise ValueError(f"the size is {size!r}; write origins x sites like 200x500.")
    return int(parts[0]), int(parts[1])


def as_problem(instance: Instance, dtype: type = np.float64) -> "jaxsched.Problem":
    """The instance as a user would pose it: of one class without the axis of classes."""
    import jaxsched

    cost = jaxsched.CongestionCost(instance.linear, instance.quadratic, instance.queueing, instance.servers)
    if instance.shape[2] == 1:
        return jaxsched.Problem(instance.demand[..., 0], instance.route_cost, instance.capacity, cost, dtype=dtype)
    given = {"work": instance.work, "allowed": None if instance.allowed.all() else instance.allowed}
    return jaxsched.Problem(
        instance.demand, instance.route_cost[..., None], instance.capacity, cost, dtype=dtype, **given
    )


def routing_of(schedule: "jaxsched.Schedule") -> np.ndarray:
    """Routing [slot, origin, site, class] of a schedule, in float64, whether its problem has classes or not."""
    routing = np.asarray(schedule.routing, np.float64)
    return routing if routing.ndim == 4 else routing[..., None]


def gaps_of(schedule: "jaxsched.Schedule") -> dict[int, float]:
    """Certified gap after each iteration at which it was looked at."""
    history = schedule.stats.history
    return dict(zip(np.asarray(history.step).tolist(), np.asarray(history.gap, float).tolist(), strict=True))
