"""Weather: labels of hours, leap days, missing numbers, and units that are read and never assumed."""

import json

import numpy as np
import pandas as pd
import pytest

from jaxsched.scenarios.readers import ReadError, read
from jaxsched.scenarios.readers._epw import read_epw
from tests.scenarios.readers.samples import OPEN_METEO_JSON, SAMPLES, epw, epw_row, write


def test_hour_one_of_an_epw_file_begins_at_midnight_standard_time(tmp_path):
    found = read(write(tmp_path, "epw", epw([epw_row(2006, 1, 1, h, str(h)) for h in range(1, 25)])))
    assert found.table["start_utc"].iloc[0] == pd.Timestamp("2005-12-31 14:00", tz="UTC")
    assert found.table["start_utc"].iloc[-1] == pd.Timestamp("2006-01-01 13:00", tz="UTC")
    assert found.table["dry_bulb_c"].tolist() == [float(h) for h in range(1, 25)]
    assert (found.zone, found.stamp, found.step) == ("UTC+10", "interval end", pd.Timedelta(hours=1))
    assert found.coordinates == {"Sydney": (-33.95, 151.18)}


def test_hour_24_of_the_last_day_joins_the_first_of_january(tmp_path):
    last, first = epw_row(1999, 12, 31, 24), epw_row(1999, 1, 1, 1)
    table = read(write(tmp_path, "epw", epw([first, last]))).table
    year = pd.Timedelta(days=365)
    assert table["start_utc"].iloc[-1] + pd.Timedelta(hours=1) - year == table["start_utc"].iloc[0]


def test_months_of_different_years_are_put_into_one(tmp_path):
    lines = [epw_row(1999, 1, 31, h) for h in range(1, 25)] + [epw_row(2008, 2, 1, h) for h in range(1, 25)]
    found = read(write(tmp_path, "epw", epw(lines)))
    assert len(found.gaps) == 0
    assert found.table["start_utc"].dt.tz_convert("Etc/GMT-10").dt.year.unique().tolist() == [1999]


def test_a_leap_day_is_kept_in_a_leap_year_and_left_out_of_others(tmp_path):
    lines = [epw_row(2008, 2, day, h) for day in (28, 29) for h in range(1, 25)]
    path = write(tmp_path, "epw", epw(lines))
    assert len(read_epw(path).table) == 48
    shorter = read_epw(path, year=2009)
    assert len(shorter.table) == 24
    assert "24 rows of 29 February were left out" in shorter.notes


def test_a_leap_day_that_the_file_lacks_is_a_gap_in_a_leap_year(tmp_path):
    lines = [epw_row(2007, m, d, h) for m, d in ((2, 28), (3, 1)) for h in range(1, 25)]
    path = write(tmp_path, "epw", epw(lines))
    assert len(read_epw(path).gaps) == 0
    gaps = read_epw(path, year=2008).gaps
    assert (gaps["end_utc"] - gaps["start_utc"]).tolist() == [pd.Timedelta(days=1)]


def test_the_numbers_for_missing_are_never_readings(tmp_path):
    lines = [epw_row(2006, 1, 1, 1), epw_row(2006, 1, 1, 2, "99.9", "999", "999999"), epw_row(2006, 1, 1, 3)]
    found = read(write(tmp_path, "epw", epw(lines)))
    for name in ("dry_bulb_c", "relative_humidity_pct", "pressure_hpa"):
        assert found.table[name].isna().tolist() == [False, True, False]
    assert "1 temperatures that the file marks as missing were left empty" in found.notes


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            ",3,60,A7,20.0",
            ",3,60,A7,999",
            r"row 11, column 'temp_air': 999 is not from -60 to 65, nor 99.9 for missing",
        ),
        (",3,60,A7,20.0", ",3,60,A7,9999", "row 11, column 'temp_air'"),
        (",3,60,A7,20.0", ",3,60,A7,warm", "row 11, column 'temp_air': 'warm' is not a number"),
        (",3,60,A7", ",25,60,A7", r"row 11, column 'hour': '25' is not from 1 to 24"),
        (",3,60,A7", ",2,60,A7", "row 11, column 'hour': 2 is given twice for Sydney"),
        ("2006,1,1,3", "2006,2,30,3", "row 11, column 'day': is no day of its month"),
        (",3,60,A7", ",2.5,60,A7", "row 11, column 'hour': 2.5 is no whole number"),
        (",10.0,6.0", ",25,6.0", "row 1: its TZ is '25', not a number from -12 to 14"),
        ("-33.95", "south", "row 1: its latitude is 'south'"),
        ("2006,1,1,3", "2006,2,29,3", "row 11, column 'day': is no day of its month"),
        (epw_row(2006, 1, 1, 3), "2006,1,1,3", "row 11 has 4 cells, where an EPW row has 35"),
        ("LOCATION", "PLACE", "row 1 does not begin with LOCATION"),
    ],
)
def test_a_wrong_epw_file_is_refused_by_row_and_column(tmp_path, old, new, sentence):
    with pytest.raises(ReadError, match=sentence):
        read(write(tmp_path, "epw", SAMPLES["epw"].replace(old, new, 1)))


