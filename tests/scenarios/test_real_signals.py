"""Real signals keep their clock, their spikes and their gaps when they enter a scenario."""

import numpy as np
import pandas as pd
import pytest

from jaxsched.scenarios import Gaps, Scenario, australia, with_carbon, with_price, with_requests, with_weather
from jaxsched.scenarios.readers import ReadError, read

WEEK = "grid/opennem_nem_5min_week_2023-01-17.parquet"
SUSPENSION = "grid/opennem_sa1_5min_june2022_suspension.parquet"
SETTLED = "prices/greendcc_au_nsw_vic_price_hourly_2020_2024.parquet"
VICTORIA = "prices/vic1_price_demand_5min_2024_2026.parquet"
TRACE = "llm_traces/AzureLLMInferenceTrace_conv.csv"
NEM = ("NSW1", "QLD1", "SA1", "TAS1", "VIC1")
HOURS = 166  # the first and last hour of the week are there in part
START = "2023-01-17 02:00"
# Prices are float32 in the file.
FLOAT32 = 1e-6


@pytest.fixture(scope="module")
def week(shared_data):
    return read(shared_data / WEEK)


@pytest.fixture(scope="module")
def raw_prices(shared_data):
    raw = pd.read_parquet(shared_data / WEEK)
    raw = raw[raw["series"] == "price"].astype({"region": str})
    return raw.pivot(index="t", columns="region", values="value")


@pytest.fixture(scope="module")
def plain():
    return australia(start=START, slots=HOURS, anomalies=False)


@pytest.fixture(scope="module")
def priced(week, plain):
    return with_price(plain, [week])


def of_region(scenario: Scenario, values: np.ndarray, region: str) -> np.ndarray:
    """The signal of the sites of a region, which is the same at all of them [slot]."""
    columns = values[:, (scenario.sites["region"] == region).to_numpy()]
    np.testing.assert_array_equal(columns, columns[:, :1] + np.zeros_like(columns))
    return columns[:, 0]


def test_hourly_prices_are_the_mean_of_the_twelve_intervals_that_end_in_the_hour(priced, raw_prices):
    for region in NEM:
        price = of_region(priced, priced.price, region)
        for n in (0, 40, HOURS - 1):
            # The interval that ends at 12:05 NEM time starts at 12:00, which is 02:00 UTC.
            first = pd.Timestamp("2023-01-17 12:05") + pd.Timedelta(hours=n)
            ends = pd.date_range(first, periods=12, freq="5min")
            assert price[n] == pytest.approx(raw_prices.loc[ends, region].mean(), rel=FLOAT32)


def test_hourly_prices_equal_the_settlement_prices(priced, shared_data):
    settled = pd.read_parquet(shared_data / SETTLED)
    settled = settled[~settled["dup_month_edge"]]
    for region, zone in (("NSW1", "AU-NSW"), ("VIC1", "AU-VIC")):
        series = settled[settled["zone"] == zone].set_index("datetime_nem")["price_aud_mwh"]
        stamps = priced.times.tz_convert("Etc/GMT-10").tz_localize(None)
        # That file labels hours by the floor of the end stamp, so its hours lie five minutes earlier: the means over the
        # week differ by two intervals of 1,992.
        mine, theirs = of_region(priced, priced.price, region).mean(), series.reindex(stamps).mean()
        assert mine == pytest.approx(theirs, rel=0.01)


def test_negative_prices_survive_in_slots_of_five_minutes_and_of_an_hour(week, priced, raw_prices):
    assert raw_prices["SA1"].min() < -990.0
    fine = with_price(australia(start="2023-01-18 22:00", slots=12, slot_minutes=5), [week])
    assert of_region(fine, fine.price, "SA1").min() == raw_prices["SA1"].min()
    assert of_region(priced, priced.price, "SA1").min() < -150.0


@pytest.mark.parametrize(
    ("file", "region", "end", "price"),
    [
        (VICTORIA, "VIC1", "2024-08-05 08:05", 17_500.0),
        (VICTORIA, "VIC1", "2024-10-28 15:05", -1_000.0),
        (SUSPENSION, "SA1", "2022-06-05 18:05", 15_100.0),
    ],
)
def test_cap_and_floor_survive_in_slots_of_five_minutes_and_of_an_hour(shared_data, file, region, end, price):
    found = read(shared_data / file)
    start = (pd.Timestamp(end) - pd.Timedelta(minutes=5)).tz_localize("Etc/GMT-10").tz_convert("UTC")
    fine = with_price(australia(start=start.floor("h"), slots=12, slot_minutes=5), [found])
    values = of_region(fine, fine.price, region)
    assert values[int((start - start.floor("h")) / pd.Timedelta(minutes=5))] == price
    hourly = with_price(australia(start=start.floor("h"), slots=1), [found])
    assert of_region(hourly, hourly.price, region)[0] == pytest.approx(values.mean(), rel=1e-12)


def test_intensity_enters_as_the_table_has_it_without_storage(week, plain):
    scenario = with_carbon(plain, [week])
    for region in NEM:
        rows = week.table[week.table["place"] == region].set_index("start_utc")["carbon_direct_g_per_kwh"]
        hourly = rows.resample("h").mean().reindex(scenario.times).to_numpy()
        np.testing.assert_allclose(of_region(scenario, scenario.carbon_intensity, region), hourly, rtol=1e-12)
    assert scenario.provenance["carbon_intensity"].startswith(
        f"{week.source}: basis average-direct, mean of each slot, of NSW1"
    )


