"""One strict reading of every time that a user types, and one clock for each market."""

import datetime
import re

import numpy as np
import pandas as pd
import pytest

from jaxsched.config import load_config
from jaxsched.scenarios import australia
from jaxsched.scenarios.readers import ReadError, read
from jaxsched.scenarios.readers._recording import column_times
from jaxsched.scenarios.readers._times import iso_time
from tests.scenarios.readers.samples import SAMPLES, write

SMALL = {"sites": 3, "origins": 3, "slots": 2}
# Kinds on the clock of a market, and its offset.
MARKET = {
    "aemo_price_and_demand": "+10:00",
    "dispatch_price": "+10:00",
    "nemweb_price": "+10:00",
    "nem_price_table": "+10:00",
    "opennem_long": "+10:00",
    "wem_balancing_price": "+08:00",
    "wem_balancing_summary": "+08:00",
}


@pytest.mark.parametrize(
    "typed",
    ["05/01/2024", "2024", "now", "today", "2024-1-2", "2024-01", "20240112", "2024-01-12T00:00+99:00", "NaT", "",
     "2024-02-30", "12", "2024-01-12T24:00", 5, 2024.0, True, None, pd.NaT, np.datetime64("NaT")],
)  # fmt: skip
def test_what_is_no_iso_time_is_refused(typed):
    with pytest.raises(ValueError, match=r"^start is .*, which is no ISO 8601 time such as 2024-01-12 or "):
        iso_time(typed, "start")


@pytest.mark.parametrize("typed", ["9999-12-31", "0001-01-01", "1899-12-31T23:00Z"])
def test_a_time_of_no_year_that_data_can_be_of_is_refused(typed):
    with pytest.raises(ValueError, match=rf"^start is '{typed}'; give a time of the years 1900 to 2200\.$"):
        iso_time(typed, "start")


@pytest.mark.parametrize(
    "typed",
    ["2024-01-12T00:00+10:00", "2024-01-12 00:00+10", "2024-01-11T14:00:00.000Z", "2024-01-11T14:00",
     pd.Timestamp("2024-01-12", tz="Etc/GMT-10"), datetime.datetime(2024, 1, 11, 14), np.datetime64("2024-01-11T14:00")],
)  # fmt: skip
def test_iso_times_of_every_kind_are_the_same_instant(typed):
    assert iso_time(typed, "start") == pd.Timestamp("2024-01-11 14:00", tz="UTC")


@pytest.mark.parametrize("typed", ["05/01/2024", "2024", "now", "9999-12-31"])
def test_a_start_that_is_not_iso_is_refused_in_python(typed):
    with pytest.raises(ValueError, match=f"start is '{typed}'"):
        australia(**SMALL, start=typed)


@pytest.mark.parametrize("typed", ["2024-01-12T00:00:00+10:00", "2024-01-12"])
def test_a_start_without_quotation_marks_is_a_time_of_toml(tmp_path, typed):
    (tmp_path / "a.toml").write_text(f"[scenario]\nstart = {typed}\n")
    assert load_config(tmp_path / "a.toml").scenario.start == typed


def test_offsets_over_a_change_of_clocks_are_brought_to_the_clock_of_the_place():
    cells = pd.Series(["2024-04-07T02:30:00+11:00", "2024-04-07T02:30:00+10:00"], name="when")
    found = column_times(cells, "Australia/Sydney", "meter.csv")
    assert found.tz_convert("UTC").strftime("%d %H:%M").tolist() == ["06 15:30", "06 16:30"]
    assert found.hour.tolist() == [2, 2]


def test_a_typed_column_with_a_zone_and_plain_text_are_read_alike():
    typed = pd.Series(pd.date_range("2024-04-06 14:00", periods=4, freq="30min", tz="Australia/Sydney"), name="when")
    for cells in (typed, typed.dt.strftime("%Y-%m-%d %H:%M"), typed.dt.tz_convert("UTC"), typed.astype(str)):
        found = column_times(cells, "Australia/Sydney", "meter.parquet")
        assert (found == pd.DatetimeIndex(typed)).all()
        assert found.hour.tolist() == [14, 14, 15, 15]


def test_a_cell_that_is_no_time_is_named_with_its_row():
    with pytest.raises(ReadError, match=r"^meter\.csv: row 3, column 'when': 'soon' is not a time"):
        column_times(pd.Series(["2024-04-07 00:00", "soon"], name="when"), "UTC", "meter.csv", 2)


def stamped(kind: str, offset: str) -> str:
    """The sample with an offset behind every stamp."""
    return re.sub(r"(\d{4}[-/]\d\d[-/]\d\d \d\d:\d\d:\d\d)", rf"\g<1>{offset}", SAMPLES[kind])


@pytest.mark.parametrize("kind", MARKET)
def test_stamps_that_bear_the_offset_of_their_market_are_read_as_those_without(tmp_path, kind):
    plain, own = read(write(tmp_path, kind)).table, read(write(tmp_path, kind, stamped(kind, MARKET[kind]))).table
    pd.testing.assert_frame_equal(own, plain)


@pytest.mark.parametrize("offset", ["+11:00", "+09:30", "Z"])
@pytest.mark.parametrize("kind", MARKET)
def test_an_offset_that_a_market_cannot_have_is_refused_with_the_two_ways_out(tmp_path, kind, offset):
    market = "WEM time is UTC+8" if kind.startswith("wem") else r"NEM time is UTC\+10"
    with pytest.raises(
        ReadError, match=f"is on the clock of UTC.*, where {market.replace('+8', '.8')} all year; remove"
    ):
        read(write(tmp_path, kind, stamped(kind, offset)))


def test_a_parquet_table_on_the_clock_of_sydney_is_refused_too(tmp_path):
    times = pd.date_range("2024-01-01 00:05", periods=6, freq="5min", tz="Australia/Sydney")
    path = tmp_path / "prices.parquet"
    pd.DataFrame({"SETTLEMENTDATE": times, "REGIONID": "NSW1", "RRP": 50.0}).to_parquet(path)
    with pytest.raises(ReadError, match=r"prices\.parquet: row 1, column 'SETTLEMENTDATE': .* on the clock of UTC\+11"):
        read(path)
