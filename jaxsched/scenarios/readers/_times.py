"""Times of text, and local clocks with daylight saving brought to UTC."""

import datetime
import re
from typing import Any

import numpy as np
import pandas as pd

_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M")
_DAY_FIRST = ("%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M")
# A year or a month alone is no time of a row, though ISO 8601 allows it.
_SHORTEST = 8
_OFFSET = re.compile(r"(Z|[+-]\d\d:?(?:\d\d)?)$", re.IGNORECASE)
_DATE = len("2020-01-31")
# Clocks on earth [min].
_WEST, _EAST = -12 * 60, 14 * 60
YEARS = (1900, 2200)
"""First and last year that a time may lie in."""

# The day, and mostly a time of it with or without its offset; ISO 8601 knows more forms that people read in two ways.
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?")


def iso_time(value: Any, name: str) -> pd.Timestamp:
    """A time that a user typed, in UTC unless it has an offset.

    Arguments:
        value: ISO 8601 text such as `2024-01-12` or `2024-01-12T00:00+10:00`, or a time of Python, NumPy or pandas.
        name: What it is, for the message.

    Raises:
        ValueError: If it is anything else, such as `05/01/2024`, `2024` or `now`, or lies outside the years 1900 to 2200.
    """
    text = value.strip() if isinstance(value, str) else None
    known = (text is not None and _ISO.fullmatch(text)) or isinstance(value, datetime.date | np.datetime64)
    try:
        stamp = pd.Timestamp(text if text is not None else value) if known else pd.NaT
        _check_offsets(pd.Series([str(stamp)], dtype="string"))
    except (ValueError, OverflowError):
        stamp = pd.NaT
    if not isinstance(stamp, pd.Timestamp):
        raise ValueError(
            f"{name} is {str(value)[:40]!r}, which is no ISO 8601 time such as 2024-01-12 or 2024-01-12T00:00+10:00."
        )
    if not YEARS[0] <= stamp.year <= YEARS[1]:
        raise ValueError(f"{name} is {str(value)[:40]!r}; give a time of the years {YEARS[0]} to {YEARS[1]}.")
    return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")


def parse(cells: pd.Series, dayfirst: bool) -> pd.DatetimeIndex:
    """Times of text, NaT where a cell is not a time; the format of the first cell is tried for all, for speed, then ISO 8601.

    Raises:
        ValueError: If offsets are written in some cells only, or are none of the earth.
    """
    text = cells.str.strip().str.replace("/", "-", regex=False)
    first = text.iloc[0] if len(text) else pd.NA
    for guess in _DAY_FIRST if dayfirst else _FORMATS:
        if pd.isna(first) or pd.isna(pd.to_datetime(first, format=guess, errors="coerce")):
            continue
        times = pd.DatetimeIndex(pd.to_datetime(text, format=guess, errors="coerce"))
        if dayfirst or not (times.isna() & text.notna().to_numpy()).any():
            return times
    if dayfirst:
        return pd.DatetimeIndex([pd.NaT] * len(text))
    text = text.where(text.str.len() >= _SHORTEST)
    try:
        times = pd.DatetimeIndex(pd.to_datetime(text, format="ISO8601", errors="coerce"))
    except (ValueError, OverflowError):
        # Offsets that differ from row to row are fine; times with and without are not.
        if len({_OFFSET.search(cell, _DATE) is None for cell in text.dropna()}) > 1:
            raise ValueError("some times have an offset from UTC and some have none; write all in one way") from None
        times = pd.DatetimeIndex(pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True))
    if times.tz is not None:
        _check_offsets(text)
    return times


def _check_offsets(text: pd.Series) -> None:
    for offset in set(text.dropna().str.slice(_DATE).str.extract(_OFFSET, expand=False).dropna()):
        if not _WEST <= _minutes(offset) <= _EAST:
            raise ValueError(f"{offset} is no offset from UTC of any clock; offsets lie between -12:00 and +14:00")


def _minutes(offset: str) -> int:
    """Minutes of an offset such as +10:00, -0330 or Z."""
    digits = re.sub(r"\D", "", offset).ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return -minutes if offset[0] == "-" else minutes


def offset_minutes(cells: pd.Series) -> np.ndarray | None:
    """Offset from UTC that each time of a column carries [min]; None where they carry none."""
    if isinstance(cells.dtype, pd.DatetimeTZDtype):
        naive = cells.dt.tz_localize(None) - cells.dt.tz_convert("UTC").dt.tz_localize(None)
        return (naive / pd.Timedelta(minutes=1)).to_numpy(float)
    if pd.api.types.is_datetime64_dtype(cells.dtype):
        return None
    written = cells.astype("string").str.strip().str.slice(_DATE).str.extract(_OFFSET, expand=False)
    if not written.notna().any():
        return None
    minutes = {offset: _minutes(offset) for offset in written.dropna().unique()}
    return written.map(minutes).to_numpy(float, na_value=np.nan)


def offset_name(seconds: float) -> str:
    """An offset from UTC as people write it: 34,200 s is UTC+9:30."""
    hours, minutes = divmod(round(abs(seconds) / 60), 60)
    shown = f"{hours}:{minutes:02d}" if minutes else f"{hours}"
    return "UTC" if not hours and not minutes else f"UTC{'+' if seconds > 0 else '-'}{shown}"


def localise(times: pd.DatetimeIndex, zone: str, place: np.ndarray) -> tuple[pd.DatetimeIndex, int | None, str]:
    """Naive stamps on the clock of a zone in UTC; else the row that has none, and why.

    The hour that autumn doubles is resolved by the order of the rows of each place, where every stamp in it is there twice.
    """
    every = np.ones(len(times), bool)
    summer = times.tz_localize(zone, ambiguous=every, nonexistent="NaT")
    if summer.isna().any():
        at = int(np.asarray(summer.isna()).argmax())
        return summer, at, f"{times[at]} does not exist on the clock of {zone}, for summer time begins then"
    winter = times.tz_localize(zone, ambiguous=~every, nonexistent="NaT")
    doubled = np.asarray(summer != winter)
    if not doubled.any():
        return summer.tz_convert("UTC"), None, ""
    first = every.copy()
    for code in np.unique(place[doubled]):
        rows = np.flatnonzero(place == code)
        answer = _first_of_two(times[rows], doubled[rows])
        if answer is None:
            at = int(rows[int(doubled[rows].argmax())])
            return summer, at, f"{times[at]} is in the hour that the clock of {zone} has twice, and may mean either"
        first[rows] = answer
    return times.tz_localize(zone, ambiguous=first, nonexistent="NaT").tz_convert("UTC"), None, ""


def _first_of_two(times: pd.DatetimeIndex, doubled: np.ndarray) -> np.ndarray | None:
    """Whether each stamp is of summer time; None where the order does not tell."""
    naive = times.to_numpy("datetime64[us]")
    step = np.diff(naive)
    # Outside the doubled hour the rows must go one way in time, forward or backward.
    plain = step[~(doubled[1:] & doubled[:-1])]
    forward, backward = bool((plain >= np.timedelta64(0)).all()), bool((plain <= np.timedelta64(0)).all())
    counts = pd.Series(naive[doubled]).groupby(naive[doubled]).transform("size")
    if forward == backward or not (counts == 2).all():
        return None
    nth = pd.Series(naive[doubled]).groupby(naive[doubled]).cumcount().to_numpy()
    answer = np.ones(len(times), bool)
    answer[doubled] = (nth == 0) == forward
    return answer
