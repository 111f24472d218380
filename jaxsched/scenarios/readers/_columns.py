"""Columns of a table as numbers, times, names and flags; every error names file, row and column."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NoReturn, TypedDict

import numpy as np
import pandas as pd

from jaxsched.scenarios.readers._text import ReadError
from jaxsched.scenarios.readers._times import YEARS, offset_minutes, offset_name, parse


class Limits(TypedDict):
    """Bounds of a quantity, in the unit of its column."""

    low: float
    high: float


class BadCell(ReadError):
    """A cell or a header that is wrong whatever rows follow."""


@dataclasses.dataclass(frozen=True)
class RawTable:
    """Columns as a file has them, text or typed, with the name and the first row for messages.

    Attributes:
        name: Name of the file.
        frame: The columns.
        first_row: Number of the row with index 0 as an editor counts it (text), or 1.
        notes: Sentences on rows that were left out, and on what was not used.
        called: The file's own name of a column that was renamed, for messages.
        factors: What numbers of a column are multiplied by to reach its unit; 1 where not given.
    """

    name: str
    frame: pd.DataFrame
    first_row: int
    notes: tuple[str, ...] = ()
    called: Mapping[str, str] = dataclasses.field(default_factory=dict)
    factors: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def rows(self, keep: np.ndarray) -> "RawTable":
        """The table with some of its rows, which keep their numbers."""
        return dataclasses.replace(self, frame=self.frame[keep])

    def renamed(self, columns: Mapping[str, str]) -> "RawTable":
        """The same table with columns of the file, by the names that the package gives them, besides its own.

        A column of the file that bears a name of the package, but is not meant by it, gives way.
        """
        meant = {name: self.frame[column] for name, column in columns.items()}
        rest = self.frame.drop(columns=[*{*columns, *columns.values()} & set(self.frame.columns)])
        frame = pd.concat([pd.DataFrame(meant, index=self.frame.index), rest], axis=1)
        return dataclasses.replace(self, frame=frame, called={**self.called, **columns})

    def row(self, position: int) -> int:
        """Number of a data row as the user sees it."""
        return int(self.frame.index[position]) + self.first_row

    def fail(self, position: int | None, column: str | None, what: str) -> ReadError:
        """An error that names file, row and column."""
        return ReadError(self._sentence(position, column, what))

    def bad(self, position: int | None, column: str | None, what: str) -> BadCell:
        """The same for what no further row can correct."""
        return BadCell(self._sentence(position, column, what))

    def _sentence(self, position: int | None, column: str | None, what: str) -> str:
        places = [] if position is None else [f"row {self.row(position)}"]
        places += [] if column is None else [f"column {self.called.get(column, str(column))[:60]!r}"]
        return f"{self.name}: {', '.join(places)}{': ' if places else ''}{what}"


def numbers(
    raw: RawTable, column: str, *, empty: bool = False, low: float = -np.inf, high: float = np.inf
) -> np.ndarray:
    """A column as float64 in the unit of its quantity; empty cells are NaN where they are allowed.

    Raises:
        ReadError: Naming the first cell that is no number, is outside [low, high], or is empty where it may not be.
    """
    cells, factor = raw.frame[column], float(raw.factors.get(column, 1.0))
    low, high = sorted((low / factor, high / factor))
    absent = cells.isna().to_numpy(bool)
    values = _values(cells)
    bad = ~np.isfinite(values) & ~absent | (values < low) | (values > high) | (absent & (not empty))
    if bad.any():
        at = int(bad.argmax())
        raise raw.bad(at, column, _not_number(column, cells.iloc[at], float(values[at]), low, high))
    return values if factor == 1.0 else factor * values


def _values(cells: pd.Series) -> np.ndarray:
    """Numbers, NaN where a cell is not a number; truth values and times are not."""
    kind = cells.dtype
    if isinstance(kind, pd.CategoricalDtype):
        codes, names = cells.cat.codes.to_numpy(), pd.Series(cells.cat.categories)
        return np.append(_values(names), np.nan)[codes]
    if pd.api.types.is_bool_dtype(kind):
        return np.full(len(cells), np.nan)
    if pd.api.types.is_numeric_dtype(kind):
        return cells.to_numpy(float, na_value=np.nan)
    if isinstance(kind, pd.StringDtype):
        return pd.to_numeric(cells, errors="coerce").to_numpy(float, na_value=np.nan)
    return np.array([number_in(cell) for cell in cells], float)


def number_in(cell: Any) -> float:
    """The number that a cell holds, NaN where it holds none."""
    if isinstance(cell, bool | np.bool_) or not isinstance(cell, str | int | float | Decimal | np.number):
        return np.nan
    try:
        return float(pd.to_numeric(cell, errors="coerce") if isinstance(cell, str) else cell)
    except (ValueError, OverflowError, ArithmeticError):
        return np.nan


def _not_number(column: str, cell: Any, value: float, low: float, high: float) -> str:
    if pd.api.types.is_scalar(cell) and pd.isna(cell):
        return "is empty; give a number or leave the row out."
    shown = repr(str(cell)[:40])
    if np.isfinite(value):
        bounds = (
            f"at least {low:g}"
            if high == np.inf
            else f"at most {high:g}"
            if low == -np.inf
            else f"from {low:g} to {high:g}"
        )
        if column.lower() in ("latitude", "longitude"):
            return f"{shown} is not {bounds}; south and west are negative, and latitude and longitude may be exchanged."
        return f"{shown} is not {bounds}; check the value and the unit."
    if re.fullmatch(r"[+-]?\d[\d.,'\u2019 \u00a0\u202f]*", str(cell).strip()):
        return f"{shown} is not a number; write a decimal point, and no separator of thousands."
    return f"{shown} is not a number; correct the cell or leave the row out."


def stamps(raw: RawTable, column: str, *, dayfirst: bool = False) -> pd.DatetimeIndex:
    """A column as times, with an offset only where the file writes one.

    Raises:
        ReadError: Naming the first cell that is no time.
    """
    cells = _plain_cells(raw, column)
    if isinstance(cells.dtype, pd.DatetimeTZDtype) or pd.api.types.is_datetime64_dtype(cells.dtype):
        times = pd.DatetimeIndex(cells)
    elif pd.api.types.is_numeric_dtype(cells.dtype):
        raise raw.bad(
            0, column, f"{str(cells.iloc[0])[:40]!r} is a number, not a time; write times as 2020-01-31 00:30."
        )
    else:
        try:
            times = parse(cells.astype("string"), dayfirst)
        except (ValueError, TypeError, OverflowError) as error:
            raise raw.bad(None, column, f"{str(error)[:160].rstrip('.')}.") from None
    wrong = np.asarray(times.isna()) | (times.year < YEARS[0]) | (times.year > YEARS[1])
    if wrong.any():
        at = int(wrong.argmax())
        cell = cells.iloc[at]
        no = "is empty" if pd.api.types.is_scalar(cell) and pd.isna(cell) else f"{str(cell)[:40]!r} is not a time"
        raise raw.bad(at, column, f"{no}; write times as 2020-01-31 00:30.")
    return times.as_unit("us")


def _plain_cells(raw: RawTable, column: str) -> pd.Series:
    cells = raw.frame[column]
    return cells.astype(cells.cat.categories.dtype) if isinstance(cells.dtype, pd.CategoricalDtype) else cells


def market_stamps(raw: RawTable, column: str, market: str, offset_hours: float) -> pd.DatetimeIndex:
    """A column of times on the clock of a market that has one offset from UTC all year: naive, on that clock.

    Files that bear another offset were found to hold the market's own time under a wrong label (every price of one that
    said +11:00 equals AEMO's an hour later), and others may be shifted as they say. Which it is cannot be told from the
    file, so that neither is believed.

    Raises:
        ReadError: Naming the first cell that is no time, or that bears another offset than the market's.
    """
    times = stamps(raw, column)
    offsets = None if times.tz is None else offset_minutes(_plain_cells(raw, column))
    if offsets is None:
        return times
    other = ~np.isclose(offsets, 60.0 * offset_hours)
    if other.any():
        at = int(other.argmax())
        named, own = offset_name(60.0 * offsets[at]), offset_name(3600.0 * offset_hours)
        raise raw.bad(
            at,
            column,
            f"{str(raw.frame[column].iloc[at])[:40]} is on the clock of {named}, where {market} time is {own} all year; "
            f"remove the offsets if the times are {market} time under a wrong label, or read the file by "
            "[inputs.mappings], which believes them.",
        )
    return times.tz_convert(f"UTC{offset_hours:+03.0f}:00").tz_localize(None)


def words(raw: RawTable, column: str, allowed: Sequence[str] | None = None) -> pd.Categorical:
    """A column of names; few names on many rows stay cheap.

    Raises:
        ReadError: Naming the first cell that is empty, or that is none of the names allowed.
    """
    codes, names = _names(raw, column)
    good = np.array([name != "" and (allowed is None or name in allowed) for name in names] + [False])
    bad = ~good[codes]  # an empty cell has code -1, the last
    if bad.any():
        at = int(bad.argmax())
        if codes[at] < 0 or not names[codes[at]]:
            raise raw.bad(at, column, "is empty; give a name.")
        raise raw.bad(at, column, f"{names[codes[at]][:40]!r} is none of {', '.join(allowed or ())}; correct the name.")
    order, uniques = pd.factorize(pd.Index(names, dtype=object), sort=True)
    return pd.Categorical.from_codes(order[codes], categories=pd.Index(uniques, dtype=object))


def flags(raw: RawTable, column: str) -> np.ndarray:
    """A column of true and false, in any of the usual ways to write them; empty cells are false.

    Raises:
        ReadError: Naming the first cell that is neither.
    """
    codes, names = _names(raw, column)
    known: Mapping[str, bool] = {
        "true": True,
        "yes": True,
        "1": True,
        "false": False,
        "no": False,
        "0": False,
        "": False,
    }
    unknown = np.array([name.lower() not in known for name in names] + [False])[codes]
    if unknown.any():
        at = int(unknown.argmax())
        raise raw.bad(at, column, f"{names[codes[at]][:40]!r} is neither true nor false; correct the cell.")
    return np.array([known[name.lower()] for name in names] + [False])[codes]


def _names(raw: RawTable, column: str) -> tuple[np.ndarray, list[str]]:
    """Codes into the names of a column, -1 where empty."""
    cells = raw.frame[column]
    if pd.api.types.is_float_dtype(cells.dtype) and not cells.isna().all():
        _no_name(raw, column, cells.dropna().iloc[0])
    try:
        cells = cells.astype(object if pd.api.types.is_float_dtype(cells.dtype) else cells.dtype).astype("category").cat
    except (TypeError, ValueError):
        _no_name(raw, column, cells.iloc[0])
    for name in cells.categories:
        if not isinstance(name, str | int | np.integer | np.bool_):
            _no_name(raw, column, name)
    return cells.codes.to_numpy(), [str(name).strip() for name in cells.categories]


def _no_name(raw: RawTable, column: str, cell: Any) -> NoReturn:
    raise raw.bad(None, column, f"{str(cell)[:40]!r} is not text; give names as text.")
