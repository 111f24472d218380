"""How the derived tables are written: CSV with a header that says what they are and where they come from."""

from pathlib import Path

import pandas as pd

_DATE = "2026-11-24"


def write_table(
    folder: Path, name: str, table: pd.DataFrame, *, what: str, source: str, method: str, licence: str
) -> None:
    """Write one table with its header; numbers keep the decimals that the table was rounded to."""
    header = {"what": what, "source": source, "method": method, "date": _DATE, "licence": licence}
    lines = "".join(f"# {key}: {' '.join(text.split())}\n" for key, text in header.items())
    (folder / f"{name}.csv").write_text(lines + table.to_csv(index=False), encoding="utf-8")
