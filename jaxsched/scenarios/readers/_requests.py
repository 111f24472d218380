"""Logs of LLM requests: arrivals, token counts, and what they say of classes, slots and burstiness."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from jaxsched.scenarios.readers._qualified import records
from jaxsched.scenarios.readers._raw import Limits, RawTable, ReadError, load, need, numbers, own_names, stamps, words
from jaxsched.scenarios.readers._recording import Recording, recording

_TOKENS: Limits = {"low": 0.0, "high": 1e8}
# No first token comes in no time, and none is worth an hour's wait.
_TTFT: Limits = {"low": 1e-6, "high": 3600.0}
# Seconds from the start of a log: up to a century.
_SECONDS: Limits = {"low": 0.0, "high": 3.2e9}
_UNITS = {"prompt_tokens": "token", "answer_tokens": "token", "ttft_s": "s"}
# Logs without dates start on this day of their own clock.
UNDATED = pd.Timestamp("2000-01-01")


@dataclasses.dataclass(frozen=True)
class RequestStatistics:
    """What a request log says about arrivals and lengths.

    Attributes:
        requests: Number of requests.
        rate: Mean arrival rate [requests/s].
        arrival_cv2: Squared coefficient of variation of the times between arrivals [1].
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
    """One row a request, in order of arrival.

    Attributes:
        kind: What the file was recognised as.
        table: `arrived` (naive, on the log's own clock), `prompt_tokens`, `answer_tokens`, `request_class`,
            and `ttft_s` where the file has it: time to first token [s], NaN where none was measured.
        zone: Clock of the stamps, as far as the source says; never taken for local time of another country.
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

    def statistics(self, request_class: str | None = None) -> RequestStatistics:
        """Rate, burstiness and lengths of all requests or of one class.

        Raises:
            ReadError: With fewer than 3 requests, or if all arrive at once.
        """
        table = self.table if request_class is None else self.table[self.table["request_class"] == request_class]
        raw = RawTable(self.source, table, 0)
        if len(table) < 3:
            raise raw.fail(
                None, None, f"has {len(table)} requests; at least 3 are needed for a rate; give a longer log."
            )
        between = table["arrived"].diff().dt.total_seconds().to_numpy(float)[1:]
        if between.sum() <= 0:
            raise raw.fail(
                None, None, "all requests arrive at the same time; a rate needs a span of time; give a longer log."
            )
        prompt, answer = (table[name].to_numpy(float) for name in ("prompt_tokens", "answer_tokens"))
        # A request that failed has no answer; its logarithm is that of one token.
        logs = [np.log(np.maximum(tokens, 1.0)) for tokens in (prompt, answer)]
        return RequestStatistics(
            requests=len(table),
            rate=float(1.0 / between.mean()),
            arrival_cv2=float(between.var() / between.mean() ** 2),
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
        return {
            "kind": self.kind,
            "zone": self.zone if known else None,
            "stamp": "instant",
            "step_seconds": None,
            "start_utc": arrived.min().isoformat() if known else None,
            "end_utc": arrived.max().isoformat() if known else None,
            "rows": len(self.table),
            "gaps": None,
            "units": {name: unit for name, unit in _UNITS.items() if name in self.table},
            "classes": sorted(self.table["request_class"].unique().tolist()),
            "statistics": found,
            "notes": list(self.notes),
        }


def read_azure_trace(path: Path) -> RequestLog:
    """Azure LLM inference traces (CSV): UTC stamps, prompt and answer tokens.

    Source:
        Azure/AzurePublicDataset, LLM inference traces 2023: one hour, so it says nothing about hours of the day.
    """
    raw = need(load(path), ("TIMESTAMP", "ContextTokens", "GeneratedTokens"), "an Azure trace")
    times = stamps(raw, "TIMESTAMP")
    naive = times if times.tz is None else times.tz_convert("UTC").tz_localize(None)
    tokens = [numbers(raw, name, **_TOKENS) for name in ("ContextTokens", "GeneratedTokens")]
    low = path.name.lower()
    name = "code" if "code" in low else "chat" if "conv" in low or "chat" in low else "all"
    return _log(raw, "azure_trace", naive, tokens, name, zone="UTC", dated=True)


def read_burstgpt(path: Path) -> RequestLog:
    """BurstGPT (CSV): seconds from the start of the log on a campus clock whose zone is not published; failures left out."""
    raw = need(load(path), ("Timestamp", "Model", "Request tokens", "Response tokens"), "a BurstGPT log")
    seconds = numbers(raw, "Timestamp", **_SECONDS)
    tokens = [numbers(raw, name, **_TOKENS) for name in ("Request tokens", "Response tokens")]
    answered = tokens[1] > 0
    kept = RawTable(raw.name, raw.frame[answered], raw.first_row)
    models = np.asarray(words(raw, "Model"))[answered]
    notes = (f"{int((~answered).sum())} requests without an answer were left out", "the clock's zone is not published")
    times = seconds_from_start(seconds[answered])
    return _log(
        kept, "burstgpt", times, [t[answered] for t in tokens], models, zone="unknown", dated=False, notes=notes
    )


def read_splitwise(path: Path) -> RequestLog:
    """Splitwise traces (CSV): `arrival_timestamp` in seconds, `prompt_size`, `token_size`."""
    raw = need(load(path), ("arrival_timestamp", "prompt_size", "token_size"), "a Splitwise trace")
    return _seconds(raw, "splitwise", "arrival_timestamp", ("prompt_size", "token_size"))


def read_vidur(path: Path) -> RequestLog:
    """Vidur traces (CSV): `arrived_at` in seconds, `num_prefill_tokens`, `num_decode_tokens`."""
    raw = need(load(path), ("arrived_at", "num_prefill_tokens", "num_decode_tokens"), "a Vidur trace")
    return _seconds(raw, "vidur", "arrived_at", ("num_prefill_tokens", "num_decode_tokens"))


def read_servegen_rates(path: Path) -> Recording:
    """ServeGen rates: `model`, `t_s` (seconds from the start of the trace), `rate_req_s`; dates are withheld."""
    raw = records(need(load(path), ("model", "t_s", "rate_req_s"), "a table of ServeGen rates"))
    times = seconds_from_start(numbers(raw, "t_s", **_SECONDS))
    found = recording(
        raw,
        "servegen_rates",
        times,
        words(raw, "model"),
        {"rate_requests_per_s": numbers(raw, "rate_req_s", low=0.0)},
        zone="UTC",
        stamp="interval start",
        column="t_s",
        notes=("dates are withheld by the source; t = 0 is taken as 2000-01-01 00:00 of its own clock, phase unknown",),
    )
    return dataclasses.replace(found, dated=False)


def read_request_table(path: Path) -> RequestLog:
    """The package's request log: `arrived_utc`, `prompt_tokens`, `answer_tokens`, and `request_class` where there are several.

    A log without dates has `arrived_s`, seconds from its start, in place of `arrived_utc`. A column `ttft_s`, the time to
    first token in seconds, is read where there is one; empty cells are requests that it was not measured of.
    """
    raw = own_names(load(path), ("arrived_utc", "request_class", "ttft_s"))
    dated = "arrived_utc" in raw.frame.columns
    time = "arrived_utc" if dated else "arrived_s"
    raw = need(raw, (time, "prompt_tokens", "answer_tokens"), "a request log")
    times = stamps(raw, time) if dated else seconds_from_start(numbers(raw, time, **_SECONDS))
    naive = times if times.tz is None else times.tz_convert("UTC").tz_localize(None)
    tokens = [numbers(raw, name, **_TOKENS) for name in ("prompt_tokens", "answer_tokens")]
    classes = np.asarray(words(raw, "request_class")) if "request_class" in raw.frame.columns else "all"
    return _log(
        raw, "request_log", naive, tokens, classes, zone="UTC" if dated else "unknown", dated=dated, ttft=_ttft(raw)
    )


def read_latency_log(path: Path) -> RequestLog:
    """What a server's log holds: `arrival` (seconds from the start, or an ISO time), `prompt_tokens`, `output_tokens`, `ttft_s`."""
    raw = need(load(path), ("arrival", "prompt_tokens", "output_tokens", "ttft_s"), "a latency log")
    first = str(raw.frame["arrival"].iloc[0]).strip()
    dated = re.fullmatch(r"[+-]?[\d.]+([eE][+-]?\d+)?", first) is None
    times = stamps(raw, "arrival") if dated else seconds_from_start(numbers(raw, "arrival", **_SECONDS))
    naive = times if times.tz is None else times.tz_convert("UTC").tz_localize(None)
    tokens = [numbers(raw, name, **_TOKENS) for name in ("prompt_tokens", "output_tokens")]
    return _log(
        raw, "latency_log", naive, tokens, "all", zone="UTC" if dated else "unknown", dated=dated, ttft=_ttft(raw)
    )


