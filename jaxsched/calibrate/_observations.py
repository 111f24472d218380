"""What was measured: inputs of a law, observed values, weights and times."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from jaxsched._parameters import as_array


class CalibrationError(ValueError):
    """Observations, parameters or settings that cannot be used; the message is one sentence."""


@dataclasses.dataclass(frozen=True)
class Observations:
    """Measurements that a model is fitted to. The first axis of everything is the row.

    Rows whose observed value, weight or input is not a number are left out. Rows need no regular step: any sampling,
    sub-hourly too, is used as it is.

    Attributes:
        inputs: What the model is called with: a tuple (positional arguments), a mapping (by name), one array, or any
            pytree where `predict` of `fit` takes it. Arrays of as many rows as `observed` belong to the rows; all else is
            shared by all of them.
        observed: What was measured [row, ...]; NaN where missing.
        weights: Weight of each value in the sum of squares, proportional to 1 / variance, >= 0 [row, ...]; equal where not
            given.
        times: When (start of the interval), for blocks of time; anything that pandas reads as times [row]. Without times
            rows count as independent, and blocks are of consecutive rows.
        unit: Of the observed values, for texts and plots.
        features: Predictors of the polynomial that a fit is compared with, by name [row, ...]; the arrays of `inputs` that
            have the shape of `observed` where not given.
        proportional_to: What the plainest law takes the observed values to be in proportion to, for example the heat that a
            plant removes (kW per ton); a fit is compared with that too [row, ...]. The load of a cooling plant where the
            inputs are those of its call and it is not given.
    """

    inputs: Any
    observed: Any
    weights: Any = None
    times: Any = None
    unit: str = ""
    features: Mapping[str, Any] | None = None
    proportional_to: Any = None


@dataclasses.dataclass(frozen=True)
class Clean:
    """Observations as arrays without a NaN: what was missing has weight zero and a stand-in value."""

    inputs: Any
    observed: np.ndarray
    weights: np.ndarray
    times: pd.DatetimeIndex | None
    unit: str
    features: dict[str, np.ndarray]
    proportional_to: np.ndarray | None = None

    @property
    def used(self) -> Any:
        """Which values count [row, ...]."""
        return np.greater(self.weights, 0.0)

    @property
    def row_used(self) -> np.ndarray:
        """Which rows hold a value that counts [row]."""
        return self.used.reshape(len(self.used), -1).any(1)


def cleaned(observations: Observations) -> Clean:
    """Arrays of the observations, checked; missing values get weight zero.

    Raises:
        CalibrationError: If shapes disagree, a weight is negative, or no value is left.
    """
    observed = _numbers("observed", observations.observed)
    if observed.ndim == 0 or not observed.size:
        raise CalibrationError("observed holds no rows; give an array with a value for each.")
    weights = np.ones(observed.shape) if observations.weights is None else _weights(observations.weights, observed)
    inputs = jax.tree.map(_input, observations.inputs)
    present = np.isfinite(observed) & np.isfinite(weights)
    for leaf in jax.tree.leaves(inputs):
        if is_of_rows(leaf, len(observed)):
            known = np.isfinite(np.asarray(leaf)).reshape(len(observed), -1).all(1)
            present &= known.reshape(-1, *[1] * (observed.ndim - 1))
    weights = np.asarray(np.where(present, weights, 0.0))
    if not (weights > 0).any():
        raise CalibrationError("every row misses its observed value, a weight or an input; there is nothing to fit to.")
    filled = np.where(present, observed, 0.0)
    inputs = jax.tree.map(lambda leaf: _without_gaps(leaf, len(observed)), inputs)
    features = _features(observations.features, inputs, observed)
    return Clean(
        inputs=inputs,
        observed=filled,
        weights=weights,
        times=_times(observations.times, len(observed)),
        unit=observations.unit,
        features=features,
        proportional_to=_driver(observations.proportional_to, observed),
    )


def is_of_rows(leaf: Any, rows: int) -> bool:
    """Whether an array of the inputs has one entry a row."""
    return isinstance(leaf, jax.Array | np.ndarray) and leaf.ndim > 0 and leaf.shape[0] == rows


def _input(leaf: Any) -> Any:
    """An input as an array; whole numbers, which index sites or classes, stay whole."""
    return jnp.asarray(leaf) if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "iub" else as_array(leaf)


def _numbers(name: str, values: Any) -> np.ndarray:
    try:
        return np.asarray(values, float)
    except (TypeError, ValueError):
        raise CalibrationError(
            f"{name} holds something that is not a number; give numbers, NaN where missing."
        ) from None


def _weights(given: Any, observed: np.ndarray) -> np.ndarray:
    weights = _numbers("weights", given)
    if weights.ndim < observed.ndim:
        weights = weights.reshape(*weights.shape, *[1] * (observed.ndim - weights.ndim))
    try:
        weights = np.broadcast_to(weights, observed.shape)
    except ValueError:
        raise CalibrationError(
            f"weights have shape {weights.shape}, observed {observed.shape}; give one weight for each value."
        ) from None
    if (weights < 0).any():
        raise CalibrationError(f"a weight is {np.nanmin(weights):g}; weights are at least 0.")
    return weights


def _without_gaps(leaf: Any, rows: int) -> Any:
    if not is_of_rows(leaf, rows) or not jnp.issubdtype(leaf.dtype, jnp.floating):
        return leaf
    values = np.asarray(leaf)
    known = np.isfinite(values)
    # A stand-in from the data keeps laws and their derivatives finite; its weight is zero.
    return (
        leaf if known.all() else jnp.asarray(np.where(known, values, np.median(values[known]) if known.any() else 0.0))
    )


def _times(given: Any, rows: int) -> pd.DatetimeIndex | None:
    if given is None:
        return None
    try:
        times = pd.DatetimeIndex(given)
    except (TypeError, ValueError):
        raise CalibrationError("times cannot be read as times; give what pandas.DatetimeIndex takes.") from None
    if len(times) != rows or times.isna().any():
        raise CalibrationError(f"times must be one known time for each of the {rows} rows; {len(times)} were given.")
    return times


def _driver(given: Any, observed: np.ndarray) -> np.ndarray | None:
    if given is None:
        return None
    values = _numbers("proportional_to", given)
    if values.shape != observed.shape:
        raise CalibrationError(f"proportional_to has shape {values.shape}, observed {observed.shape}; they must agree.")
    return np.where(np.isfinite(values), values, 0.0)


def _features(given: Mapping[str, Any] | None, inputs: Any, observed: np.ndarray) -> dict[str, np.ndarray]:
    if given is None:
        named = jax.tree_util.tree_flatten_with_path(inputs)[0]
        given = {
            jax.tree_util.keystr(path): leaf for path, leaf in named if getattr(leaf, "shape", None) == observed.shape
        }
    found = {name: _numbers(f"features[{name!r}]", values) for name, values in given.items()}
    for name, values in found.items():
        if values.shape != observed.shape:
            raise CalibrationError(f"features[{name!r}] has shape {values.shape}, observed {observed.shape}.")
    return {name: np.where(np.isfinite(values), values, 0.0) for name, values in found.items()}
