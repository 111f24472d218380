"""A fit as one object: what is fitted to what, how it is minimised, and what follows from its minimum."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
import pandas as pd
from jaxtyping import Array, Float

from jaxsched.calibrate._methods import AbstractMethod
from jaxsched.calibrate._objective import Linearisation, Misfit, Objective, arguments_of
from jaxsched.calibrate._observations import CalibrationError, Clean, Observations, cleaned
from jaxsched.calibrate._parameters import FreeParameters
from jaxsched.calibrate._uncertainty import Uncertainty, uncertainty
from jaxsched.calibrate._validation import (
    Scores,
    hourly_scores,
    polynomial_prediction,
    proportional_prediction,
    scores,
    time_blocks,
    time_folds,
)
from jaxsched.models import AbstractCooling

# The start that was given is kept where others reach a misfit lower by less than this.
_AS_GOOD = 1e-6
# Minimisations run this many at a time, which bounds memory.
_AT_ONCE = 16

Table = dict[str, Scores]
Predict = Callable[[Any, Any], Any]


class Minimum(NamedTuple):
    """The best minimum of several starts.

    Attributes:
        free: Its free numbers [entry].
        misfits: Misfit from each start, best first [start].
        converged: Whether it was reached.
    """

    free: np.ndarray
    misfits: np.ndarray
    converged: bool


class HeldOut(NamedTuple):
    """Rows that are scored, and predictions for them by fits that had not seen them.

    Attributes:
        rows: Which rows are scored [row].
        predicted: Their predictions; NaN elsewhere [row, ...].
    """

    rows: np.ndarray
    predicted: np.ndarray


@dataclasses.dataclass(frozen=True)
class FitJob:
    """A fit that can be made: everything of it was checked.

    Attributes:
        objective: The model, what it is fitted to, bounds and priors.
        data: The observations as arrays.
        train: Weights of the values that are fitted [row, ...].
        method: How it is minimised.
        mask: Rows that are held out, where given [row].
        noise: Standard deviation of the residuals, in those of the observed values, which weighs the priors; 0 without.
    """

    objective: Objective
    data: Clean
    train: np.ndarray
    method: AbstractMethod
    mask: np.ndarray | None = None
    noise: float = 0.0

    @classmethod
    def of(
        cls,
        model: Any,
        observations: Observations,
        free: FreeParameters,
        predict: Predict,
        method: AbstractMethod,
        held_out: Any = None,
    ) -> "FitJob":
        """The fit of the free parameters of a model to observations, not made yet; arguments as those of `fit`.

        Raises:
            CalibrationError: As `fit`.
        """
        data = _with_load(cleaned(observations), model, predict)
        train, mask = _training(data, held_out)
        objective = Objective.of(model, data, train, free, predict)
        _check_predictions(objective, data)
        return cls(objective, data, train, method, mask)

    def starts(self, number: int, random: np.random.Generator) -> np.ndarray:
        """Free numbers of the model that was given, and of others drawn around it [start, entry]."""
        first = self.objective.bijection.inverse(np.asarray(self.objective.start, float))
        return np.concatenate([first[None], first + random.normal(size=(number - 1, len(first)))])

    def minimum(self, starts: np.ndarray) -> Minimum:
        """The best minimum from several starts [start, entry].

        Raises:
            CalibrationError: If none is finite.
        """
        found = _minimise_starts(self._misfit(), self.objective.cast(starts), self.method)
        free, misfit, converged = (np.asarray(each) for each in found)
        misfit = np.where(np.isfinite(misfit) & np.isfinite(free).all(1), misfit, np.inf)
        if not np.isfinite(misfit).any():
            raise CalibrationError("no start led to a finite misfit; check the data, or start from another model.")
        best = int(np.argmin(misfit))
        if misfit[0] <= misfit[best] * (1.0 + _AS_GOOD) + _AS_GOOD**2:
            best = 0
        return Minimum(free[best], np.sort(misfit), bool(converged[best]))

    def with_noise(self, free: np.ndarray) -> "FitJob":
        """The same with its priors weighed by the residuals of a fit without them [entry]."""
        objective = self.objective
        predicted = objective.predictions(objective.clip_to_bounds(free))
        residual = (np.asarray(objective.observed) - predicted) / float(objective.scale)
        weights = self.train / self.train[self.train > 0].mean()
        spare = max(int(np.count_nonzero(self.train)) - len(free), 1)
        return dataclasses.replace(self, noise=float(np.sqrt((weights * residual**2).sum() / spare)))

    def uncertainty(self, estimate: np.ndarray, residual: np.ndarray) -> Uncertainty:
        """What the data leave open at an estimate [entry] with its residuals [row, ...]."""
        near = Linearisation.of(self.objective, estimate, residual, self.train)
        return uncertainty(self.objective, self.method, estimate, near)

    def held_out(self, predicted: np.ndarray, starts: np.ndarray, folds: int) -> HeldOut:
        """Predictions of the rows held out, which the fit [row, ...] has not seen; or else of each fold by a fit to the others."""
        data, unseen = self.data, np.full(self.data.observed.shape, np.nan)
        if self.mask is not None:
            unseen[self.mask] = predicted[self.mask]
            return HeldOut(self.mask, unseen)
        if folds == 0:
            return HeldOut(np.zeros(len(unseen), bool), unseen)
        for fold in self._folds(folds):
            part = np.where(_over_rows(fold, data), 0.0, data.weights)
            if (part > 0).any():
                # From the starts of the whole fit, never from its answer, which has seen the block.
                job = dataclasses.replace(self, objective=self.objective.rescaled(part), train=part)
                estimate = self.objective.clip_to_bounds(job.minimum(starts).free)
                unseen[fold] = self.objective.predictions(estimate)[fold]
        return HeldOut(data.row_used & np.isfinite(unseen).reshape(len(unseen), -1).all(1), unseen)

    def bootstrap(self, free: np.ndarray, samples: int, hours: float, random: np.random.Generator) -> np.ndarray:
        """Estimates from blocks of time drawn again, started at the free numbers of the fit [sample, entry]."""
        if samples == 0:
            return np.zeros((0, len(free)))
        block = time_blocks(self.data.times, len(self.data.observed), hours)
        present = np.unique(block[(self.train > 0).reshape(len(self.train), -1).any(1)])
        drawn = random.multinomial(len(present), np.full(len(present), 1.0 / len(present)), size=samples)
        count = np.zeros((samples, block.max() + 1))
        count[:, present] = drawn
        weights = self.train[None] * count[:, block].reshape(samples, -1, *[1] * (self.data.observed.ndim - 1))
        cast = self.objective.cast
        found = _minimise_weights(self._misfit(), cast(weights), cast(free), self.method)
        return np.stack([self.objective.clip_to_bounds(one) for one in np.asarray(found)])

    def scores(self, predicted: np.ndarray, held_out: HeldOut, folds: int) -> tuple[Table, Table]:
        """Scores of the rows as they are, and of their hourly means where rows are less than an hour apart."""
        data = self.data
        used = data.used & _over_rows(held_out.rows, data) & np.isfinite(held_out.predicted)
        laws = {"fitted": (predicted, self.train > 0)}
        if used.any():
            plain = {
                "held_out": held_out.predicted,
                "default": np.asarray(self.objective.predicted(self.objective.start), float),
                "polynomial": self._regression(lambda w: polynomial_prediction(data.features, data.observed, w), folds),
                "constant": self._regression(
                    lambda w: proportional_prediction(data.proportional_to, data.observed, w), folds
                ),
            }
            laws = {name: (values, used) for name, values in plain.items() if values is not None} | laws
        found = {name: scores(data.observed, values, rows) for name, (values, rows) in laws.items()}
        if data.times is None or data.observed.ndim > 1:
            return found, {}
        hourly = {name: hourly_scores(data.times, data.observed, values, rows) for name, (values, rows) in laws.items()}
        return found, {name: score for name, score in hourly.items() if score is not None}

    def table(self, estimate: np.ndarray, spread: Uncertainty, samples: np.ndarray) -> pd.DataFrame:
        """The parameters with their errors, one row per number."""
        named, bijection = self.objective.named, self.objective.bijection
        return pd.DataFrame(
            {
                "estimate": estimate,
                "standard_error": spread.standard_error,
                "bootstrap_error": samples.std(0, ddof=1) if len(samples) > 1 else np.full(len(estimate), np.nan),
                "unit": [one.unit for one in named for _ in one.entries],
                "start": np.concatenate([one.value.ravel() for one in named]),
                "low": np.asarray(bijection.low, float),
                "high": np.asarray(bijection.high, float),
                "at_bound": spread.at_bound,
                "no_effect": spread.no_effect,
            },
            index=pd.Index([entry for one in named for entry in one.entries], name="name"),
        )

    def _misfit(self) -> Misfit:
        cast = self.objective.cast
        return Misfit(self.objective, cast(self.train), cast(self.noise))

    def _folds(self, folds: int) -> list[np.ndarray]:
        """Rows of each of several consecutive blocks of time [row]."""
        data = self.data
        block = time_folds(len(data.observed) if data.times is None else data.times, folds)
        return [block == n for n in range(folds)]

    def _regression(self, predict: Callable[[np.ndarray], np.ndarray | None], folds: int) -> np.ndarray | None:
        """Predictions of a plain regression, a function of the weights of the rows, for rows that it had not seen."""
        if self.mask is not None:
            return predict(self.train)
        plain = np.full(self.data.observed.shape, np.nan)
        for fold in self._folds(folds):
            found = predict(np.where(_over_rows(fold, self.data), 0.0, self.data.weights))
            if found is None:
                return None
            plain[fold] = found[fold]
        return plain


@eqx.filter_jit
def _minimise_starts(
    misfit: Misfit, starts: Float[Array, "start entry"], method: AbstractMethod
) -> tuple[Float[Array, "start entry"], Float[Array, " start"], Array]:
    """Minima from several starts: free numbers, misfit of each, whether it converged."""

    def one(start):
        free, converged = method.minimise(misfit, start)
        return free, method.value(misfit, free), converged

    return _chunked(one, starts)


@eqx.filter_jit
def _minimise_weights(
    misfit: Misfit, weights: Float[Array, "set row ..."], start: Float[Array, " entry"], method: AbstractMethod
) -> Float[Array, "set entry"]:
    """Minima under several sets of weights (rows drawn again) from one start."""
    return _chunked(lambda each: method.minimise(Misfit(misfit.objective, each, misfit.noise), start)[0], weights)


def _chunked(one: Callable, over: Array) -> Any:
    if len(over) == 1:
        return jax.tree.map(lambda leaf: leaf[None], one(over[0]))
    return jax.lax.map(one, over, batch_size=min(_AT_ONCE, len(over)))


def _with_load(data: Clean, model: Any, predict: Predict) -> Clean:
    """The data with the load of a cooling plant as what its power is in proportion to, where nothing else is given."""
    if data.proportional_to is not None or not isinstance(model, AbstractCooling):
        return data
    load = arguments_of(model, predict, data.inputs).get("it_power")
    if load is None or np.shape(load) != data.observed.shape:
        return data
    return dataclasses.replace(data, proportional_to=np.asarray(load, float))


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
    """A mask [row] with axes of length 1 for the others of the observed values."""
    return mask.reshape(-1, *[1] * (data.observed.ndim - 1))


def _check_predictions(objective: Objective, data: Clean) -> None:
    try:
        shape = jax.eval_shape(objective.predicted, objective.start).shape
    except TypeError as error:
        raise CalibrationError(f"the model cannot be called with these inputs: {error}.") from error
    if shape != data.observed.shape:
        raise CalibrationError(
            f"predictions have shape {shape}, observed values {data.observed.shape}; they must agree."
        )
    if not np.isfinite(np.asarray(objective.predicted(objective.start))[data.used]).all():
        raise CalibrationError("the model that was given predicts something that is not a number; start from another.")
