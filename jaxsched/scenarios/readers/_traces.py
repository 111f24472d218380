"""Request logs and rates as their publishers write them, and the package's own log."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from jaxsched.scenarios.readers._qualified import records
from jaxsched.scenarios.readers._raw import RawTable, load, need, numbers, own_names, words
from jaxsched.scenarios.readers._recording import Recording, recording
from jaxsched.scenarios.readers._requests import SECONDS, RequestLog, request_log, seconds_from_start


def read_azure_trace(path: Path) -> RequestLog:
    """Azure LLM inference traces (CSV): UTC stamps, prompt and answer tokens.

    Source:
        Azure/AzurePublicDataset, LLM inference traces 2023: one hour, so it says nothing about hours of the day.
    """
    raw = _named(
        path, "an Azure trace", arrived="TIMESTAMP", prompt_tokens="ContextTokens", answer_tokens="GeneratedTokens"
    )
    low = path.name.lower()
    name = "code" if "code" in low else "chat" if "conv" in low or "chat" in low else "all"
    raw = dataclasses.replace(raw, frame=raw.frame.assign(request_class=name))
    return request_log(raw, "azure_trace", "an Azure trace", zone="UTC")


def read_burstgpt(path: Path) -> RequestLog:
    """BurstGPT (CSV): seconds from the start of the log on a campus clock whose zone is not published; failures left out."""
    columns = {"arrived": "Timestamp", "request_class": "Model"}
    tokens = {"prompt_tokens": "Request tokens", "answer_tokens": "Response tokens"}
    raw = _named(path, "a BurstGPT log", **columns, **tokens)
    for name in ("arrived", "prompt_tokens"):  # of the failures too
        numbers(raw, name)
    answered = numbers(raw, "answer_tokens") > 0
    if not answered.any():
        raise raw.fail(None, None, "has no requests that were answered; give a log with some.")
    notes = (f"{int((~answered).sum())} requests without an answer were left out", "the clock's zone is not published")
    return request_log(raw.rows(answered), "burstgpt", "a BurstGPT log", notes=notes)


def read_splitwise(path: Path) -> RequestLog:
    """Splitwise traces (CSV): `arrival_timestamp` in seconds, `prompt_size`, `token_size`."""
    what = "a Splitwise trace"
    raw = _named(path, what, arrived="arrival_timestamp", prompt_tokens="prompt_size", answer_tokens="token_size")
    return request_log(raw, "splitwise", what)


def read_vidur(path: Path) -> RequestLog:
    """Vidur traces (CSV): `arrived_at` in seconds, `num_prefill_tokens`, `num_decode_tokens`."""
    what = "a Vidur trace"
    raw = _named(
        path, what, arrived="arrived_at", prompt_tokens="num_prefill_tokens", answer_tokens="num_decode_tokens"
    )
    return request_log(raw, "vidur", what)


def read_request_table(path: Path) -> RequestLog:
    """The package's request log: `arrived_utc`, `prompt_tokens`, `answer_tokens`, and what else `LOG_COLUMNS` names.

    A log without dates has `arrived_s`, seconds from its start, in place of `arrived_utc`. A column `ttft_s`, the time to
    first token in seconds, is read where there is one; empty cells are requests that it was not measured of.
    """
    raw = own_names(load(path), ("arrived_utc",))
    dated = "arrived_utc" in raw.frame.columns
    columns = {"arrived": "arrived_utc" if dated else "arrived_s"}
    raw = _renamed(raw, "a request log", columns | {name: name for name in ("prompt_tokens", "answer_tokens")})
    return request_log(raw, "request_log", "a request log", zone="UTC" if dated else None)


def read_latency_log(path: Path) -> RequestLog:
    """What a server's log holds: `arrival` (seconds from the start, or an ISO time), `prompt_tokens`, `output_tokens`, `ttft_s`."""
    what = "a latency log"
    columns = {
        "arrived": "arrival",
        "prompt_tokens": "prompt_tokens",
        "answer_tokens": "output_tokens",
        "ttft_s": "ttft_s",
    }
    return request_log(_renamed(load(path), what, columns), "latency_log", what)


def read_servegen_rates(path: Path) -> Recording:
    """ServeGen rates: `model`, `t_s` (seconds from the start of the trace), `rate_req_s`; dates are withheld."""
    raw = records(need(load(path), ("model", "t_s", "rate_req_s"), "a table of ServeGen rates"))
    times = seconds_from_start(numbers(raw, "t_s", **SECONDS))
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


def _named(path: Path, what: str, **columns: str) -> RawTable:
    """A file under the package's names of columns, and without the others."""
    raw = _renamed(load(path), what, columns)
    return dataclasses.replace(raw, frame=raw.frame[list(columns)])


def _renamed(raw: RawTable, what: str, columns: Mapping[str, str]) -> RawTable:
    return need(raw, list(columns.values()), what).renamed(columns)
