"""What `jaxsched init`, `jaxsched convert` and `jaxsched data` do."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from jaxsched._output import OutputError, whole_directory, whole_file
from jaxsched.scenarios.countries import Country, CountryError, country, load_country
from jaxsched.scenarios.readers import Recording, RequestLog, RequestRates, describe, read, tidy, write_tidy
from jaxsched.scenarios.readers._formats import FORMATS, Readable

_WIDTH = 100


def start_directory(folder: Path) -> None:
    """Write a configuration and the tables that it names into a new or empty directory."""
    if folder.exists() and folder.is_dir() and any(folder.iterdir()):
        raise OutputError(f"{folder}: is not empty; give a new directory.")
    # Here and not above: what looks into files need not wait for the rest of the package.
    from jaxsched.config._template import template

    files = template()
    with whole_directory(folder) as draft:
        for name, text in files.items():
            (draft / name).write_text(text, encoding="utf-8")
    print(f"written to {folder}: {', '.join(files)}")
    print(f"next: jaxsched run {folder / next(iter(files))}")


def country_named(name: str) -> Country:
    """A country of the package, or that of a folder."""
    from jaxsched.config import ConfigError

    try:
        return load_country(name) if Path(name).is_dir() else country(name)
    except CountryError as error:
        raise ConfigError(str(error)) from None


def show_file(path: Path, where: str, *, as_json: bool) -> None:
    """Say what a file was recognised as, its clock, step, range, gaps and units."""
    found = describe(path, country_named(where))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in found.items():
        if value not in (None, [], {}):
            table.add_row(key, _shown(value))
    console = Console(width=max(Console().width, _WIDTH), highlight=False, markup=False)
    console.print(f"{path.name}: {_about(found['kind'])}")
    console.print(table)


def _about(kind: str) -> str:
    return next((known.about for known in FORMATS if known.kind == kind), kind)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_shown(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        numbers = all(isinstance(item, int | float) for item in value)
        if numbers and len(value) == 2:
            return f"{value[0]:g} to {value[1]:g}"
        shown = ("; " if any(" " in str(item) for item in value) else ", ").join(map(str, value[:12]))
        return shown if len(value) <= 12 else f"{shown}, and {len(value) - 12} more"
    return f"{value:g}" if isinstance(value, float) else str(value)


def show_kinds() -> None:
    """List every kind of file that is recognised."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("kind", "what it is", "told by"):
        table.add_column(heading, overflow="fold")
    for known in FORMATS:
        told = ", ".join(known.columns).replace("\\", "").replace(".+", "...").replace(".*", "...").replace("|", " or ")
        table.add_row(known.kind, known.about, told or "its first lines")
    console = Console(width=max(Console().width, _WIDTH), highlight=False, markup=False)
    console.print(table)


def convert_file(path: Path, out: Path, *, overwrite: bool) -> None:
    """Write what a file holds as one table in UTC by the start of the interval, units in the column names."""
    from jaxsched.config import ConfigError

    found: Readable = read(path)
    if not isinstance(found, Recording | RequestLog | RequestRates):
        raise ConfigError(
            f"{path.name}: is {_about(found.kind)}, which has no time; only series and logs are converted."
        )
    table = tidy(found)
    try:
        with whole_file(out, overwrite=overwrite) as draft:
            write_tidy(table, draft)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    print(f"written to {out}: {len(table)} rows, columns {', '.join(map(str, table.columns))}")
