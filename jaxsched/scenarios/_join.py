"""Bring recordings of any step onto the slots of a study, and say what was missing."""

import dataclasses
from typing import Literal

import numpy as np
import pandas as pd

from jaxsched.scenarios._scenario import Filled
from jaxsched.scenarios.readers import ReadError, Recording

Fill = Literal["error", "flag"]

# A reading is trusted between two neighbours that lie at most so many steps apart.
_NEIGHBOURS = 2


@dataclasses.dataclass(frozen=True)
class Gaps:
    """What to do with slots that a source does not cover.

    Attributes:
        fill: `error` refuses them; `flag` fills short runs by a straight line and lists every filled cell.
        longest_hours: Longest run that is filled [h].
    """

    fill: Fill = "error"
    longest_hours: float = 3.0


def slot_means(found: Recording, quantity: str, times: pd.DatetimeIndex, step: pd.Timedelta) -> pd.DataFrame:
    """Time-weighted mean of an interval quantity over each slot [slot, place]; NaN where any part is missing.

    Raises:
        ReadError: If neither step divides the other, or slots and intervals do not start together.
    """
    wide = _wide(found, quantity)
    starts = pd.DatetimeIndex(wide.index)
    offset = (starts[0] - times[0]) % min(step, found.step)
    if (step % found.step and found.step % step) or offset:
        raise ReadError(
            f"{found.source}: intervals of {_minutes(found.step)} min do not fit slots of {_minutes(step)} min that start "
            f"at {times[0]}; choose another step or start."
        )
    if found.step > step:
        at = starts.searchsorted(times, side="right") - 1
        inside = (at >= 0) & (times - starts[np.maximum(at, 0)] < found.step)
        values = np.where(inside[:, None], wide.to_numpy(float)[np.maximum(at, 0)], np.nan)
        return pd.DataFrame(values, index=times, columns=wide.columns)
    slot = np.asarray((starts - times[0]) // step)
    inside = (slot >= 0) & (slot < len(times))
    values = wide.to_numpy(float)[inside]
    known = np.isfinite(values)
    total, count = np.zeros((len(times), wide.shape[1])), np.zeros((len(times), wide.shape[1]))
    np.add.at(total, slot[inside], np.where(known, values, 0.0))
    np.add.at(count, slot[inside], known)
    every = step // found.step
    mean = np.where(count == every, total / every, np.nan)
    return pd.DataFrame(mean, index=times, columns=wide.columns)


def slot_readings(found: Recording, quantity: str, times: pd.DatetimeIndex, step: pd.Timedelta) -> pd.DataFrame:
    """An instantaneous quantity at the centre of each slot, on the line between its neighbours [slot, place].

    NaN where the neighbours lie more than two steps apart, and outside the readings. The mean of an interval counts as a
    reading at its centre.
    """
    centre = _seconds(times + step / 2)
    wide = _wide(found, quantity)
    instant = _seconds(pd.DatetimeIndex(wide.index)) + (
        0.0 if found.stamp == "instant" else found.step.total_seconds() / 2
    )
    columns = {place: _between(instant, wide[place].to_numpy(float), centre) for place in wide.columns}
    return pd.DataFrame(columns, index=times)


def _between(instant: np.ndarray, values: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Readings on the line between neighbours, NaN where these are too far apart or there is none."""
    known = np.isfinite(values)
    at, readings = instant[known], values[known]
    if len(at) < 2:
        return np.full(len(centre), np.nan)
    after = np.searchsorted(at, centre, side="left").clip(1, len(at) - 1)
    inside = (centre >= at[0]) & (centre <= at[-1])
    near = at[after] - at[after - 1] <= _NEIGHBOURS * np.median(np.diff(at))
    return np.where(inside & near, np.interp(centre, at, readings), np.nan)


def together(parts: list[pd.DataFrame], sources: list[str]) -> pd.DataFrame:
    """One table of several on the same slots: other places, or other times of the same place.

    Raises:
        ReadError: If two sources give a place at one time.
    """
    joined = parts[0]
    for part, source in zip(parts[1:], sources[1:], strict=True):
        for place in part.columns:
            if place not in joined:
                joined = joined.assign(**{str(place): part[place]})
                continue
            both = joined[place].notna() & part[place].notna()
            if both.any():
                raise ReadError(
                    f"{source}: gives {place} at {both.index[both][0]} a second time; keep one of the files."
                )
            joined[place] = joined[place].fillna(part[place])
    return joined


def close_gaps(
    table: pd.DataFrame, quantity: str, source: str, step: pd.Timedelta, gaps: Gaps, *, leave_long: bool = False
) -> tuple[pd.DataFrame, tuple[Filled, ...]]:
    """The table with short gaps filled, and every cell that was missing.

    Arguments:
        table: [slot, place], NaN where missing.
        quantity: Its name, for messages and the record.
        source: Files that it comes from.
        step: Length of a slot.
        gaps: What may be filled.
        leave_long: Whether longer runs stay NaN (and are listed) where filling is allowed, for a caller who knows better.

    Raises:
        ReadError: If something is missing and may not be filled, or the run is too long.
    """
    cells: list[Filled] = []
    filled = table.copy()
    for place in table.columns:
        missing = table[place].isna().to_numpy()
        if not missing.any():
            continue
        line = table[place].interpolate("linear", limit_direction="both").to_numpy()
        values = table[place].to_numpy(float).copy()
        for first, end in _runs(missing):
            short = (end - first) * step <= pd.Timedelta(hours=gaps.longest_hours) and not missing.all()
            if gaps.fill == "error" or not (short or leave_long):
                raise ReadError(
                    _missing(source, quantity, place, table.index[first], missing, end - first, short, gaps)
                )
            values[first:end] = line[first:end] if short else np.nan
            inside = first > 0 and end < len(missing)
            how = ("straight line between neighbours" if inside else "nearest value") if short else "climate"
            stamps = tuple(when.isoformat() for when in table.index[first:end])
            cells.append(Filled(quantity, str(place), how, source, stamps))
        filled[place] = values
    return filled, tuple(cells)


def _missing(
    source: str, quantity: str, place: object, when: object, missing: np.ndarray, run: int, short: bool, gaps: Gaps
) -> str:
    remedy = (
        "set inputs.fill = 'flag' to fill short gaps"
        if short and gaps.fill == "error"
        else f"gaps up to {gaps.longest_hours:g} h can be filled; choose slots that the file covers"
    )
    return (
        f"{source}: {quantity} of {place} is missing at {when} ({int(missing.sum())} of {len(missing)} slots, {run} in a "
        f"row there); {remedy}."
    )


def in_year(times: pd.DatetimeIndex, year: int) -> pd.DatetimeIndex:
    """The same calendar stamps in another year; 29 February becomes the 28th where the year has none."""
    shift = year - times[0].year
    years = times.year.to_numpy() + shift
    leap = (years % 4 == 0) & ((years % 100 != 0) | (years % 400 == 0))
    day = np.where((times.month == 2) & (times.day == 29) & ~leap, 28, times.day)
    parts = pd.DataFrame({"year": years, "month": times.month, "day": day, "hour": times.hour, "minute": times.minute})
    return pd.DatetimeIndex(pd.to_datetime(parts)).tz_localize("UTC").as_unit("us")


def _wide(found: Recording, quantity: str) -> pd.DataFrame:
    if quantity not in found.table:
        raise ReadError(f"{found.source}: has no {quantity}; it has {', '.join(found.quantities)}.")
    wide = found.table.pivot(index="start_utc", columns="place", values=quantity)
    return wide.set_axis(pd.Index(wide.columns.astype(str)), axis=1)


def _seconds(times: pd.DatetimeIndex) -> np.ndarray:
    return times.to_numpy("datetime64[us]").astype(np.int64) / 1e6


def _minutes(step: pd.Timedelta) -> str:
    return f"{step.total_seconds() / 60:g}"


def _runs(missing: np.ndarray) -> list[tuple[int, int]]:
    """Start and end of each run of missing slots."""
    edges = np.flatnonzero(np.diff(np.r_[0, missing.astype(int), 0]))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
