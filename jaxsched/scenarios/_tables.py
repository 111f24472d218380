"""The tables that the package embeds: those of every country, and those of one."""

from pathlib import Path

import pandas as pd

from jaxsched.scenarios.countries import Country, country
from jaxsched.scenarios.countries._country import read_table

_FOLDER = Path(__file__).parent / "data"
# Drawn by maps and part of no scenario.
_PICTURES = ("coastline",)


def read_embedded(name: str, of: Country | None = None) -> pd.DataFrame:
    """One embedded table of a country's scenarios, of Australia where none is given; its header says what it is."""
    shared = _FOLDER / f"{name}.csv"
    return read_table(shared if shared.is_file() else embedded_tables(of)[name])


def embedded_tables(of: Country | None = None) -> dict[str, Path]:
    """Path of every embedded table of a country's scenarios by its name; of Australia where none is given."""
    shared = {path.stem: path for path in _FOLDER.glob("*.csv")}
    own = {name: path for name, path in (of or country("australia")).tables().items() if name not in _PICTURES}
    return dict(sorted((shared | own).items()))
