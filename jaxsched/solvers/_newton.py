"""The Newton system of the interior-point method, reduced to one dense matrix of sites, or of demands."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsched.problem import SlotProblem
from jaxsched.problem._demand import Demands, FixedDemand, Routes, pairs, scatter_routes
from jaxsched.problem._slot import summed


class Reduced(eqx.Module):
    """A factored system in the steps of the multipliers dy of the demands and of the prices dp of the sites.

        row dy - T dp   = a,    T = Theta g,    row = sum_j Theta
        -T' dy + C dp   = b,    C = 1/h + sum_ik g^2 Theta

    Eliminating the demands leaves a matrix of sites, eliminating the sites one of demands; the smaller is factored, and that
    of sites where demands stand in several blocks.

        sites:    diag(1/h) + sum_k diag(g_k) (diag(sum_i Theta) - Theta' Theta / row)_k diag(g_k)
        demands:  diag(row) - T diag(1/C) T'

    Each is a weighted graph Laplacian plus something positive. Near the optimum one route carries nearly all of its
    row, and `row - Theta` would keep no digit; the diagonals are therefore added up from the other routes alone.

    Attributes:
        problem: One slot.
        factor: Lower Cholesky factor.
        coupling: T.
        row: Sum of Theta of each demand, 1 where it has no route.
        column: C.
    """

    problem: SlotProblem
    factor: Float[Array, "n n"]
    coupling: Routes
    row: Demands
    column: Float[Array, " site"]

    def __init__(
        self,
        problem: SlotProblem,
        theta: Routes,
        inverse_curvature: Float[Array, " site"],
        regularisation: Float[Array, ""],
    ):
        """Assemble and factor.

        Arguments:
            problem: Work g, and which site each route ends at.
            theta: Theta, the inverse of the barrier's curvature z / x of each route; 0 where a route is not usable.
            inverse_curvature: 1 / h, the inverse curvature of the cost and barrier of each site, > 0.
            regularisation: Relative increase of the diagonal, >= 0.
        """
        self.problem = problem
        self.coupling = problem.each(lambda block, part: part * block.work_at_routes(), theta)
        every = tuple(part.sum(-1) for part in theta)
        self.row = tuple(jnp.where(part > 0, part, 1.0) for part in every)
        self.column = inverse_curvature + problem.load(self.coupling)
        if _by_sites(problem):
            scaled = tuple(part / jnp.sqrt(row)[..., None] for part, row in zip(self.coupling, self.row, strict=True))
            matrix = -summed(problem.each(lambda block, part: block.gram(part), scaled))
            others = tuple(
                coupling * (sum_of_others(part) / row[..., None])
                for coupling, part, row in zip(self.coupling, theta, self.row, strict=True)
            )
            diagonal = inverse_curvature + problem.load(others)
        else:
            matrix, diagonal = self._of_demands(theta[0], inverse_curvature)
            diagonal = jnp.where(every[0] > 0, diagonal, 1.0).reshape(-1)
        size = jnp.arange(len(diagonal))
        matrix = matrix.at[size, size].set(diagonal * (1.0 + regularisation))
        self.factor = jnp.linalg.cholesky(matrix, symmetrize_input=False)

    def _of_demands(
        self, theta: Float[Array, "class origin route"], inverse_curvature: Float[Array, " site"]
    ) -> tuple[Float[Array, "n n"], Float[Array, "class origin"]]:
        """Matrix of the demands of the only block, but for its diagonal, and that diagonal."""
        block, coupling = self.problem.blocks[0], self.coupling[0]
        assert isinstance(block, FixedDemand)
        rows = _by_site(block, coupling / block.at_routes(jnp.sqrt(self.column))).reshape(-1, len(self.column))
        others = block.at_routes(inverse_curvature) + _others_at_site(block, coupling * block.work_at_routes())
        return -pairs(rows), (theta * (others / block.at_routes(self.column))).sum(-1)

    def solve(self, a: Demands, b: Float[Array, " site"]) -> tuple[Demands, Float[Array, " site"]]:
        """The steps dy and dp for a right-hand side."""
        if _by_sites(self.problem):
            prices = self._substitute(b + self._to_sites(tuple(map(jnp.divide, a, self.row))))
            answers = zip(a, self._to_demands(prices), self.row, strict=True)
            return tuple((own + answer) / row for own, answer, row in answers), prices
        right = a[0] + self._to_demands(b / self.column)[0]
        multiplier = (self._substitute(right.reshape(-1)).reshape(right.shape),)
        return multiplier, (b + self._to_sites(multiplier)) / self.column

    def _to_sites(self, demands: Demands) -> Float[Array, " site"]:
        parts = self.problem.each(
            lambda block, coupling, values: block.sum_at_sites(coupling, values), self.coupling, demands
        )
        return summed(parts)

    def _to_demands(self, sites: Float[Array, " site"]) -> Demands:
        return self.problem.each(lambda block, coupling: block.sum_at_demands(coupling, sites), self.coupling)

    def _substitute(self, right: Float[Array, " n"]) -> Float[Array, " n"]:
        half = jax.scipy.linalg.solve_triangular(self.factor, right, lower=True)
        return jax.scipy.linalg.solve_triangular(self.factor, half, lower=True, trans=1)


def sum_of_others(values: Float[Array, "*rows n"]) -> Float[Array, "*rows n"]:
    """For each of some non-negative values, the sum of all others in its row, to rounding relative to that sum.

    Only the largest can exceed half of the total; for every other value, total - value loses at most one digit.
    """
    largest = values.max(-1, keepdims=True)
    is_largest = values == largest
    rest = jnp.where(is_largest, 0.0, values).sum(-1, keepdims=True)
    # How many are the largest, from sums that are there anyway: off by rounding only, unless all are 0.
    equals = jnp.round((values.sum(-1, keepdims=True) - rest) / jnp.where(largest > 0, largest, 1.0))
    return jnp.where(is_largest, rest + (equals - 1.0) * largest, rest + (equals * largest - values))


def _others_at_site(block: FixedDemand, weight: Float[Array, "class origin route"]) -> Array:
    """For each route, the sum of the weights of all other routes to its site."""
    whole = _by_site(block, weight)
    others = sum_of_others(whole.reshape(-1, whole.shape[-1]).T).T.reshape(whole.shape)
    return others if block.sites is None else jnp.take_along_axis(others, block.sites, -1)


def _by_site(block: FixedDemand, routes: Float[Array, "class origin route"]) -> Float[Array, "class origin site"]:
    """Values of routes with the site as last axis, 0 where there is no route."""
    return routes if block.sites is None else scatter_routes(routes, block.sites, block.work.shape[-1])


def _by_sites(problem: SlotProblem) -> bool:
    block = problem.blocks[0]
    return len(problem.blocks) > 1 or not isinstance(block, FixedDemand) or len(problem.capacity) <= block.demand.size
