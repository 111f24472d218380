"""The misfit of a model as a function of free numbers, and its minimum from many starts or for many weights at once."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsched.calibrate._bounds import Bijection
from jaxsched.calibrate._methods import AbstractMethod, Descent, LeastSquares, descend, least_squares
from jaxsched.calibrate._names import Layout, replaced
from jaxsched.calibrate._observations import is_of_rows

# Minimisations run this many at a time, which bounds memory.
_AT_ONCE = 16


class Objective(eqx.Module):
    """Misfit of predictions to observed values.

    Attributes:
        model: Model whose parameters vary.
        inputs: What it is called with.
        observed: Measured values, missing ones replaced [row, ...].
        bijection: Free numbers to parameters.
        prior_mean: Means of normal priors [entry].
        prior_precision: 1 / standard deviation of the priors, 0 without one [entry].
        scale: Standard deviation of the observed values.
        layout: Names and shapes of the arrays of the model that vary.
        predict: (model, inputs) -> predictions of the shape of `observed`.
    """

    model: Any
    inputs: Any
    observed: Float[Array, "row ..."]
    bijection: Bijection
    prior_mean: Float[Array, " entry"]
    prior_precision: Float[Array, " entry"]
    scale: Float[Array, ""]
    layout: Layout = eqx.field(static=True)
    predict: Callable[[Any, Any], Any] = eqx.field(static=True)

    def at(self, values: Float[Array, " entry"]) -> Any:
        """The model with these parameters."""
        return replaced(self.model, self.layout, values)

    def predicted(self, values: Float[Array, " entry"]) -> Float[Array, "row ..."]:
        """Predictions for all rows with these parameters."""
        return self.predict(self.at(values), self.inputs)

    def residuals(
        self, free: Float[Array, " entry"], weights: Float[Array, "row ..."], noise: Float[Array, ""]
    ) -> Float[Array, " number"]:
        """Weighted residuals, in standard deviations of the observed values, and those of the priors behind them.

        Their sum of squares over noise^2 is minus twice the logarithm of the posterior density.
        """
        values = self.bijection(free)
        root = jnp.sqrt(weights / jnp.maximum(jnp.sum(weights), 1e-30))
        data = root * (self.observed - self.predicted(values)) / self.scale
        number = jnp.sum(weights > 0).astype(root.dtype)
        prior = noise / jnp.sqrt(number) * self.prior_precision * (values - self.prior_mean)
        return jnp.concatenate([jnp.ravel(data), prior])

    def cost(self, free: Array, weights: Array, noise: Array, method: Descent, key: Any) -> Array:
        """Mean loss of the rows, or of some drawn at random, and of the priors."""
        values = self.bijection(free)
        inputs, observed = self.inputs, self.observed
        number = jnp.sum(weights > 0).astype(free.dtype)
        if method.batch is not None:
            rows = jax.random.randint(key, (method.batch,), 0, len(observed))
            inputs, observed, weights = jax.tree.map(
                lambda leaf: leaf[rows] if is_of_rows(leaf, len(self.observed)) else leaf, (inputs, observed, weights)
            )
        residual = (observed - self.predict(self.at(values), inputs)) / self.scale
        prior = 0.5 * jnp.sum((noise * self.prior_precision * (values - self.prior_mean)) ** 2) / number
        return jnp.sum(weights * method.loss(residual)) / jnp.maximum(jnp.sum(weights), 1e-30) + prior


def caller(predict: Callable[[Any, Any], Any] | None) -> Callable[[Any, Any], Any]:
    """What predicts: what was given, or the call of the model with a tuple, a mapping or one argument."""
    return call_model if predict is None else predict


def call_model(model: Any, inputs: Any) -> Any:
    """Call a model with a tuple of arguments, a mapping of them by name, or one argument."""
    if isinstance(inputs, Mapping):
        return model(**inputs)
    return model(*inputs) if isinstance(inputs, tuple) else model(inputs)


@eqx.filter_jit
def minimise_starts(
    objective: Objective, starts: Float[Array, "start entry"], weights: Array, noise: Array, method: AbstractMethod
) -> tuple[Float[Array, "start entry"], Float[Array, " start"], Array]:
    """Minima from several starts: free numbers, misfit of each, whether it converged."""

    def one(start):
        free, settled = _minimum(objective, start, weights, noise, method)
        return free, _value(objective, free, weights, noise, method), settled

    return _chunked(one, starts)


@eqx.filter_jit
def minimise_weights(
    objective: Objective, start: Float[Array, " entry"], weights: Float[Array, "set row ..."], noise: Array, method: Any
) -> Float[Array, "set entry"]:
    """Minima under several sets of weights (parts of the rows, or rows drawn again) from one start."""
    return _chunked(lambda each: _minimum(objective, start, each, noise, method)[0], weights)


@eqx.filter_jit
def predictions(objective: Objective, values: Float[Array, "set entry"]) -> Float[Array, "set row ..."]:
    """Predictions for several sets of parameters."""
    return jax.lax.map(objective.predicted, values)


@eqx.filter_jit
def jacobian(objective: Objective, values: Float[Array, " entry"]) -> Float[Array, "row ... entry"]:
    """Change of every prediction with each parameter, in natural units."""
    return jax.jacfwd(objective.predicted)(values)


def _chunked(one: Callable, over: Array) -> Any:
    if len(over) == 1:
        return jax.tree.map(lambda leaf: leaf[None], one(over[0]))
    return jax.lax.map(one, over, batch_size=min(_AT_ONCE, len(over)))


def _minimum(objective, start, weights, noise, method):
    if isinstance(method, LeastSquares):
        return least_squares(lambda free: objective.residuals(free, weights, noise), start, method)
    return descend(lambda free, key: objective.cost(free, weights, noise, method, key), start, method)


def _value(objective, free, weights, noise, method):
    if isinstance(method, LeastSquares):
        return 0.5 * jnp.sum(objective.residuals(free, weights, noise) ** 2)
    return objective.cost(free, weights, noise, dataclasses.replace(method, batch=None), jax.random.key(0))