def _ttft(raw: RawTable) -> np.ndarray | None:
    return numbers(raw, "ttft_s", empty=True, **_TTFT) if "ttft_s" in raw.frame.columns else None


def seconds_from_start(seconds: np.ndarray) -> pd.DatetimeIndex:
    """Stamps of a log that counts seconds from its own start."""
    return pd.DatetimeIndex(UNDATED.to_datetime64() + np.round(seconds * 1e6).astype("timedelta64[us]"))


def _seconds(raw: RawTable, kind: str, time: str, columns: tuple[str, str]) -> RequestLog:
    times = seconds_from_start(numbers(raw, time, **_SECONDS))
    tokens = [numbers(raw, name, **_TOKENS) for name in columns]
    return _log(raw, kind, times, tokens, "all", zone="unknown", dated=False)


def _log(
    raw: RawTable,
    kind: str,
    times: pd.DatetimeIndex,
    tokens: list[np.ndarray],
    request_class: Any,
    *,
    zone: str,
    dated: bool,
    notes: tuple[str, ...] = (),
    ttft: np.ndarray | None = None,
) -> RequestLog:
    table = pd.DataFrame(
        {"arrived": times, "prompt_tokens": tokens[0], "answer_tokens": tokens[1], "request_class": request_class}
    )
    if ttft is not None:
        table["ttft_s"] = ttft
    if table.empty:
        raise raw.fail(None, None, "has no requests that were answered; give a log with some.")
    return RequestLog(
        kind, table.sort_values("arrived", kind="stable", ignore_index=True), zone, dated, raw.name, notes
    )
