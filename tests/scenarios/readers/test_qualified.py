"""Rows that a column marks as forecasts or physical runs are no records: left out with a note, or refused."""

import pandas as pd
import pytest

from jaxsched.scenarios.readers import Mapped, ReadError, read, read_mapped
from tests.scenarios.readers.samples import SAMPLES, rows, write

AEMO = "REGION,SETTLEMENTDATE,TOTALDEMAND,RRP,PERIODTYPE"


def aemo(*kinds_and_prices: tuple[str, float]) -> str:
    times = pd.date_range("2024-01-01 00:05", periods=len(kinds_and_prices), freq="5min")
    pairs = zip(times, kinds_and_prices, strict=True)
    return rows(AEMO, *(f"NSW1,{t:%Y/%m/%d %H:%M:%S},7000,{price},{kind}" for t, (kind, price) in pairs))


def prices(found) -> list[float]:
    return found.table["price_aud_per_mwh"].tolist()


def test_forecast_prices_are_left_out_with_a_note(tmp_path):
    text = aemo(("ACTUAL", 80), ("ACTUAL", 82), ("FORECAST", 15500))
    found = read(write(tmp_path, "aemo_price_and_demand", text))
    assert prices(found) == [80.0, 82.0]
    assert found.notes == ("1 rows of forecasts (PERIODTYPE FORECAST) were left out",)
    assert found.describe()["notes"] == list(found.notes)


def test_one_actual_price_among_forecasts_is_an_interval_of_the_market(tmp_path):
    found = read(write(tmp_path, "aemo_price_and_demand", aemo(("ACTUAL", 80), ("Forecast", 90), ("FORECAST", 95))))
    assert (prices(found), found.step) == ([80.0], pd.Timedelta(minutes=5))


def test_a_table_of_forecasts_alone_is_refused(tmp_path):
    with pytest.raises(ReadError, match=r"column 'PERIODTYPE': leaves no row that records what was; give recorded"):
        read(write(tmp_path, "aemo_price_and_demand", aemo(("FORECAST", 80), ("FORECAST", 82))))


@pytest.mark.parametrize("kinds", [("TRADE", "TRADE"), ("ACTUAL", "ACTUAL")])
def test_a_column_that_tells_no_rows_apart_is_no_matter(tmp_path, kinds):
    found = read(write(tmp_path, "aemo_price_and_demand", aemo(*((kind, 80) for kind in kinds))))
    assert (prices(found), found.notes) == ([80.0, 80.0], ())


def test_kinds_of_rows_that_are_not_known_are_kept_and_named(tmp_path):
    found = read(write(tmp_path, "aemo_price_and_demand", aemo(("TRADE", 80), ("OTHER", 82))))
    assert prices(found) == [80.0, 82.0]
    assert found.notes == ("column 'PERIODTYPE' tells rows apart ('trade', 'other') and was not used",)


def widened(kind: str, column: str, cells: list[str]) -> str:
    header, *lines = SAMPLES[kind].splitlines()
    return rows(f"{header},{column}", *(f"{line},{cell}" for line, cell in zip(lines, cells, strict=True)))


@pytest.mark.parametrize(
    "kind",
    ["dispatch_price", "nem_price_table", "wem_balancing_price", "electricity_maps", "carbon_table", "cdeii", "cdeii_table",
     "opennem_export", "weather_table", "half_hourly_temperature", "servegen_rates", "jaxsched_table"],
)  # fmt: skip
@pytest.mark.parametrize(("column", "word"), [("RUNTYPE", "PREDISPATCH"), ("type", "forecast"), ("is_forecast", "1")])
def test_every_reader_of_a_series_leaves_forecasts_out(tmp_path, kind, column, word):
    actual = "0" if word == "1" else "actual"
    found = read(write(tmp_path, kind, widened(kind, column, [actual] * 5 + [word])))
    assert len(found.table) == 5
    assert sum("forecasts" in note and "left out" in note for note in found.notes) == 1


def test_long_tables_leave_forecasts_out(tmp_path):
    cells = ["actual", "actual", "actual", "actual", "actual", "forecast"] * 5
    assert len(read(write(tmp_path, "opennem_long", widened("opennem_long", "type", cells))).table) == 5


def test_mappings_leave_forecasts_out(tmp_path):
    path = write(tmp_path, "aemo_price_and_demand", aemo(("ACTUAL", 80), ("ACTUAL", 82), ("FORECAST", 15500)))
    how = Mapped("SETTLEMENTDATE", {"price_aud_per_mwh": "RRP"}, "UTC+10", "end", place="REGION")
    found = read_mapped(path, how)
    assert prices(found) == [80.0, 82.0]
    assert "1 rows of forecasts (PERIODTYPE FORECAST) were left out" in found.notes


@pytest.mark.parametrize("column", ["PREDISPATCHSEQNO", "RUN_DATETIME", "Issued at"])
def test_a_table_of_forecast_runs_is_refused(tmp_path, column):
    with pytest.raises(ReadError, match=f"column '{column}': names the run of a forecast"):
        read(write(tmp_path, "dispatch_price", widened("dispatch_price", column, ["2023011701"] * 6)))


def test_amounts_of_a_forecast_are_no_flag(tmp_path):
    found = read(write(tmp_path, "dispatch_price", widened("dispatch_price", "forecast", ["7000.5"] * 6)))
    assert len(found.table) == 6


def test_flags_of_the_market_operator_are_told(tmp_path):
    text = widened(
        "dispatch_price", "INVALIDFLAG,APCFLAG,PRICE_STATUS", ["0,0,FIRM"] * 3 + ["0,1,NOT FIRM"] * 2 + ["1,0,FIRM"]
    )
    found = read(write(tmp_path, "dispatch_price", text))
    assert len(found.table) == 5
    assert found.notes == (
        "1 rows that INVALIDFLAG marks as invalid were left out",
        "2 rows are administered prices (APCFLAG), and are kept",
        "2 rows are of a price that was not firm (PRICE_STATUS), and are kept",
    )
