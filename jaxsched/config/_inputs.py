"""The files that a configuration names: read once each, every problem told, and put into the scenario."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from jaxsched._names import did_you_mean
from jaxsched.config._schema import InputsSection
from jaxsched.scenarios import (
    Gaps,
    Scenario,
    held_by,
    population_centres,
    with_carbon,
    with_demand,
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
    RequestRates,
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
    "demand": (Recording, RequestLog, RequestRates),
    "rtt": (RoundTrips,),
    "rtt_places": (Rows,),
    "sites": (Rows,),
    "origins": (Rows,),
}
_NAMES = {
    Recording: "a time series",
    RequestLog: "a request log",
    RequestRates: "a table of requests",
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
            hint = did_you_mean(path.name, [other.name for other in used], "name the file in `inputs` as well.")
            problems.append(f"inputs.mappings: {file!r} is not among the files of `inputs`; {hint}")
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
    """First whole slot and number of slots that price, carbon of its own year and demand cover together; None without files."""
    keys = ("price", "grid") if inputs.section.carbon_year is not None else ("price", "grid", "carbon")
    groups = [inputs.found[key] for key in keys if inputs.found[key]]
    held = [
        (
            min(one.table["start_utc"].min() for one in group),
            max(one.table["start_utc"].max() + one.step for one in group),
        )
        for group in groups
    ]
    if is_absolute(inputs):
        held.append(held_by(inputs.one("demand"), step))
    if not held:
        return None
    first, last = max(start for start, _ in held).ceil(step), min(end for _, end in held).floor(step)
    return first, int((last - first) // step)


def is_absolute(inputs: Inputs) -> bool:
    """Whether the demand file gives requests as they are: as the configuration says, else if it has dates."""
    found = inputs.one("demand")
    basis = inputs.section.demand_basis
    return found is not None and (basis == "absolute" or (basis is None and getattr(found, "dated", True)))


def _check_demand_keys(inputs: Inputs, problems: list[str]) -> None:
    """Keys that the basis of the demand has no use for would be believed to do something."""
    absolute, section = is_absolute(inputs), inputs.section
    idle = ("demand_zone", "demand_shift_hours") if absolute else ("demand_origin", "demand_class")
    for key in idle:
        if getattr(section, key) is not None and inputs.one("demand") is not None:
            basis = "absolute" if absolute else "shape"
            problems.append(
                f"inputs.{key}: has no use where the demand is {'as recorded' if absolute else 'of people'} "
                f'(demand_basis "{basis}"); remove it, or set demand_basis.'
            )


def with_inputs(scenario: Scenario, inputs: Inputs, problems: list[str]) -> Scenario:
    """The scenario with every signal of the files; what does not fit is added to the problems and left out."""
    section, found = inputs.section, inputs.found
    gaps = Gaps(section.fill, section.longest_fill_hours)
    places = {name: (at[0], at[1]) for name, at in section.places.items()}
    grid = found["grid"]
    weathers = found["weather"] or [one for one in grid if "dry_bulb_c" in one.table]
    _check_demand_keys(inputs, problems)

    def carbon(now: Scenario, files: list[Recording]) -> Scenario:
        return with_carbon(now, files, gaps, basis=section.carbon_basis, year=section.carbon_year)

    def demand(now: Scenario, file: Any) -> Scenario:
        series = section.demand_series
        if not is_absolute(inputs):
            return with_demand_shape(
                now, file, series, shift_hours=section.demand_shift_hours, zone=section.demand_zone
            )
        named = {"origin": section.demand_origin, "request_class": section.demand_class}
        return with_demand(now, file, gaps, series=series, **named)

    steps: list[tuple[str, Any, Callable[[Scenario, Any], Scenario]]] = [
        ("price", found["price"] or grid, lambda now, files: with_price(now, files, gaps)),
        ("carbon", found["carbon"] or grid, carbon),
        (
            "weather",
            weathers,
            lambda now, files: with_weather(now, files, gaps, year=section.weather_year, places=places),
        ),
        ("demand", inputs.one("demand"), demand),
        ("requests", _other_log(inputs), with_requests),
        ("rtt", inputs.one("rtt"), lambda now, file: with_network(now, file, inputs.one("rtt_places"), places)),
    ]
    for key, files, put in steps:
        if files:
            try:
                scenario = put(scenario, files)
            except ValueError as error:  # a ReadError, or a name or number of the configuration that has no meaning
                problems.append(f"inputs.{key}: {error}")
    return scenario


def _other_log(inputs: Inputs) -> RequestLog | None:
    """The log for lengths, unless the demand is of the same file and has given them already."""
    log, demand = inputs.one("requests"), inputs.one("demand")
    return None if log is demand and is_absolute(inputs) else log
