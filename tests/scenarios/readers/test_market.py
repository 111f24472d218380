"""Prices keep their clock, their currency and their extremes."""

import numpy as np
import pandas as pd
import pytest

from jaxsched.scenarios.readers import ReadError, read
from tests.scenarios.readers.samples import SAMPLES, nemweb, rows, write

YEAR = "prices/nem_price_demand_2020_30min_all_regions.parquet"
FIVE = ("prices/vic1_price_demand_5min_2024_2026.parquet", "prices/qld1_price_demand_5min_2024-01_09.parquet")
WEM = "prices/wa_wem_balancing_30min_2020-01-01_03.csv"


@pytest.fixture(scope="module")
def year(shared_data):
    return read(shared_data / YEAR)


@pytest.fixture(scope="module")
def raw_year(shared_data):
    return pd.read_parquet(shared_data / YEAR)


def test_nem_time_has_no_daylight_saving(year, raw_year):
    assert year.table["start_utc"].min() == pd.Timestamp("2019-12-31 14:00", tz="UTC")
    for end in ("2020-01-15 12:00", "2020-07-15 12:00"):
        stamp = pd.Timestamp(end)
        start = (stamp - pd.Timedelta(minutes=30) - pd.Timedelta(hours=10)).tz_localize("UTC")
        mine = year.table[(year.table["place"] == "NSW1") & (year.table["start_utc"] == start)]
        theirs = raw_year[(raw_year["region"] == "NSW1") & (raw_year["datetime_nem_end"] == stamp)]
        assert mine["price_aud_per_mwh"].tolist() == theirs["rrp_aud_mwh"].tolist()


def test_the_extremes_of_every_region_survive(year, raw_year):
    mine = year.table.groupby("place", observed=True)["price_aud_per_mwh"].agg(["min", "max"])
    theirs = raw_year.groupby("region", observed=True)["rrp_aud_mwh"].agg(["min", "max"])
    assert mine.to_numpy().tolist() == theirs.to_numpy().tolist()
    assert mine["max"].max() == 14_700.0
    assert mine["min"].min() < -900.0


@pytest.mark.parametrize(("file", "cap", "floor"), [(FIVE[0], 17_500.0, -1_000.0), (FIVE[1], 17_500.0, -351.64)])
def test_cap_and_floor_of_five_minute_prices_survive(shared_data, file, cap, floor):
    found = read(shared_data / file)
    assert found.step == pd.Timedelta(minutes=5)
    assert found.describe()["range"]["price_aud_per_mwh"] == [floor, cap]
    assert found.units["price_aud_per_mwh"] == "AUD/MWh"


def test_the_csv_of_aemo_reads_to_the_same_table(tmp_path, year, raw_year):
    csv = raw_year.rename(columns={"region": "REGION", "demand_mw": "TOTALDEMAND", "rrp_aud_mwh": "RRP"})
    csv["SETTLEMENTDATE"] = csv.pop("datetime_nem_end").dt.strftime("%Y/%m/%d %H:%M:%S")
    csv["PERIODTYPE"] = "TRADE"
    path = tmp_path / "PRICE_AND_DEMAND_2020.csv"
    csv[["REGION", "SETTLEMENTDATE", "TOTALDEMAND", "RRP", "PERIODTYPE"]].to_csv(path, index=False)
    found = read(path)
    pd.testing.assert_frame_equal(found.table[year.table.columns], year.table, check_exact=True)
    assert (found.step, found.zone, found.stamp) == (year.step, "UTC+10", "interval end")


