"""The calendar of another year is that of the market's clock, and a file of that year alone is enough."""

import numpy as np
import pandas as pd
import pytest

from jaxsched.scenarios import australia, with_carbon, with_weather
from jaxsched.scenarios._years import in_year, market_offset
from jaxsched.scenarios.countries import country
from jaxsched.scenarios.readers import ReadError, read
from tests.scenarios.readers.samples import epw, epw_row
from tests.scenarios.recordings import record

QUANTITY = "carbon_direct_g_per_kwh"
REGIONS = ("NSW1", "QLD1", "SA1", "TAS1", "VIC1", "WEM", "NT")


def base(start="2020-01-01T00:00+10:00", slots=48):
    return australia(sites=3, origins=3, start=start, slots=slots, anomalies=False)


def carbon(first: str, last: str, values):
    """Hourly intensity of every region over the days from first to last (UTC), by the time."""
    times = pd.date_range(first, f"{last} 23:00", freq="h", tz="UTC")
    return record(dict.fromkeys(REGIONS, values(times)), 60, first, QUANTITY)


def by_month(times: pd.DatetimeIndex) -> np.ndarray:
    """10 in January 2021, 120 in December 2021, 999 in 2022, and 50 else."""
    january, december = (times.year == 2021) & (times.month == 1), (times.year == 2021) & (times.month == 12)
    return np.select([january, december, times.year == 2022], [10.0, 120.0, 999.0], 50.0)


@pytest.mark.parametrize("last", ["2022-12-31", "2021-12-31"])
def test_january_of_another_year_is_that_of_the_markets_clock(last):
    scenario = with_carbon(base(), [carbon("2021-01-01", last, by_month)], year=2021)
    assert (scenario.carbon_intensity == 10.0).all()
    lacking = {cells.by: len(cells.slots_start_utc) for cells in scenario.filled}
    assert lacking == {"the same hour of the next day": 10}
    assert "stamps of 2021 on the clock UTC+10 (" in scenario.provenance["carbon_intensity"]


def test_nothing_stands_in_where_the_file_begins_with_the_market():
    found = carbon("2020-12-31", "2021-12-31", lambda times: np.where(times >= "2020-12-31 14:00", 10.0, 777.0))
    scenario = with_carbon(base(), [found], year=2021)
    assert (scenario.carbon_intensity == 10.0).all()
    assert scenario.filled == ()


def test_the_last_hours_of_a_year_take_those_of_the_day_before():
    found = carbon("2021-01-01", "2021-12-30", lambda times: times.hour.to_numpy(float))
    scenario = with_carbon(base("2020-12-31T00:00+10:00", 24), [found], year=2021)
    expected = scenario.times.hour.to_numpy(float)
    np.testing.assert_array_equal(scenario.carbon_intensity[:, 0], expected)
    assert {cells.by for cells in scenario.filled} == {"the same hour of the day before"}


@pytest.mark.parametrize("start", ["2019-12-30T00:00+10:00", "2019-12-31T00:00+10:00"])
def test_december_joins_the_january_of_its_own_year(start):
    nem = pd.Timedelta(hours=10)
    found = carbon("2021-01-01", "2021-12-31", lambda times: (times + nem).month.to_numpy(float))
    scenario = with_carbon(base(start, 72), [found], year=2021)
    local = scenario.times.tz_convert("Etc/GMT-10")
    np.testing.assert_array_equal(scenario.carbon_intensity[:, 0], np.where(local.month == 12, 12.0, 1.0))
    assert "the same calendar day of 2021" in {cells.by for cells in scenario.filled}


def test_a_gap_within_the_file_stays_a_gap():
    values = [9.0, *[np.nan] * 30, *[10.0] * 999]
    found = record(dict.fromkeys(REGIONS, values), 60, "2020-12-31 14:00", QUANTITY)
    with pytest.raises(ReadError, match=r"is missing at 2020-12-31 15:00:00\+00:00 \(30 of 48 slots"):
        with_carbon(base(), [found], year=2021)


def test_another_year_that_the_file_does_not_hold_is_refused():
    with pytest.raises(ReadError, match="is missing at 2018-12-31 14:00:00"):
        with_carbon(base(), [carbon("2021-01-01", "2021-12-31", by_month)], year=2019)


def test_an_epw_year_holds_every_study_of_that_calendar(tmp_path):
    hours = pd.date_range("2006-01-01", periods=8760, freq="h")
    path = tmp_path / "Sydney.epw"
    path.write_text(epw([epw_row(t.year, t.month, t.day, t.hour + 1, f"{t.month + t.hour / 100:.2f}") for t in hours]))
    scenario = with_weather(base("2019-12-31T00:00+10:00"), [read(path)], year=2006)
    local = scenario.times.tz_convert("Etc/GMT-10")
    reading = scenario.dry_bulb - base("2019-12-31T00:00+10:00").dry_bulb
    assert np.isfinite(reading).all()
    assert (local.month[0], local.month[-1]) == (12, 1)
    assert {cells.by for cells in scenario.filled if cells.quantity == "dry_bulb_c"} <= {
        "the same calendar day of 2006",
        "the same hour of the day before",
        "the same hour of the next day",
    }


@pytest.mark.parametrize(
    "start", ["2020-01-01T00:00+11:00", "2020-01-01T00:00+10:00", "2020-01-01T00:00+08:00", "2020-01-01"]
)
def test_a_study_that_begins_a_year_on_any_clock_stays_in_january(start):
    moved = in_year(base(start).times, 2015, 10.0)
    assert abs(moved[0] - pd.Timestamp("2014-12-31 14:00", tz="UTC")) <= pd.Timedelta(hours=10)
    assert (moved - base(start).times == moved[0] - base(start).times[0]).all()


@pytest.mark.parametrize(
    ("regions", "hours"),
    [(["WEM", "WEM", "NSW1"], 8.0), (["WEM", "NSW1"], 10.0), (["NT", "NT", "VIC1"], 9.5), (["SG", "SG", "NSW1"], 7.0)],
)
def test_the_clock_is_that_of_most_sites(regions, hours):
    assert market_offset(pd.DataFrame({"region": regions, "longitude": 103.8}), country("australia")) == hours
