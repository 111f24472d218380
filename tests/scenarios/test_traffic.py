"""Recorded requests give lengths and hours of the day, by the clock of the file and at the scale of the country."""

import numpy as np
import pandas as pd
import pytest

from jaxsched.scenarios import australia, with_demand_shape, with_requests
from jaxsched.scenarios.readers import ReadError, read
from tests.scenarios.recordings import log, record

SERVEGEN = "llm_traces/servegen_total_rate_10min.parquet"
ROUNDING = 1e-12
# A week without a change of clocks, from midnight of Brisbane's Monday.
WEEK = "2024-07-07T14:00Z"


@pytest.fixture(scope="module")
def plain():
    return australia(start=WEEK, slots=168)


def shape_of(scenario, origin: str = "Brisbane", first: int = 0) -> np.ndarray:
    """Requests of the first day at an origin, by hour, over their mean."""
    day = scenario.demand[first : first + 24, scenario.origins.index.get_loc(origin), 0]
    return day / day.mean()


def over_mean(values) -> np.ndarray:
    return np.asarray(values) / np.mean(values)


def hours_of(by_hour, start: str = "2024-01-15", step: str = "1min", periods: int = 1440):
    """A log whose requests a minute depend on the hour of the day."""
    times = pd.date_range(start, periods=periods, freq=step)
    return log(np.repeat(times, np.asarray(by_hour)[times.hour]))


RISING = np.arange(1, 25)


