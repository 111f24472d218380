"""From a model and observations to the objective of a fit, checked."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxsched.calibrate._bounds import bijection
from jaxsched.calibrate._domain import with_load
from jaxsched.calibrate._names import Named, layout_of, named_parameters, per_entry
from jaxsched.calibrate._objective import Objective, caller, predictions
from jaxsched.calibrate._observations import CalibrationError, Clean, Observations, cleaned
from jaxsched.calibrate._split import time_folds


@dataclasses.dataclass(frozen=True)
class Posed:
    """A fit that can be made: everything of it was checked.

    Attributes:
        data: The observations as arrays.
        named: The parameters.
        train: Weights of the values that are fitted [row, ...].
        mask: Rows that are held out, where given [row].
        objective: The misfit.
    """

    data: Clean
    named: list[Named]
    train: np.ndarray
    mask: np.ndarray | None
    objective: Objective


def posed(
    model: Any,
    observations: Observations,
    parameters: Sequence[str],
    *,
    predict: Callable | None = None,
    bounds: Mapping[str, Any] | None = None,
    priors: Mapping[str, Any] | None = None,
    held_out: Any = None,
) -> Posed:
    """The fit of a model to observations, checked and not made; arguments as those of `fit`.

    Raises:
        CalibrationError: As `fit`.
    """
    data, named = with_load(cleaned(observations), model, predict), named_parameters(model, parameters)
    train, mask = training(data, held_out)
    objective = pose(model, data, train, named, caller(predict), bounds, priors)
    check_shape(objective, data)
    return Posed(data, named, train, mask, objective)


def pose(
    model: Any,
    data: Clean,
    train: np.ndarray,
    named: Sequence[Named],
    predict: Callable,
    bounds: Mapping[str, Any] | None,
    priors: Mapping[str, Any] | None,
) -> Objective:
    entries = [entry for one in named for entry in one.entries]
    given = per_entry(named, priors, "priors")
    for entry, prior in given.items():
        if np.shape(prior) != (2,) or not prior[1] > 0:
            raise CalibrationError(f"the prior of {entry} is {prior!r}; give (mean, standard deviation > 0).")
    deviation = [given[entry][1] if entry in given else np.inf for entry in entries]
    return Objective(
        model=model,
        inputs=data.inputs,
        observed=jnp.asarray(data.observed, float),
        bijection=bijection(named, bounds),
        prior_mean=jnp.asarray([given[entry][0] if entry in given else 0.0 for entry in entries], float),
        prior_precision=jnp.asarray(1.0 / np.asarray(deviation), float),
        scale=jnp.asarray(_spread(data.observed[train > 0]), float),
        layout=layout_of(named),
        predict=predict,
    )


def scaled_for(objective: Objective, train: np.ndarray) -> Objective:
    """The same objective, with residuals in units of the spread of the rows that are fitted, and of no others."""
    spread = _spread(np.asarray(objective.observed)[train > 0])
    return eqx.tree_at(lambda o: o.scale, objective, as_ours(objective, spread))


def _spread(values: np.ndarray) -> float:
    return float(values.std()) or float(np.abs(values).max()) or 1.0


def check_shape(objective: Objective, data: Clean) -> None:
    start = start_values(objective)
    try:
        shape = jax.eval_shape(objective.predicted, start).shape
    except TypeError as error:
        raise CalibrationError(f"the model cannot be called with these inputs: {error}.") from error
    if shape != data.observed.shape:
        raise CalibrationError(
            f"predictions have shape {shape}, observed values {data.observed.shape}; they must agree."
        )
    if not np.isfinite(np.asarray(objective.predicted(start))[data.used]).all():
        raise CalibrationError("the model that was given predicts something that is not a number; start from another.")


def start_values(objective: Objective) -> jax.Array:
    named = named_parameters(objective.model, [name for name, _ in objective.layout])
    return jnp.asarray(np.concatenate([one.value.ravel() for one in named]), objective.observed.dtype)


def training(data: Clean, held_out: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Weights of the rows that are fitted, and the mask of those held out, where given."""
    if held_out is None:
        return data.weights, None
    mask = np.asarray(held_out)
    if mask.dtype != bool or mask.shape != (len(data.observed),):
        raise CalibrationError(
            f"held_out must be one boolean for each of the {len(data.observed)} rows; it has shape {mask.shape} and type "
            f"{mask.dtype}."
        )
    train = np.where(over_rows(mask, data), 0.0, data.weights)
    if not (train > 0).any() or not (data.used & over_rows(mask, data)).any():
        raise CalibrationError("held_out leaves no usable row to fit to, or none to score; give a mask of some rows.")
    return train, mask


def over_rows(mask: np.ndarray, data: Clean) -> np.ndarray:
    return mask.reshape(-1, *[1] * (data.observed.ndim - 1))


def fold_of(data: Clean, folds: int) -> np.ndarray:
    return time_folds(len(data.observed) if data.times is None else data.times, folds)


def as_ours(objective: Objective, values: Any) -> jax.Array:
    return jnp.asarray(values, objective.observed.dtype)


def inside(objective: Objective, free: np.ndarray) -> np.ndarray:
    values = np.asarray(objective.bijection(as_ours(objective, free)), float)
    return np.clip(values, np.asarray(objective.bijection.low, float), np.asarray(objective.bijection.high, float))


def predicted(objective: Objective, values: np.ndarray) -> np.ndarray:
    return np.asarray(predictions(objective, as_ours(objective, values)[None])[0], float)
