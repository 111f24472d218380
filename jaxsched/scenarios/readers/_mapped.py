"""Any CSV, JSON Lines or parquet table, with a mapping from its columns to those of the package."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd

from jaxsched._names import did_you_mean
from jaxsched.scenarios.countries import Country, country
from jaxsched.scenarios.readers._clock import clock
from jaxsched.scenarios.readers._places import PLACE_COLUMNS, places_of
from jaxsched.scenarios.readers._qualified import records
from jaxsched.scenarios.readers._rates import RATE_COLUMNS, RequestRates, request_rates
from jaxsched.scenarios.readers._raw import Limits, RawTable, ReadError, load, need, numbers, stamps, words
from jaxsched.scenarios.readers._recording import Recording, Stamp, recording
from jaxsched.scenarios.readers._requests import LOG_COLUMNS, RequestLog, request_log
from jaxsched.scenarios.readers._rows import AnyOriginRow, AnySiteRow, Rows, origins_of, sites_of
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
# What a table is, by the columns that are mapped; the first that has them all.
_SERIES, _LOG, _RATES, _SITES, _ORIGINS, _PLACES = (
    "time series", "request log", "table of requests", "table of sites", "table of origins", "list of places",
)  # fmt: skip
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    _SERIES: tuple(QUANTITIES),
    _LOG: LOG_COLUMNS[1:],
    _RATES: RATE_COLUMNS,
    _SITES: tuple(AnySiteRow.model_fields),
    _ORIGINS: tuple(AnyOriginRow.model_fields),
    _PLACES: PLACE_COLUMNS,
}
# Of these a table has one at least to be of its kind.
_TOLD: Mapping[str, tuple[str, ...]] = {
    _LOG: ("prompt_tokens", "answer_tokens"),
    _RATES: ("requests", "requests_per_s"),
    _SITES: ("gpus", "plant", "hardware", "facility_limit_kw"),
    _ORIGINS: ("population",),
}
# Other names of a column; prices are in the currency of the country by the second.
_SAME = {"output_tokens": "answer_tokens", "price_per_mwh": "price_aud_per_mwh"}


@dataclasses.dataclass(frozen=True)
class Mapped:
    """How to read a table that no reader knows.

    What the table is follows from `columns` and `values`: quantities of `QUANTITIES` make a time series; `prompt_tokens` and
    `answer_tokens` a request log (with `request_class`, `origin`, `latitude`, `longitude`, `ttft_s`); `requests` or
    `requests_per_s` a table of requests (with `origin`, `request_class`); the columns of `SiteRow`, of `OriginRow`, or a name
    with `latitude` and `longitude` a table with one row per thing, which has no time.

    Attributes:
        time: Column of the stamps.
        columns: Column of the file by column of the package, for example `price_aud_per_mwh`.
        zone: Clock of stamps without an offset: an IANA name such as `Australia/Sydney`, `UTC`, or `UTC+10`.
        stamp: What a stamp marks: `start` or `end` of its interval, or the `instant` of a reading; a log needs none.
        place: Column that names the place of each row of a time series; `place_name` where the file is of one place.
        place_name: Name of that one place, for example a market region.
        factors: What a column is multiplied by to reach the unit of its quantity; 1 where not given.
        day_first: Whether dates are written with the day before the month.
        values: What a column of the package is in every row, where the file has no such column.
        names: Name of the package by name in the file, for classes, origins, places, plants and hardware.
    """

    time: str | None = None
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    zone: str | None = None
    stamp: Literal["start", "end", "instant"] | None = None
    place: str | None = None
    place_name: str | None = None
    factors: Mapping[str, float] = dataclasses.field(default_factory=dict)
    day_first: bool = False
    values: Mapping[str, str | float] = dataclasses.field(default_factory=dict)
    names: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What the mapping makes of a table."""
        given = {_SAME.get(name, name) for name in (*self.columns, *self.values)}
        for kind, told in _TOLD.items():
            if given & set(told):
                return kind
        return _SERIES if given <= set(QUANTITIES) else _PLACES

    def __post_init__(self) -> None:
        _check_columns(self)
        for name, factor in self.factors.items():
            if not (np.isfinite(factor) and factor != 0):
                raise ValueError(f"the factor of {name!r} is {factor:g}; give a number other than 0.")
        _check_time(self)
        if self.kind == _SERIES and (self.place is None) == (self.place_name is None):
            raise ValueError("give either place (a column) or place_name (a name), and not both.")
        if self.kind != _SERIES and (self.place or self.place_name):
            raise ValueError(
                f"place belongs to a time series; where a row of a {self.kind} comes from is its `origin`."
            )
        if self.zone is not None:
            clock(self.zone)


