"""JSON Lines are tables like others: keys are columns, rows are lines, and numbers stay as they are written."""

import gzip
import json

import pandas as pd
import pytest

from jaxsched.scenarios.readers import Mapped, ReadError, RequestLog, read, read_mapped
from tests.scenarios.readers.samples import SAMPLES, write

KINDS = (
    "request_log",
    "latency_log",
    "splitwise",
    "sites",
    "origins",
    "dispatch_price",
    "request_rates",
    "jaxsched_table",
)


def as_lines(kind: str) -> str:
    head, *lines = (line.split(",") for line in SAMPLES[kind].splitlines())
    return "".join(json.dumps({k: v for k, v in zip(head, line, strict=True) if v}) + "\n" for line in lines)


@pytest.mark.parametrize("ending", [".jsonl", ".ndjson", ".jsonl.gz"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_table_is_the_same_in_json_lines(tmp_path, kind, ending):
    path, body = tmp_path / f"SA1{ending}", as_lines(kind).encode()
    path.write_bytes(gzip.compress(body) if ending.endswith(".gz") else body)
    found, expected = read(path), read(write(tmp_path, kind))
    assert type(found) is type(expected)
    ours, theirs = (one.rates if kind == "request_rates" else one.table for one in (found, expected))
    pd.testing.assert_frame_equal(ours, theirs, check_like=True)


def test_a_log_of_inner_objects_lists_and_dates_from_1970_is_read_by_a_mapping(tmp_path):
    path = tmp_path / "log.jsonl"
    lines = [
        {"ts": 1_706_745_600.25 + n, "usage": {"in": 100 + n, "out": 10}, "pop": "SYD", "tags": ["a"], "cached": False}
        for n in range(4)
    ]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    columns = {"prompt_tokens": "usage.in", "output_tokens": "usage.out", "origin": "pop"}
    log = read_mapped(path, Mapped("ts", columns, names={"SYD": "Sydney"}, values={"request_class": "chat-8b"}))
    assert isinstance(log, RequestLog)
    assert log.table["arrived"].iloc[0] == pd.Timestamp("2024-02-01 00:00:00.25")
    assert log.table["prompt_tokens"].tolist() == [100, 101, 102, 103]
    assert log.table["origin"].unique().tolist() == ["Sydney"]
    assert log.table["request_class"].unique().tolist() == ["chat-8b"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ('{"arrived_s": 1, "prompt_tokens": 2}\n{"a"\n', r"log\.jsonl: row 2 is no JSON \(.*\); write one object a line\."),
        ("[1, 2]\n", r"row 1 is no JSON object; write one object a line"),
        ("\n\n", r"is empty"),
        ('{"arrived_s": 0, "prompt_tokens": 5, "answer_tokens": 5}\n\n{"arrived_s": 1, "prompt_tokens": "x", "answer_tokens": 5}\n',
         r"row 3, column 'prompt_tokens': 'x' is not a number"),
        ('{"arrived_s": 0, "prompt_tokens": 5, "answer_tokens": [5]}\n', r"row 1, column 'answer_tokens': .*5.* is not a number"),
    ],
)  # fmt: skip
def test_a_broken_line_is_named(tmp_path, body, why):
    path = tmp_path / "log.jsonl"
    path.write_text(body)
    with pytest.raises(ReadError, match=why):
        read(path)
