"""Fit parameters of a model to observations, and say how far the answer can be trusted."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from jaxsched.calibrate._bounds import bijection
from jaxsched.calibrate._methods import AbstractMethod, LeastSquares
from jaxsched.calibrate._names import Named, layout_of, named_parameters, per_entry
from jaxsched.calibrate._objective import (
    Objective,
    caller,
    jacobian,
    minimise_starts,
    minimise_weights,
    predictions,
)
from jaxsched.calibrate._observations import CalibrationError, Clean, Observations, cleaned
from jaxsched.calibrate._result import Fit
from jaxsched.calibrate._scores import Scores, polynomial_prediction, scores
from jaxsched.calibrate._split import blocks, time_folds
from jaxsched.calibrate._uncertainty import Uncertainty, uncertainty

Model = TypeVar("Model")
# The start that was given is kept where others reach a misfit lower by less than this.
_AS_GOOD = 1e-6
# Standard errors of the bootstrap beyond this many times those of Gauss-Newton are worth a sentence.
_LARGER = 1.5


def fit(
    model: Model,
    observations: Observations,
    *,
    parameters: Sequence[str],
    predict: Callable[[Any, Any], Any] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    priors: Mapping[str, tuple[float, float]] | None = None,
    method: AbstractMethod | None = None,
    held_out: Any = None,
    folds: int = 5,
    starts: int = 8,
    bootstrap: int = 0,
    block_hours: float = 24.0,
    seed: int = 0,
) -> Fit[Model]:
    """The parameters of a model that agree best with observations, their errors, and its error on data held out.

        minimise  sum w (observed - predict(model, inputs))^2 + noise^2 sum ((p - mean) / deviation)^2

    over the named parameters, within their bounds. `noise` is the standard deviation of the residuals, from a first
    fit, where there are priors. The default precision of JAX is used; float64 is worth while.

    Arguments:
        model: Any model of `jaxsched.models` or module of your own; it is the start, and what the fit is compared with.
        observations: What was measured.
        parameters: Dotted names of the parameters to fit (`parameter_names` lists all); the others keep their values.
        predict: (model, inputs) -> predictions of the shape of the observed values, in JAX; it may solve a schedule. Where not
            given the model is called with the inputs.
        bounds: (low, high) by name, within the valid range that a parameter declares; that range where not given.
        priors: (mean, standard deviation) of a normal prior by name, in the unit of the parameter.
        method: `LeastSquares()` where not given; `Descent(loss)` for robust losses, quantiles and large data.
        held_out: Mask of rows that take no part in the fit and are scored [row]. Where not given, the fit takes all rows, and
            each of `folds` blocks of time is scored by a fit to the others.
        folds: Number of those blocks, >= 2; 0 for no score of held-out rows.
        starts: Number of starts, the first the model itself, the others drawn around it, >= 1.
        bootstrap: Number of block bootstrap samples, >= 0.
        block_hours: Length of a bootstrap block [h]; without times each row is a block.
        seed: Of the starts and of the bootstrap.

    Returns:
        The fit.

    Raises:
        CalibrationError: If an argument cannot be used; the message says which and how to mend it.
    """
    _check_counts(folds=folds, starts=starts, bootstrap=bootstrap)
    data, named = cleaned(observations), named_parameters(model, parameters)
    objective = _objective(model, data, named, caller(predict), bounds, priors)
    _check_shape(objective, data)
    train, mask = _training(data, held_out)
    method = LeastSquares() if method is None else method
    random = np.random.default_rng(seed)
    free, misfit, converged, noise = _best(objective, train, method, starts, random)
    estimate = _inside(objective, free)
    residual = data.observed - _predicted(objective, estimate)
    spread = _uncertainty(objective, data, train, estimate, residual, named, method)
    scored, held_out_predicted = _held_out(objective, data, mask, folds, free, estimate, noise, method)
    samples = _bootstrap(objective, data, train, free, noise, method, bootstrap, block_hours, random)
    found = _scores(objective, data, train, scored, held_out_predicted, mask, folds, estimate)
    table = _table(named, objective, estimate, spread, samples)
    return Fit(
        model=objective.at(jnp.asarray(estimate, objective.observed.dtype)),
        start=model,
        parameters=table,
        covariance=spread.covariance,
        bootstrap=samples,
        scores=found,
        warnings=spread.sentences + _more_sentences(table, converged, found),
        converged=converged,
        misfit=misfit,
        predicted=data.observed - residual,
        held_out_predicted=held_out_predicted,
        held_out=scored,
        observations=data,
        predict=objective.predict,
    )


def _check_counts(*, folds: int, starts: int, bootstrap: int) -> None:
    if starts < 1 or bootstrap < 0 or folds < 0 or folds == 1:
        raise CalibrationError(
            f"starts is {starts}, bootstrap {bootstrap}, folds {folds}; give starts >= 1, bootstrap >= 0, folds 0 or >= 2."
        )


def _objective(
    model: Any,
    data: Clean,
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
    scale = float(data.observed[data.used].std()) or float(np.abs(data.observed[data.used]).max()) or 1.0
    return Objective(
        model=model,
        inputs=data.inputs,
        observed=jnp.asarray(data.observed, float),
        bijection=bijection(named, bounds),
        prior_mean=jnp.asarray([given[entry][0] if entry in given else 0.0 for entry in entries], float),
        prior_precision=jnp.asarray(1.0 / np.asarray(deviation), float),
        scale=jnp.asarray(scale, float),
        layout=layout_of(named),
        predict=predict,
    )


def _check_shape(objective: Objective, data: Clean) -> None:
    start = _start_values(objective)
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


def _start_values(objective: Objective) -> jax.Array:
    from jaxsched.calibrate._names import named_parameters

    named = named_parameters(objective.model, [name for name, _ in objective.layout])
    return jnp.asarray(np.concatenate([one.value.ravel() for one in named]), objective.observed.dtype)


def _training(data: Clean, held_out: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Weights of the rows that are fitted, and the mask of those held out, where given."""
    if held_out is None:
        return data.weights, None
    mask = np.asarray(held_out)
    if mask.dtype != bool or mask.shape != (len(data.observed),):
        raise CalibrationError(
            f"held_out must be one boolean for each of the {len(data.observed)} rows; it has shape {mask.shape} and type "
            f"{mask.dtype}."
        )
    train = np.where(_over_rows(mask, data), 0.0, data.weights)
    if not (train > 0).any() or not (data.used & _over_rows(mask, data)).any():
        raise CalibrationError("held_out leaves no usable row to fit to, or none to score; give a mask of some rows.")
    return train, mask


