"""Joins onto slots conserve what they join and invent nothing."""

import numpy as np
import pandas as pd
import pytest

from jaxsched.scenarios._join import merged, slot_means, slot_readings, together
from jaxsched.scenarios._years import in_year
from jaxsched.scenarios.readers import ReadError
from tests.scenarios.recordings import log, record, slots

# Sums of a day of float64 in another order.
ROUNDING = 1e-12
STEPS = [5, 15, 30, 60]
DAY = 24 * 60


@pytest.mark.parametrize("quantity", ["demand_mw", "price_aud_per_mwh"])
@pytest.mark.parametrize("slot", STEPS)
@pytest.mark.parametrize("step", STEPS)
def test_energy_and_mean_price_of_a_day_are_conserved(step, slot, quantity):
    values = np.random.default_rng(step).normal(50.0, 2_000.0, DAY // step)
    times, length = slots(DAY // slot, slot)
    joined = slot_means(record({"SA1": values}, step, quantity=quantity), quantity, times, length)["SA1"].to_numpy()
    assert (joined * slot).sum() == pytest.approx((values * step).sum(), rel=ROUNDING)
    whole = max(step, slot)
    hourly = joined.reshape(-1, whole // slot).mean(1), values.reshape(-1, whole // step).mean(1)
    np.testing.assert_allclose(*hourly, rtol=ROUNDING, atol=ROUNDING * 2_000)


@pytest.mark.parametrize("minutes", STEPS)
def test_requests_of_a_log_are_the_same_in_slots_of_any_length(minutes):
    offsets = np.sort(np.random.default_rng(3).uniform(0.0, 86_400.0, 5_000))
    arrived = pd.Timestamp("2024-01-15") + pd.to_timedelta(offsets, unit="s")
    one = log(arrived, ["chat", "code"] * 2_500)
    counts = one.counts(pd.Timedelta(minutes=minutes))
    hourly = one.counts(pd.Timedelta(hours=1))
    pd.testing.assert_frame_equal(counts.resample("h").sum(), hourly, check_freq=False)
    assert hourly.sum().to_dict() == {"chat": 2_500, "code": 2_500}


def test_a_half_hour_price_repeats_on_five_minute_slots():
    times, step = slots(12, 5)
    joined = slot_means(record({"SA1": [-1_000.0, 15_100.0]}, 30), "price_aud_per_mwh", times, step)
    assert joined["SA1"].tolist() == [-1_000.0] * 6 + [15_100.0] * 6


def test_hourly_slots_take_the_mean_of_two_half_hours():
    times, step = slots(2, 60)
    joined = slot_means(record({"SA1": [-1_000.0, 15_100.0, 3.0, 5.0]}, 30), "price_aud_per_mwh", times, step)
    assert joined["SA1"].tolist() == [7_050.0, 4.0]


def test_a_slot_of_which_any_part_is_missing_has_no_mean():
    times, step = slots(3, 60)
    joined = slot_means(record({"SA1": [1.0, np.nan, 3.0, 5.0, 6.0]}, 30), "price_aud_per_mwh", times, step)
    np.testing.assert_array_equal(joined["SA1"], [np.nan, 4.0, np.nan])


@pytest.mark.parametrize(
    ("recorded", "minutes", "slot"),
    [("2024-01-15 00:10", 30, 30), ("2024-01-15 00:05", 60, 15), ("2024-01-15", 20, 30)],
)
def test_intervals_that_do_not_fit_the_slots_are_refused(recorded, minutes, slot):
    times, step = slots(4, slot)
    with pytest.raises(
        ReadError, match=rf"^a\.csv: intervals of {minutes} min do not fit slots of {slot} min that start at"
    ):
        slot_means(record({"SA1": [1.0] * 9}, minutes, recorded), "price_aud_per_mwh", times, step)


def test_places_on_clocks_half_an_hour_apart_keep_their_own_times():
    half = record({"SA1": [3.0, 4.0]}, 60, "2024-01-15 00:30").table
    both = record({"NSW1": [1.0, 2.0]}, 60)
    table = pd.concat([both.table, half]).astype({"place": "category"})
    found = type(both)("test", table, both.step, "UTC", "interval start", "a.csv")
    times, step = slots(4, 30)
    joined = slot_means(found, "price_aud_per_mwh", times, step)
    assert joined["NSW1"].tolist() == [1.0, 1.0, 2.0, 2.0]
    np.testing.assert_array_equal(joined["SA1"], [np.nan, 3.0, 3.0, 4.0])
    with pytest.raises(ReadError, match="do not fit slots of 60 min"):
        slot_means(found, "price_aud_per_mwh", *slots(2, 60))


def test_a_price_of_an_instant_is_refused():
    with pytest.raises(ReadError, match="its stamps mark instants, where price_aud_per_mwh needs the intervals"):
        slot_means(record({"SA1": [1.0, 2.0]}, stamp="instant"), "price_aud_per_mwh", *slots(1, 60))


def readings(values, minutes: int = 30, start: str = "2024-01-15", **changes):
    return record({"Sydney": values}, minutes, start, "dry_bulb_c", **({"stamp": "instant"} | changes))


def at_centres(found, count: int, minutes: int) -> list[float]:
    return slot_readings(found, "dry_bulb_c", *slots(count, minutes))["Sydney"].tolist()


def test_a_temperature_lies_on_the_line_at_the_centre_of_its_slot():
    found = readings([10.0, 16.0, 13.0, 13.0, 20.0])
    assert at_centres(found, 2, 60) == [16.0, 13.0]
    assert at_centres(found, 4, 30) == [13.0, 14.5, 13.0, 16.5]
    assert at_centres(found, 3, 15) == [11.5, 14.5, 15.25]


def test_the_mean_of_an_interval_is_a_reading_at_its_centre():
    assert at_centres(readings([10.0, 16.0], 60, stamp="interval start"), 4, 30)[1:3] == [11.5, 14.5]


def test_the_line_goes_over_one_missing_reading_and_not_over_two():
    nan = np.nan
    assert at_centres(readings([10.0, nan, 14.0, 14.0, 14.0]), 4, 30) == [11.0, 13.0, 14.0, 14.0]
    np.testing.assert_array_equal(at_centres(readings([10.0, nan, nan, 16.0, 16.0]), 4, 30), [nan, nan, nan, 16.0])


def test_nothing_is_said_outside_the_readings():
    found = readings([10.0, 12.0, 14.0], start="2024-01-15 01:00")
    np.testing.assert_array_equal(at_centres(found, 5, 30), [np.nan, np.nan, 11.0, 13.0, np.nan])


def test_a_quantity_in_every_sixth_row_of_a_table_is_joined_and_one_at_two_far_rows_is_not():
    sparse = np.full(49, np.nan)
    sparse[::6] = np.arange(9.0)
    assert at_centres(readings(sparse, 5), 4, 60) == [1.0, 3.0, 5.0, 7.0]
    far = np.full(24 * 12 * 3, np.nan)
    far[[0, -1]] = 20.0
    assert np.isnan(at_centres(readings(far, 5), 71, 60)).all()


def joined_readings(parts, count: int):
    times, step = slots(count, 30)
    (one,) = merged(parts, "dry_bulb_c", times, step)
    return slot_readings(one, "dry_bulb_c", times, step)["Sydney"].tolist()


def test_a_slot_across_the_seam_of_two_files_is_held_whole():
    late, early = readings([14.0, 16.0], start="2024-01-15 01:00", source="b.csv"), readings([10.0, 12.0])
    assert joined_readings([late, early], 3) == [11.0, 13.0, 15.0]
    first = record({"NSW1": [1.0]}, 30)
    second = record({"NSW1": [3.0, 5.0, 7.0]}, 30, "2024-01-15 00:30", source="b.csv")
    times, step = slots(2, 60)
    (one,) = merged([first, second], "price_aud_per_mwh", times, step)
    assert one.source == "a.csv, b.csv"
    assert slot_means(one, "price_aud_per_mwh", times, step)["NSW1"].tolist() == [2.0, 6.0]


def test_a_time_that_two_files_give_is_refused_where_it_is_used():
    parts = [readings([10.0, 12.0, 14.0]), readings([14.0, 16.0], start="2024-01-15 01:00", source="b.csv")]
    with pytest.raises(
        ReadError, match=r"^b\.csv: gives Sydney at 2024-01-15 01:00:00\+00:00 a second time; keep one of"
    ):
        joined_readings(parts, 3)
    times, step = slots(2, 30, "2024-02-01")
    assert len(merged(parts, "dry_bulb_c", times, step)) == 1


def test_files_of_two_steps_join_on_the_slots_and_not_twice():
    times, step = slots(4, 60)
    old, new = record({"NSW1": [1.0] * 4}, 30), record({"NSW1": [2.0] * 24}, 5, "2024-01-15 02:00", source="b.csv")
    parts = [slot_means(one, "price_aud_per_mwh", times, step) for one in (old, new)]
    assert together(parts, ["a.csv", "b.csv"])["NSW1"].tolist() == [1.0, 1.0, 2.0, 2.0]
    assert np.isnan(parts[0]["NSW1"].iloc[2])
    with pytest.raises(ReadError, match=r"^b\.csv: gives NSW1 at 2024-01-15 02:00:00\+00:00 a second time"):
        together([parts[1], parts[1]], ["a.csv", "b.csv"])


@pytest.mark.parametrize(
    ("start", "year", "first", "last"),
    [
        ("2024-02-28", 2023, "2023-02-28", "2023-03-01 23:00"),
        ("2023-02-28", 2024, "2024-02-28", "2024-03-02 23:00"),
        ("2023-12-31", 2020, "2019-12-31", "2020-01-02 23:00"),
        ("2023-12-29", 2020, "2020-12-29", "2020-12-31 23:00"),
        ("2024-02-29", 2020, "2020-02-29", "2020-03-02 23:00"),
        ("2024-02-28", 2100, "2100-02-28", "2100-03-01 23:00"),
    ],
)
def test_stamps_of_another_year_are_of_the_same_calendar(start, year, first, last):
    times, _ = slots(72, 60, start)
    moved = in_year(times, year)
    assert [str(moved[0]), str(moved[-1])] == [f"{pd.Timestamp(when, tz='UTC')}" for when in (first, last)]
    same = (moved.month == times.month) & (moved.day == times.day)
    assert (same | ((times.month == 2) & (times.day == 29) & (moved.day == 28))).all()
    assert (moved.hour == times.hour).all()


@pytest.mark.parametrize(("start", "year"), [("2024-02-27", 2023), ("2023-02-27", 2024), ("2023-12-30", 2021)])
@pytest.mark.parametrize("minutes", [30, 60, 120])
def test_every_slot_takes_the_value_of_its_own_stamp_of_the_other_year(start, year, minutes):
    times, step = slots(120, 60, start)
    moved = in_year(times, year)
    begin = moved.min().normalize()
    values = np.arange(10 * DAY // minutes, dtype=float)
    joined = slot_means(record({"SA1": values}, minutes, str(begin.date())), "price_aud_per_mwh", moved, step)
    hours = ((moved - begin) // pd.Timedelta(hours=1)).to_numpy(float)
    expected = {30: 2 * hours + 0.5, 60: hours, 120: hours // 2}[minutes]
    np.testing.assert_array_equal(joined["SA1"].to_numpy(), expected)
