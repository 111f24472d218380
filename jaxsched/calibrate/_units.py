"""Units of a user's columns, brought to those of the models."""

import re

import numpy as np

from jaxsched.calibrate._observations import CalibrationError

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


def to_model_unit(values: np.ndarray, unit: str) -> tuple[np.ndarray, str]:
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
