"""Small recordings for tests of joins."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from jaxsched.scenarios.readers import Recording, RequestLog

START = "2024-01-15"


def record(
    values: Mapping[str, Sequence[float] | np.ndarray],
    minutes: int = 60,
    start: str = START,
    quantity: str = "price_aud_per_mwh",
    **changes: Any,
) -> Recording:
    """A recording of one quantity; places may start at times of their own, as (start, values)."""
    step = pd.Timedelta(minutes=minutes)
    parts = []
    for place, series in values.items():
        times = pd.date_range(start, periods=len(series), freq=step, tz="UTC")
        parts.append(pd.DataFrame({"start_utc": times, "place": place, quantity: np.asarray(series, float)}))
    table = pd.concat(parts, ignore_index=True).astype({"place": "category"})
    about = {"kind": "test", "zone": "UTC", "stamp": "interval start", "source": "a.csv"}
    return Recording(table=table, step=step, **(about | changes))


def slots(count: int, minutes: int, start: str = START) -> tuple[pd.DatetimeIndex, pd.Timedelta]:
    step = pd.Timedelta(minutes=minutes)
    return pd.date_range(start, periods=count, freq=step, tz="UTC"), step


def log(
    arrived: Sequence[Any] | pd.DatetimeIndex, classes: str | Sequence[str] = "all", tokens: float = 100.0
) -> RequestLog:
    table = pd.DataFrame({"arrived": pd.DatetimeIndex(arrived), "prompt_tokens": tokens, "answer_tokens": tokens / 10})
    table["request_class"] = classes
    return RequestLog("request_log", table.sort_values("arrived", ignore_index=True), "UTC", True, "log.csv")
