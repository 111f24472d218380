"""The record and the tables of a run, which are written before anything is drawn."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from jaxsched._output import write_json
from jaxsched.report._failures import apart


def write_record(folder: Path, summary: Mapping[str, Any], manifest: Mapping[str, Any]) -> list[str]:
    """Write the summary, the configuration in it, and the manifest; return their names. Failures are in all of them."""
    failed = summary["failed"]
    write_json(folder / "summary.json", summary)
    write_json(folder / "manifest.json", {**manifest, "failed": failed})
    write_json(folder / "config.json", summary["config"])
    return ["summary.json", "manifest.json", "config.json"]


def write_tables(folder: Path, tables: Mapping[str, Callable[[], pd.DataFrame]]) -> list[str]:
    """Write each table as NAME.parquet, and return the names of those that could be made.

    Raises:
        OSError: If the disk does not take a table.
    """
    names = []
    for name, make in tables.items():
        frame = None
        with apart(folder, f"table {name}.parquet"):
            frame = make()
        if frame is not None:
            frame.to_parquet(folder / f"{name}.parquet", index=False)
            names.append(f"{name}.parquet")
    return names
