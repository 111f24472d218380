"""Read the Azure LLM inference traces."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd

_COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")


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


def read_azure_trace(path: Path) -> RequestStatistics:
    """Read arrival times and token counts of an Azure LLM inference trace (CSV).

    Source:
        Azure/AzurePublicDataset, LLM inference traces 2023: one hour of UTC stamps, so it says nothing about hours of the
        day.

    Raises:
        ValueError: One sentence that names file, row, column and the mend.
    """
    try:
        table = pd.read_csv(path, encoding="utf-8-sig", dtype=str)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, OSError) as error:
        raise ValueError(f"{path.name}: is not a readable CSV table ({type(error).__name__}).") from None
    missing = [name for name in _COLUMNS if name not in table.columns]
    if missing:
        raise ValueError(f"{path.name}: has no column {missing[0]!r}; an Azure trace has {', '.join(_COLUMNS)}.")
    if len(table) < 3:
        raise ValueError(f"{path.name}: has {len(table)} requests; at least 3 are needed for a rate.")
    times = pd.to_datetime(table["TIMESTAMP"], errors="coerce", format="ISO8601")
    prompt, answer = (pd.to_numeric(table[name], errors="coerce") for name in _COLUMNS[1:])
    for name, good in zip(_COLUMNS, (times.notna(), prompt >= 1, answer >= 1), strict=True):
        if not good.all():
            row = int(np.argmin(good.to_numpy()))
            wanted = "a time" if name == "TIMESTAMP" else "a whole number >= 1"
            raise ValueError(f"{path.name}: row {row + 2}, column {name}: {table[name].iloc[row]!r} is not {wanted}.")
    return _statistics(np.sort(times.to_numpy()), prompt.to_numpy(float), answer.to_numpy(float), path.name)


def _statistics(times: np.ndarray, prompt: np.ndarray, answer: np.ndarray, source: str) -> RequestStatistics:
    between = np.diff(times) / np.timedelta64(1, "s")
    if between.sum() <= 0:
        raise ValueError(f"{source}: all requests have the same TIMESTAMP; a rate needs a span of time.")
    return RequestStatistics(
        requests=len(times),
        rate=float(1.0 / between.mean()),
        arrival_cv2=float(between.var() / between.mean() ** 2),
        input_mean=float(prompt.mean()),
        input_mean_square=float((prompt**2).mean()),
        input_mu=float(np.log(prompt).mean()),
        input_sigma=float(np.log(prompt).std()),
        output_mean=float(answer.mean()),
        output_mu=float(np.log(answer).mean()),
        output_sigma=float(np.log(answer).std()),
        source=source,
    )
