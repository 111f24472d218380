"""Pictures of any country: every place, its own money, and its own clock where that changes."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import date2num
from matplotlib.figure import Figure

from jaxsched.report import PolicyRun
from jaxsched.report._figures import date_axis, local_times
from jaxsched.report._map import coastline, map_of
from jaxsched.report._plots import convergence, load_and_temperature, policies
from jaxsched.scenarios import Scenario, country
from jaxsched.solvers import ADMM
from jaxsched.study import POLICIES, build_study, evaluate

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sample" / "europe"
STATES = {"AT", "BE", "DE", "ES", "FI", "FR", "GR", "IE", "NL", "PT"}


@pytest.fixture(scope="module")
def study():
    """Six hours around the change of clocks of 31 March 2024 at seven sites in six countries."""
    return build_study(Scenario.from_tables(SAMPLE, start="2024-03-30T22:00Z", slots=6))


@pytest.fixture(scope="module")
def runs(study):
    schedules = {name: POLICIES[name](study, ADMM(rtol=1e-3)) for name in ("temperature_aware", "nearest")}
    return {
        name: PolicyRun(found, evaluate(study, np.asarray(found.routing)), 1.0) for name, found in schedules.items()
    }


def hours_at(scenario: Scenario, zone: str, start: str, slots: int) -> Scenario:
    """The scenario with all sites in one zone, on other hours; its signals are not those of these hours."""
    times = pd.date_range(start, periods=slots, freq="h", tz="UTC")
    return dataclasses.replace(scenario, times=times, sites=scenario.sites.assign(timezone=zone))


@pytest.mark.parametrize(
    ("zone", "start", "hours", "clock"),
    [
        ("Europe/Berlin", "2024-03-31T00:00", [1, 3, 4], "time in Berlin (UTC+1, UTC+2 from 31 Mar)"),
        ("Europe/Berlin", "2024-10-27T00:00", [2, 2, 3], "time in Berlin (UTC+2, UTC+1 from 27 Oct)"),
        ("Europe/London", "2024-03-31T00:00", [0, 2, 3], "time in London (UTC, UTC+1 from 31 Mar)"),
        ("Europe/London", "2024-10-27T00:00", [1, 1, 2], "time in London (UTC+1, UTC from 27 Oct)"),
        ("Australia/Sydney", "2024-04-06T15:00", [2, 2, 3], "time in Sydney (UTC+11, UTC+10 from 7 Apr)"),
        ("Asia/Singapore", "2024-03-31T00:00", [8, 9, 10], "time in Singapore (UTC+8)"),
    ],
)
def test_the_clock_changes_where_it_does(study, zone, start, hours, clock):
    times, said = local_times(hours_at(study.scenario, zone, start, 3))
    assert times.hour.tolist() == hours
    assert said == clock
    assert np.diff(date2num(list(times.to_pydatetime()))) == pytest.approx([1 / 24, 1 / 24])


@pytest.mark.parametrize("start", ["2024-03-30T00:00", "2024-10-26T00:00"])
def test_ticks_of_days_stand_at_local_midnight_on_both_sides_of_the_change(study, start):
    times, clock = local_times(hours_at(study.scenario, "Europe/Berlin", start, 72))
    figure = Figure()
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot(times, np.zeros(72))
    date_axis(axes, clock, times.tz, most=4)
    low, high = axes.get_xlim()
    ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
    local = pd.to_datetime(ticks, unit="D", utc=True).round("s").tz_convert("Europe/Berlin")
    assert len(ticks) >= 3
    assert {(when.hour, when.minute) for when in local} == {(0, 0)}


@pytest.mark.parametrize(("date", "offset"), [("2024-03-31", (1, 2)), ("2024-10-27", (2, 1))])
def test_demand_of_berlin_follows_its_clock_over_both_changes(date, offset):
    land = country("europe")
    from jaxsched.scenarios._demand import demand
    from jaxsched.scenarios._tables import read_embedded

    origins = land.table("origins").set_index("name").loc[["Berlin"]]
    classes = read_embedded("classes").set_index("name")
    step = pd.Timedelta(hours=1)
    # The hour that ends with 1:00 UTC is the last of the old clock.
    before, after = (pd.DatetimeIndex([f"{date}T{hour}:00Z"]) for hour in ("00", "01"))
    sunday = pd.DatetimeIndex(["2024-06-16T00:00Z"])  # UTC+2
    for times, hours in ((before, offset[0]), (after, offset[1])):
        alike = sunday + (times[0].hour + hours - 2) * step
        np.testing.assert_allclose(demand(times, step, origins, classes), demand(alike, step, origins, classes))


def test_every_place_is_drawn_and_the_money_is_the_countrys(study, runs):
    figure = load_and_temperature(study, runs)
    assert {text.get_text() for text in figure.legends[0].get_texts()} == set(study.scenario.sites["state"]) < STATES
    assert figure.axes[-1].get_xlabel() == "time in Berlin (UTC+1, UTC+2 from 31 Mar)"
    shown = " ".join(
        axes.get_xlabel() + axes.get_ylabel() for draw in (policies, convergence) for axes in draw(study, runs).axes
    )
    assert "thousand EUR" in shown
    assert "AUD" not in shown


def test_the_map_of_a_country_without_an_outline_shows_its_places(study):
    assert coastline(country("europe")) == []
    names = list(study.scenario.sites.index)
    figure = map_of(study.scenario, np.zeros(len(names)), {name: name for name in names})
    axes = figure.axes[0]
    assert {text.get_text() for text in axes.texts} == set(names)
    (west, east), (south, north) = axes.get_xlim(), axes.get_ylim()
    assert study.scenario.origins["longitude"].between(west, east).all()
    assert study.scenario.origins["latitude"].between(south, north).all()