def test_the_order_of_rows_does_not_matter(tmp_path, raw_year, year):
    path = tmp_path / "year.parquet"
    raw_year.sample(frac=1.0, random_state=1).to_parquet(path)
    pd.testing.assert_frame_equal(read(path).table, year.table, check_exact=True)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_of_an_intervention_the_price_that_settles_is_kept(tmp_path, ending):
    frame = pd.DataFrame(
        {
            "SETTLEMENTDATE": [
                "2023-01-17 10:05:00",
                "2023-01-17 10:10:00",
                "2023-01-17 10:10:00",
                "2023-01-17 10:15:00",
            ],
            "REGIONID": "NSW1",
            "INTERVENTION": [0, 1, 0, 0],
            "RRP": [50.0, 999.0, 60.0, 70.0],
        }
    )
    path = tmp_path / f"dispatch.{ending}"
    if ending == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.assign(SETTLEMENTDATE=pd.to_datetime(frame["SETTLEMENTDATE"])).to_parquet(path)
    found = read(path)
    assert found.table["price_aud_per_mwh"].tolist() == [50.0, 60.0, 70.0]
    assert found.table["start_utc"][0] == pd.Timestamp("2023-01-17 00:00", tz="UTC")
    assert "1 rows of the physical run of interventions were left out" in found.notes


def test_a_report_of_several_tables_gives_that_of_the_price(tmp_path):
    lines = SAMPLES["nemweb_price"].splitlines()
    wider = ["I,DISPATCH,REGIONSUM,4,A,B,C,D,E,F,G,H", "D,DISPATCH,REGIONSUM,4,1,2,3,4,5,6,7,8"]
    text = "\n".join([lines[0], *wider, *lines[1:-1], *wider, lines[-1]])
    found = read(write(tmp_path, "nemweb_price", text))
    assert found.table["price_aud_per_mwh"].tolist() == [n + 0.5 for n in range(6)]
    assert found.table["start_utc"][0] == pd.Timestamp("2023-01-17 00:00", tz="UTC")


def test_a_wrong_price_in_a_report_is_named_by_its_row_in_the_file(tmp_path):
    text = nemweb(
        "DISPATCH,PRICE,4", "SETTLEMENTDATE,REGIONID,RRP", ["2023/01/17 10:05:00,SA1,5", "2023/01/17 10:10:00,SA1,x"]
    )
    with pytest.raises(ReadError, match=r"SA1\.csv: row 4, column 'RRP': 'x' is not a number"):
        read(write(tmp_path, "nemweb_price", text))


def test_western_australia_is_eight_hours_ahead_and_stamps_the_start(shared_data):
    found = read(shared_data / WEM)
    assert found.table["start_utc"].iloc[0] == pd.Timestamp("2020-01-01 00:00", tz="UTC")
    assert found.table["price_aud_per_mwh"].iloc[:2].tolist() == [30.1, 29.73]
    assert found.stamp == "interval start"


def test_a_table_of_one_region_without_it_in_its_name_is_refused(tmp_path):
    path = tmp_path / "prices.csv"
    path.write_text(rows("datetime_nem_end,rrp_aud_mwh", "2020-01-01 00:30,1", "2020-01-01 01:00,2"))
    with pytest.raises(ReadError, match=r"prices\.csv: has no column 'region' and its name holds none of NSW1"):
        read(path)


def test_files_of_two_steps_are_refused_and_never_put_on_one(tmp_path):
    early = pd.date_range("2021-09-30 12:30", "2021-10-01 00:00", freq="30min")
    late = pd.date_range("2021-10-01 00:05", "2021-10-01 06:00", freq="5min")
    lines = [f"NSW1,{t:%Y/%m/%d %H:%M:%S},7000,50.0,TRADE" for t in [*early, *late]]
    with pytest.raises(ReadError, match=r"row \d+, .* 30 min apart and others 5 min; give one file for each step\.$"):
        read(write(tmp_path, "aemo_price_and_demand", rows("REGION,SETTLEMENTDATE,TOTALDEMAND,RRP,PERIODTYPE", *lines)))


def alone(tmp_path, kind: str):
    """The reading of the first row of a sample alone."""
    lines = SAMPLES[kind].splitlines()
    head = {"nemweb_price": 2, "open_meteo_csv": 4, "epw": 8}.get(kind, 1)
    return read(write(tmp_path, kind, "\n".join(lines[: head + 1])))


