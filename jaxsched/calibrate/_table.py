"""A fit of one model to one table, as a configuration describes it."""

import dataclasses
import inspect
import re
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from jaxsched import models
from jaxsched._parameters import AbstractModel, as_array
from jaxsched.calibrate._objective import Predictor
from jaxsched.calibrate._observations import CalibrationError, Observations
from jaxsched.calibrate._parameters import layout_of, named_parameters, replaced

# Unit: what models use, factor, offset: value = factor x number + offset. A refrigeration ton is 12000 Btu/h.
_UNITS = {
    "W": ("kW", 1e-3, 0.0),
    "kW": ("kW", 1.0, 0.0),
    "MW": ("kW", 1e3, 0.0),
    "RT": ("kW", 3.516852842, 0.0),
    "degC": ("degC", 1.0, 0.0),
    "degF": ("degC", 5.0 / 9.0, -160.0 / 9.0),
    "degK": ("degC", 1.0, -273.15),
    "%": ("%", 1.0, 0.0),
    "1": ("1", 1.0, 0.0),
    "s": ("s", 1.0, 0.0),
    "ms": ("s", 1e-3, 0.0),
    "token": ("token", 1.0, 0.0),
    "token^2": ("token^2", 1.0, 0.0),
    "GPU": ("GPU", 1.0, 0.0),
    "km": ("km", 1.0, 0.0),
    "L/h": ("L/h", 1.0, 0.0),
}
_ENERGY = re.compile(r"(Wh|kWh|MWh) per (\d+(?:\.\d+)?) min")


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table: its name, its unit, and the range outside which a value counts as missing."""

    column: str
    unit: str = "1"
    lowest: float | None = None
    highest: float | None = None


def model_of(kind: str, start: Mapping[str, float]) -> Any:
    """A model of `jaxsched.models` with its defaults, and some parameters given by dotted name.

    Raises:
        CalibrationError: If the class or a name is unknown, the class has no defaults, or a value is outside its range.
    """
    found = getattr(models, kind, None)
    if found is None or not _is_law(found):
        known = [n for n in models.__all__ if _is_law(getattr(models, n))]
        raise CalibrationError(f"model {kind!r} is no law of jaxsched.models; there are {', '.join(known)}.")
    try:
        model = found()
    except TypeError as error:
        raise CalibrationError(
            f"model {kind!r} cannot be made from its defaults ({error}); use `fit` in Python."
        ) from None
    if not start:
        return model
    named = named_parameters(model, list(start))
    for one in named:
        if not one.valid[0] <= start[one.name] <= one.valid[1]:
            raise CalibrationError(
                f"start of {one.name} is {start[one.name]:g}, outside its valid range [{one.valid[0]:g}, {one.valid[1]:g}]."
            )
    values = np.concatenate([np.full(one.value.size, start[one.name]) for one in named])
    return replaced(model, layout_of(named), jnp.asarray(values))


def _is_law(found: Any) -> bool:
    made = isinstance(found, type) and issubclass(found, AbstractModel) and not inspect.isabstract(found)
    return made and "__call__" in dir(found)


def predictor_of(
    model: Any, component: str | None, constants: Mapping[str, float], inputs: Mapping[str, Any]
) -> Predictor:
    """How the model is called, with every argument known.

    Raises:
        CalibrationError: If an argument is missing, unknown or given twice, or the answer has no such component.
    """
    needed = list(inspect.signature(type(model).__call__).parameters)[1:]
    for name in [*inputs, *constants]:
        if name not in needed:
            raise CalibrationError(f"{type(model).__name__} takes no argument {name!r}; it takes {', '.join(needed)}.")
    missing = [name for name in needed if (name in inputs) == (name in constants)]
    if missing:
        both = missing[0] in inputs
        raise CalibrationError(
            f"argument {missing[0]!r} of {type(model).__name__} is {'both a column and a constant' if both else 'missing'}; give "
            "it in `inputs.columns` or in `model.constants`."
        )
    answer = jax.eval_shape(lambda m, i: m(**i, **{n: as_array(v) for n, v in constants.items()}), model, dict(inputs))
    if component is not None and component not in getattr(answer, "_fields", ()):
        there = ", ".join(getattr(answer, "_fields", ())) or "no components"
        raise CalibrationError(f"the answer of {type(model).__name__} has no component {component!r}; it has {there}.")
    return Predictor(component, tuple(constants.items()))


def observations_of(
    table: pd.DataFrame, observed: Column, columns: Mapping[str, Column], times: pd.DatetimeIndex | None
) -> Observations:
    """Observations from the columns of a table, in the units of the models.

    `wet_bulb` follows from `dry_bulb` and `relative_humidity` where it is not given; `weights` are weights.

    Raises:
        CalibrationError: If a column is missing, holds text, or its unit is unknown.
    """
    values, unit = _values(table, observed)
    inputs = {name: _values(table, column)[0] for name, column in columns.items()}
    weights = inputs.pop("weights", None)
    humidity = inputs.pop("relative_humidity", None)
    if humidity is not None:
        if "dry_bulb" not in inputs or "wet_bulb" in inputs:
            raise CalibrationError("relative_humidity needs a column `dry_bulb`, and no `wet_bulb` beside it.")
        inputs["wet_bulb"] = _wet_bulb(inputs["dry_bulb"], humidity)
    features = {name: each for name, each in inputs.items() if np.nanstd(each) > 0}
    return Observations(inputs, values, weights=weights, times=times, unit=unit, features=features)


def _values(table: pd.DataFrame, column: Column) -> tuple[np.ndarray, str]:
    if column.column not in table.columns:
        raise CalibrationError(f"there is no column {column.column!r}; there are {', '.join(map(str, table.columns))}.")
    given = table[column.column]
    numbers = pd.to_numeric(given, errors="coerce")
    bad = numbers.isna() & given.notna()
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise CalibrationError(
            f"column {column.column!r} holds {given.iloc[row]!r} in row {row + 1}; give numbers or nothing."
        )
    low = -np.inf if column.lowest is None else column.lowest
    high = np.inf if column.highest is None else column.highest
    return _to_model_unit(numbers.where(numbers.between(low, high)).to_numpy(float), column.unit)


def _wet_bulb(dry_bulb: np.ndarray, humidity: np.ndarray) -> np.ndarray:
    known = np.isfinite(dry_bulb) & np.isfinite(humidity)
    air, moist = np.where(known, dry_bulb, 20.0), np.where(known, humidity, 50.0)
    try:
        return np.where(known, np.asarray(models.stull_wet_bulb(jnp.asarray(air), jnp.asarray(moist))), np.nan)
    except ValueError as error:
        raise CalibrationError(f"{error} Set `lowest` and `highest` of the column to leave such rows out.") from None


def _to_model_unit(values: np.ndarray, unit: str) -> tuple[np.ndarray, str]:
    """Values in the unit that models use for the quantity, and that unit.

    Raises:
        CalibrationError: If the unit is unknown.
    """
    energy = _ENERGY.fullmatch(unit)
    if energy:
        return values * {"Wh": 1e-3, "kWh": 1.0, "MWh": 1e3}[energy[1]] * 60.0 / float(energy[2]), "kW"
    if unit not in _UNITS:
        raise CalibrationError(
            f"unit {unit!r} is unknown; known are {', '.join(_UNITS)} and kWh per 30 min (any minutes)."
        )
    base, factor, offset = _UNITS[unit]
    return values * factor + offset, base
