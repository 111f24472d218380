"""How a model is called, its misfit to observations as a function of free numbers, and that misfit near its minimum."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsched._parameters import as_array
from jaxsched.calibrate._observations import Clean, is_of_rows
from jaxsched.calibrate._parameters import (
    Bijection,
    FreeParameters,
    Layout,
    Named,
    layout_of,
    named_parameters,
    replaced,
)


@dataclasses.dataclass(frozen=True)
class Predictor:
    """Predicts one component (the sum of all where None) of a model called by name with constants and inputs."""

    component: str | None
    constants: tuple[tuple[str, float], ...]

    def __call__(self, model: Any, inputs: Mapping[str, Any]) -> Any:
        answer = model(**inputs, **{name: as_array(value) for name, value in self.constants})
        if isinstance(answer, jax.Array):
            return answer
        if self.component is not None:
            return getattr(answer, self.component)
        return sum(jax.tree.leaves(answer))


def call_model(model: Any, inputs: Any) -> Any:
    """Call a model with a tuple of arguments, a mapping of them by name, or one argument."""
    if isinstance(inputs, Mapping):
        return model(**inputs)
    return model(*inputs) if isinstance(inputs, tuple) else model(inputs)


def arguments_of(model: Any, predict: Callable[[Any, Any], Any], inputs: Any) -> dict[str, Any]:
    """Arguments of the call of a model by name, from the inputs of a fit; none where `predict` calls it in its own way."""
    if isinstance(predict, Predictor):
        return {**inputs, **dict(predict.constants)}
    if predict is not call_model:
        return {}
    if isinstance(inputs, Mapping):
        return dict(inputs)
    names = list(inspect.signature(type(model).__call__).parameters)[1:]
    given = inputs if isinstance(inputs, tuple) else (inputs,)
    return dict(zip(names, given, strict=False))


class Objective(eqx.Module):
    """A model and what it is fitted to, with residuals in standard deviations of the observed values.

    Attributes:
        model: Model whose parameters vary, the start of the fit.
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

    @classmethod
    def of(
        cls, model: Any, data: Clean, train: np.ndarray, free: FreeParameters, predict: Callable[[Any, Any], Any]
    ) -> "Objective":
        """The objective of a fit to the values whose weight `train` [row, ...] is positive."""
        return cls(
            model=model,
            inputs=data.inputs,
            observed=jnp.asarray(data.observed, float),
            bijection=free.bijection,
            prior_mean=free.prior_mean,
            prior_precision=free.prior_precision,
            scale=jnp.asarray(_deviation(data.observed[train > 0]), float),
            layout=layout_of(free.named),
            predict=predict,
        )

    @property
    def named(self) -> list[Named]:
        """The parameters that vary, with the values of the model that was given."""
        return named_parameters(self.model, [name for name, _ in self.layout])

    @property
    def start(self) -> Float[Array, " entry"]:
        """The parameters of the model that was given."""
        return self.cast(np.concatenate([one.value.ravel() for one in self.named]))

    @property
    def has_priors(self) -> bool:
        """Whether any parameter has a prior."""
        return bool(np.asarray(self.prior_precision).any())

    def cast(self, values: Any) -> Array:
        """Values in the precision of the observed ones."""
        return jnp.asarray(values, self.observed.dtype)

    def clip_to_bounds(self, free: np.ndarray) -> np.ndarray:
        """The parameters of free numbers, within their bounds despite rounding."""
        low, high = (np.asarray(end, float) for end in (self.bijection.low, self.bijection.high))
        return np.clip(np.asarray(self.bijection(self.cast(free)), float), low, high)

    def rescaled(self, train: np.ndarray) -> "Objective":
        """The same with residuals in standard deviations of the values that are fitted, and of no others."""
        deviation = _deviation(np.asarray(self.observed)[train > 0])
        return eqx.tree_at(lambda o: o.scale, self, self.cast(deviation))

    def at(self, values: Float[Array, " entry"]) -> Any:
        """The model with these parameters."""
        return replaced(self.model, self.layout, values)

    def predicted(self, values: Float[Array, " entry"]) -> Float[Array, "row ..."]:
        """Predictions for all rows with these parameters."""
        return self.predict(self.at(values), self.inputs)

    def predictions(self, values: np.ndarray) -> np.ndarray:
        """The same, compiled once, in double precision [row, ...]."""
        return np.asarray(_predictions(self, self.cast(values)[None])[0], float)

    def jacobian(self, values: np.ndarray) -> np.ndarray:
        """Change of every prediction with each parameter [entry], in natural units [row, ..., entry]."""
        return np.asarray(_jacobian(self, self.cast(values)), float)


