"""Predictions of whole groups of rows by fits that had not seen them, and how good they are."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsched.calibrate import Descent, Fit, Huber, Observations, fit, scores
from jaxsched.calibrate._validation import polynomial_prediction

# Where the loss of ln(observed / predicted) turns from squares to sizes.
_RELATIVE_WIDTH = 0.05
STARTS = 4


def unseen(
    model: Any,
    law: Callable[[Any, Any], Any],
    inputs: Any,
    observed: np.ndarray,
    group: np.ndarray,
    parameters: Sequence[str],
    features: Mapping[str, np.ndarray],
    robust: bool = True,
) -> dict[str, np.ndarray]:
    """Predictions of each group by laws fitted to the other groups, in the unit of what was observed.

    Arguments:
        model: Where the fit starts, and the uncalibrated default.
        law: (model, inputs) -> positive predictions; its logarithm is fitted, so that errors are relative.
        inputs: What the law takes.
        observed: Measured values [row].
        group: What is held out together [row].
        parameters: Those to fit.
        features: Predictors of the plain polynomial, of second degree, whose squares of relative errors are least.
        robust: Go on from the least squares with Huber's loss, which single outliers hardly pull.

    Returns:
        `calibrated`, `default` and `polynomial` predictions [row].
    """

    predict = _logarithm(law)
    spread = float(np.std(np.log(observed))) or 1.0
    polish = Descent(Huber(jnp.asarray(_RELATIVE_WIDTH / spread)), steps=60)
    found = {name: np.full(observed.shape, np.nan) for name in ("calibrated", "default", "polynomial")}
    found["default"] = np.asarray(law(model, inputs), float) * np.ones(observed.shape)
    data = Observations(inputs, np.log(observed), unit="ln", features=features)
    for held in np.unique(group):
        mask = group == held
        given = {"parameters": parameters, "predict": predict, "held_out": mask}
        one = fit(model, data, **given, starts=STARTS)
        if robust:
            again = fit(one.model, data, **given, starts=1, method=polish)
            # A descent can end above its start where the slopes are steep; then the least squares stand.
            one = again if _typical(again, ~mask) <= _typical(one, ~mask) else one
        found["calibrated"][mask] = np.exp(one.held_out_predicted[mask])
        plain = polynomial_prediction(features, observed, np.where(mask, 0.0, 1.0 / observed**2))
        if plain is not None:
            found["polynomial"][mask] = plain[mask]
    return found


def _typical(found: Fit, rows: np.ndarray) -> float:
    """Mean size of the residuals of the rows that were fitted, which wild ones hardly sway."""
    size = np.abs(found.observations.observed - found.predicted)[rows]
    return float(np.minimum(size, 10.0 * _RELATIVE_WIDTH).mean()) if np.isfinite(size).all() else np.inf


@functools.cache
def _logarithm(law: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The logarithm of a law; one function a law, so that fits to as many rows share a compiled program."""

    def predict(model: Any, inputs: Any) -> Any:
        return jnp.log(law(model, inputs))

    return predict


def scored(observed: np.ndarray, predictions: Mapping[str, np.ndarray], used: np.ndarray | None = None) -> dict:
    """Median relative error, CV(RMSE) and count of each prediction over the rows that are used."""
    result = {}
    for name, predicted in predictions.items():
        known = np.isfinite(predicted) & (True if used is None else used)
        score = scores(observed, predicted, known)
        result[name] = {
            "median_relative_error": number(score.median_relative_error),
            "cv_rmse": number(score.cv_rmse),
            "count": score.count,
        }
    return result


def number(value: float) -> float | None:
    """A number that JSON has, or nothing."""
    return float(value) if np.isfinite(value) else None
