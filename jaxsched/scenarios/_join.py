"""Bring recordings of any step onto the slots of a study, and say what was missing."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from jaxsched.scenarios._scenario import Filled
from jaxsched.scenarios.readers import ReadError, Recording

Fill = Literal["error", "flag"]

# The most spacings between two readings for what lies between to be trusted, and the largest that is taken for a spacing [s].
_NEIGHBOURS = 2
_SPARSEST = 3 * 3600.0


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
        ReadError: If neither step divides the other, or slots and intervals do not start together; if the file holds readings
            of an instant.
    """
    if found.stamp == "instant":
        raise ReadError(
            f"{found.source}: its stamps mark instants, where {quantity} needs the intervals that it holds for; give them."
        )
    columns = {place: _means(found, known, times, step) for place, known in _by_place(found, quantity).items()}
    return pd.DataFrame(columns, index=times)


def _means(found: Recording, known: pd.Series, times: pd.DatetimeIndex, step: pd.Timedelta) -> np.ndarray:
    """Means of the values of one place, by the start of their intervals."""
    starts, values = pd.DatetimeIndex(known.index), known.to_numpy(float)
    none = pd.Timedelta(0)
    divide = none in (step % found.step, found.step % step)
    if not divide or ((starts - times[0]) % min(step, found.step) != none).any():
        raise ReadError(
            f"{found.source}: intervals of {_minutes(found.step)} min do not fit slots of {_minutes(step)} min that start "
            f"at {times[0]}; choose another step or start."
        )
    if found.step > step:
        at = starts.searchsorted(times, side="right") - 1
        inside = (at >= 0) & (times - starts[np.maximum(at, 0)] < found.step)
        return np.where(inside, values[np.maximum(at, 0)], np.nan)
    # By number and not by position: stamps of another year are not equally spaced about 29 February.
    held = pd.Series(values).groupby(np.asarray((starts - times[0]) // step)).agg(["sum", "count"])
    every = step // found.step
    mean = held["sum"].where(held["count"] == every) / every
    return mean.reindex(np.asarray((times - times[0]) // step)).to_numpy(float)


def slot_readings(found: Recording, quantity: str, times: pd.DatetimeIndex, step: pd.Timedelta) -> pd.DataFrame:
    """An instantaneous quantity at the centre of each slot, on the line between its neighbours [slot, place].

    NaN where the neighbours lie more than two steps apart, and outside the readings. The mean of an interval counts as a
    reading at its centre.
    """
    centre = _seconds(times + step / 2)
    lag = 0.0 if found.stamp == "instant" else found.step.total_seconds() / 2
    known = {
        place: (_seconds(pd.DatetimeIndex(values.index)) + lag, values.to_numpy(float))
        for place, values in _by_place(found, quantity).items()
    }
    most = _NEIGHBOURS * _spacing([instant for instant, _ in known.values()], found.step.total_seconds())
    columns = {place: _between(instant, values, centre, most) for place, (instant, values) in known.items()}
    return pd.DataFrame(columns, index=times)


def _spacing(instants: list[np.ndarray], step: float) -> float:
    """Commonest time between readings [s]: a table may hold a quantity in every few of its rows only."""
    values, counts = np.unique(np.concatenate([np.diff(instant) for instant in instants] or [[]]), return_counts=True)
    return max(step, min(values[int(counts.argmax())], _SPARSEST)) if len(values) else step


def _between(instant: np.ndarray, readings: np.ndarray, centre: np.ndarray, most: float) -> np.ndarray:
    """Readings on the line between neighbours, NaN where these are too far apart or there is none."""
    if len(instant) < 2:
        return np.full(len(centre), np.nan)
    after = np.searchsorted(instant, centre, side="left").clip(1, len(instant) - 1)
    inside = (centre >= instant[0]) & (centre <= instant[-1])
    near = (instant[after] - instant[after - 1] <= most) | (instant[after] == centre) | (instant[after - 1] == centre)
    return np.where(inside & near, np.interp(centre, instant, readings), np.nan)


def merged(found: Sequence[Recording], quantity: str, times: pd.DatetimeIndex, step: pd.Timedelta) -> list[Recording]:
    """Recordings of one step as one, so that a slot across the seam of two files is held whole.

    Raises:
        ReadError: If two of them give a place at one time of the slots.
    """
    alike: dict[tuple[pd.Timedelta, bool], list[Recording]] = {}
    for one in found:
        alike.setdefault((one.step, one.stamp == "instant"), []).append(one)
    return [_one(group, quantity, times, step) if len(group) > 1 else group[0] for group in alike.values()]


def _one(group: list[Recording], quantity: str, times: pd.DatetimeIndex, step: pd.Timedelta) -> Recording:
    keys = ["place", "start_utc"]
    parts = [one.table[[*keys, quantity]].dropna().astype({"place": str}).assign(source=one.source) for one in group]
    table = pd.concat(parts, ignore_index=True)
    again = table.duplicated(keys)
    start = table["start_utc"]
    used = again & (start >= times.min() - group[0].step) & (start < times.max() + step + group[0].step)
    if used.any():
        row = table[used].iloc[0]
        raise _again(row["source"], row["place"], row["start_utc"])
    table = table[~again].sort_values(keys, ignore_index=True)
    source = ", ".join(dict.fromkeys(one.source for one in group))
    return dataclasses.replace(
        group[0], table=table.drop(columns="source").astype({"place": "category"}), source=source
    )


def _again(source: str, place: object, when: object) -> ReadError:
    return ReadError(f"{source}: gives {place} at {when} a second time; keep one of the files.")


def together(parts: list[pd.DataFrame], sources: list[str]) -> pd.DataFrame:
    """One table of several on the same slots: other places, or other times of the same place.

    Raises:
        ReadError: If two sources give a place at one time.
    """
    joined = parts[0]
    for part, source in zip(parts[1:], sources[1:], strict=True):
        for place in part.columns:
            if place not in joined:
                joined = joined.assign(**{str(place): part[place].to_numpy()})
                continue
            old, new = joined[place].to_numpy(float), part[place].to_numpy(float)
            both = np.isfinite(old) & np.isfinite(new)
            if both.any():
                raise _again(source, place, joined.index[both][0])
            joined = joined.assign(**{str(place): np.where(np.isfinite(old), old, new)})
    return joined


def close_gaps(
    table: pd.DataFrame,
    quantity: str,
    source: str,
    step: pd.Timedelta,
    gaps: Gaps,
    *,
    slots: pd.DatetimeIndex | None = None,
    leave_long: bool = False,
) -> tuple[pd.DataFrame, tuple[Filled, ...]]:
    """The table with short gaps filled, and every cell that was missing.

    Arguments:
        table: [slot, place], NaN where missing.
        quantity: Its name, for messages and the record.
        source: Files that it comes from.
        step: Length of a slot.
        gaps: What may be filled.
        slots: Slots for the record, where the index of the table is of another year than they.
        leave_long: Whether longer runs stay NaN (and are listed) where filling is allowed, for a caller who knows better.

    Raises:
        ReadError: If something is missing and may not be filled, or the run is too long.
    """
    cells: list[Filled] = []
    filled = table.copy()
    recorded = pd.DatetimeIndex(table.index) if slots is None else slots
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
            stamps = tuple(when.isoformat() for when in recorded[first:end])
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


def covered(found: Sequence[Recording], quantity: str) -> dict[str, tuple[pd.Timestamp, pd.Timestamp]]:
    """Start and end of what the recordings hold of each place."""
    spans: dict[str, tuple[pd.Timestamp, pd.Timestamp]] = {}
    for one in found:
        length = pd.Timedelta(0) if one.stamp == "instant" else one.step
        for place, known in _by_place(one, quantity).items():
            first, last = known.index.min(), known.index.max() + length
            old = spans.get(place, (first, last))
            spans[place] = min(old[0], first), max(old[1], last)
    return spans


def _by_place(found: Recording, quantity: str) -> dict[str, pd.Series]:
    """The values that are known against time, for each place that has any."""
    if quantity not in found.table:
        raise ReadError(f"{found.source}: has no {quantity}; it has {', '.join(found.quantities)}.")
    known = found.table[found.table[quantity].notna()]
    return {str(place): part.set_index("start_utc")[quantity] for place, part in known.groupby("place", observed=True)}


def _seconds(times: pd.DatetimeIndex) -> np.ndarray:
    return times.to_numpy("datetime64[us]").astype(np.int64) / 1e6


def _minutes(step: pd.Timedelta) -> str:
    return f"{step.total_seconds() / 60:g}"


def _runs(missing: np.ndarray) -> list[tuple[int, int]]:
    """Start and end of each run of missing slots."""
    edges = np.flatnonzero(np.diff(np.r_[0, missing.astype(int), 0]))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