@pytest.mark.parametrize("kind", ["nem_price_table", "weather_table", "carbon_table", "jaxsched_table"])
def test_one_row_of_a_kind_with_any_step_has_none(tmp_path, kind):
    with pytest.raises(ReadError, match="the length of an interval is not known"):
        alone(tmp_path, kind)


@pytest.mark.parametrize(
    ("kind", "minutes"),
    [("aemo_price_and_demand", 30), ("dispatch_price", 5), ("nemweb_price", 5), ("wem_balancing_price", 30),
     ("wem_balancing_summary", 30), ("half_hourly_temperature", 30), ("open_meteo_csv", 60), ("epw", 60), ("cdeii", 1440)],
)  # fmt: skip
def test_one_row_is_enough_where_the_kind_of_file_says_the_step(tmp_path, kind, minutes):
    found = alone(tmp_path, kind)
    assert (found.step, len(found.table)) == (pd.Timedelta(minutes=minutes), 1)


def test_a_report_of_one_interval_holds_the_five_minutes_before_its_stamp(tmp_path):
    lines = [
        f"2024/01/15 00:55:00,1,{region},0,{n}.5" for n, region in enumerate(("NSW1", "QLD1", "SA1", "TAS1", "VIC1"))
    ]
    text = nemweb("DISPATCH,PRICE,4", "SETTLEMENTDATE,RUNNO,REGIONID,INTERVENTION,RRP", lines)
    found = read(write(tmp_path, "nemweb_price", text))
    assert found.step == pd.Timedelta(minutes=5)
    assert set(found.table["start_utc"]) == {pd.Timestamp("2024-01-14 14:50", tz="UTC")}
    assert found.table["price_aud_per_mwh"].tolist() == [0.5, 1.5, 2.5, 3.5, 4.5]


@pytest.mark.parametrize(("stamp", "minutes"), [("2021/10/01 00:00:00", 30), ("2021/10/01 00:05:00", 5)])
def test_trading_intervals_are_of_five_minutes_since_october_2021(tmp_path, stamp, minutes):
    text = nemweb("TRADING,PRICE,3", "SETTLEMENTDATE,RUNNO,REGIONID,PERIODID,RRP", [f"{stamp},1,SA1,1,80.5"])
    found = read(write(tmp_path, "nemweb_price", text))
    assert (found.kind, found.step) == ("nemweb_trading_price", pd.Timedelta(minutes=minutes))
    csv = rows("SETTLEMENTDATE,REGIONID,PERIODID,RRP", f"{stamp},SA1,1,80.5")
    assert read(write(tmp_path, "dispatch_price", csv)).step == found.step
    aemo = rows("REGION,SETTLEMENTDATE,TOTALDEMAND,RRP", f"SA1,{stamp},1000,80.5")
    assert read(write(tmp_path, "aemo_price_and_demand", aemo)).step == found.step


def test_one_old_price_that_may_be_of_dispatch_or_trading_has_no_step(tmp_path):
    with pytest.raises(ReadError, match="the length of an interval is not known"):
        read(write(tmp_path, "dispatch_price", rows("SETTLEMENTDATE,REGIONID,RRP", "2020/01/01 00:30:00,SA1,80.5")))


def test_an_empty_demand_stays_empty_and_an_empty_price_is_refused(tmp_path):
    text = SAMPLES["aemo_price_and_demand"]
    found = read(write(tmp_path, "aemo_price_and_demand", text.replace("7000.5", "", 1)))
    assert np.isnan(found.table["demand_mw"]).tolist() == [True] + 5 * [False]
    with pytest.raises(ReadError, match="row 2, column 'RRP': is empty"):
        read(write(tmp_path, "aemo_price_and_demand", text.replace("40.25", "", 1)))
