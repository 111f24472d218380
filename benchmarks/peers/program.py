"""One slot as a sparse quadratic program, and as a conic one where there is queueing.

variables    the allowed routes, the load of each site, and with queueing u_j >= servers / (servers - load)
minimise     q v + v P v / 2
subject to   equality v = level,  lower <= v <= upper,  and with queueing u_j (servers - load) >= servers
"""

import dataclasses
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.family import Instance


@dataclasses.dataclass(frozen=True)
class Program:
    """A slot in standard form.

    Attributes:
        instance: The slot it was made of.
        diagonal: Diagonal of P.
        linear: q.
        equality: Demand rows, then load rows.
        level: Their right-hand sides.
        lower: Lower bounds.
        upper: Upper bounds; infinite where there is none.
        constant: What is added to the objective.
    """

    instance: Instance
    diagonal: np.ndarray
    linear: np.ndarray
    equality: Any
    level: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    constant: float

    @property
    def routes(self) -> int:
        """Number of allowed routes."""
        return int(np.count_nonzero(self.instance.allowed))

    def quadratic(self, form: str) -> Any:
        """P as a sparse matrix, "csc" or "csr"."""
        return sparse.diags(self.diagonal, format=form)  # pyright: ignore[reportArgumentType,reportCallIssue]

    def routing(self, variables: np.ndarray) -> np.ndarray:
        """Routing [1, origin, site, class] of a solution."""
        full = np.zeros(self.instance.shape)
        full[self.instance.allowed] = np.asarray(variables)[: self.routes]
        return full[None]


def quadratic_program(instance: Instance) -> Program:
    """The standard form of a problem of one slot; with queueing its cone is left to `cones`."""
    origins, sites, classes = instance.shape
    origin, site, request_class = np.nonzero(instance.allowed)
    routes, column = len(origin), np.arange(len(origin))
    extra = sites if instance.queueing else 0
    rows = np.concatenate(
        [origin * classes + request_class, origins * classes + site, origins * classes + np.arange(sites)]
    )
    columns = np.concatenate([column, column, routes + np.arange(sites)])
    values = np.concatenate([np.ones(routes), instance.work[site, request_class], -np.ones(sites)])
    size = routes + sites + extra
    equality = sparse.csc_matrix((values, (rows, columns)), shape=(origins * classes + sites, size))
    none = np.zeros(extra)
    return Program(
        instance=instance,
        diagonal=np.concatenate([np.zeros(routes), 2 * instance.quadratic[0], none]),
        linear=np.concatenate([instance.route_cost[origin, site], instance.linear[0], none + instance.queueing]),
        equality=equality,
        level=np.concatenate([instance.demand[0].ravel(), np.zeros(sites)]),
        lower=np.concatenate([np.zeros(routes + sites), none + 1.0]),
        upper=np.concatenate([np.full(routes, np.inf), instance.capacity, none + np.inf]),
        constant=-instance.queueing * sites,
    )


@dataclasses.dataclass(frozen=True)
class Cones:
    """Rows v with  level - matrix v  in a product of cones: zeros, then non-negative numbers, then cones of dimension 3."""

    matrix: Any
    level: np.ndarray
    zeros: int
    positive: int
    second_order: int


def cones(program: Program, bound_routes: bool = True) -> Cones:
    """All restrictions of a program as cones; the sign of routes is left out where a solver takes it apart.

    u (C - L) >= C  is  |(u - (C - L), 2 sqrt C)| <= u + (C - L).
    """
    sites, routes = len(program.instance.servers), program.routes
    size = len(program.linear)
    load, signs = routes + np.arange(sites), routes if bound_routes else 0
    identity: Any = sparse.identity(size, format="csr")
    blocks = [program.equality, -identity[:signs], identity[load]]
    levels = [program.level, np.zeros(signs), program.instance.capacity]
    count = 0
    if program.instance.queueing:
        count, servers = sites, program.instance.servers
        u, first = load + sites, 3 * np.arange(sites)
        rows = np.concatenate([first, first, first + 1, first + 1])
        values = np.concatenate([-np.ones(sites), np.ones(sites), -np.ones(2 * sites)])
        blocks.append(sparse.csr_matrix((values, (rows, np.concatenate([u, load, u, load]))), shape=(3 * sites, size)))
        levels.append(np.stack([servers, -servers, 2 * np.sqrt(servers)], axis=1).ravel())
    matrix = sparse.vstack(blocks, format="csc")
    return Cones(matrix, np.concatenate(levels), len(program.level), signs + sites, count)
