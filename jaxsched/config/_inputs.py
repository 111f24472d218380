"""The files that a configuration names: read once each, every problem told, and put into the scenario."""

import dataclasses
import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from jaxsched.config._schema import InputsSection
from jaxsched.scenarios import (
    Gaps,
    Scenario,
    population_centres,
    with_carbon,
    with_demand_shape,
    with_network,
    with_price,
    with_requests,
    with_weather,
)
from jaxsched.scenarios.readers import (
    Mapped,
    Readable,
    ReadError,
    Recording,
    RequestLog,
    RoundTrips,
    Rows,
    read,
    read_mapped,
)

# What each input may be.
_KINDS: Mapping[str, tuple[type, ...]] = {
    "grid": (Recording,),
    "price": (Recording,),
    "carbon": (Recording,),
    "weather": (Recording,),
    "requests": (RequestLog,),
    "demand": (Recording, RequestLog),
    "rtt": (RoundTrips,),
    "rtt_places": (Rows,),
    "sites": (Rows,),
    "origins": (Rows,),
}
_NAMES = {
    Recording: "a time series",
    RequestLog: "a request log",
    RoundTrips: "round-trip times",
    Rows: "a table of places",
}
_ROW_KINDS = {"sites": ("sites",), "origins": ("origins", "geonames", "geonames_dump")}
# Most population centres that are taken from a gazetteer; the embedded country has as many.
_CENTRES = 120


def input_files(inputs: InputsSection, folder: Path) -> dict[str, Path]:
    """Files that a configuration names, by key (`price`, or `price[1]` where there are several), relative to its folder."""
    named: dict[str, Path] = {}
    for key in _KINDS:
        value = getattr(inputs, key)
        files = [] if value is None else [value] if isinstance(value, str) else value
        for n, file in enumerate(files):
            named[key if len(files) == 1 else f"{key}[{n}]"] = (folder / file).resolve()
    return named


def absolute_inputs(inputs: InputsSection, folder: Path) -> dict[str, Any]:
    """The section with its paths made absolute and without what is empty, so that it works from any folder."""
    files = input_files(inputs, folder)
    section = {key: value for key, value in inputs.model_dump(exclude_none=True).items() if value not in ([], {})}
    for key in _KINDS:
        paths = [str(path) for label, path in files.items() if label.partition("[")[0] == key]
        if paths:
            section[key] = paths if isinstance(section[key], list) else paths[0]
    if inputs.mappings:
        section["mappings"] = {str((folder / name).resolve()): how for name, how in section["mappings"].items()}
    return section


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What the files of a configuration hold, each file read once.

    Attributes:
        section: What the configuration says of them.
        found: Readings by key of the section.
    """

    section: InputsSection
    found: Mapping[str, list[Any]]

    def one(self, key: str) -> Any:
        """The reading of a key of one file, or None."""
        return self.found[key][0] if self.found[key] else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What the readers say of the files, each sentence once and with the name of its file."""
        readings = [reading for group in self.found.values() for reading in group]
        return tuple(dict.fromkeys(f"{reading.source}: {note}" for reading in readings for note in reading.notes))


def read_inputs(section: InputsSection, folder: Path, problems: list[str]) -> Inputs:
    """Read every file that is named; what is wrong is added to the problems, one sentence a file."""
    mappings = _mappings(section, folder, problems)
    cache: dict[Path, Readable | None] = {}
    found: dict[str, list[Any]] = {key: [] for key in _KINDS}
    for label, path in input_files(section, folder).items():
        key = label.partition("[")[0]
        if path not in cache:
            cache[path] = _read(label, path, mappings.get(path), problems)
        reading = cache[path]
        if reading is None:
            continue
        problem = _unfit(label, key, path, reading)
        if problem is None:
            found[key].append(reading)
        else:
            problems.append(problem)
    return Inputs(section, found)


def _read(label: str, path: Path, how: Mapped | None, problems: list[str]) -> Readable | None:
    if not path.is_file():
        problems.append(f"inputs.{label}: {path} does not exist; paths are relative to the configuration file.")
        return None
    try:
        return read(path) if how is None else read_mapped(path, how)
    except ReadError as error:
        problems.append(f"inputs.{label}: {error}")
        return None