def test_the_hours_of_a_real_series_are_those_of_each_origin(shared_data, plain):
    scenario = with_demand_shape(plain, read(shared_data / SERVEGEN), "m-large")
    raw = pd.read_parquet(shared_data / SERVEGEN)
    raw = raw[raw["model"].astype(str) == "m-large"]
    expected = over_mean(raw.groupby((raw["t_s"] % 86_400) // 3600)["rate_req_s"].mean())
    np.testing.assert_allclose(shape_of(scenario), expected, rtol=1e-6)  # float32 in the file
    perth = shape_of(scenario, "Perth", first=2)  # its midnight is two hours later
    np.testing.assert_allclose(perth, expected, rtol=1e-6)
    assert "m-large: hours of the day of its own clock (zone not published) plus 0 h" in scenario.provenance["demand"]


def test_the_requests_of_a_week_stay_the_same_at_every_origin_of_a_whole_hour(shared_data, plain):
    scenario = with_demand_shape(plain, read(shared_data / SERVEGEN), "m-mid")
    brisbane = plain.origins["timezone"].eq("Australia/Brisbane").to_numpy()
    assert brisbane.sum() > 1
    ratio = scenario.demand[:, brisbane].sum(0) / plain.demand[:, brisbane].sum(0)
    np.testing.assert_allclose(ratio, 1.0, rtol=2e-3)  # the embedded shape has four digits


def test_a_shift_moves_the_hours_later(shared_data, plain):
    found = read(shared_data / SERVEGEN)
    here, later = (shape_of(with_demand_shape(plain, found, "m-large", shift_hours=h)) for h in (0.0, 10.0))
    np.testing.assert_allclose(later, np.roll(here, 10), rtol=ROUNDING)


def test_a_log_of_a_day_gives_its_hours(plain):
    scenario = with_demand_shape(plain, hours_of(RISING), zone="UTC")
    np.testing.assert_allclose(shape_of(scenario), over_mean(RISING), rtol=ROUNDING)
    assert "log.csv, all classes: hours of the day" in scenario.provenance["demand"]


@pytest.mark.parametrize(("start", "minutes"), [("00:30", 1440), ("10:15", 1410), ("23:40", 2000), ("00:00", 1440)])
def test_an_hour_that_the_log_holds_in_part_is_not_counted_low(plain, start, minutes):
    flat = log(pd.date_range(f"2024-01-15 {start}", periods=minutes, freq="1min"))
    np.testing.assert_allclose(shape_of(with_demand_shape(plain, flat, zone="UTC")), 1.0, rtol=1e-9)


def test_one_class_of_a_log_may_be_named(plain):
    times = pd.date_range("2024-01-15", periods=1440, freq="1min")
    both = log([*times, *times[600:660]], ["chat"] * 1440 + ["code"] * 60)
    np.testing.assert_allclose(shape_of(with_demand_shape(plain, both, "chat", zone="UTC")), 1.0, rtol=1e-3)
    code = shape_of(with_demand_shape(plain, both, "code", zone="UTC"))
    assert int((code > 0).sum()) == 1
    assert code[10] > 0


def test_hours_of_a_dated_series_are_of_the_clock_of_its_file(plain):
    times = pd.date_range("2024-07-08", periods=24, freq="h", tz="Australia/Sydney")
    found = record(
        {"m": RISING}, start=str(times[0].tz_convert("UTC").tz_localize(None)), quantity="rate_requests_per_s"
    )
    for zone in ("Australia/Sydney", "UTC+10"):
        scenario = with_demand_shape(plain, type(found)(**(vars(found) | {"zone": zone})))
        np.testing.assert_allclose(shape_of(scenario), over_mean(RISING), rtol=ROUNDING)
        assert f"its own clock (zone {zone})" in scenario.provenance["demand"]
    utc = with_demand_shape(plain, found, zone="UTC")
    np.testing.assert_allclose(shape_of(utc), np.roll(over_mean(RISING), 14), rtol=ROUNDING)
    sydney = with_demand_shape(plain, found, zone="Australia/Sydney")
    np.testing.assert_allclose(shape_of(sydney), over_mean(RISING), rtol=ROUNDING)


def test_hours_of_utc_are_not_taken_for_local_hours_in_silence(plain):
    for found in (record({"m": RISING}, quantity="rate_requests_per_s"), hours_of(RISING)):
        with pytest.raises(
            ReadError, match=r"its times are in UTC.*set inputs\.demand_zone to the clock that its users live"
        ):
            with_demand_shape(plain, found)
    shifted = with_demand_shape(plain, hours_of(RISING), shift_hours=10.0)
    local = with_demand_shape(plain, hours_of(RISING), zone="UTC+10")
    np.testing.assert_allclose(shifted.demand, local.demand, rtol=ROUNDING)
    assert "the number of requests" in local.notes[0]


RATES = "rate_requests_per_s"


@pytest.mark.parametrize(
    ("found", "series", "why"),
    [
        (
            record({"a": [1.0] * 24, "b": [1.0] * 24}, quantity=RATES),
            None,
            "holds a, b; set inputs.demand_series to one of",
        ),
        (record({"a": [1.0] * 24}, quantity=RATES), "c", "has no series 'c'; it holds a."),
        (record({"a": [1.0] * 24}), "a", "has no rate_requests_per_s; it has price_aud_per_mwh."),
        (record({"a": [1.0] * 12}, quantity=RATES), None, "a has no requests recorded at hour 12; give whole days."),
        (record({"a": [0.0] * 24}, quantity=RATES), None, "a has no requests at all; give another series."),
        (
            log(pd.date_range("2024-01-15 10:15", periods=1390, freq="1min")),
            None,
            "no requests recorded at hour 9; give whole",
        ),
        (
            log(pd.date_range("2024-01-15 06:00", periods=60, freq="5min")),
            None,
            "no requests recorded at hour 0; give whole",
        ),
        (
            log(pd.date_range("2024-01-15 06:00", periods=300, freq="5min")),
            "chat",
            "has no series 'chat'; it holds all.",
        ),
    ],
)
def test_a_series_that_cannot_give_the_hours_says_why(plain, found, series, why):
    with pytest.raises(ReadError) as caught:
        with_demand_shape(plain, found, series, zone="UTC")
    assert why in str(caught.value)


def mixed(**counts: int):
    """A log of classes with different lengths: the n-th has 100 (n + 1) tokens."""
    names = [name.replace("_", "-") for name, count in counts.items() for _ in range(count)]
    found = log(pd.date_range("2024-01-15", periods=len(names), freq="7s"), names)
    order = {name.replace("_", "-"): 100.0 * (n + 1) for n, name in enumerate(counts)}
    found.table["prompt_tokens"] = found.table["request_class"].map(order)
    return found


def test_classes_of_a_log_go_to_those_that_bear_their_name(plain):
    scenario = with_requests(plain, mixed(chat=50, code=40))
    lengths = scenario.classes["input_mean"]
    assert (lengths[lengths.index.str.startswith("chat")] == 100.0).all()
    assert (lengths[lengths.index.str.startswith("code")] == 200.0).all()


def test_the_full_name_of_a_class_goes_before_its_first_part(plain):
    scenario = with_requests(plain, mixed(chat_8b=50, chat=50))
    assert scenario.classes.loc["chat-8b", "input_mean"] == 100.0
    others = [name for name in scenario.classes.index if name.startswith("chat") and name != "chat-8b"]
    assert (scenario.classes.loc[others, "input_mean"] == 200.0).all()


def test_a_log_of_other_names_goes_to_the_chat_classes_as_a_whole(plain):
    scenario = with_requests(plain, mixed(ChatGPT=50, GPT4=50))
    assert scenario.classes.loc["chat-8b", "input_mean"] == 150.0
    assert scenario.classes.loc["code-70b"].equals(plain.classes.loc["code-70b"])


def test_requests_of_a_class_that_the_scenario_lacks_are_said_to_be_left_out(plain):
    scenario = with_requests(plain, mixed(code=50, agents=7))
    assert "7 requests of agents, which no class of the scenario bears, are left out" in scenario.provenance["requests"]
    assert "left out" not in with_requests(plain, mixed(code=50)).provenance["requests"]


def test_the_rate_of_the_log_is_not_taken_which_is_said(plain):
    scenario = with_requests(plain, mixed(code=50))
    np.testing.assert_array_equal(scenario.demand, plain.demand)
    asked = plain.demand.sum((1, 2)).mean()
    said = f"its mean rate of 0.143 requests/s is not taken; the study asks for {asked:.4g} requests/s"
    assert said in scenario.provenance["requests"]
    assert said in scenario.notes[0]


def test_a_class_of_too_few_requests_is_refused(plain):
    with pytest.raises(ReadError, match=r"^log\.csv: has 2 requests of class 'code'; at least 3 are needed for a rate"):
        with_requests(plain, mixed(chat=50, code=2))


def test_a_machine_that_sends_all_at_once_is_refused_in_words_of_the_log(plain):
    times = pd.Timestamp("2024-01-15") + pd.to_timedelta([*np.linspace(0.0, 1e-3, 2000), 3500.0], unit="s")
    with pytest.raises(
        ReadError, match=r"^log\.csv: within hours, the times between arrivals for chat-8b, chat-70b have"
    ):
        with_requests(plain, log(times))


def test_a_class_without_prompts_is_refused_in_words_of_the_log(plain):
    found = mixed(chat=50, code=50)
    found.table.loc[found.table["request_class"] == "code", "prompt_tokens"] = 0.0
    with pytest.raises(ReadError, match=r"^log\.csv: no request for code-70b has a prompt token; correct the column"):
        with_requests(plain, found)
