"""Fit parameters of a model to observations, and say how far the answer can be trusted."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from jaxsched.calibrate._domain import arguments_of, outside
from jaxsched.calibrate._judge import held_out_scores, more_sentences, parameter_table
from jaxsched.calibrate._methods import AbstractMethod, LeastSquares
from jaxsched.calibrate._objective import (
    Objective,
    jacobian,
    minimise_starts,
    minimise_weights,
)
from jaxsched.calibrate._observations import CalibrationError, Observations
from jaxsched.calibrate._prepare import (
    as_ours,
    fold_of,
    inside,
    over_rows,
    posed,
    predicted,
    scaled_for,
    start_values,
)
from jaxsched.calibrate._result import Fit
from jaxsched.calibrate._split import blocks
from jaxsched.calibrate._uncertainty import Uncertainty, uncertainty

Model = TypeVar("Model")
# The start that was given is kept where others reach a misfit lower by less than this.
_AS_GOOD = 1e-6


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
        CalibrationError: If an argument cannot be used; the message says which and how to correct it.
    """
    _check_counts(folds=folds, starts=starts, bootstrap=bootstrap)
    ready = posed(model, observations, parameters, predict=predict, bounds=bounds, priors=priors, held_out=held_out)
    data, named, train, mask, objective = ready.data, ready.named, ready.train, ready.mask, ready.objective
    method = LeastSquares() if method is None else method
    random = np.random.default_rng(seed)
    every = _starts(objective, starts, random)
    free, misfit, converged, noise = _best_with_priors(objective, train, method, every)
    estimate = inside(objective, free)
    residual = data.observed - predicted(objective, estimate)
    spread = _uncertainty(objective, data, train, estimate, residual, named, method)
    scored, held_out_predicted = _held_out(objective, data, mask, folds, every, estimate, noise, method)
    samples = _bootstrap(objective, data, train, free, noise, method, bootstrap, block_hours, random)
    found, hourly = held_out_scores(objective, data, train, scored, held_out_predicted, mask, folds, estimate)
    table = parameter_table(named, objective, estimate, spread, samples)
    return Fit(
        model=objective.at(as_ours(objective, estimate)),
        start=model,
        parameters=table,
        covariance=spread.covariance,
        bootstrap=samples,
        scores=found,
        hourly=hourly,
        warnings=(
            *spread.sentences,
            *more_sentences(table, converged, found),
            *outside(model, arguments_of(model, objective.predict, data.inputs)),
        ),
        converged=converged,
        misfit=misfit,
        predicted=data.observed - residual,
        held_out_predicted=held_out_predicted,
        held_out=scored,
        observations=data,
        predict=objective.predict,
        objective=objective,
        method=method,
        training_weights=train,
    )


def _check_counts(*, folds: int, starts: int, bootstrap: int) -> None:
    if starts < 1 or bootstrap < 0 or folds < 0 or folds == 1:
        raise CalibrationError(
            f"starts is {starts}, bootstrap {bootstrap}, folds {folds}; give starts >= 1, bootstrap >= 0, folds 0 or >= 2."
        )


def _starts(objective: Objective, number: int, random: np.random.Generator) -> np.ndarray:
    """Free numbers of the model that was given, and of others drawn around it [start, entry]."""
    first = objective.bijection.inverse(np.asarray(start_values(objective), float))
    return np.concatenate([first[None], first + random.normal(size=(number - 1, len(first)))])


def _best_with_priors(objective, train, method, starts) -> tuple[np.ndarray, np.ndarray, bool, float]:
    """As `_best`, with the noise that weighs the priors (0 without), from a first fit that has none."""
    free, misfit, converged = _best(objective, train, 0.0, method, starts)
    if not np.asarray(objective.prior_precision).any():
        return free, misfit, converged, 0.0
    residual = (np.asarray(objective.observed) - predicted(objective, inside(objective, free))) / float(objective.scale)
    weights = train / train[train > 0].mean()
    spare = max(int(np.count_nonzero(train)) - len(free), 1)
    noise = float(np.sqrt((weights * residual**2).sum() / spare))
    free, misfit, converged = _best(objective, train, noise, method, starts)
    return free, misfit, converged, noise


def _best(objective, train, noise, method, starts) -> tuple[np.ndarray, np.ndarray, bool]:
    """Free numbers of the best minimum, misfits best first, and whether it converged."""
    every, train, noise = (as_ours(objective, each) for each in (starts, train, noise))
    free, misfit, settled = (np.asarray(a) for a in minimise_starts(objective, every, train, noise, method))
    misfit = np.where(np.isfinite(misfit) & np.isfinite(free).all(1), misfit, np.inf)
    if not np.isfinite(misfit).any():
        raise CalibrationError("no start led to a finite misfit; check the data, or start from another model.")
    best = int(np.argmin(misfit))
    if misfit[0] <= misfit[best] * (1.0 + _AS_GOOD) + _AS_GOOD**2:
        best = 0
    return free[best], np.sort(misfit), bool(settled[best])


def _uncertainty(objective, data, train, estimate, residual, named, method) -> Uncertainty:
    slopes = np.asarray(jacobian(objective, as_ours(objective, estimate)), float)
    return uncertainty(
        slopes.reshape(-1, len(estimate)),
        residual.ravel(),
        train.ravel(),
        estimate,
        named,
        objective.bijection,
        np.asarray(objective.prior_precision, float),
        method,
        float(objective.scale),
        data.unit,
    )


def _held_out(objective, data, mask, folds, starts, estimate, noise, method) -> tuple[np.ndarray, np.ndarray]:
    """Which rows are scored, and predictions for them by fits that had not seen them."""
    unseen = np.full(data.observed.shape, np.nan)
    if mask is not None:
        unseen[mask] = predicted(objective, estimate)[mask]
        return mask, unseen
    if folds == 0:
        return np.zeros(len(unseen), bool), unseen
    block = fold_of(data, folds)
    for n in range(folds):
        part = np.where(over_rows(block == n, data), 0.0, data.weights)
        if (part > 0).any():
            # From the starts of the whole fit, never from its answer, which has seen the block.
            free = _best(scaled_for(objective, part), part, noise, method, starts)[0]
            unseen[block == n] = predicted(objective, inside(objective, free))[block == n]
    return data.row_used & np.isfinite(unseen).reshape(len(unseen), -1).all(1), unseen


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
        objective, as_ours(objective, free), as_ours(objective, weights), as_ours(objective, noise), method
    )
    return np.stack([inside(objective, one) for one in np.asarray(found)])
