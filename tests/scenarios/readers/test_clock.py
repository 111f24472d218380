"""Stamps on a local clock become UTC on both sides of a change of the clock, or are refused with their row."""

import numpy as np
import pandas as pd
import pytest

from jaxsched.scenarios.readers import ReadError, read
from jaxsched.scenarios.readers._raw import RawTable, stamps
from jaxsched.scenarios.readers._recording import recording, zone_name
from jaxsched.scenarios.readers._times import offset_name
from tests.scenarios.readers.samples import SAMPLES, write

# Summer time ends at 3:00 on 5 April 2020, and begins at 2:00 on 4 October 2020.
AUTUMN = pd.date_range("2020-04-04 13:00", "2020-04-04 20:00", freq="30min", tz="UTC")
SPRING = pd.date_range("2020-10-03 13:00", "2020-10-03 20:00", freq="30min", tz="UTC")


def sydney(frame: pd.DataFrame, stamp="interval start"):
    raw = RawTable("local.csv", frame, 2)
    values = {"demand_mw": np.arange(float(len(frame)))}
    return recording(
        raw, "local", stamps(raw, "time"), frame["place"], values, zone="Australia/Sydney", stamp=stamp, column="time"
    )


def local(times: pd.DatetimeIndex, place: str = "A") -> pd.DataFrame:
    naive = times.tz_convert("Australia/Sydney").tz_localize(None)
    return pd.DataFrame({"time": naive.strftime("%Y-%m-%d %H:%M"), "place": place})


@pytest.mark.parametrize("times", [AUTUMN, SPRING], ids=["autumn", "spring"])
def test_a_complete_file_over_a_change_of_the_clock_has_no_gap_and_no_double(times):
    found = sydney(local(times))
    assert found.table["start_utc"].tolist() == times.tolist()
    assert found.table["demand_mw"].tolist() == list(range(len(times)))
    assert found.zone == "Australia/Sydney"


def test_the_doubled_hour_is_resolved_for_each_place_and_in_either_order():
    both = pd.concat([local(AUTUMN, "A"), local(AUTUMN[::-1], "B")], ignore_index=True)
    mixed = both.iloc[np.argsort(np.tile(np.arange(len(AUTUMN)), 2), kind="stable")].reset_index(drop=True)
    table = sydney(mixed).table
    values = np.argsort(np.argsort(np.tile(np.arange(len(AUTUMN)), 2), kind="stable"))
    first, second = (table[table["place"] == place] for place in "AB")
    assert first["start_utc"].tolist() == second["start_utc"].tolist() == AUTUMN.tolist()
    assert first["demand_mw"].tolist() == values[: len(AUTUMN)].tolist()
    assert second["demand_mw"].tolist() == values[len(AUTUMN) :][::-1].tolist()


def test_stamps_at_the_end_of_the_interval_cross_the_change_too():
    found = sydney(local(AUTUMN), stamp="interval end")
    assert found.table["start_utc"].tolist() == (AUTUMN - pd.Timedelta(minutes=30)).tolist()


def test_a_doubled_hour_that_is_there_once_is_refused_with_its_row():
    frame = local(AUTUMN).drop_duplicates("time").reset_index(drop=True)
    row = int(frame.index[frame["time"] == "2020-04-05 02:00"][0]) + 2
    with pytest.raises(
        ReadError, match=rf"local\.csv: row {row}, column 'time': .*twice, and may mean either; write the"
    ):
        sydney(frame)


def test_a_doubled_hour_in_no_order_is_refused():
    frame = local(AUTUMN).sample(frac=1.0, random_state=3).reset_index(drop=True)
    with pytest.raises(ReadError, match="may mean either"):
        sydney(frame)


def test_the_hour_that_spring_leaves_out_is_refused_with_its_row():
    frame = local(SPRING)
    frame.loc[4, "time"] = "2020-10-04 02:30"
    with pytest.raises(ReadError, match=r"row 6, column 'time': 2020-10-04 02:30:00 does not exist on the clock of"):
        sydney(frame)


def test_an_unknown_clock_is_refused():
    frame = local(SPRING)
    with pytest.raises(ReadError, match="'Australia/Sidney' is no time zone"):
        recording(
            RawTable("x.csv", frame, 2), "x", pd.DatetimeIndex(frame["time"]), "A", {}, zone="Australia/Sidney",
            stamp="instant", column="time",
        )  # fmt: skip


def test_stamps_with_their_own_offsets_need_no_clock(tmp_path):
    text = SAMPLES["weather_table"].replace(":00,AU", ":00+11:00,AU")
    table = read(write(tmp_path, "weather_table", text)).table
    assert table["start_utc"][0] == pd.Timestamp("2019-12-31 13:00", tz="UTC")


def test_offsets_that_differ_from_row_to_row_are_each_taken(tmp_path):
    text = SAMPLES["weather_table"].replace("00:00:00,", "00:00:00+11:00,").replace("01:00:00,", "00:00:00+10:00,")
    text = "\n".join(text.splitlines()[:3])
    table = read(write(tmp_path, "weather_table", text)).table
    assert table["start_utc"].dt.hour.tolist() == [13, 14]


@pytest.mark.parametrize(
    ("cell", "why"),
    [("2020-01-01 03:00:00+10:00", "some have none"), ("2020-01-01 03:00:00+15:00", "."), ("2020-01", "is not a time"),
     ("03/01/2020 04:00", "is not a time"), ("0001-01-01 00:00:00", "is not a time"), ("24:00", "is not a time")],
)  # fmt: skip
def test_a_stamp_that_may_mean_anything_else_is_refused(tmp_path, cell, why):
    with pytest.raises(ReadError, match=rf"column 'datetime_utc': .*{why}"):
        read(write(tmp_path, "weather_table", SAMPLES["weather_table"].replace("2020-01-01 03:00:00", cell)))


def test_an_offset_of_no_clock_is_refused(tmp_path):
    text = SAMPLES["weather_table"].replace(":00,AU", ":00+15:30,AU")
    with pytest.raises(ReadError, match=r"\+15:30 is no offset from UTC of any clock"):
        read(write(tmp_path, "weather_table", text))


def test_fixed_offsets_are_named_as_people_write_them():
    assert [zone_name(z) for z in ("Etc/GMT-10", "Etc/GMT+3", "Australia/Perth")] == [
        "UTC+10",
        "UTC-3",
        "Australia/Perth",
    ]
    assert [offset_name(3600 * h) for h in (0, 9.5, -3, 5.75)] == ["UTC", "UTC+9:30", "UTC-3", "UTC+5:45"]