def _over_rows(mask: np.ndarray, data: Clean) -> np.ndarray:
    return mask.reshape(-1, *[1] * (data.observed.ndim - 1))


def _best(objective, train, method, starts, random) -> tuple[np.ndarray, np.ndarray, bool, float]:
    """Free numbers of the best minimum, misfits best first, whether it converged, and the noise of the priors."""
    first = objective.bijection.inverse(np.asarray(_start_values(objective), float))
    others = first + random.normal(size=(starts - 1, len(first)))
    every = _array(objective, np.concatenate([first[None], others]))
    noise = 0.0
    for _ in range(2 if np.asarray(objective.prior_precision).any() else 1):
        answer = minimise_starts(objective, every, _array(objective, train), _array(objective, noise), method)
        free, misfit, settled = (np.asarray(a) for a in answer)
        misfit = np.where(np.isfinite(misfit) & np.isfinite(free).all(1), misfit, np.inf)
        if not np.isfinite(misfit).any():
            raise CalibrationError("no start led to a finite misfit; check the data, or start from another model.")
        best = int(np.argmin(misfit))
        if misfit[0] <= misfit[best] * (1.0 + _AS_GOOD) + _AS_GOOD**2:
            best = 0
        residual = (objective.observed - _predicted(objective, _inside(objective, free[best]))) / objective.scale
        weights = train / train[train > 0].mean()
        noise = float(np.sqrt((weights * np.asarray(residual) ** 2).sum() / max((train > 0).sum() - len(first), 1)))
    return free[best], np.sort(misfit), bool(settled[best]), noise


def _array(objective: Objective, values: Any) -> jax.Array:
    return jnp.asarray(values, objective.observed.dtype)


def _inside(objective: Objective, free: np.ndarray) -> np.ndarray:
    values = np.asarray(objective.bijection(_array(objective, free)), float)
    return np.clip(values, np.asarray(objective.bijection.low, float), np.asarray(objective.bijection.high, float))


def _predicted(objective: Objective, values: np.ndarray) -> np.ndarray:
    return np.asarray(predictions(objective, _array(objective, values)[None])[0], float)


def _uncertainty(objective, data, train, estimate, residual, named, method) -> Uncertainty:
    slopes = np.asarray(jacobian(objective, _array(objective, estimate)), float)
    return uncertainty(
        slopes.reshape(-1, len(estimate)),
        residual.ravel(),
        train.ravel(),
        estimate,
        [entry for one in named for entry in one.entries],
        objective.bijection,
        np.asarray(objective.prior_precision, float),
        method,
        float(objective.scale),
        data.unit,
    )


