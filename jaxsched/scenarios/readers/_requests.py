"""Logs of LLM requests: arrivals, token counts, and what they say of classes, slots and burstiness."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from jaxsched.scenarios.readers._arrivals import burstiness, coarse_step, microseconds, spread, tied_share
from jaxsched.scenarios.readers._clock import clock
from jaxsched.scenarios.readers._columns import number_in
from jaxsched.scenarios.readers._raw import Limits, RawTable, ReadError, need, numbers, own_names, stamps, words
from jaxsched.scenarios.readers._recording import to_utc

_TOKENS: Limits = {"low": 0.0, "high": 1e8}
# No first token comes in no time, and none is worth an hour's wait.
_TTFT: Limits = {"low": 1e-6, "high": 3600.0}
# Seconds from the start of a log: up to a century.
SECONDS: Limits = {"low": 0.0, "high": 3.2e9}
_AT: Mapping[str, Limits] = {"latitude": {"low": -90.0, "high": 90.0}, "longitude": {"low": -180.0, "high": 180.0}}
_UNITS = {"prompt_tokens": "token", "answer_tokens": "token", "ttft_s": "s"}
# Logs without dates start on this day of their own clock.
UNDATED = pd.Timestamp("2000-01-01")
# Numbers beyond these count from 1970: seconds and milliseconds from the year 2001 on.
_EPOCH_S, _EPOCH_MS = 1e9, 1e12
_NEEDED = ("arrived", "prompt_tokens", "answer_tokens")
LOG_COLUMNS = (*_NEEDED, "request_class", "origin", "latitude", "longitude", "ttft_s")
"""What a row of a request log may hold; the first three it must."""


@dataclasses.dataclass(frozen=True)
class RequestStatistics:
    """What a request log says about arrivals and lengths.

    Attributes:
        requests: Number of requests.
        rate: Mean arrival rate [requests/s].
        arrival_cv2: Squared coefficient of variation of the times between arrivals, pooled within hours, so that days
            and nights are no bursts [1].
        input_mean: Mean prompt length [token].
        input_mean_square: Mean square of the prompt length [token^2].
        input_mu: Mean of the logarithm of the prompt length.
        input_sigma: Its standard deviation.
        output_mean: Mean answer length [token].
        output_mu: Mean of the logarithm of the answer length.
        output_sigma: Its standard deviation.
        source: Name of the file.
    """

    requests: int
    rate: float
    arrival_cv2: float
    input_mean: float
    input_mean_square: float
    input_mu: float
    input_sigma: float
    output_mean: float
    output_mu: float
    output_sigma: float
    source: str


@dataclasses.dataclass(frozen=True)
class RequestLog:
    """One row per request, in order of arrival.

    Attributes:
        kind: What the file was recognised as.
        table: `arrived` (naive, on the clock of `zone`), `prompt_tokens`, `answer_tokens`, `request_class` ("all" where the
            file has none), and where the file has them `ttft_s`, time to first token [s], NaN where none was measured,
            `origin`, and `latitude` and `longitude` of where a request comes from [deg].
        zone: Clock of `arrived`, as far as the source says: UTC where it has dates.
        dated: Whether the stamps have real dates.
        source: Name of the file.
        notes: Sentences on what the reader did or knows of the source.
    """

    kind: str
    table: pd.DataFrame
    zone: str
    dated: bool
    source: str
    notes: tuple[str, ...] = ()

    def spread(self) -> "RequestLog":
        """The log with arrivals that share a coarse stamp spread at random within its step, in order; itself elsewhere.

        The times between arrivals mean something only then; every call gives the same.
        """
        instants = microseconds(self.table["arrived"])
        step = coarse_step(instants)
        if step is None:
            return self
        arrived = pd.DatetimeIndex(spread(instants, step).astype("datetime64[us]"))
        return dataclasses.replace(self, table=self.table.assign(arrived=arrived))

    def statistics(self, request_class: str | None = None) -> RequestStatistics:
        """Rate, burstiness and lengths of all requests or of one class.

        Raises:
            ReadError: With fewer than 3 requests, or if all arrive at once.
        """
        table = self.spread().table
        table = table if request_class is None else table[table["request_class"] == request_class]
        if len(table) < 3:
            raise ReadError(
                f"{self.source}: has {len(table)} requests{_of(request_class)}; at least 3 are needed for a rate; give a "
                "longer log."
            )
        instants = microseconds(table["arrived"])
        if instants[-1] <= instants[0]:
            raise ReadError(
                f"{self.source}: all requests{_of(request_class)} arrive at the same time; a rate needs a span of time; "
                "give a longer log."
            )
        prompt, answer = (table[name].to_numpy(float) for name in ("prompt_tokens", "answer_tokens"))
        # A request that failed has no answer; its logarithm is that of one token.
        logs = [np.log(np.maximum(tokens, 1.0)) for tokens in (prompt, answer)]
        return RequestStatistics(
            requests=len(table),
            rate=(len(table) - 1) * 1e6 / float(instants[-1] - instants[0]),
            arrival_cv2=burstiness(instants),
            input_mean=float(prompt.mean()),
            input_mean_square=float((prompt**2).mean()),
            input_mu=float(logs[0].mean()),
            input_sigma=float(logs[0].std()),
            output_mean=float(answer.mean()),
            output_mu=float(logs[1].mean()),
            output_sigma=float(logs[1].std()),
            source=self.source,
        )

    def counts(self, step: pd.Timedelta) -> pd.DataFrame:
        """Requests of each class in each slot of the log's own clock; every request is in exactly one."""
        slot = self.table["arrived"].dt.floor(step)
        counted = self.table.groupby([slot, "request_class"]).size().unstack(fill_value=0)
        every = pd.date_range(counted.index.min(), counted.index.max(), freq=step)
        return counted.reindex(every, fill_value=0)

    def describe(self) -> dict[str, Any]:
        """What the file is, for people and programs; None is what the source does not say."""
        arrived = self.table["arrived"].dt.tz_localize("UTC")
        known = self.dated and self.zone == "UTC"
        try:
            found = dataclasses.asdict(self.statistics())
            del found["source"]
        except ReadError:  # too few requests for a rate
            found = None
        step = coarse_step(microseconds(self.table["arrived"]))
        return {
            "kind": self.kind,
            "zone": self.zone if known else None,
            "stamp": "instant",
            "step_seconds": None if step is None else step / 1e6,
            "start_utc": arrived.min().isoformat() if known else None,
            "end_utc": arrived.max().isoformat() if known else None,
            "rows": len(self.table),
            "gaps": None,
            "units": {name: unit for name, unit in _UNITS.items() if name in self.table},
            "classes": sorted(self.table["request_class"].unique().tolist()),
            **({"origins": sorted(self.table["origin"].unique().tolist())} if "origin" in self.table else {}),
            "statistics": found,
            "notes": list(self.notes),
        }


