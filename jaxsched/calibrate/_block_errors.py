"""Standard errors from blocks of rows drawn again, to first order."""

import dataclasses
from typing import TypeVar

import jax.numpy as jnp
import numpy as np

from jaxsched.calibrate._methods import Descent
from jaxsched.calibrate._objective import jacobian
from jaxsched.calibrate._result import Fit

Model = TypeVar("Model")


def with_block_errors(found: Fit[Model], block: np.ndarray) -> Fit[Model]:
    """A fit by least squares with the errors that blocks of its rows, drawn again, give its parameters.

        covariance = H^-1 (sum over blocks g g') H^-1 b / (b - 1),    g = sum over the block w r J,    H = J' W J

    which is that of the block bootstrap to first order, without a minimisation for each sample. A fit that has bootstrap
    samples, robust losses or priors is left as it is.

    Arguments:
        found: The fit.
        block: Block of each row, 0 first [row].

    Returns:
        The fit with `bootstrap_error` in its table.

    Source:
        Liang and Zeger (1986), Biometrika 73:13, whose groups are the blocks here.
    """
    if len(found.bootstrap) or isinstance(found.method, Descent) or np.asarray(found.objective.prior_precision).any():
        return found
    told = np.isfinite(np.diag(found.covariance))
    estimate = found.parameters["estimate"].to_numpy()
    slopes = np.asarray(jacobian(found.objective, jnp.asarray(estimate, found.objective.observed.dtype)), float)
    rows = found.observations
    slopes = slopes.reshape(len(rows.observed), -1, len(estimate))[..., told]
    weights = found.training_weights.reshape(len(slopes), -1, 1)
    residual = (rows.observed - found.predicted).reshape(len(slopes), -1, 1)
    pull = np.zeros((block.max() + 1, told.sum()))
    np.add.at(pull, block, (weights * residual * slopes).sum(1))
    curvature = np.einsum("rvi,rvj->ij", weights * slopes, slopes)
    size = np.sqrt(np.maximum(np.diag(curvature), 1e-300))
    moved = pull / size @ np.linalg.pinv(curvature / np.outer(size, size), hermitian=True) / size
    errors = np.full(len(told), np.nan)
    errors[told] = np.sqrt((moved**2).sum(0) * len(pull) / (len(pull) - 1))
    return dataclasses.replace(found, parameters=found.parameters.assign(bootstrap_error=errors))
