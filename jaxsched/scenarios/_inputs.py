"""What files of real signals hold, by what they are for, and what is chosen of them."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

import pandas as pd

from jaxsched.scenarios._centres import population_centres
from jaxsched.scenarios._join import Fill
from jaxsched.scenarios._recorded import held_by
from jaxsched.scenarios.countries import Country
from jaxsched.scenarios.readers import Recording, RequestLog, RequestRates, RoundTrips, Rows
from jaxsched.scenarios.readers._formats import Readable

KINDS: Mapping[str, tuple[type, ...]] = {
    "grid": (Recording,),
    "price": (Recording,),
    "carbon": (Recording,),
    "weather": (Recording,),
    "requests": (RequestLog,),
    "demand": (Recording, RequestLog, RequestRates),
    "rtt": (RoundTrips,),
    "rtt_places": (Rows,),
    "sites": (Rows,),
    "origins": (Rows,),
}
"""What each input may be."""

SEVERAL = ("grid", "price", "carbon", "weather")
"""Inputs that may be several files."""

_NAMES = {
    Recording: "a time series",
    RequestLog: "a request log",
    RequestRates: "a table of requests",
    RoundTrips: "round-trip times",
    Rows: "a table of places",
}
_ROW_KINDS = {"sites": ("sites",), "origins": ("origins", "geonames", "geonames_dump")}
# Most population centres that are taken from a gazetteer; the embedded Australia has as many.
_CENTRES = 120


@dataclasses.dataclass(frozen=True)
class Choices:
    """How files are put into a scenario.

    Attributes:
        fill: `error` refuses slots that a file does not hold; `flag` fills short gaps and records every cell.
        longest_fill_hours: Longest gap that is filled [h].
        carbon_basis: Carbon of operation only, or of the life cycle of the plants.
        carbon_year: Take the carbon of these calendar stamps in another year.
        weather_year: Take the weather of these calendar stamps in another year.
        demand_basis: Whether demand is requests as they are, or the hours of the day for people's requests; the first for a
            file with dates where not given.
        demand_series: Which series (model or class) of the demand to take.
        demand_origin: Where its requests come from if the file does not say: an origin, or `population`.
        demand_class: What its requests ask if the file does not say.
        demand_zone: Clock on which its hours of the day are read.
        demand_shift_hours: Added to that clock [h].
        places: Latitude and longitude by name [deg] of places that files name and the package does not know.
    """

    fill: Fill = "error"
    longest_fill_hours: float = 3.0
    carbon_basis: Literal["direct", "lca"] = "direct"
    carbon_year: int | None = None
    weather_year: int | None = None
    demand_basis: Literal["absolute", "shape"] | None = None
    demand_series: str | None = None
    demand_origin: str | None = None
    demand_class: str | None = None
    demand_zone: str | None = None
    demand_shift_hours: float | None = None
    places: Mapping[str, tuple[float, float]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What the files of a study hold, each file read once.

    Attributes:
        country: Where they are of.
        choices: How they are put into a scenario.
        found: Readings by key of `KINDS`.
        notes: Sentences on the files beside those of their readers.
    """

    country: Country
    choices: Choices
    found: Mapping[str, list[Any]]
    notes: tuple[str, ...] = ()

    def one(self, key: str) -> Any:
        """The reading of a key of one file, or None."""
        return self.found[key][0] if self.found[key] else None

    @property
    def absolute(self) -> bool:
        """Whether the demand file gives requests as they are: as is chosen, else if it has dates."""
        found, basis = self.one("demand"), self.choices.demand_basis
        return found is not None and (basis == "absolute" or (basis is None and getattr(found, "dated", True)))

    @property
    def weather(self) -> list[Recording]:
        """The recordings of weather, or those of the grid that hold temperature."""
        return self.found["weather"] or [one for one in self.found["grid"] if "dry_bulb_c" in one.table]

    @property
    def all_notes(self) -> tuple[str, ...]:
        """What the readers say of the files, each sentence once and with the name of its file, and what else is noted."""
        readings = [reading for group in self.found.values() for reading in group]
        said = [f"{reading.source}: {note}" for reading in readings for note in reading.notes]
        return tuple(dict.fromkeys((*said, *self.notes)))


def unfit(key: str, name: str, reading: Readable) -> str | None:
    """Why a file cannot be what a key asks for, or None."""
    if not isinstance(reading, KINDS[key]):
        wanted = " or ".join(_NAMES[kind] for kind in KINDS[key])
        return f"{name} is {_NAMES[type(reading)]} ({reading.kind}), where {wanted} is needed."
    kinds = _ROW_KINDS.get(key)
    if kinds is not None and reading.kind not in kinds:
        return f"{name} was recognised as {reading.kind!r}, where {' or '.join(kinds)} is needed."
    return None


def tables_of(inputs: Inputs, problems: list[str]) -> dict[str, pd.DataFrame]:
    """The user's own `sites` and `origins`, where given."""
    tables = {key: inputs.one(key).table for key in ("sites", "origins") if inputs.one(key) is not None}
    origins = inputs.one("origins")
    if origins is not None and origins.kind != "origins":
        try:
            tables["origins"] = population_centres(origins.table, _CENTRES, inputs.country)
        except (ValueError, KeyError) as error:
            problems.append(f"inputs.origins: {origins.source}: {str(error).strip(chr(39))}")
            del tables["origins"]
    return tables


def span(inputs: Inputs, step: pd.Timedelta) -> tuple[pd.Timestamp, int] | None:
    """First whole slot and number of slots that price, carbon of its own year and demand cover together; None without files.

    Where the package embeds no climate that weather could fall back to, what the weather of its own year covers as well.
    """
    choices = inputs.choices
    keys = ("price", "grid") if choices.carbon_year is not None else ("price", "grid", "carbon")
    held = [_covered(inputs.found[key]) for key in keys if inputs.found[key]]
    if inputs.absolute:
        held.append(held_by(inputs.one("demand"), step))
    if inputs.weather and choices.weather_year is None and not inputs.country.embeds("climate"):
        held.append(_centres(inputs.weather, step))
    if not held:
        return None
    first, last = max(start for start, _ in held).ceil(step), min(end for _, end in held).floor(step)
    return first, int((last - first) // step)


def _covered(group: list[Recording]) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Start and end of what recordings hold."""
    return (
        min(one.table["start_utc"].min() for one in group),
        max(one.table["start_utc"].max() + one.step for one in group),
    )


def _centres(group: list[Recording], step: pd.Timedelta) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Start and end of the slots whose centres lie between the first and the last reading."""
    lags = [pd.Timedelta(0) if one.stamp == "instant" else one.step / 2 for one in group]
    first = min(one.table["start_utc"].min() + lag for one, lag in zip(group, lags, strict=True))
    last = max(one.table["start_utc"].max() + lag for one, lag in zip(group, lags, strict=True))
    return first - step / 2, last + step / 2
