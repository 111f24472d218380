"""Whether a law is used where it is known to hold."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxsched._parameters import AbstractModel

# Rounding of units is no departure.
_ROUNDING = 1e-6


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
