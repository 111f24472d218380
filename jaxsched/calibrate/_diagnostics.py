"""The warnings of a fit: what its data cannot tell, where it agrees badly, and where its law is not known to hold."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from jaxsched._parameters import AbstractModel
from jaxsched.calibrate._objective import Objective
from jaxsched.calibrate._parameters import Bijection, Named
from jaxsched.calibrate._uncertainty import Uncertainty
from jaxsched.calibrate._validation import Scores

# Nearly singular, as ratio of eigenvalues of the Gauss-Newton matrix; and correlations worth a warning.
_SINGULAR, _CORRELATED = 1e-7, 0.98
# Standard errors of the bootstrap beyond this many times those of Gauss-Newton are worth a warning.
_LARGER = 1.5
# A law that explains less of the variance of the very rows that it was fitted to does not describe them.
_UNMATCHED = 0.5
# Rounding of units is no departure.
_ROUNDING = 1e-6


def identifiability_warnings(
    objective: Objective, estimate: np.ndarray, found: Uncertainty, unit: str
) -> tuple[str, ...]:
    """A sentence for each parameter, or pair of them, that the data do not determine."""
    named = objective.named
    entries = [entry for one in named for entry in one.entries]
    return (
        *_loose(entries, objective.bijection, found, f" {unit}" if unit else ""),
        *bound_warnings(named, estimate, objective.bijection, found.at_bound),
        *_confounded(entries, found, np.asarray(objective.prior_precision) == 0),
    )


def agreement_warnings(table: pd.DataFrame, converged: bool, scores: Mapping[str, Scores]) -> tuple[str, ...]:
    """A sentence for each way in which a fit agrees badly with its data, by its table of parameters and its scores."""
    warnings = []
    if not converged:
        warnings.append(
            "the minimum was not reached: raise the steps of the method, give more starts, or fit fewer parameters."
        )
    if scores["fitted"].r2 < _UNMATCHED:
        warnings.append(
            f"the law explains only {max(scores['fitted'].r2, 0.0):.0%} of the variance of the rows that it was fitted to: it does "
            "not describe them, and its parameters and predictions say little; see what the residuals depend on."
        )
    ratio = (table["bootstrap_error"] / table["standard_error"]).to_numpy()
    if np.isfinite(ratio).any() and np.nanmax(ratio) > _LARGER:
        warnings.append(
            f"the residuals are correlated in time, or not of one variance: bootstrap errors are up to "
            f"{np.nanmax(ratio):.1f} times the standard errors, which take rows for independent; trust the bootstrap."
        )
    if "polynomial" in scores and scores["polynomial"].cv_rmse < scores["held_out"].cv_rmse:
        warnings.append(
            f"a plain polynomial regression predicts the held-out rows better (CV(RMSE) {scores['polynomial'].cv_rmse:.1%} "
            f"against {scores['held_out'].cv_rmse:.1%}): the law misses something that the inputs tell."
        )
    if "constant" in scores and scores["constant"].cv_rmse < scores["held_out"].cv_rmse:
        warnings.append(
            f"a constant ratio to the load predicts the held-out rows better (CV(RMSE) {scores['constant'].cv_rmse:.1%} against "
            f"{scores['held_out'].cv_rmse:.1%}): the law, or what was fitted of it, does not suit this plant."
        )
    return tuple(warnings)


def domain_warnings(model: Any, inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """A sentence for each argument of a law with values outside the range in which the law is known to hold.

    Arguments:
        model: The law; its class says in `domain` where it holds.
        inputs: Values by name of the argument; what is not a number is left out. The load fraction of a plant follows from
            `it_power` and `rated_it_power`.
    """
    if not isinstance(model, AbstractModel):
        return ()
    given = dict(inputs)
    if {"it_power", "rated_it_power"} <= set(given):
        given["load fraction"] = np.asarray(given["it_power"], float) / np.asarray(given["rated_it_power"], float)
    warnings = []
    for name, (low, high) in model.domain.items():
        if name not in given:
            continue
        values = np.asarray(given[name], float).ravel()
        values = values[np.isfinite(values)]
        slack = _ROUNDING * np.maximum(np.abs([low, high]), 1.0)
        far = (values < low - slack[0]) | (values > high + slack[1])
        if far.any():
            warnings.append(
                f"{type(model).__name__} holds for {name} in [{low:g}, {high:g}]; {far.mean():.1%} of the values lie outside, "
                f"from {values.min():.4g} to {values.max():.4g}: there the fit is only as good as its scores."
            )
    return tuple(warnings)


def _loose(entries: list[str], bijection: Bijection, found: Uncertainty, unit: str) -> list[str]:
    """Warnings of parameters that do not move the predictions, or not by more than the residuals do."""
    low, high = np.asarray(bijection.low, float), np.asarray(bijection.high, float)
    error, warnings = found.standard_error, []
    for n, entry in enumerate(entries):
        if found.no_effect[n]:
            warnings.append(
                f"{entry} has no effect on these data: moving it by a tenth of its range changes the predictions by "
                f"{found.effect[n]:.2g}{unit}, beside residuals of {found.near.noise:.2g}{unit}; its value stays where it "
                "started, or at its prior. Observe where it matters, or leave it out."
            )
        elif not found.at_bound[n] and np.isfinite(high[n] - low[n]) and error[n] > 0.5 * (high[n] - low[n]):
            warnings.append(
                f"{entry} cannot be told from these data: its standard error {error[n]:.2g} is more than half of its range "
                f"[{low[n]:g}, {high[n]:g}]. Fix it, give it a prior, or observe under other conditions."
            )
    return warnings


def bound_warnings(
    named: Sequence[Named], estimate: np.ndarray, bijection: Bijection, at_bound: np.ndarray
) -> list[str]:
    """Warnings of parameters on a bound; only one that the law leaves slack beyond can be widened."""
    low, high = np.asarray(bijection.low, float), np.asarray(bijection.high, float)
    warnings = []
    for n, (entry, valid) in enumerate((entry, one.valid) for one in named for entry in one.entries):
        if not at_bound[n]:
            continue
        upper = not estimate[n] - low[n] < high[n] - estimate[n]
        end = high[n] if upper else low[n]
        own = bool(np.isclose(end, valid[1] if upper else valid[0]))
        remedy = (
            "that is the limit of the law itself, so fit another parameter beside it, or another law."
            if own
            else f"widen the bound (the law holds in [{valid[0]:g}, {valid[1]:g}]) or change the law."
        )
        warnings.append(
            f"{entry} lies on its bound {end:g}: the data pull it further, so it has no standard error; {remedy}"
        )
    return warnings


def _confounded(entries: list[str], found: Uncertainty, without_prior: np.ndarray) -> list[str]:
    """Warnings of parameters of which only a combination is determined."""
    chosen = np.flatnonzero(~found.no_effect & ~found.at_bound & without_prior)
    if len(chosen) < 2:
        return []
    slopes = (found.near.jacobian * np.sqrt(found.near.weights)[:, None])[:, chosen]
    columns = slopes / np.linalg.norm(slopes, axis=0)
    _, strength, directions = np.linalg.svd(columns, full_matrices=False)
    warnings = []
    if strength[-1] < _SINGULAR**0.5 * strength[0]:
        part = [entries[chosen[n]] for n in np.flatnonzero(np.abs(directions[-1]) > 0.2)]
        warnings.append(
            f"the data determine only a combination of {', '.join(part)} (the Gauss-Newton matrix is nearly singular, "
            f"condition {(strength[0] / max(strength[-1], 1e-300)) ** 2:.0e}); fix one of them or give it a prior."
        )
        return warnings
    error, covariance = found.standard_error, found.covariance
    for a, i in enumerate(chosen):
        for j in chosen[a + 1 :]:
            correlation = covariance[i, j] / (error[i] * error[j])
            if abs(correlation) > _CORRELATED:
                warnings.append(
                    f"{entries[i]} and {entries[j]} are hard to tell apart (correlation {correlation:+.3f}); their standard "
                    "errors say how much, and predictions far from the data depend on both."
                )
    return warnings