def test_signals_of_a_region_reach_its_sites_and_no_others(priced, plain):
    outside = ~plain.sites["region"].isin(NEM).to_numpy()
    assert 0 < outside.sum() < len(outside)
    np.testing.assert_array_equal(priced.price[:, outside], plain.price[:, outside])
    assert (priced.price[:, ~outside] != plain.price[:, ~outside]).any(axis=0).all()
    assert f"; {int(outside.sum())} sites elsewhere keep the embedded profile" in priced.provenance["price"]
    for field in ("carbon_intensity", "dry_bulb", "demand"):
        assert getattr(priced, field) is getattr(plain, field)


def test_temperature_is_taken_where_it_was_read_and_the_rest_is_on_record(week, plain):
    scenario = with_weather(plain, [week], Gaps("flag"))
    cells = {(c.place, slot) for c in scenario.filled for slot in c.slots_start_utc}
    known = week.table[(week.table["place"] == "NSW1") & week.table["dry_bulb_c"].notna()]
    assert 30 <= len(known) <= 36
    site = plain.sites.index.get_loc("DigiCo SYD1")
    filled = np.array([("NSW1", when.isoformat()) in cells for when in plain.times])
    assert 10 <= (~filled).sum() <= 20
    # A reading counts at the middle of its five minutes; the site lies at the place that stands for the region.
    instants = (known["start_utc"] + pd.Timedelta(minutes=2.5)).to_numpy("datetime64[ms]").astype(float)
    centres = (plain.times[~filled] + pd.Timedelta(minutes=30)).to_numpy("datetime64[ms]").astype(float)
    expected = np.interp(centres, instants, known["dry_bulb_c"])
    np.testing.assert_allclose(scenario.dry_bulb[~filled, site], expected, rtol=1e-12)
    by_climate = np.array([c.by == "climate" for c in scenario.filled])
    assert by_climate.any()
    assert "slots of these places are filled with the climate" in scenario.provenance["dry_bulb"]
    with pytest.raises(ReadError, match=r"dry_bulb_c of .* is missing at"):
        with_weather(plain, [week])


def test_slots_that_the_file_does_not_cover_are_refused(week):
    with pytest.raises(
        ReadError, match=r"price_aud_per_mwh of NSW1 is missing at 2023-01-25 00:00:00\+00:00 \(1 of 1 slots"
    ):
        with_price(australia(start="2023-01-25", slots=1), [week])


@pytest.mark.parametrize("gaps", [Gaps(), Gaps("flag"), Gaps("flag", 24.0)])
def test_the_suspension_of_the_market_is_a_gap_and_never_invented(shared_data, gaps):
    found = read(shared_data / SUSPENSION)
    around = australia(start="2022-06-07 10:00", slots=24 * 11)
    with pytest.raises(
        ReadError, match=r"price_aud_per_mwh of SA1 is missing at 2022-06-07 12:00.* \d+ in a row there\)"
    ):
        with_price(around, [found], gaps)
    within = australia(start="2022-06-12", slots=2)
    with pytest.raises(ReadError, match="is missing at 2022-06-12 00:00"):
        with_price(within, [found], gaps)
    before = with_price(australia(start="2022-06-07 10:00", slots=2), [found], gaps)
    assert before.filled == ()


def test_statistics_of_the_trace_are_those_published(shared_data):
    found = read(shared_data / TRACE).statistics()
    assert found.requests == 19_366
    assert found.rate == pytest.approx(5.53, abs=0.01)
    assert (found.input_mean, found.output_mean) == pytest.approx((1155, 211), abs=0.5)
    assert (found.input_mu, found.input_sigma) == pytest.approx((6.63, 0.99), abs=0.01)
    # 1.20 over the whole hour of the trace; its two hours by the clock differ in rate.
    assert found.arrival_cv2 == pytest.approx(1.16, abs=0.01)


def test_a_trace_of_chat_changes_the_chat_classes_only(shared_data):
    plain = australia(slots=2)
    real = with_requests(plain, read(shared_data / TRACE))
    assert real.classes.loc["code-70b"].equals(plain.classes.loc["code-70b"])
    assert real.classes.loc["chat-8b", "input_mean"] == pytest.approx(1154.7, abs=0.01)
    assert "is not taken; the study asks for" in real.provenance["requests"]


@pytest.mark.parametrize(("year", "hottest"), [(2014, 43.0), (2015, 32.0)])
def test_the_heat_of_melbourne_in_january_2014_is_that_of_2014(shared_data, year, hottest):
    found = read(shared_data / "weather/au_5city_temp_30min_2000_2015.parquet")
    base = australia(origins=3, start="2020-01-14T00:00+10:00", slots=96, anomalies=False)
    raw = found.table[(found.table["place"] == "Melbourne") & found.table["dry_bulb_c"].notna()]
    local = raw["start_utc"].dt.tz_convert("Etc/GMT-10")
    days = (local >= pd.Timestamp(f"{year}-01-14", tz="Etc/GMT-10")) & (
        local < pd.Timestamp(f"{year}-01-18", tz="Etc/GMT-10")
    )
    assert (raw["dry_bulb_c"][days].max() > hottest) == (year == 2014)
    scenario = with_weather(base, [found], Gaps("flag"), year=year)
    at = scenario.sites
    nearest = int(np.hypot(at["latitude"] + 37.81, at["longitude"] - 144.96).to_numpy().argmin())
    assert scenario.dry_bulb[:, nearest].max() == pytest.approx(raw["dry_bulb_c"][days].max(), abs=1.5)