def _check_columns(how: Mapped) -> None:
    every = [*dict.fromkeys(name for names in _COLUMNS.values() for name in names), *_SAME]
    unknown = sorted({*how.columns, *how.factors, *how.values} - set(every))
    if unknown:
        hint = did_you_mean(unknown[0], every, f"give one of {', '.join(every)}.")
        raise ValueError(f"{unknown[0]!r} is no quantity of a scenario; {hint}")
    idle = sorted(set(how.factors) - set(how.columns))
    if idle:
        raise ValueError(f"factors has {idle[0]!r}, which no column is mapped to; map one or remove the factor.")
    both = sorted(set(how.values) & set(how.columns))
    if both:
        raise ValueError(f"{both[0]!r} is in columns and in values; keep one.")
    if not how.columns:
        raise ValueError("the mapping has no columns; give at least one quantity.")
    foreign = sorted({_SAME.get(name, name) for name in (*how.columns, *how.values)} - set(_COLUMNS[how.kind]))
    if foreign:
        raise ValueError(f"{foreign[0]!r} is no column of a {how.kind}, which has {', '.join(_COLUMNS[how.kind])}.")


def _check_time(how: Mapped) -> None:
    timed = how.kind in (_SERIES, _LOG, _RATES)
    if timed and how.time is None:
        raise ValueError(f"the mapping of a {how.kind} has no time; name the column of the stamps.")
    if not timed and (how.time or how.stamp):
        raise ValueError(f"a {how.kind} has no time; remove time and stamp.")
    allowed = {_SERIES: tuple(_STAMPS), _RATES: ("start", "end"), _LOG: ("instant",)}.get(how.kind, ())
    if how.stamp not in allowed and (how.stamp is not None or how.kind in (_SERIES, _RATES)):
        shown = " or ".join(", ".join(allowed).rsplit(", ", 1))
        raise ValueError(f"stamp is {how.stamp!r}; give {shown}.")
    if how.kind in (_SERIES, _RATES) and how.zone is None:
        raise ValueError(f"the mapping of a {how.kind} has no zone; give the clock of stamps without an offset.")


def read_mapped(
    path: Path | str, how: Mapped, where: Country | None = None
) -> Recording | RequestLog | RequestRates | Rows:
    """Read a table by a mapping, in a country (Australia where none is given); what it is follows from the columns.

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
    named = [how.time, *how.columns.values(), how.place]
    raw = need(raw, [name for name in named if name], "its mapping")
    raw = records(raw, [name for name in named if name]) if how.kind in (_SERIES, _RATES) else raw
    raw = _under_own_names(raw, how)
    if how.kind == _SERIES:
        return _series(raw, how)
    if how.kind == _LOG:
        return request_log(raw, "mapped_log", "a request log", zone=how.zone, day_first=how.day_first)
    if how.kind == _RATES:
        stamp = _STAMPS[str(how.stamp)]
        return request_rates(raw, "mapped_rates", zone=str(how.zone), stamp=stamp, day_first=how.day_first)
    if how.kind == _PLACES:
        return places_of(raw)
    return {_SITES: sites_of, _ORIGINS: origins_of}[how.kind](raw, where or country("australia"))


def _under_own_names(raw: RawTable, how: Mapped) -> RawTable:
    """The columns that are mapped, under the names of the package, and nothing else."""
    columns = {_SAME.get(name, name): column for name, column in how.columns.items()}
    time = {_LOG: "arrived", _RATES: "time", _SERIES: "time"}.get(how.kind)
    columns |= {time: how.time} if time and how.time else {}
    columns |= {"place": how.place} if how.place else {}
    factors = {_SAME.get(name, name): factor for name, factor in how.factors.items()}
    values = {_SAME.get(name, name): value for name, value in how.values.items()}
    frame = raw.frame[list(columns.values())].set_axis(pd.Index(list(columns)), axis=1).assign(**values)
    for name in ("place", "origin", "request_class", "plant", "hardware", "state", "region", "name"):
        if how.names and name in frame:
            cells = frame[name].astype(object)
            frame[name] = cells.map(lambda cell: how.names.get(str(cell).strip(), cell), na_action="ignore")
    return dataclasses.replace(raw, frame=frame, called=columns, factors=factors)


def _series(raw: RawTable, how: Mapped) -> Recording:
    names = [_SAME.get(name, name) for name in (*how.columns, *how.values)]
    quantities = {name: numbers(raw, name, empty=True, **QUANTITIES[name]) for name in names}
    found = recording(
        raw,
        "mapped_table",
        pd.DatetimeIndex(stamps(raw, "time", dayfirst=how.day_first)),
        words(raw, "place") if how.place else str(how.place_name),
        quantities,
        zone=clock(str(how.zone)),
        stamp=_STAMPS[str(how.stamp)],
        column="time",
        notes=tuple(f"{name} is {factor:g} x {how.columns[name]!r}" for name, factor in how.factors.items()),
    )
    said = "price_per_mwh" not in (*how.columns, *how.values)
    return found if said else dataclasses.replace(found, currency="")
