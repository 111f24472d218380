"""Token lengths and burstiness of request classes, from a log."""

import dataclasses

import numpy as np
import pandas as pd

from jaxsched.scenarios._demand import EMBEDDED
from jaxsched.scenarios._scenario import Scenario
from jaxsched.scenarios.readers import ReadError, RequestLog
from jaxsched.scenarios.readers._requests import RequestStatistics

ALL = "all"
"""Class of every request of a log without classes."""

# Burstiness up to which the law of waiting holds.
_MOST_BURSTY = 200.0


def with_requests(scenario: Scenario, log: RequestLog) -> Scenario:
    """The scenario with prompt and answer lengths and burstiness of its request classes from a log.

    A class of the log that bears the name of a class of the scenario, or the first part of one (`code` of `code-70b`),
    goes to that; a log of other names, or of one class, goes to the chat classes. How many requests there are and when
    stays as it is in the scenario: `with_demand` takes both from a log, `with_demand_shape` the hours of the day.

    Raises:
        ReadError: If the log has too few requests for statistics, or is burstier than the law of waiting allows.
    """
    classes, sentences = lengths_of(scenario.classes, log)
    mean, rate = float(scenario.demand.sum((1, 2)).mean()), log.statistics().rate
    told = f"its mean rate of {rate:.3g} requests/s is not taken; the study asks for {mean:.4g} requests/s"
    provenance = {**scenario.provenance, "requests": f"{log.source}: {'; '.join((*sentences, told))}"}
    note = f"{log.source}: gives lengths and burstiness alone; {told} (inputs.demand takes a log's own)"
    notes = (*scenario.notes, note) if scenario.provenance["demand"].startswith(EMBEDDED) else scenario.notes
    return dataclasses.replace(scenario, classes=classes, provenance=provenance, notes=notes)


def lengths_of(classes: pd.DataFrame, log: RequestLog, *, spare: bool = False) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The table of classes with lengths and burstiness of a log, and what was taken from where.

    Arguments:
        classes: Classes of a scenario.
        log: The log.
        spare: Whether a class of too few requests keeps what it has, instead of being an error.

    Raises:
        ReadError: As `with_requests`.
    """
    classes, matched, sentences = classes.copy(), _classes_of(log, classes), []
    for name, rows in matched.items():
        try:
            found = log.statistics(name)
        except ReadError:
            if not spare:
                raise
            sentences.append(f"too few requests of {name} for statistics: {', '.join(rows)} keep their lengths")
            continue
        _check_burstiness(log, found, rows)
        for column in [field.name for field in dataclasses.fields(found) if field.name in classes.columns]:
            classes.loc[rows, column] = getattr(found, column)
        sentences.append(f"lengths and burstiness of {', '.join(rows)} from {found.requests} requests")
    others = sorted(set(map(str, log.table["request_class"].unique())) - set(matched)) if None not in matched else []
    if others:
        left = int(log.table["request_class"].isin(others).sum())
        sentences.append(f"{left} requests of {', '.join(others)}, which no class of the scenario bears, are left out")
    return classes, tuple(sentences)


def _check_burstiness(log: RequestLog, found: RequestStatistics, rows: list[str]) -> None:
    for tokens, what in ((found.input_mean, "prompt"), (found.output_mean, "answer")):
        if not tokens > 0:
            raise ReadError(f"{log.source}: no request for {', '.join(rows)} has a {what} token; correct the column.")
    if found.arrival_cv2 > _MOST_BURSTY:
        raise ReadError(
            f"{log.source}: within hours, the times between arrivals for {', '.join(rows)} have a squared coefficient of "
            f"variation of {found.arrival_cv2:,.0f}, and the law of waiting holds up to {_MOST_BURSTY:g}; give a log without "
            "machines that send all at once, or leave their rows out."
        )


def rows_of(name: str, classes: pd.DataFrame) -> list[str]:
    """Classes of a scenario that bear a name, or whose first part it is."""
    index = [str(row) for row in classes.index]
    return [row for row in index if row == name] or [row for row in index if row.partition("-")[0] == name]


def _classes_of(log: RequestLog, classes: pd.DataFrame) -> dict[str | None, list[str]]:
    """Classes of the scenario that each class of the log describes; None stands for the whole log."""
    index = [str(row) for row in classes.index]
    matched: dict[str | None, list[str]] = {}
    for name in sorted(map(str, log.table["request_class"].unique())):
        rows = [row for row in index if name in (row, row.partition("-")[0])]
        if rows:
            matched[name] = rows
    return matched or {None: [row for row in index if row.startswith("chat")] or index}


def kinds_by_length(classes: pd.DataFrame, table: pd.DataFrame) -> tuple[np.ndarray, str]:
    """First part of the name of the likeliest class of each request, by its token lengths, and how many are of each.

    Lengths of a class are log-normal; classes weigh by their shares.
    """
    logs = [
        np.log(np.maximum(table[name].to_numpy(float), 1.0))[:, None] for name in ("prompt_tokens", "answer_tokens")
    ]
    likely = np.log(classes["share"].to_numpy(float))[None, :]
    for log, part in zip(logs, ("input", "output"), strict=True):
        mu, sigma = (classes[f"{part}_{name}"].to_numpy(float)[None, :] for name in ("mu", "sigma"))
        likely = likely - 0.5 * ((log - mu) / sigma) ** 2 - np.log(sigma)
    kinds = pd.Index(classes.index.astype(str).str.partition("-").get_level_values(0))
    each = {kind: np.logaddexp.reduce(likely[:, kinds == kind], axis=1) for kind in kinds.unique()}
    best = np.array(list(each), object)[np.stack(list(each.values())).argmax(0)]
    return best, ", ".join(f"{int((best == kind).sum())} {kind}" for kind in each)
