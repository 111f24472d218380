"""The tables, scores and sentences by which a fit is judged."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from jaxsched.calibrate._observations import Clean
from jaxsched.calibrate._prepare import fold_of, over_rows, predicted, start_values
from jaxsched.calibrate._scores import Scores, polynomial_prediction, scores
from jaxsched.calibrate._uncertainty import Uncertainty

# Standard errors of the bootstrap beyond this many times those of Gauss-Newton are worth a sentence.
_LARGER = 1.5


def held_out_scores(objective, data, train, scored, unseen, mask, folds, estimate) -> dict[str, Scores]:
    used = data.used & over_rows(scored, data) & np.isfinite(unseen)
    found = {"fitted": scores(data.observed, predicted(objective, estimate), train > 0)}
    if not used.any():
        return found
    default = np.asarray(objective.predicted(start_values(objective)), float)
    plain = _plain_regression(data, train, mask, folds)
    return {
        "held_out": scores(data.observed, unseen, used),
        "default": scores(data.observed, default, used),
        **({} if plain is None else {"polynomial": scores(data.observed, plain, used)}),
        **found,
    }


def _plain_regression(data: Clean, train: np.ndarray, mask: np.ndarray | None, folds: int) -> np.ndarray | None:
    """Predictions of the polynomial regression for rows that it had not seen."""
    if mask is not None:
        return polynomial_prediction(data.features, data.observed, train)
    block, plain = fold_of(data, folds), np.full(data.observed.shape, np.nan)
    for n in range(folds):
        part = np.where(over_rows(block == n, data), 0.0, data.weights)
        found = polynomial_prediction(data.features, data.observed, part)
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
