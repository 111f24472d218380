"""Whether a law is used where it is known to hold."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxsched._parameters import AbstractModel
from jaxsched.calibrate._job import Law
from jaxsched.calibrate._objective import call_model
from jaxsched.calibrate._observations import Clean
from jaxsched.models import AbstractCooling

# Rounding of units is no departure.
_ROUNDING = 1e-6


def arguments_of(model: Any, predict: Callable[[Any, Any], Any] | None, inputs: Any) -> dict[str, Any]:
    """Arguments of the call of a model by name, from the inputs of a fit; none where `predict` calls it in its own way."""
    if isinstance(predict, Law):
        return {**inputs, **dict(predict.constants)}
    if predict is not None and predict is not call_model:
        return {}
    if isinstance(inputs, Mapping):
        return dict(inputs)
    names = list(inspect.signature(type(model).__call__).parameters)[1:]
    given = inputs if isinstance(inputs, tuple) else (inputs,)
    return dict(zip(names, given, strict=False))


def with_load(data: Clean, model: Any, predict: Callable[[Any, Any], Any] | None) -> Clean:
    """The data with the load of a cooling plant as what its power is in proportion to, where nothing else is given."""
    if data.proportional_to is not None or not isinstance(model, AbstractCooling):
        return data
    load = arguments_of(model, predict, data.inputs).get("it_power")
    if load is None or np.shape(load) != data.observed.shape:
        return data
    return dataclasses.replace(data, proportional_to=np.asarray(load, float))


def outside(model: Any, inputs: Mapping[str, Any]) -> tuple[str, ...]:
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
    told = []
    for name, (low, high) in model.domain.items():
        if name not in given:
            continue
        values = np.asarray(given[name], float).ravel()
        values = values[np.isfinite(values)]
        slack = _ROUNDING * np.maximum(np.abs([low, high]), 1.0)
        far = (values < low - slack[0]) | (values > high + slack[1])
        if far.any():
            told.append(
                f"{type(model).__name__} holds for {name} in [{low:g}, {high:g}]; {far.mean():.1%} of the values lie outside, "
                f"from {values.min():.4g} to {values.max():.4g}: there the fit is only as good as its scores."
            )
    return tuple(told)