def changed(**changes) -> str:
    return json.dumps(json.loads(OPEN_METEO_JSON) | changes)


def test_open_meteo_has_one_offset_all_year(tmp_path):
    hourly = {"time": ["2020-01-15T12:00", "2020-01-15T13:00", "2020-07-15T12:00"], "temperature_2m": [25, 26, 15]}
    found = read(write(tmp_path, "open_meteo_json", changed(hourly=hourly)))
    assert found.table["start_utc"].dt.hour.tolist() == [1, 2, 1]
    assert (found.zone, found.stamp) == ("UTC+11", "instant")
    assert found.coordinates == {"-33.850,151.200": (-33.85, 151.2)}


def test_json_and_csv_of_open_meteo_read_to_the_same(tmp_path):
    csv = read(write(tmp_path, "open_meteo_csv")).table.iloc[:3]
    times = ["2020-01-01T00:00", "2020-01-01T01:00", "2020-01-01T02:00"]
    hourly = {"time": times, "temperature_2m": [20.5, 21.5, 22.5], "relative_humidity_2m": [60, 60, 60]}
    pd.testing.assert_frame_equal(read(write(tmp_path, "open_meteo_json", changed(hourly=hourly))).table, csv)


def test_seconds_since_1970_are_in_utc_already(tmp_path):
    hourly = {"time": [1577836800, 1577840400, 1577844000], "temperature_2m": [20, 21, 22]}
    units = {"time": "unixtime", "temperature_2m": "°C"}
    found = read(write(tmp_path, "open_meteo_json", changed(hourly=hourly, hourly_units=units)))
    assert found.table["start_utc"][0] == pd.Timestamp("2020-01-01", tz="UTC")


@pytest.mark.parametrize("kind", ["open_meteo_csv", "open_meteo_json"])
def test_fahrenheit_is_converted(tmp_path, kind):
    celsius, fahrenheit = (read(write(tmp_path, kind, SAMPLES[kind].replace("°C", unit))) for unit in ("°C", "°F"))
    expected = (celsius.table["dry_bulb_c"].to_numpy() - 32) / 1.8
    assert fahrenheit.table["dry_bulb_c"].to_numpy() == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["open_meteo_csv", "open_meteo_json"])
def test_an_unknown_unit_is_refused(tmp_path, kind):
    with pytest.raises(ReadError, match=r"column 'temperature_2m': is in 'K'; give it in °C or °F\.$"):
        read(write(tmp_path, kind, SAMPLES[kind].replace("°C", "K")))


@pytest.mark.parametrize("offset", [99 * 3600, -13 * 3600, "11", True, None, float("nan")])
def test_an_impossible_offset_is_refused_and_none_is_assumed(tmp_path, offset):
    with pytest.raises(ReadError, match=r"its utc_offset_seconds is .*, not a number from -43200 to 50400"):
        read(write(tmp_path, "open_meteo_json", changed(utc_offset_seconds=offset)))


def test_a_reading_without_number_stays_empty(tmp_path):
    found = read(write(tmp_path, "open_meteo_json", OPEN_METEO_JSON.replace("19.5", "null")))
    assert found.table["dry_bulb_c"].isna().tolist() == [False, True, False]


def test_the_weather_of_all_sites_is_read_as_written(shared_data):
    file = shared_data / "weather" / "greendcc_openmeteo_hourly_2020_2024.parquet"
    found, raw = read(file), pd.read_parquet(file).sort_values(["zone", "datetime_utc"])
    np.testing.assert_array_equal(found.table["dry_bulb_c"].to_numpy(), raw["temp_c"].to_numpy(float))
    np.testing.assert_array_equal(found.table["relative_humidity_pct"].to_numpy(), raw["rh_pct"].to_numpy(float))
    assert found.table["start_utc"][0] == pd.Timestamp("2019-12-31 13:00", tz="UTC")


def test_half_hourly_temperatures_keep_standard_time_in_summer(shared_data):
    found = read(shared_data / "weather" / "au_5city_temp_30min_2000_2015.parquet")
    sydney = found.table[found.table["place"] == "Sydney"]
    assert sydney["start_utc"].iloc[0] == pd.Timestamp("1999-12-31 14:00", tz="UTC")
    assert sydney["dry_bulb_c"].iloc[:3].to_numpy() == pytest.approx([16.8, 16.6, 16.4], rel=1e-6)
    assert len(found.gaps) == 0
