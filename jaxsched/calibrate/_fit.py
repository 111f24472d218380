"""Fit parameters of a model to observations, and say how far the answer can be trusted."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd

from jaxsched.calibrate._diagnostics import agreement_warnings, domain_warnings, identifiability_warnings
from jaxsched.calibrate._fit_job import FitJob
from jaxsched.calibrate._methods import AbstractMethod, LeastSquares
from jaxsched.calibrate._objective import Objective, arguments_of, call_model
from jaxsched.calibrate._observations import CalibrationError, Clean, Observations
from jaxsched.calibrate._parameters import FreeParameters
from jaxsched.calibrate._uncertainty import block_errors
from jaxsched.calibrate._validation import Scores

Model = TypeVar("Model")
# Scores by the key of a summary.
_KEYS = {
    "heldout": "held_out",
    "heldout_default": "default",
    "heldout_polynomial": "polynomial",
    "heldout_constant": "constant",
    "fitted": "fitted",
}


@dataclasses.dataclass(frozen=True)
class Fit(Generic[Model]):
    """A fitted model, and how far it can be trusted.

    Attributes:
        model: The fitted model, of the type that was given.
        parameters: One row per number: `estimate`, `standard_error` (Gauss-Newton), `bootstrap_error` (block bootstrap, NaN
            where none was asked for; to first order in a fit to a log), `unit`, `start`, `low`, `high`, `at_bound`,
            `no_effect`, by `name`.
        covariance: Of the estimates in their units squared; NaN for those on a bound or without effect [entry, entry].
        bootstrap: Estimates from rows drawn again block by block [sample, entry]; none without bootstrap.
        scores: `held_out` (of rows that the model had not seen), `default` (the model that was given), `polynomial` (a
            plain regression) and `constant` (one ratio to the load, where that is known) on the same rows, and `fitted` (of
            the rows of the fit).
        hourly: The same of hourly means; none without times, or where rows are an hour apart or more.
        warnings: What the data cannot tell, and what else to know, one sentence each.
        converged: Whether the minimum was reached.
        misfit: Minimum of the misfit from each start, best first [start].
        predicted: Predictions of the fitted model [row, ...].
        held_out_predicted: Predictions of each scored row by a model that had not seen it; NaN elsewhere [row, ...].
        held_out: Which rows were scored [row].
        observations: The data as they were used; missing values have weight zero.
        objective: What was minimised, with its bounds and priors.
        method: How it was minimised.
        training_weights: Weights of the values that were fitted, 0 where held out or missing [row, ...].
    """

    model: Model
    parameters: pd.DataFrame
    covariance: np.ndarray
    bootstrap: np.ndarray
    scores: Mapping[str, Scores]
    hourly: Mapping[str, Scores]
    warnings: tuple[str, ...]
    converged: bool
    misfit: np.ndarray
    predicted: np.ndarray
    held_out_predicted: np.ndarray
    held_out: np.ndarray
    observations: Clean
    objective: Objective
    method: AbstractMethod
    training_weights: np.ndarray

    @property
    def start(self) -> Model:
        """The model that was given."""
        return self.objective.model

    @property
    def predict(self) -> Callable[[Any, Any], Any]:
        """How the model predicts: (model, inputs) -> predictions."""
        return self.objective.predict

    @property
    def correlations(self) -> pd.DataFrame:
        """Correlations of the estimates by name; NaN where there is no standard error."""
        error = np.sqrt(np.diag(self.covariance))
        table = self.covariance / np.outer(error, error)
        return pd.DataFrame(table, index=self.parameters.index, columns=self.parameters.index)

    def with_block_errors(self, block: np.ndarray) -> "Fit[Model]":
        """The fit with the errors that blocks of its rows, drawn again, give its parameters to first order.

        A fit that has bootstrap samples, robust losses or priors is left as it is.

        Arguments:
            block: Block of each row, 0 first [row].

        Returns:
            The fit with `bootstrap_error` in its table.
        """
        if len(self.bootstrap) or not self.method.is_gaussian or self.objective.has_priors:
            return self
        known = np.isfinite(np.diag(self.covariance))
        rows, estimate = len(block), self.parameters["estimate"].to_numpy()
        jacobian = self.objective.jacobian(estimate).reshape(rows, -1, len(estimate))[..., known]
        residual = (self.observations.observed - self.predicted).reshape(rows, -1)
        errors = np.full(len(known), np.nan)
        errors[known] = block_errors(jacobian, residual, self.training_weights.reshape(rows, -1), block)
        return dataclasses.replace(self, parameters=self.parameters.assign(bootstrap_error=errors))

    def summary(self) -> dict[str, Any]:
        """Parameters, scores and warnings as plain values for JSON; what is unknown is None."""
        rows = self.parameters.reset_index().to_dict("records")
        return {
            "parameters": [{key: _plain(value) for key, value in row.items()} for row in rows],
            "correlations": [[_plain(value) for value in row] for row in self.correlations.to_numpy()],
            **_shown(self.scores),
            "hourly": _shown(self.hourly) if self.hourly else None,
            "warnings": list(self.warnings),
            "converged": self.converged,
        }

    def __str__(self) -> str:
        resampled = ["bootstrap_error"] if self.parameters["bootstrap_error"].notna().any() else []
        shown = self.parameters[["estimate", "standard_error", *resampled, "unit", "start", "at_bound"]].to_string()
        lines = [f"{type(self.model).__name__} fitted to {int(self.observations.used.sum())} values.", shown]
        hourly = {f"{name}, hourly means": score for name, score in self.hourly.items()}
        for name, score in {**self.scores, **hourly}.items():
            lines.append(
                f"{name}: CV(RMSE) {score.cv_rmse:.2%}, NMBE {score.nmbe:+.2%}, R2 {score.r2:.3f} ({score.count})"
            )
        return "\n".join([*lines, *(f"warning: {sentence}" for sentence in self.warnings)])


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
    free = FreeParameters.of(model, parameters, bounds, priors)
    predict, method = call_model if predict is None else predict, LeastSquares() if method is None else method
    job = FitJob.of(model, observations, free, predict, method, held_out)
    random = np.random.default_rng(seed)
    begin = job.starts(starts, random)
    found = job.minimum(begin)
    if job.objective.has_priors:
        job = job.with_noise(found.free)
        found = job.minimum(begin)
    data, objective = job.data, job.objective
    estimate = objective.clip_to_bounds(found.free)
    predicted = objective.predictions(estimate)
    residual = data.observed - predicted
    errors = job.uncertainty(estimate, residual)
    unseen = job.held_out(predicted, begin, folds)
    samples = job.bootstrap(found.free, bootstrap, block_hours, random)
    scores, hourly = job.scores(predicted, unseen, folds)
    table = job.table(estimate, errors, samples)
    return Fit(
        model=objective.at(objective.cast(estimate)),
        parameters=table,
        covariance=errors.covariance,
        bootstrap=samples,
        scores=scores,
        hourly=hourly,
        warnings=(
            *identifiability_warnings(objective, estimate, errors, data.unit),
            *agreement_warnings(table, found.converged, scores),
            *domain_warnings(model, arguments_of(model, predict, data.inputs)),
        ),
        converged=found.converged,
        misfit=found.misfits,
        predicted=data.observed - residual,
        held_out_predicted=unseen.predicted,
        held_out=unseen.rows,
        observations=data,
        objective=objective,
        method=method,
        training_weights=job.train,
    )


def _check_counts(*, folds: int, starts: int, bootstrap: int) -> None:
    if starts < 1 or bootstrap < 0 or folds < 0 or folds == 1:
        raise CalibrationError(
            f"starts is {starts}, bootstrap {bootstrap}, folds {folds}; give starts >= 1, bootstrap >= 0, folds 0 or >= 2."
        )


def _shown(scores: Mapping[str, Scores]) -> dict[str, dict[str, Any] | None]:
    """Scores as plain values; None for those that there are not."""
    there = {key: dataclasses.asdict(scores[name]) if name in scores else None for key, name in _KEYS.items()}
    return {
        key: None if score is None else {what: _plain(value) for what, value in score.items()}
        for key, score in there.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
