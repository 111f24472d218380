"""Demand follows the clock of each place, and slots of any length hold the same requests."""

import numpy as np
import pandas as pd
import pytest

from jaxsched.scenarios import australia
from jaxsched.scenarios._demand import REQUESTS_PER_PERSON_DAY, demand
from jaxsched.scenarios._tables import read_embedded
from tests.scenarios.recordings import slots

# Sums of a week of float64 in another order.
ROUNDING = 1e-12
CLASSES = read_embedded("classes").set_index("name")
HOURS = np.arange(24.0) + 1.0
HOURS /= HOURS.mean()
# Days of the change-over and the one after, of a local clock: autumn doubles 02:00, spring leaves it out.
CHANGES = {"2024-04-07": 25, "2024-10-06": 23}
PLACES = {"Sydney": "Australia/Sydney", "Brisbane": "Australia/Brisbane", "Broken Hill": "Australia/Broken_Hill"}


def origins(zones: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame({"population": 86_400.0 / REQUESTS_PER_PERSON_DAY, "timezone": zones})


def local_day(day: str, zone: str, minutes: int = 60) -> pd.DatetimeIndex:
    """Starts of the slots of a day of a local clock."""
    start = pd.Timestamp(day, tz=zone)
    return pd.date_range(start, start + pd.DateOffset(days=1), freq=f"{minutes}min", inclusive="left").tz_convert("UTC")


@pytest.mark.parametrize("day", [*CHANGES, "2024-04-08", "2024-10-07", "2024-10-05"])
@pytest.mark.parametrize("place", PLACES)
def test_the_shape_follows_the_local_clock_over_both_change_overs(place, day):
    times = local_day(day, PLACES[place])
    found = demand(times, pd.Timedelta(hours=1), origins({place: PLACES[place]}), CLASSES, hours=HOURS)[:, 0, :]
    local = [when.tz_convert(PLACES[place]) for when in times]
    weekend = {"chat": 0.57, "code": 0.35}
    for k, name in enumerate(CLASSES.index):
        factor = weekend[str(name).partition("-")[0]]
        scale = 7.0 / (5.0 + 2.0 * factor) * (factor if pd.Timestamp(day).day_of_week >= 5 else 1.0)
        expected = [CLASSES["share"].iloc[k] * scale * HOURS[when.hour] for when in local]
        np.testing.assert_allclose(found[:, k], expected, rtol=ROUNDING)


@pytest.mark.parametrize(("day", "hours"), CHANGES.items())
@pytest.mark.parametrize("minutes", [5, 30, 60])
def test_the_day_of_a_change_over_holds_the_hours_of_its_clock(day, hours, minutes):
    for place, zone in PLACES.items():
        times = local_day(day, zone, minutes)
        rate = demand(times, pd.Timedelta(minutes=minutes), origins({place: zone}), CLASSES, hours=HOURS)[:, 0, 0]
        plain = local_day("2024-03-10", zone)  # a Sunday too
        whole = demand(plain, pd.Timedelta(hours=1), origins({place: zone}), CLASSES, hours=HOURS)[:, 0, 0]
        assert len(plain) == 24
        # 02:00 to 03:00 is there twice in autumn and never in spring; Brisbane changes nothing.
        extra = 0 if place == "Brisbane" else hours - 24
        assert rate.sum() * minutes / 60 == pytest.approx(whole.sum() + extra * whole[2], rel=ROUNDING)
        assert len(times) == (24 + extra) * 60 // minutes


@pytest.mark.parametrize("day", ["2024-04-06", "2024-07-10", "2024-10-05"])
def test_slots_of_any_length_hold_the_same_requests_at_every_origin(day):
    own = origins({"Eucla": "Australia/Eucla", "Lord Howe": "Australia/Lord_Howe"})
    table = pd.concat([read_embedded("origins").set_index("name")[["population", "timezone"]], own])
    assert {"Adelaide", "Darwin", "Broken Hill", "Eucla", "Lord Howe"} <= set(table.index)
    hourly = {}
    for minutes in (5, 15, 30, 60):
        times, step = slots(48 * 60 // minutes, minutes, day)
        rate = demand(times, step, table, CLASSES)
        hourly[minutes] = rate.reshape(48, 60 // minutes, len(table), len(CLASSES)).mean(1)
    for minutes in (15, 30, 60):
        np.testing.assert_allclose(hourly[minutes], hourly[5], rtol=ROUNDING)


def test_a_clock_half_an_hour_off_splits_the_hour_of_utc():
    (rate,) = demand(*slots(1, 60, "2024-07-10"), origins({"Darwin": "Australia/Darwin"}), CLASSES, hours=HOURS)[
        :, 0, 0
    ]
    ends = demand(*slots(2, 30, "2024-07-10"), origins({"Darwin": "Australia/Darwin"}), CLASSES, hours=HOURS)[:, 0, 0]
    assert ends[1] / ends[0] == pytest.approx(HOURS[10] / HOURS[9], rel=ROUNDING)
    assert rate == pytest.approx(ends.mean(), rel=ROUNDING)


def test_the_shape_has_mean_one_over_a_week():
    times, step = slots(7 * 24, 60, "2024-07-07")
    rate = demand(times, step, origins(PLACES), CLASSES)
    np.testing.assert_allclose(rate.mean(0), np.tile(CLASSES["share"], (3, 1)), rtol=2e-3)  # four digits in demand.csv


def test_one_slot_of_five_minutes_is_a_study():
    scenario = australia(slots=1, slot_minutes=5, start="2024-10-05T15:55Z")
    assert scenario.demand.shape == (1, len(scenario.origins), len(scenario.classes))
    hour = australia(slots=12, slot_minutes=5, start="2024-10-05T15:00Z")
    np.testing.assert_array_equal(scenario.demand[0], hour.demand[-1])
    assert (scenario.demand > 0).all()
