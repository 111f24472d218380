"""OpenNEM's JSON of every version reads to the same table as its other files."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jaxsched.scenarios._tables import read_embedded
from jaxsched.scenarios.readers import ReadError, Recording, read
from tests.scenarios.readers.samples import OPENNEM_SERIES, SAMPLES, opennem_series, write

WEEK = "grid/opennem_nem_5min_week_2023-01-17.parquet"
COAL = float(read_embedded("emission_factors").set_index("fuel").loc["coal_black"].iloc[0])
ROUNDING = 1e-9


def reading(folder, data: Any) -> Recording:
    found = read(write(folder, "opennem_json", json.dumps(data)))
    assert isinstance(found, Recording)
    return found


def version_4(metric: str, unit: str, interval: str, results: dict[str, list], **more: Any) -> dict:
    """One metric of the API; results by fuel, `None` for those of the region."""
    step = pd.Timedelta({"5m": "5min", "1h": "1h", "1d": "1D"}[interval])
    shown = []
    for fuel, values in results.items():
        times = pd.date_range("2023-01-17 10:00", periods=len(values), freq=step)
        pairs = [[f"{t:%Y-%m-%dT%H:%M:%S}+10:00", value] for t, value in zip(times, values, strict=True)]
        columns = {"network_region": "NSW1"} | ({"fueltech": fuel} if fuel else {})
        shown.append({"name": f"{metric}_NSW1|{fuel}", "columns": columns, "data": pairs})
    return {"network_code": "NEM", "metric": metric, "unit": unit, "interval": interval, "results": shown, **more}


def test_the_json_holds_what_the_table_of_the_same_numbers_does(tmp_path):
    table = read(write(tmp_path, "opennem_long")).table
    found = read(write(tmp_path, "opennem_json"))
    pd.testing.assert_frame_equal(found.table[table.columns], table)
    assert (found.zone, found.stamp, found.step) == ("UTC+10", "interval end", pd.Timedelta(minutes=5))
    assert found.table["carbon_direct_g_per_kwh"].tolist() == pytest.approx([500.0 * COAL] * 6)
    assert found.units["price_aud_per_mwh"] == "AUD/MWh"


def as_version_3(raw: pd.DataFrame) -> list[dict]:
    series = []
    for (region, name, unit, interval), part in raw.groupby(["region", "series", "unit", "interval"], observed=True):
        values = [None if np.isnan(v) else float(v) for v in part.sort_values("t")["value"]]
        start, last = (f"{t:%Y-%m-%dT%H:%M:%S}+10:00" for t in (part["t"].min(), part["t"].max()))
        about = {"id": f"au.nem.{region.lower()}.{name}", "region": region, "units": unit}
        series.append(about | {"history": {"start": start, "last": last, "interval": interval, "data": values}})
    return series


def test_a_real_week_reads_alike_from_its_table_and_from_json(tmp_path, shared_data):
    raw = pd.read_parquet(shared_data / WEEK)
    whole = raw.groupby(["region", "series"], observed=True)["t"].transform(lambda t: t.diff().nunique() <= 1)
    found = reading(tmp_path, {"data": as_version_3(raw[whole])})
    table = read(shared_data / WEEK).table
    columns = ["price_aud_per_mwh", "carbon_direct_g_per_kwh", "demand_mw"]
    pd.testing.assert_frame_equal(found.table[["start_utc", *columns]], table[["start_utc", *columns]])
    assert found.table["dry_bulb_c"].notna().sum() == table["dry_bulb_c"].notna().sum() > 100


def test_the_oldest_files_are_a_list_with_other_names_of_fuels(tmp_path):
    old = [
        opennem_series("fuel_tech.black_coal.power", "MW", [30.0, 40.0]),
        opennem_series("price", "$/MWh", [80.0, 90.0]),
    ]
    old += [
        opennem_series("fuel_tech.rooftop_solar.power", "MW", [900.0, 900.0], "30m"),
        opennem_series("temperature", "C", [20.5]),
    ]
    for one in old:
        one["id"] = one["id"].removeprefix("au.nem.")
        del one["region"]
        one["history"]["start"] = one["history"]["start"].replace("+10:00", "+1000")
    found = reading(tmp_path, old)
    assert found.table["place"].tolist() == ["NSW1", "NSW1"]
    assert found.table["carbon_direct_g_per_kwh"].tolist() == pytest.approx([1000.0 * COAL] * 2)
    assert found.table["dry_bulb_c"].tolist()[0] == 20.5


def test_version_4_gives_price_and_emissions_over_generation(tmp_path):
    data = [
        version_4("price", "$/MWh", "1h", {"": [80.0, -1000.0]}),
        version_4(
            "energy", "MWh", "1h", {"coal_black": [60.0, 30.0], "wind": [40.0, 70.0], "battery_charging": [9.0, 9.0]}
        ),
        version_4(
            "emissions", "t", "1h", {"coal_black": [54.0, None], "wind": [0.0, 0.0], "battery_charging": [0.0, 0.0]}
        ),
        version_4("demand", "MW", "1h", {"": [84_000.0, 84_000.0]}),
        version_4("market_value", "$", "1h", {"coal_black": [1.0, 2.0]}),
        version_4("demand_forecast", "MW", "1h", {"": [1.0, 2.0]}),
    ]
    found = reading(tmp_path, {"version": "4.2", "success": True, "data": data})
    assert found.table["price_aud_per_mwh"].tolist() == [80.0, -1000.0]
    assert found.table["start_utc"].tolist() == list(pd.date_range("2023-01-17", periods=2, freq="h", tz="UTC"))
    np.testing.assert_allclose(found.table["carbon_direct_g_per_kwh"], [540.0, np.nan], rtol=ROUNDING)
    assert (found.stamp, "demand_mw" in found.table) == ("interval start", False)
    assert "1 forecasts were left out" in found.notes
    assert any("begins five minutes early" in note for note in found.notes)


def test_version_4_of_five_minutes_is_stamped_by_the_end(tmp_path):
    found = reading(tmp_path, {"data": [version_4("price", "$/MWh", "5m", {"": [80.0, 90.0]})]})
    assert found.table["start_utc"].iloc[0] == pd.Timestamp("2023-01-16 23:55", tz="UTC")
    assert found.quantities == ["price_aud_per_mwh"]


def test_emissions_of_power_count_the_length_of_the_interval(tmp_path):
    data = [
        version_4("power", "MW", "5m", {"coal_black": [1200.0]}),
        version_4("emissions", "t", "5m", {"coal_black": [90.0]}),
    ]
    assert reading(tmp_path, {"data": data}).table["carbon_direct_g_per_kwh"].tolist() == pytest.approx([900.0])


def test_a_temperature_alone_is_a_reading_of_an_instant(tmp_path):
    found = reading(tmp_path, {"data": [opennem_series("temperature", "C", [20.0, 21.0], "30m", "10:30")]})
    assert (found.stamp, found.step) == ("instant", pd.Timedelta(minutes=30))
    assert found.table["start_utc"].iloc[0] == pd.Timestamp("2023-01-17 00:30", tz="UTC")


def test_prices_of_another_step_than_generation_are_left_out_with_a_note(tmp_path):
    data = [*OPENNEM_SERIES[2:4], opennem_series("price", "AUD/MWh", [80.0], "30m")]
    found = reading(tmp_path, {"data": data})
    assert found.quantities == ["carbon_direct_g_per_kwh"]
    assert "price of other intervals than 5 min were left out" in found.notes


def test_forecasts_of_version_3_are_left_out_with_a_note(tmp_path):
    data = [
        OPENNEM_SERIES[0] | {"forecast": {"start": "2023-01-17T10:35:00+10:00", "interval": "5m", "data": [15_500.0]}}
    ]
    found = reading(tmp_path, {"data": data})
    assert found.table["price_aud_per_mwh"].tolist() == [81.5] * 6
    assert found.notes == ("1 forecasts were left out",)


PRICE = OPENNEM_SERIES[0]
HISTORY = PRICE["history"]


@pytest.mark.parametrize(
    ("series", "why"),
    [
        (PRICE | {"units": "c/kWh"}, "au.nem.nsw1.price: is in 'c/kWh'; give it in AUD/MWh or $/MWh."),
        (PRICE | {"region": "WEM"}, "is of 'WEM', where only NSW1, QLD1, SA1, TAS1, VIC1 are read."),
        (PRICE | {"history": HISTORY | {"interval": "1M"}}, "is of intervals of '1M'; fetch those of five minutes, an hour"),
        (PRICE | {"history": HISTORY | {"interval": "30m"}}, "is of half-hours, of which it is not known whether stamps end"),
        (PRICE | {"history": HISTORY | {"start": "2023-01-17T10:05:00+11:00"}}, "is on the clock of UTC+11, where NEM time is"),
        (PRICE | {"history": HISTORY | {"start": "2023-01-17T00:05:00Z"}}, "is on the clock of UTC, where NEM time is UTC+10"),
        (PRICE | {"history": HISTORY | {"start": None}}, "column 'start': is empty"),
        (PRICE | {"history": HISTORY | {"last": "2023-01-17T11:00:00+10:00"}}, "holds 6 values, which do not reach from its"),
        (PRICE | {"history": HISTORY | {"data": [80.0, "high"]}}, "row 2, column 'au.nem.nsw1.price': 'high' is not a number"),
        (PRICE | {"history": HISTORY | {"data": [80.0, 1e9]}}, "is not from -1000 to 100000; check the value and the unit."),
        (PRICE | {"id": "au.nem.nsw1.market_value"}, "holds no price, temperature, demand or generation of a region"),
        (opennem_series("fuel_tech.fusion.power", "MW", [80.0]), "no emission factor of 'fusion' is known"),
        (version_4("power", "MW", "5m", {"": [80.0]}), "is of no fuel; request it by fueltech."),
        ({"metric": "price", "unit": "$/MWh", "interval": "5m", "results": [{"columns": {}, "data": [[1, 2]]}]},
         "price: is of no region; request it by network_region."),
        ({"metric": "price", "unit": "$/MWh", "interval": "5m", "results": [{"columns": {"region": "SA1"}, "data": [3]}]},
         "price: its data are no pairs of time and value"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_a_sentence(tmp_path, series, why):
    with pytest.raises(ReadError) as caught:
        reading(tmp_path, {"data": [series]})
    assert why in str(caught.value)
    assert str(caught.value).startswith("SA.json: ")


def test_a_series_that_is_given_twice_is_refused(tmp_path):
    with pytest.raises(ReadError, match="price of NSW1 at 2023-01-17 10:05:00 is given twice; keep one series"):
        reading(tmp_path, {"data": [PRICE, PRICE]})


def test_json_of_no_known_kind_stays_unknown(tmp_path):
    for text in ('{"data": []}', "[]", '{"history": 1}', SAMPLES["opennem_json"][:-9]):
        with pytest.raises(ReadError):
            read(write(tmp_path, "opennem_json", text))