def _of(request_class: str | None) -> str:
    return "" if request_class is None else f" of class {request_class!r}"


def request_log(
    raw: RawTable,
    kind: str,
    what: str,
    *,
    zone: str | None = None,
    day_first: bool = False,
    notes: tuple[str, ...] = (),
) -> RequestLog:
    """The log of a table with the columns of `LOG_COLUMNS`.

    Arguments:
        raw: The table; its columns may have been renamed to these.
        kind: What it was recognised as.
        what: What it is, for messages.
        zone: Clock of times without an offset, of a log that has dates. Where not given, such times are of UTC, with a note,
            and small numbers are seconds from the start of a log without dates.
        day_first: Whether dates are written with the day before the month.
        notes: Sentences on the source.

    Raises:
        ReadError: Naming file, row and column of what is no request; if no request has any prompt, or any answer.
    """
    raw = own_names(need(raw, _NEEDED, what), LOG_COLUMNS)
    times, dated, more = _arrivals(raw, zone, day_first)
    columns: dict[str, Any] = {"arrived": times}
    for name in ("prompt_tokens", "answer_tokens"):
        columns[name] = _tokens(raw, name)
    have = raw.frame.columns
    columns["request_class"] = np.asarray(words(raw, "request_class")) if "request_class" in have else "all"
    if "ttft_s" in have:
        columns["ttft_s"] = numbers(raw, "ttft_s", empty=True, **_TTFT)
    if "origin" in have:
        columns["origin"] = np.asarray(words(raw, "origin"))
    if set(_AT) <= set(have):
        columns |= {name: numbers(raw, name, **limits) for name, limits in _AT.items()}
    table = pd.DataFrame(columns).sort_values("arrived", kind="stable", ignore_index=True)
    more = (*notes, *more, *_coarse(microseconds(table["arrived"])))
    return RequestLog(kind, table, "UTC" if dated else "unknown", dated, raw.name, more)


def _tokens(raw: RawTable, name: str) -> np.ndarray:
    """Token counts, of which some are above 0."""
    tokens = numbers(raw, name, **_TOKENS)
    if not (tokens > 0).any():
        raise raw.bad(
            0,
            name,
            f"is 0, as in all {len(tokens)} rows; a request has tokens: give the column that holds their number.",
        )
    return tokens


def _arrivals(raw: RawTable, zone: str | None, day_first: bool) -> tuple[pd.DatetimeIndex, bool, tuple[str, ...]]:
    """Arrivals in UTC without saying so, whether they have dates, and what is to be said of their clock."""
    cells = raw.frame["arrived"]
    first = number_in(cells.iloc[0])
    numbered = pd.api.types.is_numeric_dtype(cells.dtype) or np.isfinite(first)
    if numbered and (zone is None or first >= _EPOCH_S):
        return _numbered(raw, first)
    times = stamps(raw, "arrived", dayfirst=day_first)
    notes = () if times.tz is not None or zone is not None else (_NAIVE,)
    named = clock("UTC" if zone is None else zone)
    utc = to_utc(raw, times, named, "arrived")
    return utc.tz_localize(None), True, notes


_NAIVE = "its times have no offset and are taken for UTC; `zone` of [inputs.mappings] says another clock"


def _numbered(raw: RawTable, first: float) -> tuple[pd.DatetimeIndex, bool, tuple[str, ...]]:
    """Arrivals that are numbers: seconds from the start of the log, or seconds or milliseconds from 1970."""
    if first < _EPOCH_S:
        return seconds_from_start(numbers(raw, "arrived", **SECONDS)), False, ()
    unit, scale = ("milliseconds", 1e3) if first >= _EPOCH_MS else ("seconds", 1.0)
    since = numbers(raw, "arrived", low=0.0, high=7.2e9 * scale) / scale
    times = pd.DatetimeIndex(np.round(since * 1e6).astype("int64").astype("datetime64[us]"))
    return times, True, (f"its times are taken for {unit} since 1970-01-01 UTC",)


def _coarse(instants: np.ndarray) -> tuple[str, ...]:
    """What is to be said of stamps that many requests share."""
    step = coarse_step(instants)
    if step is None:
        return ()
    return (
        f"arrivals are stamped in steps of {step / 1e6:g} s, and {tied_share(instants):.0%} of the requests share a stamp; "
        "they are spread at random within the step where the times between them matter",
    )


def seconds_from_start(seconds: np.ndarray) -> pd.DatetimeIndex:
    """Stamps of a log that counts seconds from its own start."""
    return pd.DatetimeIndex(UNDATED.to_datetime64() + np.round(seconds * 1e6).astype("timedelta64[us]"))