class Misfit(eqx.Module):
    """An objective with the weights of its values: what a method minimises over free numbers.

    Attributes:
        objective: Model, observed values, bounds and priors.
        weights: Weight of each value, 0 where it does not count [row, ...].
        noise: Standard deviation of the residuals, which weighs the priors; 0 leaves them out [1].
    """

    objective: Objective
    weights: Float[Array, "row ..."]
    noise: Float[Array, ""]

    def residuals(self, free: Float[Array, " entry"]) -> Float[Array, " number"]:
        """Weighted residuals, in standard deviations of the observed values, and those of the priors behind them.

        Their sum of squares over noise^2 is minus twice the logarithm of the posterior density.
        """
        objective, weights = self.objective, self.weights
        values = objective.bijection(free)
        root = jnp.sqrt(weights / jnp.maximum(jnp.sum(weights), 1e-30))
        data = root * (objective.observed - objective.predicted(values)) / objective.scale
        number = jnp.sum(weights > 0).astype(root.dtype)
        prior = self.noise / jnp.sqrt(number) * objective.prior_precision * (values - objective.prior_mean)
        return jnp.concatenate([jnp.ravel(data), prior])

    def mean_loss(
        self, free: Float[Array, " entry"], loss: Callable[[Array], Array], rows: Array | None = None
    ) -> Float[Array, ""]:
        """Mean loss of all rows, or of those given by number, and of the priors."""
        objective = self.objective
        values = objective.bijection(free)
        inputs, observed, weights = objective.inputs, objective.observed, self.weights
        number = jnp.sum(weights > 0).astype(free.dtype)
        if rows is not None:
            inputs, observed, weights = jax.tree.map(
                lambda leaf: leaf[rows] if is_of_rows(leaf, len(objective.observed)) else leaf,
                (inputs, observed, weights),
            )
        residual = (observed - objective.predict(objective.at(values), inputs)) / objective.scale
        deviations = self.noise * objective.prior_precision * (values - objective.prior_mean)
        prior = 0.5 * jnp.sum(deviations**2) / number
        return jnp.sum(weights * loss(residual)) / jnp.maximum(jnp.sum(weights), 1e-30) + prior


@dataclasses.dataclass(frozen=True)
class Linearisation:
    """An objective near its minimum, to first order; only of the values that are fitted.

    Attributes:
        jacobian: Change of each prediction with each parameter [value, entry].
        residual: Observed less predicted [value].
        weights: Weights, of mean 1, as only their ratios matter [value].
        noise: Standard deviation of the residuals at a weight of 1, in the unit of the observed values.
        scale: Standard deviation of the observed values.
    """

    jacobian: np.ndarray
    residual: np.ndarray
    weights: np.ndarray
    noise: float
    scale: float

    @classmethod
    def of(cls, objective: Objective, estimate: np.ndarray, residual: np.ndarray, train: np.ndarray) -> "Linearisation":
        """That of an objective at an estimate [entry], with the residuals and weights [row, ...] of all values."""
        used = train.ravel() > 0
        jacobian, residual = objective.jacobian(estimate).reshape(-1, len(estimate))[used], residual.ravel()[used]
        weights = train.ravel()[used] / train.ravel()[used].mean()
        noise = float(np.sqrt((weights * residual**2).sum() / max(len(residual) - len(estimate), 1)))
        return cls(jacobian, residual, weights, noise, float(objective.scale))

    def select(self, entries: np.ndarray) -> "Linearisation":
        """The same of some of the parameters."""
        return dataclasses.replace(self, jacobian=self.jacobian[:, entries])


@eqx.filter_jit
def _predictions(objective: Objective, values: Float[Array, "set entry"]) -> Float[Array, "set row ..."]:
    return jax.lax.map(objective.predicted, values)


@eqx.filter_jit
def _jacobian(objective: Objective, values: Float[Array, " entry"]) -> Float[Array, "row ... entry"]:
    return jax.jacfwd(objective.predicted)(values)


def _deviation(values: np.ndarray) -> float:
    """Standard deviation of values; their size, or 1, where they are all the same."""
    return float(values.std()) or float(np.abs(values).max()) or 1.0
