"""The tables that the package embeds."""

from functools import cache
from pathlib import Path

import pandas as pd

_FOLDER = Path(__file__).parent / "data"


@cache
def read_embedded(name: str) -> pd.DataFrame:
    """One embedded table; its header, in the lines that begin with #, says what it is and where it comes from."""
    return pd.read_csv(_FOLDER / f"{name}.csv", comment="#")


def embedded_tables() -> dict[str, Path]:
    """Path of every embedded table by its name."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.csv"))}
