"""Demand as it is: a log or a table gives its own requests, at its own hours, from its own places."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from jaxsched.scenarios import Gaps, Scenario, australia, with_demand
from jaxsched.scenarios._recorded import held_by
from jaxsched.scenarios.readers import ReadError, RequestLog, RequestRates
from tests.scenarios.recordings import log, record

START = "2024-02-05T00:00Z"
CITIES = ("Sydney", "Melbourne", "Brisbane")
ROUNDING = 1e-12


@pytest.fixture(scope="module")
def plain() -> Scenario:
    return australia(sites=3, origins=3, slots=24, start=START)


def day(busiest: int = 3, **columns) -> RequestLog:
    """A day in UTC of 0.66 requests/s in the mean, most of them in one hour."""
    counts = np.full(24, 2_000)
    counts[busiest] = 57_024 - 23 * 2_000
    hours = [np.linspace(0.0, 3599.5, n) + 3600.0 * hour for hour, n in enumerate(counts)]
    times = pd.Timestamp("2024-02-05") + pd.to_timedelta(np.concatenate(hours), unit="s")
    found = log(times, "chat")
    return dataclasses.replace(found, table=found.table.assign(origin="Sydney", **columns))


def rates(values, series: pd.DataFrame | None = None, minutes: int = 60) -> RequestRates:
    """A table of requests of several series from the start of the study."""
    step = pd.Timedelta(minutes=minutes)
    table = pd.DataFrame(values, dtype=float)
    table.index = pd.date_range("2024-02-05", periods=len(table), freq=step, tz="UTC")
    about = pd.DataFrame({"origin": table.columns}, index=table.columns) if series is None else series
    return RequestRates("request_rates", table, about, step, "UTC", "counts.csv")


def test_a_log_in_utc_keeps_its_hours_and_its_volume(plain):
    scenario = with_demand(plain, day())
    total = scenario.demand.sum((1, 2))
    assert total.mean() == pytest.approx(0.66, rel=1e-3)
    assert scenario.times[int(total.argmax())] == pd.Timestamp("2024-02-05T03:00Z")
    at = scenario.origins.index.get_loc("Sydney")
    np.testing.assert_allclose(scenario.demand[:, at].sum(1), total, rtol=ROUNDING)
    assert "log.csv: its own 0.66 requests/s in the mean, at its own hours" in scenario.provenance["demand"]


def test_requests_are_conserved_whatever_the_slot(plain):
    for minutes in (5, 15, 30, 60):
        scenario = with_demand(
            australia(sites=3, origins=3, slots=1440 // minutes, slot_minutes=minutes, start=START), day()
        )
        requests = scenario.demand.sum() * minutes * 60.0
        assert requests == pytest.approx(57_024, rel=1e-3)


def test_a_class_takes_its_lengths_from_its_requests_and_first_parts_share_as_the_scenario_does(plain):
    found = day()
    scenario = with_demand(plain, found)
    assert scenario.classes.loc["chat-8b", "input_mean"] == 100.0
    assert scenario.classes.loc["code-70b"].equals(plain.classes.loc["code-70b"])
    shares = scenario.demand.sum((0, 1))
    np.testing.assert_allclose(shares / shares.sum(), [2 / 3, 1 / 3, 0.0], atol=ROUNDING)
    assert any("chat shared over chat-8b and chat-70b" in note for note in scenario.notes)


def test_requests_without_a_class_are_told_apart_by_their_lengths(plain):
    times = pd.date_range("2024-02-05", periods=86_400, freq="1s")
    found = log(times)
    short = np.arange(len(times)) % 4 == 0
    table = found.table.assign(
        prompt_tokens=np.where(short, 1500.0, 1000.0), answer_tokens=np.where(short, 13.0, 250.0), origin="Sydney"
    )
    found = dataclasses.replace(found, table=table)
    scenario = with_demand(plain, found)
    by_class = dict(zip(scenario.classes.index, scenario.demand.mean(0).sum(0), strict=True))
    assert by_class["code-70b"] == pytest.approx(0.25, rel=1e-3)
    assert scenario.classes.loc["code-70b", "output_mean"] == 13.0
    assert any("told apart by their token lengths (64800 chat, 21600 code)" in note for note in scenario.notes)
    one = with_demand(plain, found, request_class="chat-70b")
    assert one.demand[:, :, 1].sum() == pytest.approx(one.demand.sum())


def test_a_log_without_origins_is_refused_or_shared_as_asked(plain):
    found = day()
    nowhere = dataclasses.replace(found, table=found.table.drop(columns="origin"))
    with pytest.raises(
        ReadError, match=r"does not say where its requests come from.*inputs\.demand_origin.*'population'"
    ):
        with_demand(plain, nowhere)
    shared = with_demand(plain, nowhere, origin="population")
    people = plain.origins["population"].to_numpy(float)
    np.testing.assert_allclose(shared.demand.sum((0, 2)) / shared.demand.sum(), people / people.sum(), rtol=ROUNDING)
    assert any("shared over the origins by their people, as asked" in note for note in shared.notes)
    brisbane = with_demand(plain, nowhere, origin="Brisbane").demand.sum((0, 2))
    assert brisbane[plain.origins.index.get_loc("Brisbane")] == pytest.approx(brisbane.sum())


def test_coordinates_go_to_the_nearest_origin_and_other_countries_are_refused(plain):
    found = day().table.drop(columns="origin").assign(latitude=-37.9, longitude=145.0)
    scenario = with_demand(plain, dataclasses.replace(day(), table=found))
    assert scenario.demand[:, scenario.origins.index.get_loc("Melbourne")].sum() == pytest.approx(scenario.demand.sum())
    with pytest.raises(ReadError, match=r"latitude 1\.3, longitude 103\.8, which is .* km from the nearest origin"):
        with_demand(plain, dataclasses.replace(day(), table=found.assign(latitude=1.3, longitude=103.8)))


@pytest.mark.parametrize(
    ("changes", "options", "why"),
    [
        ({"origin": "Sidney"}, {}, r"there is no origin 'Sidney'.*did you mean `Sydney`\?"),
        ({"request_class": "chat-80b"}, {}, r"there is no class 'chat-80b'.*did you mean `chat-"),
        ({}, {"request_class": "chat-8b"}, r"names the class of each request; leave inputs\.demand_class out"),
        ({}, {"origin": "population"}, r"says where its requests come from; leave inputs\.demand_origin out"),
        ({"request_class": "all"}, {"request_class": "chat"}, r"there is no class 'chat'"),
        ({}, {"series": "code"}, r"there is no class 'code' \(inputs\.demand_series"),
    ],
)
def test_names_that_do_not_exist_are_refused_with_those_that_do(plain, changes, options, why):
    found = day()
    found = dataclasses.replace(found, table=found.table.assign(**changes))
    with pytest.raises(ReadError, match=why):
        with_demand(plain, found, **options)


def test_slots_that_a_file_does_not_hold_are_refused_with_their_hours_or_filled(plain):
    later = australia(sites=3, origins=3, slots=24, start="2024-02-05T02:00Z")
    why = r"holds requests from 2024-02-05 00:00 to 2024-02-05 23:59 UTC, and 2 of 24 slots .* 2024-02-06 00:00 to 2024-02-06 02:00"
    with pytest.raises(ReadError, match=why):
        with_demand(later, day())
    filled = with_demand(later, day(), Gaps("flag"))
    assert [cells.slots_start_utc for cells in filled.filled] == [
        ("2024-02-06T00:00:00+00:00", "2024-02-06T01:00:00+00:00")
    ]
    with pytest.raises(ReadError, match="2 of 24 slots"):
        with_demand(later, rates({"Sydney": [1.0] * 24}))


def test_a_log_without_dates_belongs_to_no_slot(plain):
    with pytest.raises(ReadError, match=r"its dates are withheld.*inputs\.demand_basis = 'shape'"):
        with_demand(plain, dataclasses.replace(day(), dated=False))


def test_an_hour_that_a_log_holds_in_part_is_not_counted_low(plain):
    times = pd.date_range("2024-02-05 00:20", "2024-02-05 23:59:59", freq="1s")
    found = log(times, "chat-8b")
    scenario = with_demand(plain, dataclasses.replace(found, table=found.table.assign(origin="Sydney")))
    np.testing.assert_allclose(scenario.demand.sum((1, 2)), 1.0, rtol=2e-3)
    assert any("holds 67% of the slot at 2024-02-05 00:00 UTC" in note for note in scenario.notes)


def test_a_quiet_night_is_no_end_of_a_log_and_a_long_silence_is_told(plain):
    hours = {0: 900, 8: 900, 9: 900, 10: 4, 11: 900, 22: 900, 23: 6}
    times = [
        pd.Timestamp("2024-02-05") + pd.Timedelta(hours=h, seconds=3600 * k / n)
        for h, n in hours.items()
        for k in range(n)
    ]
    found = log(pd.DatetimeIndex(times), "chat-8b")
    scenario = with_demand(plain, dataclasses.replace(found, table=found.table.assign(origin="Sydney")))
    assert scenario.demand.sum() * 3600 == pytest.approx(len(times), rel=1e-2)
    assert any("has no request from 2024-02-05 11:59 to 2024-02-05 22:00 UTC" in note for note in scenario.notes)


def test_tables_of_requests_are_means_of_the_slot_of_their_own_series(plain):
    values = {city: np.repeat([n + 1.0, n + 3.0], 24) for n, city in enumerate(CITIES)}
    scenario = with_demand(plain, rates(values, minutes=30), request_class="code-70b")
    for n, city in enumerate(CITIES):
        at = scenario.origins.index.get_loc(city)
        np.testing.assert_allclose(scenario.demand[:, at, 2], np.repeat([n + 1.0, n + 3.0], 12), rtol=ROUNDING)
    shared = with_demand(plain, rates(values, minutes=30))
    np.testing.assert_allclose(shared.demand.sum(2), scenario.demand.sum(2), rtol=ROUNDING)
    assert any("has no classes; shared over them" in note for note in shared.notes)


def test_places_of_a_plain_series_are_origins_or_classes(plain):
    by_origin = with_demand(plain, record({"Sydney": [2.0] * 24}, start="2024-02-05", quantity="rate_requests_per_s"))
    assert by_origin.demand.sum((1, 2)).mean() == pytest.approx(2.0)
    by_class = record({"code": [2.0] * 24, "chat-8b": [1.0] * 24}, start="2024-02-05", quantity="rate_requests_per_s")
    scenario = with_demand(plain, by_class, origin="Sydney")
    np.testing.assert_allclose(scenario.demand.mean(0).sum(0), [1.0, 0.0, 2.0], rtol=ROUNDING)


def test_what_a_file_holds_is_told_in_whole_slots():
    step = pd.Timedelta(hours=1)
    assert held_by(day(), step) == (pd.Timestamp("2024-02-05", tz="UTC"), pd.Timestamp("2024-02-06", tz="UTC"))
    assert held_by(rates({"Sydney": [1.0] * 5}), step)[1] == pd.Timestamp("2024-02-05T05:00Z")
