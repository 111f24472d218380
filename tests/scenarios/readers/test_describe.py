"""Every kind of file is recognised and described; what its source does not say is null."""

import json

import pandas as pd
import pytest

from jaxsched.scenarios.readers import ReadError, Recording, describe, read, recognise
from jaxsched.scenarios.readers._formats import FORMATS
from tests.scenarios.readers.samples import SAMPLES, write

KEYS = {"kind", "zone", "step_seconds", "start_utc", "end_utc", "rows", "gaps", "units"}
KINDS = {
    "aemo_price_and_demand": "aemo_price_and_demand",
    "dispatch_price": "nemosis_dispatch_price",
    "nemweb_price": "nemweb_dispatch_price",
    "nemweb_cdeii": "aemo_cdeii",
    "cdeii": "aemo_cdeii",
    "cdeii_table": "aemo_cdeii",
    "wem_balancing_summary": "wem_balancing_price",
    "carbon_table": "electricity_maps",
    "open_meteo_csv": "open_meteo",
    "open_meteo_json": "open_meteo",
}
REAL = {
    "carbon/au_carbon_intensity_hourly_2021_2024.parquet": ("electricity_maps", "UTC", 3600.0, 245_448, 0),
    "grid/aemo_cdeii_daily_2015_2021.parquet": ("aemo_cdeii", "UTC+10", 86_400.0, 15_342, 0),
    "grid/opennem_nem_5min_week_2023-01-17.parquet": ("opennem_long", "UTC+10", 300.0, 10_085, 0),
    "grid/opennem_sa1_5min_june2022_suspension.parquet": ("opennem_export", "UTC+10", 300.0, 4_034, 1),
    "llm_traces/AzureLLMInferenceTrace_code.csv": ("azure_trace", "UTC", None, 8_819, None),
    "llm_traces/AzureLLMInferenceTrace_conv.csv": ("azure_trace", "UTC", None, 19_366, None),
    "llm_traces/servegen_total_rate_10min.parquet": ("servegen_rates", None, 600.0, 6_336, 0),
    "prices/nem_price_demand_2020_30min_all_regions.parquet": ("nem_price_table", "UTC+10", 1800.0, 87_840, 0),
    "prices/qld1_price_demand_5min_2024-01_09.parquet": ("nem_price_table", "UTC+10", 300.0, 71_712, 0),
    "prices/vic1_price_demand_5min_2024_2026.parquet": ("nem_price_table", "UTC+10", 300.0, 258_912, 0),
    "prices/wa_wem_balancing_30min_2020-01-01_03.csv": ("wem_balancing_price", "UTC+8", 1800.0, 144, 0),
    "weather/au_5city_temp_30min_2000_2015.parquet": ("half_hourly_temperature", "UTC+10", 1800.0, 1_330_608, 0),
    "weather/greendcc_openmeteo_hourly_2020_2024.parquet": ("weather_table", "UTC", 3600.0, 701_568, 0),
}


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_description_has_the_same_keys_for_every_kind_and_is_json(tmp_path, kind):
    found = describe(write(tmp_path, kind))
    assert found.keys() >= KEYS
    assert found["kind"] == KINDS.get(kind, kind)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["rows"] == {"burstgpt": 5, "open_meteo_json": 3}.get(kind, 6)


@pytest.mark.parametrize("file", REAL)
def test_real_files_are_described_as_they_are(shared_data, file):
    found = describe(shared_data / file)
    assert found.keys() >= KEYS
    assert tuple(found[key] for key in ("kind", "zone", "step_seconds", "rows", "gaps")) == REAL[file]


@pytest.mark.parametrize("kind", ["burstgpt", "splitwise", "vidur", "servegen_rates"])
def test_a_source_without_dates_has_neither_start_nor_end_nor_zone(tmp_path, kind):
    found = describe(write(tmp_path, kind))
    assert [found[key] for key in ("zone", "start_utc", "end_utc")] == [None, None, None]


@pytest.mark.parametrize(
    "kind", [kind for kind in SAMPLES if not kind.startswith(("epw", "nemweb", "open_meteo", "opennem_json"))]
)
def test_a_file_is_recognised_whatever_capitals_its_header_has(tmp_path, kind):
    header, _, rest = SAMPLES[kind].partition("\n")
    assert describe(write(tmp_path, kind, header.upper() + "\n" + rest))["kind"] == KINDS.get(kind, kind)


def test_every_table_that_is_known_has_a_sample(tmp_path):
    seen = set()
    for kind in SAMPLES:
        seen.add(recognise(write(tmp_path, kind)).about)
    assert seen >= {known.about for known in FORMATS if known.columns} - {"OpenNEM export"}


def test_a_file_of_no_known_kind_is_refused_with_its_columns(tmp_path):
    path = tmp_path / "places.csv"
    path.write_text("alpha,beta\n1,2\n")
    with pytest.raises(ReadError, match=r"^places\.csv: is none of the kinds .*alpha, beta.*\.$"):
        describe(path)


def test_a_log_of_two_requests_is_described_without_statistics(tmp_path):
    text = "\n".join(SAMPLES["splitwise"].splitlines()[:3])
    assert describe(write(tmp_path, "splitwise", text))["statistics"] is None


def test_gaps_are_listed_with_their_place_and_both_ends(tmp_path):
    lines = SAMPLES["weather_table"].splitlines()
    found = read(write(tmp_path, "weather_table", "\n".join(lines[:3] + lines[5:])))
    assert isinstance(found, Recording)
    assert found.describe()["gaps"] == 1
    assert found.gaps.iloc[0].tolist() == [
        "AU-NSW",
        pd.Timestamp("2020-01-01 02:00", tz="UTC"),
        pd.Timestamp("2020-01-01 04:00", tz="UTC"),
    ]
