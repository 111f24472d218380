"""OpenNEM's tables: prices as settled, intensity by named factors, nothing invented at the edges."""

import numpy as np
import pandas as pd
import pytest

from jaxsched.scenarios._tables import read_embedded
from jaxsched.scenarios.readers import ReadError, read
from tests.scenarios.readers.samples import SAMPLES, rows, write

WEEK = "grid/opennem_nem_5min_week_2023-01-17.parquet"
SUSPENSION = "grid/opennem_sa1_5min_june2022_suspension.parquet"
SETTLED = "prices/greendcc_au_nsw_vic_price_hourly_2020_2024.parquet"
# Both files hold prices in float32.
FLOAT32 = 1e-6
FOUR_DIGITS = 5e-4


@pytest.fixture(scope="module")
def week(shared_data):
    return read(shared_data / WEEK)


@pytest.fixture(scope="module")
def suspension(shared_data):
    return read(shared_data / SUSPENSION)


@pytest.fixture(scope="module")
def raw_suspension(shared_data):
    return pd.read_parquet(shared_data / SUSPENSION)


def nem_end(found) -> pd.Series:
    return (found.table["start_utc"] + found.step).dt.tz_convert("Etc/GMT-10").dt.tz_localize(None)


def test_hourly_means_of_five_minute_prices_equal_the_settlement(week, shared_data):
    settled = pd.read_parquet(shared_data / SETTLED)
    settled = settled[~settled["dup_month_edge"]]
    for region, zone in (("NSW1", "AU-NSW"), ("VIC1", "AU-VIC")):
        mine = week.table["place"] == region
        # The settlement file labels an hour by the floor of the stamps at the end of the intervals in it.
        hours = nem_end(week)[mine].dt.floor("h")
        prices = week.table["price_aud_per_mwh"][mine]
        means = prices.groupby(hours).mean()[prices.groupby(hours).size() == 12]
        theirs = settled[settled["zone"] == zone].set_index("datetime_nem")["price_aud_mwh"].reindex(means.index)
        assert len(means) == 167
        # OpenNEM rounds every price to four digits; the mean is off by no more than that share of the sizes.
        rounding = FOUR_DIGITS * prices.abs().groupby(hours).mean().reindex(means.index)
        assert ((means - theirs).abs() <= rounding).all()


def test_negative_prices_survive(week, shared_data):
    raw = pd.read_parquet(shared_data / WEEK)
    lowest = raw[raw["series"] == "price"].groupby("region", observed=True)["value"].min()
    mine = week.table.groupby("place", observed=True)["price_aud_per_mwh"].min()
    assert mine.to_numpy().tolist() == lowest.to_numpy(float).tolist()
    assert mine.min() < -990.0


def test_a_demand_of_zero_in_an_outage_is_no_reading(week):
    empty = week.table[week.table["demand_mw"].isna()]
    assert empty.groupby("place", observed=True).size().tolist() == 5 * [18]
    assert week.table["demand_mw"].min() > 300.0
    assert "90 demands of exactly 0, no readings, were left empty" in week.notes


@pytest.mark.parametrize("kind", ["opennem_long", "opennem_export"])
def test_intensity_is_generation_times_the_embedded_factors_without_storage_and_rooftop(tmp_path, kind):
    factors = read_embedded("emission_factors").set_index("fuel")["emission_factor_t_per_mwh"]
    fuel = {"opennem_long": "coal_black", "opennem_export": "gas_ccgt"}[kind]
    found = read(write(tmp_path, kind))
    assert found.table["carbon_direct_g_per_kwh"].to_numpy() == pytest.approx(0.5 * 1000 * factors[fuel])
    assert any("emission factors by fuel of the NEM in 2022" in note for note in found.notes)


def test_intensity_is_unknown_where_the_output_of_a_running_fuel_is(tmp_path):
    text = SAMPLES["opennem_export"].replace("10:15,-10.0,100.0", "10:15,-10.0,", 1)
    intensity = read(write(tmp_path, "opennem_export", text)).table["carbon_direct_g_per_kwh"]
    assert intensity.isna().tolist() == [False, False, True, False, False, False]


def test_a_fuel_without_a_factor_is_refused_by_its_column(tmp_path):
    text = SAMPLES["opennem_export"].replace("Gas (CCGT)", "Coal")
    with pytest.raises(ReadError, match="column 'Coal -  MW': no emission factor of 'coal' is known"):
        read(write(tmp_path, "opennem_export", text))


