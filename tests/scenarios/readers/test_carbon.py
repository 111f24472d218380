"""Carbon intensity keeps its basis, its missing hours and its marks."""

import numpy as np
import pandas as pd
import pytest

from jaxsched.scenarios.readers import ReadError, read
from tests.scenarios.readers.samples import HOURS, SAMPLES, rows, write

TABLE = "carbon/au_carbon_intensity_hourly_2021_2024.parquet"
CDEII = "grid/aemo_cdeii_daily_2015_2021.parquet"
# As the site wrote them from year to year.
HEADERS = (
    "Datetime (UTC),Country,Zone Name,Zone Id,Carbon Intensity gCO₂eq/kWh (direct),Carbon Intensity gCO₂eq/kWh (LCA),"
    "Low Carbon Percentage,Renewable Percentage,Data Source,Data Estimated,Data Estimation Method",
    "Datetime (UTC),Country,Zone name,Zone id,Carbon intensity gCO₂eq/kWh (direct),Carbon intensity gCO₂eq/kWh (Life cycle),"
    "Carbon-free energy percentage (CFE%),Renewable energy percentage (RE%),Data source,Data estimated,Data estimation method",
    "datetime (UTC),Country,Zone name,Zone ID,Carbon intensity gCO2eq/kWh (Direct),Carbon intensity gCO2eq/kWh (life cycle),"
    "Low carbon,Renewable,Data source,Data estimated,Method",
)


def export(header: str) -> str:
    lines = [
        f"{t:%Y-%m-%d %H:%M:%S},Australia,NSW,AU-NSW,50{n},55{n},20,20,opennem,{n == 2}," for n, t in enumerate(HOURS)
    ]
    return rows(header, *lines)


@pytest.mark.parametrize("header", HEADERS)
def test_the_export_of_any_year_is_read(tmp_path, header):
    found = read(write(tmp_path, "electricity_maps", export(header)))
    assert found.table["carbon_direct_g_per_kwh"].tolist() == [500.0 + n for n in range(6)]
    assert found.table["carbon_lca_g_per_kwh"].tolist() == [550.0 + n for n in range(6)]
    assert found.table["estimated"].tolist() == [False, False, True, False, False, False]
    assert found.table["start_utc"].tolist() == HOURS.tz_localize("UTC").tolist()


def test_a_mark_that_is_neither_true_nor_false_is_refused(tmp_path):
    with pytest.raises(ReadError, match="row 4, column 'Data estimated': 'perhaps' is neither true nor false"):
        read(write(tmp_path, "electricity_maps", export(HEADERS[1]).replace(",True,", ",perhaps,")))


def test_missing_hours_stay_missing_and_estimates_are_flagged(shared_data):
    table = read(shared_data / TABLE).table
    raw = pd.read_parquet(shared_data / TABLE)
    missing = table[table["carbon_direct_g_per_kwh"].isna()]
    assert len(missing) == 7
    assert missing["place"].unique().tolist() == ["AU-WA"]
    assert int(table["estimated"].sum()) == int(raw["estimated"].sum()) > 0
    raw = raw.sort_values(["zone", "datetime_utc"])
    for mine, theirs in (("carbon_direct_g_per_kwh", "ci_direct"), ("carbon_lca_g_per_kwh", "ci_lca")):
        np.testing.assert_array_equal(table[mine].to_numpy(), raw[theirs].to_numpy(float))


def test_the_index_of_aemo_is_of_whole_nem_days(shared_data):
    found = read(shared_data / CDEII)
    raw = pd.read_parquet(shared_data / CDEII)
    assert found.table["start_utc"].min() == pd.Timestamp("2014-12-31 14:00", tz="UTC")
    assert found.table["start_utc"].dt.hour.unique().tolist() == [14]
    mine = found.table[found.table["place"] == "VIC1"]["carbon_direct_g_per_kwh"].mean()
    assert mine == pytest.approx(1000 * raw[raw["region"] == "VIC1"]["aemo_cdeii_intensity"].mean(), rel=1e-6)


@pytest.mark.parametrize("kind", ["cdeii", "nemweb_cdeii"])
def test_tonnes_per_megawatt_hour_become_grams_per_kilowatt_hour(tmp_path, kind):
    found = read(write(tmp_path, kind)).table["carbon_direct_g_per_kwh"].to_numpy()
    first = {"cdeii": 700.0, "nemweb_cdeii": 800.0}[kind]
    assert found == pytest.approx(first + 10.0 * np.arange(6))


def test_an_hour_in_a_daily_index_is_refused(tmp_path):
    text = SAMPLES["cdeii"].replace("2020/01/03 00:00:00", "2020/01/03 12:00:00")
    with pytest.raises(ReadError, match="row 4, column 'SETTLEMENTDATE': 2020/01/03 12:00:00 is no day"):
        read(write(tmp_path, "cdeii", text))


def test_a_unit_that_is_a_thousand_times_too_large_is_refused(tmp_path):
    with pytest.raises(ReadError, match=r"'702' is not from 0 to 3; check the value and the unit\.$"):
        read(write(tmp_path, "cdeii", SAMPLES["cdeii"].replace("0.72", "702")))
