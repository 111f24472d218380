"""What the data leave open: covariance, parameters on a bound, and parameters that they cannot tell."""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxsched.calibrate._bounds import Bijection
from jaxsched.calibrate._methods import AbstractLoss, AbstractMethod, Descent, Pinball
from jaxsched.calibrate._names import Named

# A tenth of the range of a parameter without effect changes predictions by less than this share of the residuals.
_NO_EFFECT = 1e-3
_SINGULAR, _CORRELATED = 1e-7, 0.98
# Nearer to a bound than this share of the standard error, or of the range, counts as on it.
_OF_ERROR, _OF_RANGE = 0.05, 1e-6


@dataclasses.dataclass(frozen=True)
class Uncertainty:
    """Spread of the estimates around the truth, to first order.

    Attributes:
        covariance: Of the estimates, in their units squared; NaN for those on a bound or without effect [entry, entry].
        at_bound: Which lie on a bound [entry].
        no_effect: Which have no effect on the data [entry].
        noise: Standard deviation of the residuals, in the unit of the observed values, at a weight of 1.
        sentences: What the data cannot tell, in words.
    """

    covariance: np.ndarray
    at_bound: np.ndarray
    no_effect: np.ndarray
    noise: float
    sentences: tuple[str, ...]


def uncertainty(
    slopes: np.ndarray,
    residual: np.ndarray,
    weights: np.ndarray,
    estimate: np.ndarray,
    named: Sequence[Named],
    bijection: Bijection,
    prior_precision: np.ndarray,
    method: AbstractMethod,
    scale: float,
    unit: str,
) -> Uncertainty:
    """Gauss-Newton covariance (of an M-estimate for a robust loss), and what it says about the parameters.

        covariance = noise^2 (J' W J + noise^2 prior^-1)^-1,    noise^2 = sum w r^2 / (n - p)

    Arguments:
        slopes: Change of each prediction with each parameter [value, entry].
        residual: Observed less predicted [value].
        weights: Weights [value].
        estimate: The estimates [entry].
        named: Their names and valid ranges.
        bijection: Their bounds.
        prior_precision: 1 / standard deviation of their priors [entry].
        method: How they were estimated.
        scale: Standard deviation of the observed values.
        unit: Of the observed values.
    """
    used = weights > 0
    slopes, residual, weights = slopes[used], residual[used], weights[used]
    # Only ratios of weights matter.
    weights = weights / weights.mean()
    noise = float(np.sqrt((weights * residual**2).sum() / max(len(residual) - len(estimate), 1)))
    range_ = _ranges(bijection, estimate)
    moved = 0.1 * range_ * np.sqrt((weights[:, None] * slopes**2).mean(0))
    smallest = float(np.finfo(np.asarray(bijection.low).dtype).eps) ** 0.5 * scale
    no_effect = moved <= np.maximum(_NO_EFFECT * noise, smallest * 1e-2)
    prior_only = no_effect & (prior_precision > 0)
    active = ~no_effect | prior_only
    covariance = _covariance(slopes, residual, weights, noise, active, prior_precision, method, scale)
    at_bound = _on_bounds(estimate, bijection, np.sqrt(np.diag(covariance))) & ~no_effect
    if at_bound.any():
        covariance = _covariance(slopes, residual, weights, noise, active & ~at_bound, prior_precision, method, scale)
    entries = [entry for one in named for entry in one.entries]
    told = _sentences(entries, estimate, bijection, moved, noise, no_effect, at_bound, covariance, unit)
    told += _on_bound_sentences(named, estimate, bijection, at_bound)
    free = active & ~at_bound
    told += _confounded(slopes * np.sqrt(weights)[:, None], range_, free & (prior_precision == 0), entries, covariance)
    return Uncertainty(covariance, at_bound, no_effect, noise, tuple(told))


def _ranges(bijection: Bijection, estimate: np.ndarray) -> np.ndarray:
    """Widths that a parameter could move: between its bounds, but no more than ten times its size where it has one."""
    width = np.asarray(bijection.high, float) - np.asarray(bijection.low, float)
    size = np.maximum(np.abs(estimate), np.asarray(bijection.scale, float))
    return np.where(np.isfinite(width), np.minimum(width, 10.0 * size), size)


def _covariance(slopes, residual, weights, noise, active, prior_precision, method, scale) -> np.ndarray:
    entries = len(active)
    full = np.full((entries, entries), np.nan)
    chosen = np.flatnonzero(active)
    if not len(chosen):
        return full
    curvature, spread = _bread_and_meat(slopes[:, chosen], residual, weights, noise, method, scale)
    curvature = curvature + np.diag(noise**2 * prior_precision[chosen] ** 2)
    spread = spread + np.diag(noise**4 * prior_precision[chosen] ** 2)
    size = np.sqrt(np.maximum(np.diag(curvature), 1e-300))
    # Normalised, so that units do not decide what is singular; nearly singular directions keep their large variance.
    inverse = np.linalg.pinv(curvature / np.outer(size, size), rcond=1e-15, hermitian=True) / np.outer(size, size)
    full[np.ix_(chosen, chosen)] = inverse @ spread @ inverse
    return full


