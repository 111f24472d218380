"""Open a file as a table of columns."""

import dataclasses
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from jaxsched.scenarios.readers._columns import BadCell, Limits, RawTable, flags, market_stamps, numbers, stamps, words
from jaxsched.scenarios.readers._json_lines import is_json_lines, keys_of, load_json_lines
from jaxsched.scenarios.readers._text import (
    EMPTY,
    UNREADABLE,
    ReadError,
    delimiter,
    header_line,
    lines_of,
    names_of,
    not_utf8,
    open_text,
    peek,
    unreadable,
)

__all__ = [
    "BadCell",
    "Limits",
    "RawTable",
    "ReadError",
    "flags",
    "header",
    "is_json_lines",
    "is_text",
    "leading_rows",
    "lines_of",
    "load",
    "market_stamps",
    "need",
    "numbers",
    "own_names",
    "peek",
    "stamps",
    "words",
]

# Rows that are read, where only the beginning of a large file is to be judged.
_ROWS: ContextVar[int | None] = ContextVar("rows", default=None)


@contextmanager
def leading_rows(rows: int) -> Iterator[None]:
    """Tables hold only their first rows inside."""
    token = _ROWS.set(rows)
    try:
        yield
    finally:
        _ROWS.reset(token)


def is_text(path: Path) -> bool:
    """Whether a path is to be read as text, by its ending."""
    return path.suffix.lower() not in (".parquet", ".pq")


def header(path: Path) -> list[str]:
    """Names of the columns of a file, without reading the rest of it."""
    if is_json_lines(path):
        return keys_of(path)
    return names_of(header_line(path)) if is_text(path) else _schema(path)


def load(path: Path, columns: Sequence[str] | None = None, skip: int = 0) -> RawTable:
    """Read a table: text as strings, parquet as it is typed.

    Arguments:
        path: CSV (any of comma, semicolon, tab or bar; `.gz` too), JSON Lines or parquet.
        columns: Columns to read; all where not given.
        skip: Lines before the header of a text file.

    Raises:
        ReadError: If the file is no such table.
    """
    if not is_text(path):
        return RawTable(path.name, _load_parquet(path, columns), 1)
    if is_json_lines(path):
        return RawTable(path.name, load_json_lines(path, columns, _ROWS.get()), 1)
    line = header_line(path, skip)
    names = names_of(line)
    _check_names(path, names)
    try:
        with open_text(path) as file, warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                file, sep=delimiter(line), dtype=str, skiprows=skip, nrows=_ROWS.get(), index_col=False,
                keep_default_na=False, na_values=list(EMPTY), skipinitialspace=True, skip_blank_lines=False,
                encoding="utf-8-sig",
            )  # fmt: skip
    except ReadError:
        raise
    except UnicodeDecodeError:
        raise not_utf8(path.name) from None
    except UNREADABLE as error:
        raise unreadable(path, error) from None
    except (
        pd.errors.ParserError,
        pd.errors.ParserWarning,
        pd.errors.EmptyDataError,
        ValueError,
        OverflowError,
    ) as error:
        raise _ragged(path, skip, len(names), error) from None
    frame.columns = [str(name).strip() for name in frame.columns]
    if columns is not None:  # only now: pandas lets rows with too many cells pass where it reads some columns
        frame = frame[[name for name in frame.columns if name in columns]]
    blank = frame.isna().all(axis=1)
    raw = RawTable(path.name, frame[~blank] if blank.any() else frame, skip + 2)  # the index keeps the file's rows
    for name in raw.frame.columns:
        split = raw.frame[name].str.contains("\n", regex=False).fillna(False).to_numpy(bool)
        if split.any():
            raise raw.bad(int(split.argmax()), name, "holds a line break within quotation marks; remove it.")
    return raw


def _check_names(path: Path, names: list[str]) -> None:
    named = [name for name in names if name]
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        raise BadCell(f"{path.name}: has two columns named {twice[:60]!r}; rename or remove one.")


def _ragged(path: Path, skip: int, width: int, error: Exception) -> ReadError:
    """What pandas says of rows that do not fit the header, as a sentence."""
    text = str(error)
    cells = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", text)
    if cells is not None:
        what = f"row {cells[2]} has {cells[3]} cells where the header has {cells[1]}"
    elif "does not match length" in text:
        what = f"row {skip + 2} has more cells than the {width} of the header"
    elif (quote := re.search(r"EOF inside string starting at row (\d+)", text)) is not None:
        return ReadError(
            f"{path.name}: row {int(quote[1]) + skip + 1} opens a quotation mark that is never closed; correct it."
        )
    else:
        return _broken(path, error)
    return ReadError(f"{path.name}: {what}; a number or a text that holds the delimiter needs quotation marks.")


def _schema(path: Path) -> list[str]:
    try:
        with pq.ParquetFile(path) as file:
            names = list(file.schema_arrow.names)
    except FileNotFoundError as error:
        raise unreadable(path, error) from None
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _broken(path, error) from None
    _check_names(path, names)
    return names


def _load_parquet(path: Path, columns: Sequence[str] | None) -> pd.DataFrame:
    _schema(path)
    try:
        with pq.ParquetFile(path) as file:
            table = file.read(columns=None if columns is None else [c for c in columns if c in file.schema_arrow.names])
        # Metadata of pandas would move columns into an index.
        return table.to_pandas(ignore_metadata=True)
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, KeyError, NotImplementedError) as error:
        raise _broken(path, error) from None


def _broken(path: Path, error: Exception) -> ReadError:
    reason = str(error).splitlines()[0].strip().rstrip(".")[:160] if str(error) else type(error).__name__
    kind = "CSV" if is_text(path) else "parquet"
    return ReadError(f"{path.name}: is not a readable {kind} table ({reason}); fetch or save it again.")


def need(raw: RawTable, columns: Sequence[str], what: str) -> RawTable:
    """The table with the columns that its kind needs under their own names, whatever capitals the file has.

    Raises:
        ReadError: Naming the first column that is missing; if there are no rows.
    """
    raw = own_names(raw, columns)
    absent = next((name for name in columns if name not in raw.frame.columns), None)
    if absent is not None:
        raise raw.bad(None, None, f"has no column {absent!r}; {what} has {', '.join(columns)}{_told(raw)}.")
    if raw.frame.empty:
        raise raw.bad(None, None, "has a header but no rows; give a file with rows.")
    return raw


def _told(raw: RawTable) -> str:
    """What a mapping has given already, for the sentence on what is missing."""
    return f" (the mapping gives {', '.join(raw.called)})" if raw.called else ""


def own_names(raw: RawTable, columns: Sequence[str]) -> RawTable:
    """The table with columns under these names where it has them, whatever capitals the file has."""
    have = [str(name) for name in raw.frame.columns]
    alike = {name: [other for other in have if other.lower() == name.lower()] for name in columns if name not in have}
    renamed = {others[0]: name for name, others in alike.items() if len(others) == 1}
    return dataclasses.replace(raw, frame=raw.frame.rename(columns=renamed)) if renamed else raw
