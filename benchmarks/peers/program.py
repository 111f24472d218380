"""One slot as a sparse quadratic program, and as a conic one where there is queueing.

variables    the allowed routes, the load of each site, and with queueing u_j >= servers / (servers - load)
minimise     q v + v P v / 2
subject to   equality v = level,  lower <= v <= upper,  and with queueing u_j (servers - load) >= servers
"""

import dataclasses
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.peers.judge import Arrays


@dataclasses.dataclass(frozen=True)
class Program:
    """A slot in standard form.

    Attributes:
        arrays: The slot it was made of.
        diagonal: Diagonal of P.
        linear: q.
        equality: Demand rows, then load rows.
        level: Their right-hand sides.
        lower: Lower bounds.
        upper: Upper bounds; infinite where there is none.
        constant: What is added to the objective.
    """

    arrays: Arrays
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
        return int(np.count_nonzero(self.arrays.allowed))

    def quadratic(self, form: str) -> Any:
        """P as a sparse matrix, "csc" or "csr"."""
        return sparse.diags(self.diagonal, format=form)  # pyright: ignore[reportArgumentType,reportCallIssue]

    def routing(self, variables: np.ndarray) -> np.ndarray:
        """Routing [1, origin, site, kind] of a solution."""
        full = np.zeros(self.arrays.shape)
        full[self.arrays.allowed] = np.asarray(variables)[: self.routes]
        return full[None]


def quadratic_program(arrays: Arrays) -> Program:
    """The standard form of a problem of one slot; with queueing its cone is left to `cones`."""
    origins, sites, kinds = arrays.shape
    origin, site, kind = np.nonzero(arrays.allowed)
    routes, column = len(origin), np.arange(len(origin))
    extra = sites if arrays.queueing else 0
    rows = np.concatenate([origin * kinds + kind, origins * kinds + site, origins * kinds + np.arange(sites)])
    columns = np.concatenate([column, column, routes + np.arange(sites)])
    values = np.concatenate([np.ones(routes), arrays.work[site, kind], -np.ones(sites)])
    size = routes + sites + extra
    equality = sparse.csc_matrix((values, (rows, columns)), shape=(origins * kinds + sites, size))
    none = np.zeros(extra)
    return Program(
        arrays=arrays,
        diagonal=np.concatenate([np.zeros(routes), 2 * arrays.quadratic[0], none]),
        linear=np.concatenate([arrays.route_cost[origin, site], arrays.linear[0], none + arrays.queueing]),
        equality=equality,
        level=np.concatenate([arrays.demand[0].ravel(), np.zeros(sites)]),
        lower=np.concatenate([np.zeros(routes + sites), none + 1.0]),
        upper=np.concatenate([np.full(routes, np.inf), arrays.capacity, none + np.inf]),
        constant=-arrays.queueing * sites,
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
    sites, routes = len(program.arrays.servers), program.routes
    size = len(program.linear)
    load, signs = routes + np.arange(sites), routes if bound_routes else 0
    identity: Any = sparse.identity(size, format="csr")
    blocks = [program.equality, -identity[:signs], identity[load]]
    levels = [program.level, np.zeros(signs), program.arrays.capacity]
    count = 0
    if program.arrays.queueing:
        count, servers = sites, program.arrays.servers
        u, first = load + sites, 3 * np.arange(sites)
        rows = np.concatenate([first, first, first + 1, first + 1])
        values = np.concatenate([-np.ones(sites), np.ones(sites), -np.ones(2 * sites)])
        blocks.append(sparse.csr_matrix((values, (rows, np.concatenate([u, load, u, load]))), shape=(3 * sites, size)))
        levels.append(np.stack([servers, -servers, 2 * np.sqrt(servers)], axis=1).ravel())
    matrix = sparse.vstack(blocks, format="csc")
    return Cones(matrix, np.concatenate(levels), len(program.level), signs + sites, count)
