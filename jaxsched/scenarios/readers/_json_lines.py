"""Tables written as JSON Lines: one object a row, its keys the columns."""

import io
import json
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from jaxsched.scenarios.readers._text import EMPTY, UNREADABLE, ReadError, not_utf8, open_text, unreadable

_ENDINGS = (".jsonl", ".ndjson")
# Rows that are looked at to tell what the file is.
_FIRST_ROWS = 100


def is_json_lines(path: Path) -> bool:
    """Whether a file is JSON Lines, by its ending; `.gz` may follow it."""
    return path.name.lower().removesuffix(".gz").endswith(_ENDINGS)


def keys_of(path: Path) -> list[str]:
    """Names of the columns: the keys of the first rows, in the order in which they come."""
    return list(load_json_lines(path, rows=_FIRST_ROWS).columns)


def load_json_lines(path: Path, columns: Any = None, rows: int | None = None) -> pd.DataFrame:
    """The rows as text, as the file writes them, by the number of their line; keys of inner objects are joined by a dot.

    Arguments:
        path: The file; blank lines are left out.
        columns: Columns to keep; all where not given.
        rows: Most lines that are read; all where not given.

    Raises:
        ReadError: Naming the first line that is no JSON object.
    """
    records: list[dict[str, str | None]] = []
    lines: list[int] = []
    try:
        with io.TextIOWrapper(open_text(path), encoding="utf-8-sig") as file:
            for number, line in enumerate(islice(file, rows)):
                if line.strip():
                    records.append(_cells(path, number + 1, line))
                    lines.append(number)
    except UnicodeDecodeError:
        raise not_utf8(path.name) from None
    except UNREADABLE as error:
        raise unreadable(path, error) from None
    if not records:
        raise ReadError(f"{path.name}: is empty; give a file with a JSON object in each line.")
    frame = pd.DataFrame(records, index=pd.Index(lines), dtype="str").replace(list(EMPTY), pd.NA)
    return frame if columns is None else frame[[name for name in frame.columns if name in columns]]


def _cells(path: Path, row: int, line: str) -> dict[str, str | None]:
    try:
        found = json.loads(line, parse_int=str, parse_float=str, parse_constant=lambda _: None)
    except (json.JSONDecodeError, RecursionError) as error:
        reason = getattr(error, "msg", "too deep")
        raise ReadError(f"{path.name}: row {row} is no JSON ({reason}); write one object a line.") from None
    if not isinstance(found, dict):
        raise ReadError(f"{path.name}: row {row} is no JSON object; write one object a line, its keys the columns.")
    return _flat(found, "")


def _flat(found: dict[str, Any], prefix: str) -> dict[str, str | None]:
    cells: dict[str, str | None] = {}
    for key, value in found.items():
        name = f"{prefix}{key.strip()}"
        if isinstance(value, dict):
            cells |= _flat(value, f"{name}.")
        elif isinstance(value, list | bool):
            cells[name] = json.dumps(value)
        else:
            cells[name] = value
    return cells
