"""The tables, scores and sentences by which a fit is judged."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from jaxsched.calibrate._observations import Clean
from jaxsched.calibrate._prepare import fold_of, over_rows, predicted, start_values
from jaxsched.calibrate._scores import Scores, hourly_scores, polynomial_prediction, proportional_prediction, scores
from jaxsched.calibrate._uncertainty import Uncertainty

# Standard errors of the bootstrap beyond this many times those of Gauss-Newton are worth a sentence.
_LARGER = 1.5
# A law that explains less of the variance of the very rows that it was fitted to does not describe them.
_UNMATCHED = 0.5

Table = dict[str, Scores]
Predict = Callable[[np.ndarray], np.ndarray | None]


def held_out_scores(objective, data: Clean, train, scored, unseen, mask, folds, estimate) -> tuple[Table, Table]:
    """Scores of the rows as they are, and of their hourly means where rows are less than an hour apart."""
    used = data.used & over_rows(scored, data) & np.isfinite(unseen)
    laws = {"fitted": (predicted(objective, estimate), train > 0)}
    if used.any():
        default = np.asarray(objective.predicted(start_values(objective)), float)
        plain = {
            "polynomial": _plain(
                data, train, mask, folds, lambda w: polynomial_prediction(data.features, data.observed, w)
            ),
            "constant": _plain(
                data, train, mask, folds, lambda w: proportional_prediction(data.proportional_to, data.observed, w)
            ),
        }
        known = {name: (values, used) for name, values in plain.items() if values is not None}
        laws = {"held_out": (unseen, used), "default": (default, used), **known, **laws}
    found = {name: scores(data.observed, values, rows) for name, (values, rows) in laws.items()}
    if data.times is None or data.observed.ndim > 1:
        return found, {}
    hourly = {name: hourly_scores(data.times, data.observed, values, rows) for name, (values, rows) in laws.items()}
    return found, {name: score for name, score in hourly.items() if score is not None}


def _plain(data: Clean, train: np.ndarray, mask: np.ndarray | None, folds: int, predict: Predict) -> np.ndarray | None:
    """Predictions of a plain regression, a function of the weights of the rows, for rows that it had not seen."""
    if mask is not None:
        return predict(train)
    block, plain = fold_of(data, folds), np.full(data.observed.shape, np.nan)
    for n in range(folds):
        found = predict(np.where(over_rows(block == n, data), 0.0, data.weights))
        if found is None:
            return None
        plain[block == n] = found[block == n]
    return plain


def parameter_table(named, objective, estimate, spread: Uncertainty, samples: np.ndarray) -> pd.DataFrame:
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


def more_sentences(table: pd.DataFrame, converged: bool, found: Mapping[str, Scores]) -> tuple[str, ...]:
    told = []
    if not converged:
        told.append(
            "the minimum was not reached: raise the steps of the method, give more starts, or fit fewer parameters."
        )
    if found["fitted"].r2 < _UNMATCHED:
        told.append(
            f"the law explains only {max(found['fitted'].r2, 0.0):.0%} of the variance of the rows that it was fitted to: it does "
            "not describe them, and its parameters and predictions say little; see what the residuals depend on."
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
    if "constant" in found and found["constant"].cv_rmse < found["held_out"].cv_rmse:
        told.append(
            f"a constant ratio to the load predicts the held-out rows better (CV(RMSE) {found['constant'].cv_rmse:.1%} against "
            f"{found['held_out'].cv_rmse:.1%}): the law, or what was fitted of it, does not suit this plant."
        )
    return tuple(told)
