"""Measured round-trip times between cities or cloud regions."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from jaxsched.scenarios.readers._raw import Limits, RawTable, load, need, numbers, own_names, words
from jaxsched.scenarios.readers._recording import TIMELESS

# Longer than twice around the Earth in fibre, with room for a satellite [ms].
_TIME: Limits = {"low": 0.0, "high": 3_000.0}
# The longest entry of a matrix in milliseconds is above this; seconds lie below.
_LEAST_LONGEST_MS = 2.0


@dataclasses.dataclass(frozen=True)
class RoundTrips:
    """Round-trip times between named places.

    Attributes:
        kind: What the file was recognised as.
        names: Name of each place.
        rtt_ms: [from, to] [ms]; NaN where nothing was measured. Both directions are the mean of those measured.
        source: Name of the file.
        notes: Sentences on what the reader did.
        coordinates: Latitude and longitude by name, where known [deg].
    """

    kind: str
    names: tuple[str, ...]
    rtt_ms: np.ndarray
    source: str
    notes: tuple[str, ...] = ()
    coordinates: Mapping[str, tuple[float, float]] = dataclasses.field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        """What the file is, for people and programs; None is what has no meaning for a matrix."""
        apart = ~np.eye(len(self.names), dtype=bool)
        pairs = int(np.isfinite(self.rtt_ms[apart]).sum()) // 2
        return {
            "kind": self.kind,
            **TIMELESS,
            "rows": pairs,
            "gaps": int(apart.sum()) // 2 - pairs,
            "units": {"rtt_ms": "ms"},
            "places": list(self.names),
            "notes": list(self.notes),
        }


def read_pings(path: Path) -> RoundTrips:
    """WonderNetwork pings: `source`, `destination` (numbers of servers), `min`, `avg`, `max` [ms]; the least is taken.

    The least of a day is the path without queues; the queueing of the network is not part of the model.
    """
    raw = need(load(path), ("source", "destination", "min"), "a table of pings")
    return _pairs(raw, "wondernetwork_pings", "source", "destination", "min")


def read_city_pairs(path: Path) -> RoundTrips:
    """Pairs of cities by name: `from_city`, `to_city`, and `min` or `rtt_ms` [ms]."""
    raw = own_names(load(path), ("rtt_ms",))
    column = "rtt_ms" if "rtt_ms" in raw.frame.columns else "min"
    raw = need(raw, ("from_city", "to_city", column), "a table of city pairs")
    return _pairs(raw, "city_pairs", "from_city", "to_city", column)


def read_matrix(path: Path) -> RoundTrips:
    """Matrix of places: names in the first column and in the header, times in between [ms].

    Rows and columns may be the same places, or others: those of origins and of sites, in either direction.
    """
    raw = load(path)
    first, *columns = map(str, raw.frame.columns)
    rows = [str(name) for name in np.asarray(words(raw, first))]
    _check_sides(raw, rows, columns)
    values = np.stack([numbers(raw, name, empty=True, **_TIME) for name in columns], axis=1)
    names = [*rows, *(name for name in columns if name not in set(rows))]
    at = {name: n for n, name in enumerate(names)}
    square = np.full((len(names), len(names)), np.nan)
    square[np.ix_([at[name] for name in rows], [at[name] for name in columns])] = values
    if set(rows) == set(columns):
        return _symmetric(raw, "rtt_matrix", names, square)
    between = f"times from {len(rows)} places to {len(columns)}, the same both ways"
    return dataclasses.replace(_symmetric(raw, "rtt_matrix", names, square), notes=(between,))


def _check_sides(raw: RawTable, rows: list[str], columns: list[str]) -> None:
    """Refuse names that are given twice, and names of which some on each side lack on the other: one is misspelt."""
    twice = next((name for name in rows if rows.count(name) > 1), None)
    if twice is not None:
        raise raw.bad(None, None, f"has two rows named {twice[:40]!r}; keep one.")
    missing, more = sorted(set(columns) - set(rows)), sorted(set(rows) - set(columns))
    if missing and more and set(rows) & set(columns):
        raise raw.bad(
            None,
            None,
            f"its rows and columns differ by {missing[0][:40]!r} and {more[0][:40]!r}; give the same names in both, or other "
            "names throughout.",
        )


def _pairs(raw: RawTable, kind: str, start: str, end: str, column: str) -> RoundTrips:
    a, b = ([str(cell) for cell in np.asarray(words(raw, name))] for name in (start, end))
    times = numbers(raw, column, empty=True, **_TIME)
    twice = pd.DataFrame({"a": a, "b": b}).duplicated().to_numpy()
    if twice.any():
        at = int(twice.argmax())
        raise raw.bad(at, end, f"{a[at]} to {b[at]} is given twice; keep one row.")
    names = sorted({*a, *b}, key=lambda name: (len(name), name) if name.isdigit() else (10**6, name))
    position = {name: n for n, name in enumerate(names)}
    values = np.full((len(names), len(names)), np.nan)
    values[[position[name] for name in a], [position[name] for name in b]] = times
    return _symmetric(raw, kind, names, values)


def _symmetric(raw: RawTable, kind: str, names: list[str], values: np.ndarray) -> RoundTrips:
    apart = ~np.eye(len(names), dtype=bool) & np.isfinite(values)
    if not apart.any():
        raise raw.bad(None, None, "holds no time between two places; give a table with some.")
    if values[apart].max() < _LEAST_LONGEST_MS:
        raise raw.bad(None, None, f"no time is above {values[apart].max():g}; give milliseconds, not seconds.")
    known = np.isfinite(values)
    total = np.where(known, values, 0.0) + np.where(known.T, values.T, 0.0)
    count = known.astype(int) + known.T
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    one_way = int((known & ~known.T).sum())
    notes = ("both directions are the mean of those measured",)
    return RoundTrips(
        kind,
        tuple(names),
        mean,
        raw.name,
        (*notes, f"{one_way} pairs were measured one way only") if one_way else notes,
    )
