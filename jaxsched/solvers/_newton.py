"""The Newton system of the interior-point method, reduced to one dense matrix of sites, or of demands."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


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
        factor: Lower Cholesky factor.
        coupling: T.
        row: Sum of Theta of each demand, 1 where it has no route.
        column: C.
    """

    factor: Float[Array, "n n"]
    coupling: Float[Array, "kind origin site"]
    row: Float[Array, "kind origin"]
    column: Float[Array, " site"]

    def __init__(
        self,
        theta: Float[Array, "kind origin site"],
        work: Float[Array, "kind site"],
        softness: Float[Array, " site"],
        regularisation: Float[Array, ""],
    ):
        """Assemble and factor.

        Arguments:
            theta: Theta, the inverse of the barrier's curvature z / x of each route; 0 where a route is not usable.
            work: g.
            softness: 1 / h, the inverse curvature of the cost and barrier of each site, > 0.
            regularisation: Relative increase of the diagonal, >= 0.
        """
        sites = theta.shape[-1]
        self.coupling = theta * work[:, None, :]
        total = theta.sum(-1)
        self.row = jnp.where(total > 0, total, 1.0)
        weight = self.coupling * work[:, None, :]
        self.column = softness + weight.sum((0, 1))
        if _by_sites(theta.shape):
            scaled = (self.coupling / jnp.sqrt(self.row)[..., None]).reshape(-1, sites)
            matrix = -(scaled.T @ scaled)
            others = sum_of_others(theta, -1)
            diagonal = softness + (weight * (others / self.row[..., None])).sum((0, 1))
        else:
            scaled = (self.coupling / jnp.sqrt(self.column)[None, None, :]).reshape(-1, sites)
            matrix = -(scaled @ scaled.T)
            others = sum_of_others(weight, (0, 1))
            diagonal = (theta * ((others + softness[None, None, :]) / self.column[None, None, :])).sum(-1)
            diagonal = jnp.where(total > 0, diagonal, 1.0).reshape(-1)
        size = jnp.arange(len(diagonal))
        self.factor = jnp.linalg.cholesky(matrix.at[size, size].set(diagonal * (1.0 + regularisation)))

    def solve(
        self, a: Float[Array, "kind origin"], b: Float[Array, " site"]
    ) -> tuple[Float[Array, "kind origin"], Float[Array, " site"]]:
        """The steps dy and dp for a right-hand side."""
        if _by_sites(self.coupling.shape):
            prices = self._substitute(b + (self.coupling * (a / self.row)[..., None]).sum((0, 1)))
            return (a + (self.coupling * prices[None, None, :]).sum(-1)) / self.row, prices
        multiplier = self._substitute(
            (a + (self.coupling * (b / self.column)[None, None, :]).sum(-1)).reshape(-1)
        ).reshape(a.shape)
        return multiplier, (b + (self.coupling * multiplier[..., None]).sum((0, 1))) / self.column

    def _substitute(self, right: Float[Array, " n"]) -> Float[Array, " n"]:
        half = jax.scipy.linalg.solve_triangular(self.factor, right, lower=True)
        return jax.scipy.linalg.solve_triangular(self.factor, half, lower=True, trans=1)


def sum_of_others(values: Array, axis: int | tuple[int, ...]) -> Array:
    """For each of some non-negative values, the sum of all others along axes, to rounding relative to that sum.

    Only the largest can exceed half of the total; for every other value, total - value loses at most one digit.
    """
    largest = values.max(axis, keepdims=True)
    is_largest = values == largest
    equals = is_largest.sum(axis, keepdims=True).astype(values.dtype)
    rest = jnp.where(is_largest, 0.0, values).sum(axis, keepdims=True)
    return jnp.where(is_largest, rest + (equals - 1.0) * largest, rest + (equals * largest - values))


def _by_sites(shape: tuple[int, ...]) -> bool:
    kinds, origins, sites = shape
    return sites <= kinds * origins
