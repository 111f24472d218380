"""The first country."""

import pandas as pd

from jaxsched.scenarios._base import scenario_of, slots_of
from jaxsched.scenarios._lacking import lacking
from jaxsched.scenarios._scenario import Scenario
from jaxsched.scenarios.countries import country

_AUSTRALIA = country("australia")
assert _AUSTRALIA.start is not None

AUSTRALIA = tuple(_AUSTRALIA.states)
"""Its states and territories."""

DEFAULT_START = _AUSTRALIA.start
"""Start of the default week: two ordinary days, the heatwave of 14 to 17 January, and its end."""

DEFAULT_WEIGHTS = _AUSTRALIA.weights
"""What carbon, water, waiting and the network charge are worth where nobody says otherwise."""


def australia(
    *,
    sites: int | pd.DataFrame | None = None,
    origins: int | pd.DataFrame | None = None,
    slots: int = 168,
    slot_minutes: int = 60,
    start: str | pd.Timestamp | None = None,
    seed: int = 0,
    anomalies: bool = True,
) -> Scenario:
    """Australia's edge sites and population centres for any hours of the reference year.

    Prices and carbon are the hour-by-month profiles of 2024, weather is the climate with the daily departures of 2014, and
    weekdays and daylight saving are those of the dates asked for.

    Arguments:
        sites: Number of edge sites; the real ones where not given, a choice of them or more drawn by population otherwise.
            Or a table of sites with the columns of `Scenario.sites`.
        origins: Number of origins, likewise; people are conserved. Or a table with the columns of `Scenario.origins`.
        slots: Number of slots.
        slot_minutes: Length of a slot: 5, 15, 30 or 60 minutes.
        start: Start of the first slot, ISO 8601, UTC unless it has an offset; the default week holds a heatwave.
        seed: Seed of what is drawn beyond the real sites and centres.
        anomalies: Whether the weather departs from the climate.

    Raises:
        ValueError: A number below 1, another length, a start that is no ISO 8601 time or no whole slot, a place that is not
            on earth, a region that is none of Australia, or an amount in a table that is no number.
    """
    times = slots_of(_AUSTRALIA, start, slots, slot_minutes)
    scenario = scenario_of(_AUSTRALIA, times, sites=sites, origins=origins, seed=seed, anomalies=anomalies)
    problems = lacking(scenario)
    if problems:
        raise ValueError(next(iter(problems.values())))
    return scenario
