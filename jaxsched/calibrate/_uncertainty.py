"""How far estimates scatter: their covariance, which the data cannot move, and standard errors by blocks of rows."""

import dataclasses

import numpy as np

from jaxsched.calibrate._methods import AbstractMethod
from jaxsched.calibrate._objective import Linearisation, Objective
from jaxsched.calibrate._parameters import Bijection

# A tenth of the range of a parameter without effect changes predictions by less than this share of the residuals.
_NO_EFFECT = 1e-3
# Nearer to a bound than this share of the standard error, or of the range, counts as on it.
_OF_ERROR, _OF_RANGE = 0.05, 1e-6


@dataclasses.dataclass(frozen=True)
class Uncertainty:
    """Scatter of the estimates around the truth, to first order.

    Attributes:
        covariance: Of the estimates, in their units squared; NaN for those on a bound or without effect [entry, entry].
        at_bound: Which lie on a bound [entry].
        no_effect: Which have no effect on the data [entry].
        effect: Change of the predictions when a parameter moves by a tenth of its range, in the unit of the observed
            values [entry].
        near: The objective near its minimum.
    """

    covariance: np.ndarray
    at_bound: np.ndarray
    no_effect: np.ndarray
    effect: np.ndarray
    near: Linearisation

    @property
    def standard_error(self) -> np.ndarray:
        """Of the estimates; NaN for those on a bound or without effect [entry]."""
        return np.sqrt(np.diag(self.covariance))


def uncertainty(objective: Objective, method: AbstractMethod, estimate: np.ndarray, near: Linearisation) -> Uncertainty:
    """Gauss-Newton covariance (of an M-estimate for a robust loss), and which parameters it cannot say anything about.

    covariance = noise^2 (J' W J + noise^2 prior^-1)^-1,    noise^2 = sum w r^2 / (n - p)
    """
    bijection, prior_precision = objective.bijection, np.asarray(objective.prior_precision, float)
    effect = 0.1 * _ranges(bijection, estimate) * np.sqrt((near.weights[:, None] * near.jacobian**2).mean(0))
    smallest = float(np.finfo(np.asarray(bijection.low).dtype).eps) ** 0.5 * near.scale
    no_effect = effect <= np.maximum(_NO_EFFECT * near.noise, smallest * 1e-2)
    active = ~no_effect | (prior_precision > 0)
    covariance = _covariance(near, active, prior_precision, method)
    at_bound = _on_bounds(estimate, bijection, np.sqrt(np.diag(covariance))) & ~no_effect
    if at_bound.any():
        covariance = _covariance(near, active & ~at_bound, prior_precision, method)
    return Uncertainty(covariance, at_bound, no_effect, effect, near)


def block_errors(jacobian: np.ndarray, residual: np.ndarray, weights: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Standard errors of least squares that blocks of rows, drawn again, give to first order.

        covariance = H^-1 (sum over blocks g g') H^-1 b / (b - 1),    g = sum over the block w r J,    H = J' W J

    which is that of the block bootstrap to first order, without a minimisation for each sample.

    Arguments:
        jacobian: Change of each prediction with each parameter [row, value, entry].
        residual: Observed less predicted [row, value].
        weights: Weights [row, value].
        block: Block of each row, 0 first [row].

    Source:
        Liang and Zeger (1986), Biometrika 73:13, whose groups are the blocks here.
    """
    pull = np.zeros((block.max() + 1, jacobian.shape[-1]))
    np.add.at(pull, block, (weights[..., None] * residual[..., None] * jacobian).sum(1))
    curvature = np.einsum("rvi,rvj->ij", weights[..., None] * jacobian, jacobian)
    size = np.sqrt(np.maximum(np.diag(curvature), 1e-300))
    moved = pull / size @ np.linalg.pinv(curvature / np.outer(size, size), hermitian=True) / size
    return np.sqrt((moved**2).sum(0) * len(pull) / (len(pull) - 1))


def _ranges(bijection: Bijection, estimate: np.ndarray) -> np.ndarray:
    """Widths that a parameter could move: between its bounds, but no more than ten times its size where it has one."""
    width = np.asarray(bijection.high, float) - np.asarray(bijection.low, float)
    size = np.maximum(np.abs(estimate), np.asarray(bijection.scale, float))
    return np.where(np.isfinite(width), np.minimum(width, 10.0 * size), size)


def _covariance(
    near: Linearisation, active: np.ndarray, prior_precision: np.ndarray, method: AbstractMethod
) -> np.ndarray:
    full = np.full((len(active), len(active)), np.nan)
    chosen = np.flatnonzero(active)
    if not len(chosen):
        return full
    curvature, variance = method.sandwich(near.select(chosen))
    curvature = curvature + np.diag(near.noise**2 * prior_precision[chosen] ** 2)
    variance = variance + np.diag(near.noise**4 * prior_precision[chosen] ** 2)
    size = np.sqrt(np.maximum(np.diag(curvature), 1e-300))
    # Normalised, so that units do not decide what is singular; nearly singular directions keep their large variance.
    inverse = np.linalg.pinv(curvature / np.outer(size, size), rcond=1e-15, hermitian=True) / np.outer(size, size)
    full[np.ix_(chosen, chosen)] = inverse @ variance @ inverse
    return full


def _on_bounds(estimate: np.ndarray, bijection: Bijection, error: np.ndarray) -> np.ndarray:
    low, high = np.asarray(bijection.low, float), np.asarray(bijection.high, float)
    width = np.where(np.isfinite(high - low), high - low, 0.0)
    near = np.fmax(_OF_RANGE * width, np.fmin(_OF_ERROR * error, _OF_ERROR * np.where(width > 0, width, np.inf)))
    return (estimate - low <= near) | (high - estimate <= near)
