"""Times of text, and local clocks with daylight saving brought to UTC."""

import re

import numpy as np
import pandas as pd

_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M")
_DAY_FIRST = ("%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M")
# A year or a month alone is no time of a row, though ISO 8601 allows it.
_SHORTEST = 8
_OFFSET = re.compile(r"(?:Z|[+-]\d\d:?(?:\d\d)?)$", re.IGNORECASE)
_DATE = len("2020-01-31")
# Clocks on earth.
_WEST, _EAST = pd.Timedelta(hours=-12), pd.Timedelta(hours=14)


def parse(cells: pd.Series, dayfirst: bool) -> pd.DatetimeIndex:
    """Times of text, NaT where a cell is none; the format of the first cell is tried for all, for speed, then ISO 8601.

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
    _check_offsets(text, times)
    return times


def _check_offsets(text: pd.Series, times: pd.DatetimeIndex) -> None:
    if times.tz is None:
        return
    for offset in set(text.dropna().str.extract(r"([+-]\d\d:?\d?\d?)$", expand=False).dropna()):
        digits = offset[1:].replace(":", "").ljust(4, "0")
        minutes = int(digits[:2]) * 60 + int(digits[2:])
        if not _WEST <= pd.Timedelta(minutes=minutes if offset[0] == "+" else -minutes) <= _EAST:
            raise ValueError(f"{offset} is no offset from UTC of any clock; offsets lie between -12:00 and +14:00")


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
