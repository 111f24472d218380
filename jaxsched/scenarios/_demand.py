"""How many requests each place sends at each hour of its own clock."""

import numpy as np
import pandas as pd

from jaxsched.scenarios._tables import read_embedded

REQUESTS_PER_PERSON_DAY = 5.0
"""LLM requests of one person on a mean day; an assumption, to be set with `demand.scale`."""

EMBEDDED = "embedded demand.csv"
"""How the provenance of demand begins where it is people times the embedded hours of the day."""

_CONSUMER_SHARE = {"chat": 0.5, "code": 0.0}
# Weekend traffic over weekday traffic (Azure 2024 week: 0.57 of conversations, 0.35 of coding).
_WEEKEND = {"chat": 0.57, "code": 0.35}
_SECONDS_PER_DAY = 86_400.0
_QUARTER_HOUR = pd.Timedelta(minutes=15)


def demand(
    times: pd.DatetimeIndex,
    step: pd.Timedelta,
    origins: pd.DataFrame,
    classes: pd.DataFrame,
    *,
    hours: np.ndarray | None = None,
) -> np.ndarray:
    """Requests per second [slot, origin, class], by local time of day with daylight saving.

        population x requests per person and day x share of the class x shape(local hour, weekday)

    The rate of a slot (start in `times`, length `step`) is its mean, so that slots of any length hold the same requests.
    The shape has mean 1 over a week. Chat is half business and half consumer traffic, code business only; `hours` (24
    numbers with mean 1) takes the place of both.

    Source:
        Shapes: see the header of `demand.csv`; that Australian clocks follow them is an assumption.
    """
    table = read_embedded("demand")
    if hours is not None:
        table = pd.DataFrame({"consumer": hours, "business": hours})
    rate = origins["population"].to_numpy(float) * REQUESTS_PER_PERSON_DAY / _SECONDS_PER_DAY
    result = np.empty((len(times), len(origins), len(classes)))
    zone = origins["timezone"].to_numpy(str)
    parts = _parts(times, step)
    for name in np.unique(zone):
        at = zone == name
        local = [part.tz_convert(name) for part in parts]
        for k, (label, share) in enumerate(zip(classes.index, classes["share"], strict=True)):
            kind = str(label).partition("-")[0]
            shape = np.mean(
                [_shape(table, kind, p.hour.to_numpy(), p.day_of_week.to_numpy() >= 5) for p in local], axis=0
            )
            result[:, at, k] = share * shape[:, None] * rate[at][None, :]
    return result


def _parts(times: pd.DatetimeIndex, step: pd.Timedelta) -> list[pd.DatetimeIndex]:
    """Middles of the parts of each slot that lie in one local hour: the clocks of some places are half an hour off,
    that of Eucla three quarters."""
    count = max(step // _QUARTER_HOUR, 1)
    return [times + (n + 0.5) * step / count for n in range(count)]


def _shape(table: pd.DataFrame, kind: str, hour: np.ndarray, weekend: np.ndarray) -> np.ndarray:
    consumer = _CONSUMER_SHARE[kind]
    daily = consumer * table["consumer"].to_numpy() + (1.0 - consumer) * table["business"].to_numpy()
    factor = np.where(weekend, _WEEKEND[kind], 1.0) * 7.0 / (5.0 + 2.0 * _WEEKEND[kind])
    return daily[hour] * factor