def test_two_columns_of_one_fuel_are_refused(tmp_path):
    text = SAMPLES["opennem_export"].replace("Wind -  MW", "Gas_CCGT_MW")
    with pytest.raises(ReadError, match=r"'Gas \(CCGT\) -  MW' and 'Gas_CCGT_MW' both give gas_ccgt; keep one"):
        read(write(tmp_path, "opennem_export", text))


def test_an_export_whose_name_tells_no_region_is_refused(tmp_path):
    path = tmp_path / "export.csv"
    path.write_text(SAMPLES["opennem_export"])
    with pytest.raises(ReadError, match="its name does not tell the region; rename it with one of NSW1"):
        read(path)


@pytest.mark.parametrize(
    ("name", "region"),
    [("20220601 South Australia.csv", "SA1"), ("vic1-5m.csv", "VIC1"), ("opennem_qld_2022.csv", "QLD1"),
     ("20220601_New_South_Wales.csv", "NSW1")],
)  # fmt: skip
def test_the_region_of_an_export_is_that_of_its_name(tmp_path, name, region):
    path = tmp_path / name
    path.write_text(SAMPLES["opennem_export"])
    assert read(path).table["place"].unique().tolist() == [region]


def test_the_gap_between_the_weeks_of_the_suspension_is_a_gap(suspension):
    assert len(suspension.gaps) == 1
    gap = suspension.gaps.iloc[0]
    assert gap["start_utc"] == pd.Timestamp("2022-06-07 12:30", tz="UTC")
    assert gap["end_utc"] == pd.Timestamp("2022-06-17 06:20", tz="UTC")


def test_only_rows_of_zeros_are_left_out_and_prices_of_zero_stay(suspension, raw_suspension):
    ends = nem_end(suspension)
    gone = raw_suspension[~raw_suspension["datetime_nem"].isin(ends)]
    assert len(gone) == 5
    assert (gone[["price_aud_mwh", "wind_mw", "gas_ccgt_mw", "gas_steam_mw", "temperature_c"]] == 0).all(axis=None)
    zero = raw_suspension[(raw_suspension["price_aud_mwh"] == 0) & (raw_suspension["wind_mw"] > 0)]
    assert len(zero) == 20
    assert int((suspension.table["price_aud_per_mwh"] == 0).sum()) == 20


def test_spikes_and_administered_prices_are_kept_as_written(suspension, raw_suspension):
    kept = raw_suspension[raw_suspension["datetime_nem"].isin(nem_end(suspension))]["price_aud_mwh"].to_numpy(float)
    np.testing.assert_array_equal(suspension.table["price_aud_per_mwh"].to_numpy(), kept)
    assert suspension.table["price_aud_per_mwh"].max() == 15_100.0
    assert suspension.table["price_aud_per_mwh"].min() == pytest.approx(-615.3, rel=FLOAT32)


def test_temperatures_of_zero_at_the_edges_of_an_export_are_no_readings(suspension, raw_suspension):
    empty = nem_end(suspension)[suspension.table["dry_bulb_c"].isna()]
    assert [f"{t:%d %H:%M}" for t in empty] == ["17 16:25", *(f"24 16:{m:02d}" for m in (5, 10, 15, 20, 25))]
    assert suspension.table["dry_bulb_c"].min() > 5.0
    assert "6 temperatures of exactly 0 at an edge of the export, no readings, were left empty" in suspension.notes


def test_a_price_of_zero_beside_a_sun_that_does_not_shine_is_a_reading(tmp_path):
    text = rows("date,Solar (Utility) -  MW,Price - AUD/MWh", *(f"2022-06-01 0{n}:00,0.0,{n}.0" for n in range(3)))
    assert read(write(tmp_path, "opennem_export", text)).table["price_aud_per_mwh"].tolist() == [0.0, 1.0, 2.0]


def test_a_frost_inside_a_run_is_a_reading(tmp_path):
    text = SAMPLES["opennem_export"].replace("10:15,-10.0,100.0,100.0,50.0,20.5", "10:15,-10.0,100.0,100.0,50.0,0.0")
    assert read(write(tmp_path, "opennem_export", text)).table["dry_bulb_c"].tolist() == [
        20.5,
        20.5,
        0.0,
        20.5,
        20.5,
        20.5,
    ]


def test_a_stamp_off_the_step_is_named_by_its_row_in_the_long_table(tmp_path):
    text = SAMPLES["opennem_long"].replace("2023-01-17 10:15:00", "2023-01-17 10:16:00")
    with pytest.raises(ReadError, match=r"row 4, column 't': 2023-01-17 10:16:00 is off the step of 5 min"):
        read(write(tmp_path, "opennem_long", text))
