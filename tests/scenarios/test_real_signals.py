"""Real signals keep their clock, their spikes and their gaps."""

import numpy as np
import pandas as pd
import pytest

from jaxsched.scenarios import australia, read_azure_trace, read_opennem, with_grid, with_requests
from jaxsched.scenarios._opennem import NEM_REGIONS

WEEK = "grid/opennem_nem_5min_week_2023-01-17.parquet"
TRACE = "llm_traces/AzureLLMInferenceTrace_conv.csv"


@pytest.fixture(scope="module")
def grid(shared_data):
    return read_opennem(shared_data / WEEK)


@pytest.fixture(scope="module")
def real_week(grid):
    return with_grid(australia(start=grid.hours[0], slots=len(grid.hours), anomalies=False), grid)


def table(hours: int = 3, **changes) -> pd.DataFrame:
    """A small OpenNEM table: whole hours from 10:00 to 10:00 + hours, NEM time, stamps at the end of each interval."""
    stamps = pd.date_range("2023-01-17 10:05", periods=12 * hours, freq="5min")
    rows = []
    for region in NEM_REGIONS:
        series = {
            "price": np.arange(12 * hours, dtype=float),
            "fuel_tech.coal_black.power": np.full(12 * hours, 50.0),
            "fuel_tech.wind.power": np.full(12 * hours, 50.0),
            "fuel_tech.battery_discharging.power": np.full(12 * hours, 1000.0),
        }
        for name, values in (series | changes).items():
            rows.append(pd.DataFrame({"region": region, "series": name, "t": stamps, "value": values}))
    return pd.concat(rows)


def write(folder, frame: pd.DataFrame):
    path = folder / "week.parquet"
    frame.to_parquet(path)
    return path


def test_stamps_are_the_end_of_the_interval_in_nem_time(tmp_path):
    grid = read_opennem(write(tmp_path, table()))
    # The interval that ends at 10:05 NEM time starts at 10:00, which is midnight UTC.
    assert list(grid.hours) == list(pd.date_range("2023-01-17 00:00", periods=3, freq="h", tz="UTC"))
    assert grid.price["VIC1"].tolist() == [5.5, 17.5, 29.5]


def test_intensity_is_emissions_over_generation_without_storage(tmp_path):
    grid = read_opennem(write(tmp_path, table()))
    assert grid.carbon_intensity["NSW1"].to_numpy() == pytest.approx(0.5 * 920.2, rel=1e-3)


def test_hourly_prices_equal_the_settlement_prices(grid, shared_data):
    settled = pd.read_parquet(shared_data / "prices" / "greendcc_au_nsw_vic_price_hourly_2020_2024.parquet")
    for region, zone in (("NSW1", "AU-NSW"), ("VIC1", "AU-VIC")):
        series = settled[(settled["zone"] == zone) & ~settled["dup_month_edge"]].set_index("datetime_nem")[
            "price_aud_mwh"
        ]
        stamps = grid.hours.tz_convert("Etc/GMT-10").tz_localize(None)
        # That file labels hours by the floor of the stamp, so its hours lie five minutes earlier: compare sums over the
        # week, which differ by two intervals only.
        assert grid.price[region].mean() == pytest.approx(series.reindex(stamps).mean(), rel=0.01)


def test_negative_prices_survive(grid, shared_data):
    raw = pd.read_parquet(shared_data / WEEK)
    lowest = raw[(raw["series"] == "price") & (raw["region"] == "SA1")]["value"].min()
    assert lowest < -990.0
    assert grid.price["SA1"].min() < -150.0
    assert len(grid.hours) == 167


def test_temperature_is_taken_where_it_was_read_and_the_filled_hours_are_counted(grid, real_week):
    known = grid.temperature["VIC1"].notna()
    assert 15 <= known.sum() <= 18
    melbourne = real_week.dry_bulb[:, real_week.sites.index.get_loc("DigiCo SYD1")]
    sydney = grid.temperature["NSW1"]
    np.testing.assert_allclose(melbourne[sydney.notna()], sydney[sydney.notna()], atol=1e-9)
    assert "filled with the site's climate" in real_week.provenance["dry_bulb"]


def test_signals_of_a_region_reach_its_sites_and_no_others(grid, real_week):
    plain = australia(start=grid.hours[0], slots=len(grid.hours), anomalies=False)
    for site in ("NEXTDC M1", "CDC Hume"):
        column = real_week.sites.index.get_loc(site)
        region = real_week.sites.loc[site, "region"]
        np.testing.assert_array_equal(real_week.price[:, column], grid.price[region])
    outside = ~real_week.sites["region"].isin(NEM_REGIONS).to_numpy()
    np.testing.assert_array_equal(real_week.price[:, outside], plain.price[:, outside])
    assert "outside the NEM keep the embedded profile" in real_week.provenance["price"]


def test_slots_that_the_file_does_not_cover_are_refused(grid):
    with pytest.raises(ValueError, match="has no whole hour at 2023-01-25"):
        with_grid(australia(start="2023-01-25", slots=1), grid)


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda t: t.drop(columns="region"), "no column 'region'"),
        (lambda t: t[t["series"] != "price"], "no series 'price'"),
        (lambda t: t[t["region"] != "TAS1"], "TAS1"),
        (lambda t: pd.concat([t, t.iloc[:1]]), "given twice"),
        (lambda t: t[~((t["series"] == "price") & (t["t"] == "2023-01-17 11:30"))], "gap"),
        (lambda t: t.replace({"series": {"fuel_tech.wind.power": "fuel_tech.fusion.power"}}), "'fusion'"),
        (lambda t: t[~t["series"].str.startswith("fuel_tech")], "no generation"),
    ],
)
def test_broken_grid_files_get_one_sentence_that_names_the_file(tmp_path, break_it, words):
    with pytest.raises(ValueError, match=words) as error:
        read_opennem(write(tmp_path, break_it(table())))
    assert "week.parquet" in str(error.value)


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    path = tmp_path / "week.parquet"
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(ValueError, match=r"week\.parquet: is not a readable parquet"):
        read_opennem(path)


def test_the_trace_gives_the_published_statistics(shared_data):
    log = read_azure_trace(shared_data / TRACE)
    assert log.requests == 19_366
    assert log.rate == pytest.approx(5.53, abs=0.01)
    assert (log.input_mean, log.output_mean) == pytest.approx((1155, 211), abs=0.5)
    assert (log.input_mu, log.input_sigma) == pytest.approx((6.63, 0.99), abs=0.01)
    assert log.arrival_cv2 == pytest.approx(1.20, abs=0.01)


def test_a_request_log_changes_the_chat_classes_only(shared_data):
    plain = australia(slots=2)
    real = with_requests(plain, read_azure_trace(shared_data / TRACE))
    assert real.classes.loc["code-70b"].equals(plain.classes.loc["code-70b"])
    assert real.classes.loc["chat-8b", "input_mean"] == pytest.approx(1154.7, abs=0.01)
    assert "scaled by" in real.provenance["requests"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("TIMESTAMP,ContextTokens\n1,2\n", "no column 'GeneratedTokens'"),
        ("", "not a readable CSV"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-01-01,5,5\n", "has 1 requests"),
        (
            "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-01-01 00:00:00,5,5\n2023-01-01 00:00:01,x,5\n2023-01-01 00:00:02,5,5\n",
            "row 3, column ContextTokens: 'x'",
        ),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n" + "2023-01-01,5,5\n" * 3, "same TIMESTAMP"),
    ],
)
def test_broken_request_logs_get_one_sentence(tmp_path, text, words):
    path = tmp_path / "log.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=words):
        read_azure_trace(path)
