"""How many requests each place sends at each hour of its own clock."""

import numpy as np
import pandas as pd

from jaxsched.scenarios._tables import read_embedded

REQUESTS_PER_PERSON_DAY = 5.0
"""LLM requests of one person on a mean day; an assumption, to be set with `demand.scale`."""

_CONSUMER_SHARE = {"chat": 0.5, "code": 0.0}
# Weekend traffic over weekday traffic (Azure 2024 week: 0.57 of conversations, 0.35 of coding).
_WEEKEND = {"chat": 0.57, "code": 0.35}
_SECONDS_PER_DAY = 86_400.0


def demand(times: pd.DatetimeIndex, origins: pd.DataFrame, classes: pd.DataFrame) -> np.ndarray:
    """Requests per second [slot, origin, class], by local time of day with daylight saving.

        population x requests per person and day x share of the class x shape(local hour, weekday)

    The shape has mean 1 over a week. Chat is half business and half consumer traffic, code business only.

    Source:
        Shapes: see the header of `demand.csv`; that Australian clocks follow them is an assumption.
    """
    table = read_embedded("demand")
    middle = times + pd.Timedelta(minutes=30)
    rate = origins["population"].to_numpy(float) * REQUESTS_PER_PERSON_DAY / _SECONDS_PER_DAY
    result = np.empty((len(times), len(origins), len(classes)))
    zone = origins["timezone"].to_numpy(str)
    for name in np.unique(zone):
        local = middle.tz_convert(name)
        hour, weekend = local.hour.to_numpy(), local.day_of_week.to_numpy() >= 5
        at = zone == name
        for k, (label, share) in enumerate(zip(classes.index, classes["share"], strict=True)):
            shape = _shape(table, str(label).partition("-")[0], hour, weekend)
            result[:, at, k] = share * shape[:, None] * rate[at][None, :]
    return result


def _shape(table: pd.DataFrame, kind: str, hour: np.ndarray, weekend: np.ndarray) -> np.ndarray:
    consumer = _CONSUMER_SHARE[kind]
    daily = consumer * table["consumer"].to_numpy() + (1.0 - consumer) * table["business"].to_numpy()
    factor = np.where(weekend, _WEEKEND[kind], 1.0) * 7.0 / (5.0 + 2.0 * _WEEKEND[kind])
    return daily[hour] * factor
