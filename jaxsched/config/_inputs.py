"""The files that a configuration names: read once each, and every problem told."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxsched._names import did_you_mean
from jaxsched.config._schema import InputsSection
from jaxsched.scenarios import Choices, Country, country
from jaxsched.scenarios._folder import country_of, folder_problems, tables_in, unnamed
from jaxsched.scenarios._inputs import KINDS, SEVERAL, Inputs, unfit
from jaxsched.scenarios.countries import CountryError
from jaxsched.scenarios.readers import Mapped, ReadError, read, read_mapped
from jaxsched.scenarios.readers._formats import Readable

if TYPE_CHECKING:
    from jaxsched.config._schema import Config


def country_in(config: "Config", folder: Path, problems: list[str]) -> Country:
    """The country of a configuration: as it says, as the folder of its tables says, or Australia."""
    name, tables = config.scenario.country, config.inputs.folder
    try:
        return country(name or "australia") if tables is None else country_of((folder / tables).resolve(), name)
    except CountryError as error:
        problems.append(f"inputs.folder: {error}" if tables is not None else f"scenario.country: {error}")
        return country("australia")


def input_files(inputs: InputsSection, folder: Path) -> dict[str, Path]:
    """Files that a configuration names, by key (`price`, or `price[1]` where there are several), relative to its folder.

    The files of its folder of tables stand in for those that it does not name.
    """
    named: dict[str, Path] = {}
    lying = tables_in(folder / inputs.folder) if inputs.folder is not None and (folder / inputs.folder).is_dir() else {}
    for key in KINDS:
        value = getattr(inputs, key)
        files = [] if value is None else [value] if isinstance(value, str) else value
        files = files or [str(path) for path in lying.get(key, [])]
        for n, file in enumerate(files):
            named[key if len(files) == 1 else f"{key}[{n}]"] = (folder / file).resolve()
    return named


def absolute_inputs(inputs: InputsSection, folder: Path) -> dict[str, Any]:
    """The section with its paths made absolute and without what is empty, so that it works from any folder."""
    files = input_files(inputs, folder)
    section = {key: value for key, value in inputs.model_dump(exclude_none=True).items() if value not in ([], {})}
    if inputs.folder is not None:
        section["folder"] = str((folder / inputs.folder).resolve())
    for key in KINDS:
        paths = [str(path) for label, path in files.items() if label.partition("[")[0] == key]
        if paths:
            section[key] = paths if key in SEVERAL else paths[0]
    if inputs.mappings:
        section["mappings"] = {str((folder / name).resolve()): how for name, how in section["mappings"].items()}
    return section


def read_inputs(section: InputsSection, folder: Path, where: Country, problems: list[str]) -> Inputs:
    """Read every file that is named; what is wrong is added to the problems, one sentence per file."""
    files = input_files(section, folder)
    mappings = _mappings(section, folder, set(files.values()), problems)
    cache: dict[Path, Readable | None] = {}
    found: dict[str, list[Any]] = {key: [] for key in KINDS}
    for label, path in files.items():
        key = label.partition("[")[0]
        if path not in cache:
            cache[path] = _read(label, path, mappings.get(path), where, problems)
        reading = cache[path]
        if reading is None:
            continue
        problem = unfit(key, path.name, reading)
        if problem is None:
            found[key].append(reading)
        else:
            problems.append(f"inputs.{label}: {problem}")
    tables = None if section.folder is None else (folder / section.folder).resolve()
    if tables is None or not tables.is_dir():
        return Inputs(where, _choices(section), found)
    named = {key: [path for label, path in files.items() if label.partition("[")[0] == key] for key in KINDS}
    problems += [f"inputs.folder: {problem}" for problem in folder_problems(tables, named, where)]
    return Inputs(where, _choices(section), found, unnamed(tables))


def _choices(section: InputsSection) -> Choices:
    names = [field.name for field in dataclasses.fields(Choices) if field.name != "places"]
    places = {name: (at[0], at[1]) for name, at in section.places.items()}
    return Choices(**{name: getattr(section, name) for name in names}, places=places)


def _read(label: str, path: Path, how: Mapped | None, where: Country, problems: list[str]) -> Readable | None:
    if not path.is_file():
        problems.append(f"inputs.{label}: {path} does not exist; paths are relative to the configuration file.")
        return None
    try:
        return read(path, where) if how is None else read_mapped(path, how, where)
    except ReadError as error:
        problems.append(f"inputs.{label}: {error}")
        return None


def _mappings(section: InputsSection, folder: Path, used: set[Path], problems: list[str]) -> dict[Path, Mapped]:
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
