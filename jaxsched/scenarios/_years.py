"""Stamps of another year, on the clock of the market, and what stands in where a file of that year ends."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from jaxsched.scenarios.countries import Country

_DAY = pd.Timedelta(days=1)


def in_year(times: pd.DatetimeIndex, year: int, offset_hours: float = 0.0) -> pd.DatetimeIndex:
    """The same calendar stamps in another year; 29 February becomes the 28th where the year has none.

    The calendar is that of one clock for all places, so that they stay at one instant. The slot in the middle comes into the
    year, and slots on the other side of New Year into its neighbours.

    Arguments:
        times: Start of each slot, UTC [slot].
        year: The other year.
        offset_hours: How far the clock is ahead of UTC [h]; 10 in the National Electricity Market.
    """
    local = times + pd.Timedelta(hours=offset_hours)
    years = local.year.to_numpy() + (year - local[len(local) // 2].year)
    return _on_calendar(local, years) - pd.Timedelta(hours=offset_hours)


def market_offset(sites: pd.DataFrame, country: Country) -> float:
    """How far the clock of the market of most sites is ahead of UTC [h]; that of the east where two have as many.

    A site of no market that is known has the clock of its longitude.
    """
    market = (
        sites["region"].astype(str).map({code: region.utc_offset_hours for code, region in country.regions.items()})
    )
    offsets = market.to_numpy(float, na_value=np.nan)
    offsets = np.where(np.isnan(offsets), np.round(sites["longitude"].to_numpy(float) / 15.0), offsets)
    hours, counts = np.unique(offsets, return_counts=True)
    return float(hours[len(hours) - 1 - int(counts[::-1].argmax())])


def stand_ins(
    moved: pd.DatetimeIndex, year: int, offset_hours: float
) -> Iterator[tuple[str, pd.DatetimeIndex, np.ndarray]]:
    """Other stamps for slots that a file of one year may lack: what they are, the stamps, and which slots have one [slot].

    Slots beyond New Year take the same calendar day of the year itself: December joins its own January. A file on another
    clock than the market's lacks the hours between the two at one end of the year; they take the same hours of the day next
    to them.
    """
    offset = pd.Timedelta(hours=offset_hours)
    local = moved + offset
    wrapped = _on_calendar(local, np.full(len(local), year))
    yield f"the same calendar day of {year}", wrapped - offset, np.asarray(local.year != year)
    first, last = pd.Timestamp(f"{year}-01-01", tz="UTC") + _DAY, pd.Timestamp(f"{year}-12-31", tz="UTC")
    yield "the same hour of the next day", wrapped + _DAY - offset, np.asarray(wrapped < first)
    yield "the same hour of the day before", wrapped - _DAY - offset, np.asarray(wrapped >= last)


def _on_calendar(local: pd.DatetimeIndex, years: np.ndarray) -> pd.DatetimeIndex:
    """The stamps with other years; days that these do not have become the 28th."""
    leap = (years % 4 == 0) & ((years % 100 != 0) | (years % 400 == 0))
    day = np.where((local.month == 2) & (local.day == 29) & ~leap, 28, local.day)
    parts = pd.DataFrame({"year": years, "month": local.month, "day": day, "hour": local.hour, "minute": local.minute})
    return pd.DatetimeIndex(pd.to_datetime(parts)).tz_localize("UTC").as_unit("us")
