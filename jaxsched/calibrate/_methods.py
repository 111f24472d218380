"""How a misfit is measured and minimised, and what follows for the errors of its minimum.

A new method is one class of the methods of `AbstractMethod`, a new loss one of `AbstractLoss`.
"""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import optimistix as optx
from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel, parameter
from jaxsched.calibrate._objective import Linearisation, Misfit


class AbstractLoss(AbstractModel):
    """What a residual costs. Residuals are divided by the standard deviation of the observed values first."""

    @abc.abstractmethod
    def __call__(self, residual: Float[Array, "..."]) -> Float[Array, "..."]:
        """Cost of observed less predicted, in standard deviations of the observed values."""


class Huber(AbstractLoss):
    """Squared near zero, linear beyond a width: single outliers pull no more than by their sign.

        w^2 ((1 + (r / w)^2)^(1/2) - 1), the smooth (pseudo-) Huber loss

    Attributes:
        width: Residual at which the change happens, in standard deviations of the observed values [1].
    Valid for:
        Any residual.
    Source:
        Charbonnier et al. (1997), IEEE Trans. Image Process. 6:298; Huber (1964), Ann. Math. Statist. 35:73.
    """

    width: Float[Array, ""] = parameter(0.1, unit="1", valid=(1e-6, 1e6))

    def __call__(self, residual: Float[Array, "..."]) -> Float[Array, "..."]:
        return self.width**2 * (jnp.sqrt(1.0 + (residual / self.width) ** 2) - 1.0)


class Cauchy(AbstractLoss):
    """Grows with the logarithm: far outliers hardly pull at all; not convex, so use several starts.

        w^2 / 2 log(1 + (r / w)^2)

    Attributes:
        width: Residual at which the change happens, in standard deviations of the observed values [1].
    Valid for:
        Any residual.
    Source:
        Minus the logarithm of Cauchy's density; Black and Anandan (1996), Comput. Vis. Image Underst. 63:75.
    """

    width: Float[Array, ""] = parameter(0.1, unit="1", valid=(1e-6, 1e6))

    def __call__(self, residual: Float[Array, "..."]) -> Float[Array, "..."]:
        return 0.5 * self.width**2 * jnp.log1p((residual / self.width) ** 2)


class Pinball(AbstractLoss):
    """The fitted law is a quantile of the observed values instead of their mean.

        q r + w log(1 + exp(-r / w)), a smooth q max(r, 0) + (1 - q) max(-r, 0)

    Attributes:
        quantile: Share of the observed values below the law [1].
        width: Width of the smooth corner, in standard deviations of the observed values [1].
    Valid for:
        Any residual.
    Source:
        Koenker and Bassett (1978), Econometrica 46:33; smoothed by softplus.
    """

    quantile: Float[Array, ""] = parameter(0.5, unit="1", valid=(0.001, 0.999))
    width: Float[Array, ""] = parameter(0.01, unit="1", valid=(1e-6, 1.0))

    def __call__(self, residual: Float[Array, "..."]) -> Float[Array, "..."]:
        return self.quantile * residual + self.width * jax.nn.softplus(-residual / self.width)


class Squared(AbstractLoss):
    """Half the square.

        r^2 / 2

    Valid for:
        Any residual.
    Source:
        Definition.
    """

    def __call__(self, residual: Float[Array, "..."]) -> Float[Array, "..."]:
        return 0.5 * residual**2


class AbstractMethod(eqx.Module):
    """A way to minimise a misfit over free numbers. What is not an array must be a static field."""

    @abc.abstractmethod
    def minimise(self, misfit: Misfit, start: Float[Array, " entry"]) -> tuple[Float[Array, " entry"], Array]:
        """Free numbers of a minimum from a start, and whether it converged; in JAX."""

    @abc.abstractmethod
    def value(self, misfit: Misfit, free: Float[Array, " entry"]) -> Float[Array, ""]:
        """The misfit at free numbers, by which minima from several starts are compared; in JAX."""

    @abc.abstractmethod
    def sandwich(self, near: Linearisation) -> tuple[np.ndarray, np.ndarray]:
        """Curvature of the misfit at its minimum and variance of its gradient, in units of half a sum of squares.

        The covariance of the estimates is curvature^-1 variance curvature^-1 [entry, entry].
        """

    @property
    @abc.abstractmethod
    def is_gaussian(self) -> bool:
        """Whether the misfit is a weighted sum of squares: only then there are a posterior and first-order block errors."""


class LeastSquares(AbstractMethod):
    """Levenberg-Marquardt of optimistix on the weighted sum of squares: the method for clean data.

    Attributes:
        tolerance: Root mean square change of the predictions by a step at which to stop, in standard deviations of the
            observed values, > 0; 1e-7 in float64 and 1e-4 in float32 where not given.
        max_steps: Most steps, >= 1.
    """

    tolerance: float | None = eqx.field(default=None, static=True)
    max_steps: int = eqx.field(default=256, static=True)

    def minimise(self, misfit: Misfit, start: Float[Array, " entry"]) -> tuple[Float[Array, " entry"], Array]:
        """Minimum of the sum of squares from a start, and whether it converged."""
        tolerance = self.tolerance
        if tolerance is None:
            tolerance = 1e-7 if start.dtype == jnp.float64 else 1e-4

        def size(change: Any) -> Any:
            # Of residuals, not of free numbers: those of a parameter on its bound run to infinity.
            return jnp.zeros((), change.dtype) if change.shape == start.shape else optx.two_norm(change)

        solver = optx.LevenbergMarquardt(rtol=0.0, atol=tolerance, norm=size)
        answer = optx.least_squares(
            lambda free, _: misfit.residuals(free),
            solver,
            start,
            max_steps=self.max_steps,
            throw=False,
            options={"jac": "fwd"},
        )
        return answer.value, answer.result == optx.RESULTS.successful

    def value(self, misfit: Misfit, free: Float[Array, " entry"]) -> Float[Array, ""]:
        """Half the sum of squares."""
        return 0.5 * jnp.sum(misfit.residuals(free) ** 2)

    def sandwich(self, near: Linearisation) -> tuple[np.ndarray, np.ndarray]:
        """J' W J, and that times the variance of the residuals."""
        gram = (near.weights[:, None] * near.jacobian).T @ near.jacobian
        return gram, near.noise**2 * gram

    @property
    def is_gaussian(self) -> bool:
        """Yes."""
        return True


