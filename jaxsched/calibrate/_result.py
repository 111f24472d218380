"""What a fit found: the model, its parameters with their errors, and how well it predicts what it had not seen."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd

from jaxsched.calibrate._methods import AbstractMethod
from jaxsched.calibrate._objective import Objective
from jaxsched.calibrate._observations import Clean
from jaxsched.calibrate._scores import Scores

Model = TypeVar("Model")


@dataclasses.dataclass(frozen=True)
class Fit(Generic[Model]):
    """A fitted model, and how far it can be trusted.

    Attributes:
        model: The fitted model, of the type that was given.
        start: The model that was given.
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
        predict: How the model predicts.
        objective: What was minimised, with its bounds and priors.
        method: How it was minimised.
        training_weights: Weights of the values that were fitted, 0 where held out or missing [row, ...].
    """

    model: Model
    start: Model
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
    predict: Callable[[Any, Any], Any]
    objective: Objective
    method: AbstractMethod
    training_weights: np.ndarray

    @property
    def correlations(self) -> pd.DataFrame:
        """Correlations of the estimates by name; NaN where there is no standard error."""
        error = np.sqrt(np.diag(self.covariance))
        table = self.covariance / np.outer(error, error)
        return pd.DataFrame(table, index=self.parameters.index, columns=self.parameters.index)

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


# Scores by the key of a summary.
_KEYS = {
    "heldout": "held_out",
    "heldout_default": "default",
    "heldout_polynomial": "polynomial",
    "heldout_constant": "constant",
    "fitted": "fitted",
}


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
