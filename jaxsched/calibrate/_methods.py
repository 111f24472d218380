"""How a misfit is measured and minimised."""

import abc
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
import optimistix as optx
from jaxtyping import Array, Float, PRNGKeyArray

from jaxsched._parameters import AbstractModel, parameter


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
    """A way to minimise the misfit over free numbers."""


class LeastSquares(AbstractMethod):
    """Levenberg-Marquardt of optimistix on the weighted sum of squares: the method for clean data.

    Attributes:
        tolerance: Root mean square change of the predictions by a step at which to stop, in standard deviations of the
            observed values, > 0; 1e-7 in float64 and 1e-4 in float32 where not given.
        max_steps: Most steps, >= 1.
    """

    tolerance: float | None = eqx.field(default=None, static=True)
    max_steps: int = eqx.field(default=256, static=True)


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


def least_squares(
    residuals: Callable[[Array], Array], start: Float[Array, " entry"], method: LeastSquares
) -> tuple[Float[Array, " entry"], Array]:
    """Minimum of the sum of squares of `residuals` from a start, and whether it converged."""
    tolerance = method.tolerance
    if tolerance is None:
        tolerance = 1e-7 if start.dtype == jnp.float64 else 1e-4

    def size(change: Any) -> Any:
        # Of residuals, not of free numbers: those of a parameter on its bound run to infinity.
        return jnp.zeros((), change.dtype) if change.shape == start.shape else optx.two_norm(change)

    solver = optx.LevenbergMarquardt(rtol=0.0, atol=tolerance, norm=size)
    answer = optx.least_squares(
        lambda free, _: residuals(free), solver, start, max_steps=method.max_steps, throw=False, options={"jac": "fwd"}
    )
    return answer.value, answer.result == optx.RESULTS.successful


def descend(
    cost: Callable[[Array, PRNGKeyArray], Array], start: Float[Array, " entry"], method: Descent
) -> tuple[Float[Array, " entry"], Array]:
    """The lowest point of a cost of (free numbers, key), and whether its slope fell to a thousandth there.

    With batches costs cannot be compared: then it is where the steps end.
    """
    # optax mixes integer types, which strict promotion would refuse.
    with jax.numpy_dtype_promotion("standard"):
        return _descend(cost, start, method)


def _descend(cost, start, method) -> Any:
    keys = jax.random.split(jax.random.key(method.seed), method.steps)
    slower = optax.cosine_decay_schedule(method.learning_rate, method.steps)
    optimiser: Any = optax.lbfgs() if method.batch is None else optax.adam(slower)

    def step(carry, key):
        free, state, lowest = carry
        value, slope = jax.value_and_grad(cost)(free, key)
        lowest = _lower(lowest, (value, free))
        more = {} if method.batch is not None else {"value": value, "grad": slope, "value_fn": lambda u: cost(u, key)}
        update, state = optimiser.update(slope, state, free, **more)
        return (free + update, state, lowest), jnp.linalg.norm(slope)

    lowest = (jnp.full((), jnp.inf, start.dtype), start)
    (free, _, lowest), slopes = jax.lax.scan(step, (start, optimiser.init(start), lowest), keys)
    if method.batch is not None:
        return free, jnp.isfinite(free).all()
    free = _lower(lowest, (cost(free, keys[0]), free))[1]
    return free, jnp.linalg.norm(jax.grad(cost)(free, keys[0])) <= 1e-3 * slopes[0] + 1e-6


def _lower(known: tuple[Array, Array], new: tuple[Array, Array]) -> tuple[Array, Array]:
    """That of two (cost, free numbers) which costs less; a cost that is not finite is none."""
    is_lower = new[0] < known[0]
    return jnp.where(is_lower, new[0], known[0]), jnp.where(is_lower, new[1], known[1])