class Descent(AbstractMethod):
    """First-order descent of optax on any loss: for outliers, quantiles, and data too large for a Jacobian.

    Without `batch` L-BFGS with a line search on all rows, and the lowest point that it meets; with it Adam on random rows, its
    step falling to zero.

    Attributes:
        loss: What a residual costs.
        steps: Number of steps, >= 1.
        batch: Rows drawn in each step; all where not given. Rows of weight zero are drawn in vain.
        learning_rate: First step of Adam, in the free numbers (a logistic share of the bounds) [1].
        seed: Of the rows that are drawn.
    """

    loss: AbstractLoss = eqx.field(default_factory=Huber)
    steps: int = eqx.field(default=200, static=True)
    batch: int | None = eqx.field(default=None, static=True)
    learning_rate: float = eqx.field(default=0.05, static=True)
    seed: int = eqx.field(default=0, static=True)

    def minimise(self, misfit: Misfit, start: Float[Array, " entry"]) -> tuple[Float[Array, " entry"], Array]:
        """The lowest point that is met, and whether the gradient fell to a thousandth there.

        With batches costs cannot be compared: then it is where the steps end.
        """
        # optax mixes integer types, which strict promotion would refuse.
        with jax.numpy_dtype_promotion("standard"):
            return self._descend(misfit, start)

    def value(self, misfit: Misfit, free: Float[Array, " entry"]) -> Float[Array, ""]:
        """Mean loss of all rows, and of the priors."""
        return misfit.mean_loss(free, self.loss)

    def sandwich(self, near: Linearisation) -> tuple[np.ndarray, np.ndarray]:
        """That of an M-estimate: J' W loss'' J, and the sum of the squares of w loss' J."""
        first, second = _influence(self.loss, near.residual / near.scale)
        residual, weights, scale = near.residual, near.weights, near.scale
        if isinstance(self.loss, Pinball):
            # The corner is too narrow to count the residuals in it; a kernel of the usual width does.
            quartiles = np.subtract(*np.quantile(residual, [0.75, 0.25]))
            width = 1.06 * min(residual.std(), quartiles / 1.34) * len(residual) ** -0.2
            second = np.exp(-0.5 * (residual / width) ** 2) / (np.sqrt(2.0 * np.pi) * width) * scale
        pull = (weights * scale * first)[:, None]
        variance = (pull * near.jacobian).T @ (pull * near.jacobian)
        return ((weights * second)[:, None] * near.jacobian).T @ near.jacobian, variance

    @property
    def is_gaussian(self) -> bool:
        """No: a loss of its own has no density."""
        return False

    def _cost(self, misfit: Misfit, free: Array, key: Any) -> Array:
        """Mean loss of all rows, or of those that a key draws, and of the priors."""
        rows = None
        if self.batch is not None:
            rows = jax.random.randint(key, (self.batch,), 0, len(misfit.objective.observed))
        return misfit.mean_loss(free, self.loss, rows)

    def _descend(self, misfit: Misfit, start: Array) -> tuple[Array, Array]:
        keys = jax.random.split(jax.random.key(self.seed), self.steps)
        slower = optax.cosine_decay_schedule(self.learning_rate, self.steps)
        optimiser: Any = optax.lbfgs() if self.batch is None else optax.adam(slower)

        def cost(free, key):
            return self._cost(misfit, free, key)

        def step(carry, key):
            free, state, lowest = carry
            value, slope = jax.value_and_grad(cost)(free, key)
            lowest = _lower(lowest, (value, free))
            more = {} if self.batch is not None else {"value": value, "grad": slope, "value_fn": lambda u: cost(u, key)}
            update, state = optimiser.update(slope, state, free, **more)
            return (free + update, state, lowest), jnp.linalg.norm(slope)

        lowest = (jnp.full((), jnp.inf, start.dtype), start)
        (free, _, lowest), slopes = jax.lax.scan(step, (start, optimiser.init(start), lowest), keys)
        if self.batch is not None:
            return free, jnp.isfinite(free).all()
        free = _lower(lowest, (cost(free, keys[0]), free))[1]
        return free, jnp.linalg.norm(jax.grad(cost)(free, keys[0])) <= 1e-3 * slopes[0] + 1e-6


def _lower(known: tuple[Array, Array], new: tuple[Array, Array]) -> tuple[Array, Array]:
    """The cheaper of two (cost, free numbers); a cost that is not finite loses."""
    is_lower = new[0] < known[0]
    return jnp.where(is_lower, new[0], known[0]), jnp.where(is_lower, new[1], known[1])


def _influence(loss: AbstractLoss, residual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and second derivative of a loss at each residual [value]."""
    at = jnp.asarray(residual)
    first = jax.vmap(jax.grad(loss))(at)
    second = jax.vmap(jax.grad(jax.grad(loss)))(at)
    return np.asarray(first, float), np.asarray(second, float)
