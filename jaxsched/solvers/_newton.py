"""The Newton system of the interior-point method, reduced to one dense matrix of sites, or of demands."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsched.problem import SlotProblem, scatter_routes

# Size from which a symmetric matrix is made in two parts: a third less time from 500 rows on (measured).
_HALVED = 128


class Reduced(eqx.Module):
    """A factored system in the steps of the multipliers dy [kind, origin] and of the prices dp [site].

        row dy - T dp   = a,    T = Theta g,    row = sum_j Theta
        -T' dy + C dp   = b,    C = 1/h + sum_ik g^2 Theta

    Eliminating the demands leaves a matrix of sites, eliminating the sites one of demands; the smaller is factored.

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
    coupling: Float[Array, "kind origin route"]
    row: Float[Array, "kind origin"]
    column: Float[Array, " site"]

    def __init__(
        self,
        problem: SlotProblem,
        theta: Float[Array, "kind origin route"],
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
        self.coupling = theta * problem.at_routes(problem.work)
        total = theta.sum(-1)
        self.row = jnp.where(total > 0, total, 1.0)
        self.column = inverse_curvature + problem.load(self.coupling)
        if _by_sites(problem):
            matrix = _between_sites(problem, self.coupling / jnp.sqrt(self.row)[..., None])
            others = sum_of_others(theta)
            diagonal = inverse_curvature + problem.load(self.coupling * (others / self.row[..., None]))
        else:
            matrix = _between_demands(problem, self.coupling / problem.at_routes(jnp.sqrt(self.column)))
            weight = self.coupling * problem.at_routes(problem.work)
            others = problem.at_routes(inverse_curvature) + _others_at_site(problem, weight)
            diagonal = (theta * (others / problem.at_routes(self.column))).sum(-1)
            diagonal = jnp.where(total > 0, diagonal, 1.0).reshape(-1)
        size = jnp.arange(len(diagonal))
        matrix = matrix.at[size, size].set(diagonal * (1.0 + regularisation))
        self.factor = jnp.linalg.cholesky(matrix, symmetrize_input=False)

    def solve(
        self, a: Float[Array, "kind origin"], b: Float[Array, " site"]
    ) -> tuple[Float[Array, "kind origin"], Float[Array, " site"]]:
        """The steps dy and dp for a right-hand side."""
        if _by_sites(self.problem):
            prices = self._substitute(b + self._to_sites(a / self.row))
            return (a + self._to_demands(prices)) / self.row, prices
        multiplier = self._substitute((a + self._to_demands(b / self.column)).reshape(-1)).reshape(a.shape)
        return multiplier, (b + self._to_sites(multiplier)) / self.column

    def _to_sites(self, demands: Float[Array, "kind origin"]) -> Float[Array, " site"]:
        if self.problem.sites is None:
            return _product(demands.reshape(-1), self._rows())
        return self.problem.to_sites(self.coupling * demands[..., None]).sum(0)

    def _to_demands(self, sites: Float[Array, " site"]) -> Float[Array, "kind origin"]:
        if self.problem.sites is None:
            return _product(self._rows(), sites).reshape(self.row.shape)
        return (self.coupling * self.problem.at_routes(sites)).sum(-1)

    def _rows(self) -> Float[Array, "demand site"]:
        return self.coupling.reshape(-1, self.coupling.shape[-1])

    def _substitute(self, right: Float[Array, " n"]) -> Float[Array, " n"]:
        half = jax.scipy.linalg.solve_triangular(self.factor, right, lower=True)
        return jax.scipy.linalg.solve_triangular(self.factor, half, lower=True, trans=1)


def _product(left: Array, right: Array) -> Array:
    """Matrix product in full precision: on a CPU it takes half the time of a sum of products written out."""
    return jnp.matmul(left, right, precision="highest")


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


def _others_at_site(problem: SlotProblem, weight: Float[Array, "kind origin route"]) -> Array:
    """For each route, the sum of the weights of all other routes to its site."""
    whole = _by_site(problem, weight)
    others = sum_of_others(whole.reshape(-1, whole.shape[-1]).T).T.reshape(whole.shape)
    return others if problem.sites is None else jnp.take_along_axis(others, problem.sites, -1)


def _by_site(problem: SlotProblem, routes: Float[Array, "kind origin route"]) -> Float[Array, "kind origin site"]:
    """Values of routes with the site as last axis, 0 where there is no route."""
    if problem.sites is None:
        return routes
    return scatter_routes(routes, problem.sites, len(problem.capacity))


def _between_sites(problem: SlotProblem, scaled: Float[Array, "kind origin route"]) -> Float[Array, "site site"]:
    """Minus the sum over the demands of the products of each pair of their routes, at the sites of the pair."""
    sites = len(problem.capacity)
    if problem.sites is None:
        rows = scaled.reshape(-1, sites)
        return _pairs(rows.T)
    pairs = problem.sites[..., :, None] * sites + problem.sites[..., None, :]
    products = -scaled[..., :, None] * scaled[..., None, :]
    total = jnp.zeros(sites * sites, scaled.dtype)
    return total.at[pairs.reshape(-1)].add(products.reshape(-1), mode="promise_in_bounds").reshape(sites, sites)


def _between_demands(problem: SlotProblem, scaled: Float[Array, "kind origin route"]) -> Float[Array, "n n"]:
    """Minus the sum over the sites of the products of each pair of routes to them, at the demands of the pair."""
    rows = _by_site(problem, scaled).reshape(-1, len(problem.capacity))
    return _pairs(rows)


def _pairs(rows: Float[Array, "n m"]) -> Float[Array, "n n"]:
    """Minus the products of all pairs of rows: only the lower triangle counts, and the upper right quarter is left out."""
    half = len(rows) // 2 if len(rows) >= _HALVED else 0
    upper = jnp.pad(-rows[:half] @ rows[:half].T, ((0, 0), (0, len(rows) - half)))
    return jnp.concatenate([upper, -rows[half:] @ rows.T])


def _by_sites(problem: SlotProblem) -> bool:
    kinds, origins = problem.demand.shape
    return len(problem.capacity) <= kinds * origins