def _bread_and_meat(slopes, residual, weights, noise, method, scale) -> tuple[np.ndarray, np.ndarray]:
    """Curvature of the misfit and variance of its slope, both in units of half a sum of squares."""
    if not isinstance(method, Descent):
        gram = (weights[:, None] * slopes).T @ slopes
        return gram, noise**2 * gram
    first, second = _influence(method.loss, residual, scale)
    if isinstance(method.loss, Pinball):
        # The corner is too narrow to count the residuals in it; a kernel of the usual width does.
        width = (
            1.06 * min(residual.std(), np.subtract(*np.quantile(residual, [0.75, 0.25])) / 1.34) * len(residual) ** -0.2
        )
        second = np.exp(-0.5 * (residual / width) ** 2) / (np.sqrt(2.0 * np.pi) * width) * scale
    curvature = ((weights * second)[:, None] * slopes).T @ slopes
    return curvature, ((weights * scale * first)[:, None] * slopes).T @ ((weights * scale * first)[:, None] * slopes)


def _influence(loss: AbstractLoss, residual: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """First and second derivative of a loss at each residual."""
    at = jnp.asarray(residual / scale)
    first = jax.vmap(jax.grad(loss))(at)
    second = jax.vmap(jax.grad(jax.grad(loss)))(at)
    return np.asarray(first, float), np.asarray(second, float)


def _on_bounds(estimate: np.ndarray, bijection: Bijection, error: np.ndarray) -> np.ndarray:
    low, high = np.asarray(bijection.low, float), np.asarray(bijection.high, float)
    width = np.where(np.isfinite(high - low), high - low, 0.0)
    near = np.fmax(_OF_RANGE * width, np.fmin(_OF_ERROR * error, _OF_ERROR * np.where(width > 0, width, np.inf)))
    return (estimate - low <= near) | (high - estimate <= near)


def _sentences(entries, estimate, bijection, moved, noise, no_effect, at_bound, covariance, unit) -> list[str]:
    low, high = np.asarray(bijection.low, float), np.asarray(bijection.high, float)
    unit = f" {unit}" if unit else ""
    error = np.sqrt(np.diag(covariance))
    told = []
    for n, entry in enumerate(entries):
        if no_effect[n]:
            told.append(
                f"{entry} has no effect on these data: moving it by a tenth of its range changes the predictions by "
                f"{moved[n]:.2g}{unit}, beside residuals of {noise:.2g}{unit}; its value stays where it started, or at its "
                "prior. Observe where it matters, or leave it out."
            )
        elif not at_bound[n] and np.isfinite(high[n] - low[n]) and error[n] > 0.5 * (high[n] - low[n]):
            told.append(
                f"{entry} cannot be told from these data: its standard error {error[n]:.2g} is more than half of its range "
                f"[{low[n]:g}, {high[n]:g}]. Fix it, give it a prior, or observe under other conditions."
            )
    return told


def _on_bound_sentences(named, estimate, bijection, at_bound) -> list[str]:
    """Sentences about parameters on a bound; only one that the law leaves room beyond can be widened."""
    low, high = np.asarray(bijection.low, float), np.asarray(bijection.high, float)
    told = []
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
        told.append(
            f"{entry} lies on its bound {end:g}: the data pull it further, so it has no standard error; {remedy}"
        )
    return told


def _confounded(slopes, range_, free, entries, covariance) -> list[str]:
    """Sentences about parameters that only a combination of is determined."""
    chosen = np.flatnonzero(free)
    if len(chosen) < 2:
        return []
    columns = slopes[:, chosen] / np.linalg.norm(slopes[:, chosen], axis=0)
    _, strength, directions = np.linalg.svd(columns, full_matrices=False)
    told = []
    if strength[-1] < _SINGULAR**0.5 * strength[0]:
        part = [entries[chosen[n]] for n in np.flatnonzero(np.abs(directions[-1]) > 0.2)]
        told.append(
            f"the data determine only a combination of {', '.join(part)} (the Gauss-Newton matrix is nearly singular, "
            f"condition {(strength[0] / max(strength[-1], 1e-300)) ** 2:.0e}); fix one of them or give it a prior."
        )
        return told
    error = np.sqrt(np.diag(covariance))
    for a, i in enumerate(chosen):
        for j in chosen[a + 1 :]:
            correlation = covariance[i, j] / (error[i] * error[j])
            if abs(correlation) > _CORRELATED:
                told.append(
                    f"{entries[i]} and {entries[j]} are hard to tell apart (correlation {correlation:+.3f}); their standard "
                    "errors say how much, and predictions far from the data depend on both."
                )
    return told