def _held_out(objective, data, mask, folds, free, estimate, noise, method) -> tuple[np.ndarray, np.ndarray]:
    """Which rows are scored, and predictions for them by fits that had not seen them."""
    unseen = np.full(data.observed.shape, np.nan)
    if mask is not None:
        unseen[mask] = _predicted(objective, estimate)[mask]
        return mask, unseen
    if folds == 0:
        return np.zeros(len(unseen), bool), unseen
    block = _folds(data, folds)
    parts = np.stack([np.where(_over_rows(block == n, data), 0.0, data.weights) for n in range(folds)])
    found = minimise_weights(
        objective, _array(objective, free), _array(objective, parts), _array(objective, noise), method
    )
    every = np.asarray(predictions(objective, jax.vmap(objective.bijection)(found)), float)
    for n in range(folds):
        unseen[block == n] = every[n][block == n]
    return data.row_used, unseen


def _folds(data: Clean, folds: int) -> np.ndarray:
    return time_folds(len(data.observed) if data.times is None else data.times, folds)


def _bootstrap(objective, data, train, free, noise, method, number, hours, random) -> np.ndarray:
    if number == 0:
        return np.zeros((0, len(free)))
    block = blocks(data.times, len(data.observed), hours)
    present = np.unique(block[(train > 0).reshape(len(train), -1).any(1)])
    drawn = random.multinomial(len(present), np.full(len(present), 1.0 / len(present)), size=number)
    count = np.zeros((number, block.max() + 1))
    count[:, present] = drawn
    weights = train[None] * count[:, block].reshape(number, -1, *[1] * (data.observed.ndim - 1))
    found = minimise_weights(
        objective, _array(objective, free), _array(objective, weights), _array(objective, noise), method
    )
    return np.stack([_inside(objective, one) for one in np.asarray(found)])


def _scores(objective, data, train, scored, unseen, mask, folds, estimate) -> dict[str, Scores]:
    used = data.used & _over_rows(scored, data) & np.isfinite(unseen)
    found = {"fitted": scores(data.observed, _predicted(objective, estimate), train > 0)}
    if not used.any():
        return found
    default = np.asarray(objective.predicted(_start_values(objective)), float)
    plain = _plain_regression(data, train, mask, folds)
    found = {
        "held_out": scores(data.observed, unseen, used),
        "default": scores(data.observed, default, used),
        **({} if plain is None else {"polynomial": scores(data.observed, plain, used)}),
        **found,
    }
    return found


def _plain_regression(data: Clean, train: np.ndarray, mask: np.ndarray | None, folds: int) -> np.ndarray | None:
    """Predictions of the polynomial regression for rows that it had not seen."""
    if mask is not None:
        return polynomial_prediction(data.features, data.observed, train)
    block, plain = _folds(data, folds), np.full(data.observed.shape, np.nan)
    for n in range(folds):
        part = np.where(_over_rows(block == n, data), 0.0, data.weights)
        found = polynomial_prediction(data.features, data.observed, part)
        if found is None:
            return None
        plain[block == n] = found[block == n]
    return plain


def _table(named, objective, estimate, spread: Uncertainty, samples: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "estimate": estimate,
            "standard_error": np.sqrt(np.diag(spread.covariance)),
            "bootstrap_error": samples.std(0, ddof=1) if len(samples) > 1 else np.full(len(estimate), np.nan),
            "unit": [one.unit for one in named for _ in one.entries],
            "start": np.concatenate([one.value.ravel() for one in named]),
            "low": np.asarray(objective.bijection.low, float),
            "high": np.asarray(objective.bijection.high, float),
            "at_bound": spread.at_bound,
            "no_effect": spread.no_effect,
        },
        index=pd.Index([entry for one in named for entry in one.entries], name="name"),
    )


def _more_sentences(table: pd.DataFrame, converged: bool, found: Mapping[str, Scores]) -> tuple[str, ...]:
    told = []
    if not converged:
        told.append(
            "the minimum was not reached: raise the steps of the method, give more starts, or fit fewer parameters."
        )
    ratio = (table["bootstrap_error"] / table["standard_error"]).to_numpy()
    if np.isfinite(ratio).any() and np.nanmax(ratio) > _LARGER:
        told.append(
            f"the residuals are correlated in time, or not of one variance: bootstrap errors are up to "
            f"{np.nanmax(ratio):.1f} times the standard errors, which take rows for independent; trust the bootstrap."
        )
    if "polynomial" in found and found["polynomial"].cv_rmse < found["held_out"].cv_rmse:
        told.append(
            f"a plain polynomial regression predicts the held-out rows better (CV(RMSE) {found['polynomial'].cv_rmse:.1%} "
            f"against {found['held_out'].cv_rmse:.1%}): the law misses something that the inputs tell."
        )
    return tuple(told)
