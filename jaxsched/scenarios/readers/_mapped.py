"""Any CSV or parquet table, with a mapping from its columns to the quantities of the package."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd

from jaxsched.scenarios.readers._clock import clock
from jaxsched.scenarios.readers._raw import Limits, ReadError, load, need, numbers, stamps, words
from jaxsched.scenarios.readers._recording import Recording, Stamp, recording
from jaxsched.scenarios.readers._text import unreadable

QUANTITIES: Mapping[str, Limits] = MappingProxyType(
    {
        "price_aud_per_mwh": {"low": -1_000.0, "high": 100_000.0},
        "carbon_direct_g_per_kwh": {"low": 0.0, "high": 3_000.0},
        "carbon_lca_g_per_kwh": {"low": 0.0, "high": 3_000.0},
        "dry_bulb_c": {"low": -60.0, "high": 65.0},
        "relative_humidity_pct": {"low": 0.0, "high": 110.0},
        "pressure_hpa": {"low": 300.0, "high": 1_200.0},
        "demand_mw": {"low": -np.inf, "high": np.inf},
        "rate_requests_per_s": {"low": 0.0, "high": np.inf},
    }
)
"""Quantities that a scenario can take from a table, with the range of each in its unit."""

_STAMPS: dict[str, Stamp] = {"start": "interval start", "end": "interval end", "instant": "instant"}


@dataclasses.dataclass(frozen=True)
class Mapped:
    """How to read a table that no reader knows.

    Attributes:
        time: Column of the stamps.
        columns: Column of the file by quantity of the package, for example `price_aud_per_mwh`; see `QUANTITIES`.
        zone: Clock of stamps without an offset: an IANA name such as `Australia/Sydney`, `UTC`, or `UTC+10`.
        stamp: What a stamp marks: `start` or `end` of its interval, or the `instant` of a reading.
        place: Column that names the place of each row; `place_name` where the file is of one place.
        place_name: Name of that one place, for example a market region.
        factors: What a column is multiplied by to reach the unit of its quantity; 1 where not given.
        day_first: Whether dates are written with the day before the month.
    """

    time: str
    columns: Mapping[str, str]
    zone: str
    stamp: Literal["start", "end", "instant"]
    place: str | None = None
    place_name: str | None = None
    factors: Mapping[str, float] = dataclasses.field(default_factory=dict)
    day_first: bool = False

    def __post_init__(self) -> None:
        unknown = sorted({*self.columns, *self.factors} - set(QUANTITIES))
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no quantity of a scenario; give one of {', '.join(QUANTITIES)}.")
        idle = sorted(set(self.factors) - set(self.columns))
        if idle:
            raise ValueError(f"factors has {idle[0]!r}, which no column is mapped to; map one or remove the factor.")
        for name, factor in self.factors.items():
            if not (np.isfinite(factor) and factor != 0):
                raise ValueError(f"the factor of {name!r} is {factor:g}; give a number other than 0.")
        if not self.columns:
            raise ValueError("the mapping has no columns; give at least one quantity.")
        if self.stamp not in _STAMPS:
            raise ValueError(f"stamp is {self.stamp!r}; give start, end or instant.")
        if (self.place is None) == (self.place_name is None):
            raise ValueError("give either place (a column) or place_name (a name), and not both.")
        clock(self.zone)


def read_mapped(path: Path | str, how: Mapped) -> Recording:
    """Read a table by a mapping.

    Raises:
        ReadError: One sentence that names the file, the row and the column.
    """
    path = Path(path)
    if path.is_dir():
        raise ReadError(f"{path}: is a directory; give a file.")
    try:
        raw = load(path)
    except OSError as error:
        raise unreadable(path, error) from None
    named = [how.time, *how.columns.values(), *([how.place] if how.place else [])]
    raw = records(need(raw, named, "its mapping"), named)
    quantities = {}
    for name, column in how.columns.items():
        limits, factor = QUANTITIES[name], float(how.factors.get(name, 1.0))
        low, high = sorted((limits["low"] / factor, limits["high"] / factor))
        quantities[name] = factor * numbers(raw, column, empty=True, low=low, high=high)
    place = words(raw, how.place) if how.place else str(how.place_name)
    return recording(
        raw,
        "mapped_table",
        pd.DatetimeIndex(stamps(raw, how.time, dayfirst=how.day_first)),
        place,
        quantities,
        zone=clock(how.zone),
        stamp=_STAMPS[how.stamp],
        column=how.time,
        notes=tuple(f"{name} is {factor:g} x {how.columns[name]!r}" for name, factor in how.factors.items()),
    )
