"""The problems of the family as plain arrays."""

import dataclasses

import numpy as np

import jaxsched
from benchmarks.exact import with_classes
from benchmarks.family import SLOTS, busiest_slot, generate
from benchmarks.peers.judge import Arrays


@dataclasses.dataclass(frozen=True)
class Case:
    """One problem of the family.

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

    def __str__(self) -> str:
        return f"{self.size} {self.variant}, {self.classes} classes, {self.slots} slots"


def dimensions(size: str) -> tuple[int, int]:
    """Origins and sites of a size.

    Raises:
        ValueError: If it does not read like 20x20.
    """
    parts = size.split("x")
    if len(parts) != 2 or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise ValueError(f"the size is {size!r}; write origins x sites like 200x500.")
    return int(parts[0]), int(parts[1])


def arrays_of(case: Case) -> Arrays:
    """The arrays of a case."""
    instance = generate(*dimensions(case.size), case.variant)
    if case.slots == 1:
        instance = busiest_slot(instance)
    elif case.slots != SLOTS:
        raise ValueError(f"a case has 1 slot or {SLOTS}, not {case.slots}.")
    demand, allowed = instance.demand[..., None], np.ones((*instance.route_cost.shape, 1), bool)
    work = np.ones((len(instance.servers), 1))
    if case.classes > 1:
        posed = with_classes(instance)
        demand, work, allowed = _host(posed, "demand"), _host(posed, "work"), _host(posed, "allowed")[0] > 0
    return Arrays(
        demand=demand,
        route_cost=instance.route_cost,
        linear=instance.linear,
        quadratic=instance.quadratic,
        queueing=instance.queueing,
        servers=instance.servers,
        capacity=instance.capacity,
        work=work,
        allowed=allowed,
    )


def _host(problem: jaxsched.Problem, name: str) -> np.ndarray:
    return np.asarray(getattr(problem, name), np.float64)