def _unfit(label: str, key: str, path: Path, reading: Readable) -> str | None:
    """Why a file cannot be what the key asks for, or None."""
    if not isinstance(reading, _KINDS[key]):
        wanted = " or ".join(_NAMES[kind] for kind in _KINDS[key])
        return f"inputs.{label}: {path.name} is {_NAMES[type(reading)]} ({reading.kind}), where {wanted} is needed."
    kinds = _ROW_KINDS.get(key)
    if kinds is not None and reading.kind not in kinds:
        return f"inputs.{label}: {path.name} was recognised as {reading.kind!r}, where {' or '.join(kinds)} is needed."
    return None


def _mappings(section: InputsSection, folder: Path, problems: list[str]) -> dict[Path, Mapped]:
    used = set(input_files(section, folder).values())
    mappings: dict[Path, Mapped] = {}
    for file, how in section.mappings.items():
        path = (folder / file).resolve()
        if path not in used:
            near = difflib.get_close_matches(path.name, [other.name for other in used], 1, 0.4)
            hint = f"; did you mean {near[0]}?" if near else "; name the file in `inputs` as well."
            problems.append(f"inputs.mappings: {file!r} is not among the files of `inputs`{hint}")
        try:
            mappings[path] = Mapped(**how.model_dump())
        except ValueError as error:
            problems.append(f"inputs.mappings.{file}: {error}")
    return mappings


def tables_of(inputs: Inputs, problems: list[str]) -> dict[str, pd.DataFrame]:
    """The user's own `sites` and `origins`, where given."""
    tables = {key: inputs.one(key).table for key in ("sites", "origins") if inputs.one(key) is not None}
    origins = inputs.one("origins")
    if origins is not None and origins.kind != "origins":
        try:
            tables["origins"] = population_centres(origins.table, _CENTRES)
        except (ValueError, KeyError) as error:
            problems.append(f"inputs.origins: {origins.source}: {str(error).strip(chr(39))}")
            del tables["origins"]
    return tables


def span(inputs: Inputs, step: pd.Timedelta) -> tuple[pd.Timestamp, int] | None:
    """First whole slot and number of slots that price, and carbon of its own year, cover together; None without files."""
    keys = ("price", "grid") if inputs.section.carbon_year is not None else ("price", "grid", "carbon")
    groups = [inputs.found[key] for key in keys if inputs.found[key]]
    if not groups:
        return None
    starts = [min(one.table["start_utc"].min() for one in group) for group in groups]
    ends = [max(one.table["start_utc"].max() + one.step for one in group) for group in groups]
    first, last = max(starts).ceil(step), min(ends).floor(step)
    return first, int((last - first) // step)


def with_inputs(scenario: Scenario, inputs: Inputs, problems: list[str]) -> Scenario:
    """The scenario with every signal of the files; what does not fit is added to the problems and left out."""
    section, found = inputs.section, inputs.found
    gaps = Gaps(section.fill, section.longest_fill_hours)
    places = {name: (at[0], at[1]) for name, at in section.places.items()}
    grid = found["grid"]
    weathers = found["weather"] or [one for one in grid if "dry_bulb_c" in one.table]

    def carbon(now: Scenario, files: list[Recording]) -> Scenario:
        return with_carbon(now, files, gaps, basis=section.carbon_basis, year=section.carbon_year)

    def demand_shape(now: Scenario, file: Any) -> Scenario:
        return with_demand_shape(now, file, section.demand_series, shift_hours=section.demand_shift_hours)

    steps: list[tuple[str, Any, Callable[[Scenario, Any], Scenario]]] = [
        ("price", found["price"] or grid, lambda now, files: with_price(now, files, gaps)),
        ("carbon", found["carbon"] or grid, carbon),
        (
            "weather",
            weathers,
            lambda now, files: with_weather(now, files, gaps, year=section.weather_year, places=places),
        ),
        ("demand", inputs.one("demand"), demand_shape),
        ("requests", inputs.one("requests"), with_requests),
        ("rtt", inputs.one("rtt"), lambda now, file: with_network(now, file, inputs.one("rtt_places"), places)),
    ]
    for key, files, put in steps:
        if files:
            try:
                scenario = put(scenario, files)
            except ReadError as error:
                problems.append(f"inputs.{key}: {error}")
    return scenario
