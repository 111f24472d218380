"""A folder of tables as a scenario: each file is what its name says."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from jaxsched.scenarios._assemble import Asked, assemble
from jaxsched.scenarios._inputs import KINDS, SEVERAL, Choices, Inputs, unfit
from jaxsched.scenarios._scenario import Scenario
from jaxsched.scenarios.countries import Country, CountryError, country, load_country
from jaxsched.scenarios.countries._load import FILE, REGIONS
from jaxsched.scenarios.readers import ReadError, read
from jaxsched.scenarios.readers._formats import Readable

# A name such as price.csv, price_2024.parquet or weather-berlin.csv.gz; longer keys first, for rtt_places is no rtt.
_NAMED = re.compile(
    rf"({'|'.join(sorted(KINDS, key=len, reverse=True))})(?:[-_. ].*)?\.(?:csv|parquet|jsonl?|ndjson|epw|txt)(?:\.gz)?",
    re.IGNORECASE,
)
# The tables that a study cannot do without, and those of the package that may stand in for each.
_NEEDED = {"sites": "sites", "origins": "origins", "price": "price", "carbon": "carbon", "weather": "climate"}
_LISTED = 12


def scenario_from_tables(
    folder: Path | str, where: Country | str | None, asked: Asked, choices: Choices | None = None
) -> Scenario:
    """The scenario that a folder of tables describes.

    Arguments:
        folder: The folder.
        where: The country, or its name in the package; that of the folder's `country.toml` where not given.
        asked: The time.
        choices: How the files are put together.

    Raises:
        ReadError: What is missing or wrong, one sentence per line.
    """
    folder = Path(folder)
    try:
        land = country_of(folder, where)
    except CountryError as error:
        raise ReadError(str(error)) from None
    files = tables_in(folder)
    problems = folder_problems(folder, files, land)
    inputs = Inputs(land, choices or Choices(), _read_all(files, land, problems), unnamed(folder))
    scenario = assemble(asked, inputs, problems, unread=bool(problems))
    if problems or scenario is None:
        raise ReadError("\n".join(dict.fromkeys(problems)))
    return scenario


def country_of(folder: Path, where: Country | str | None) -> Country:
    """The country of a folder.

    Raises:
        CountryError: If neither the folder nor the caller says which it is, or they differ.
    """
    if isinstance(where, Country):
        return where
    if not folder.is_dir():
        raise CountryError(f"{folder}: is no folder; give one with the tables of a study.")
    if where is None or (folder / FILE).is_file():
        found = load_country(folder)
        if where not in (None, found.name):
            raise CountryError(f"{folder / FILE}: describes {found.name}, not {where}; leave one of them out.")
        return found
    return country(where)


def tables_in(folder: Path) -> dict[str, list[Path]]:
    """The files of a folder by what their names say they are: a key of `KINDS`, and what may follow it."""
    files: dict[str, list[Path]] = {key: [] for key in KINDS}
    for path in sorted(folder.iterdir()):
        named = _NAMED.fullmatch(path.name)
        if named is not None and path.is_file():
            files[named[1].lower()].append(path)
    return files


def folder_problems(folder: Path, files: Mapping[str, Sequence[Path]], where: Country) -> list[str]:
    """A sentence for what is given twice, and one for all that is missing and that the package does not embed of a country."""
    problems = [
        f"{folder}: has several tables of {key}, {', '.join(path.name for path in paths)}; keep one."
        for key, paths in files.items()
        if len(paths) > 1 and key not in SEVERAL
    ]
    missing = [
        key
        for key, table in _NEEDED.items()
        if not (files[key] or where.embeds(table) or (key in SEVERAL and files["grid"]))
    ]
    if missing:
        held = [path.name for path in sorted(folder.iterdir())]
        shown = ", ".join(held[:_LISTED]) + (" and more" if len(held) > _LISTED else "") or "nothing"
        problems.append(
            f"{folder}: has no {', '.join(f'{key}.csv' for key in missing)}, of which the package embeds none for {where.title}; "
            f"it holds {shown}."
        )
    return problems


def unnamed(folder: Path) -> tuple[str, ...]:
    """A note on files of a folder that are not read, for their names do not say what they are."""
    rest = [
        path.name for path in sorted(folder.iterdir())
        if path.is_file() and path.name not in (FILE, REGIONS) and path.suffix != ".toml" and not _NAMED.fullmatch(path.name)
    ]  # fmt: skip
    if not rest:
        return ()
    return (
        f"{folder.name}: {', '.join(rest[:_LISTED])} not read: a table is named {', '.join(KINDS)}, and what may follow it",
    )


def _read_all(files: dict[str, list[Path]], where: Country, problems: list[str]) -> dict[str, list[Readable]]:
    found: dict[str, list[Readable]] = {key: [] for key in KINDS}
    for key, paths in files.items():
        for path in paths:
            try:
                reading = read(path, where)
            except ReadError as error:
                problems.append(f"inputs.{key}: {error}")
                continue
            problem = unfit(key, path.name, reading)
            if problem is None:
                found[key].append(reading)
            else:
                problems.append(f"inputs.{key}: {problem}")
    return found
