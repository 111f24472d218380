"""What is converted reads back equal, whatever it was."""

import pandas as pd
import pytest

from jaxsched.scenarios.readers import Mapped, Recording, RequestLog, read, read_mapped, tidy, write_tidy
from tests.scenarios.readers.samples import SAMPLES, rows, write
from tests.scenarios.readers.test_broken import sentence

TIMED = [kind for kind in SAMPLES if kind not in (
    "request_rates", "wondernetwork_pings", "city_pairs", "rtt_matrix", "sites", "origins", "geonames", "geonames_dump", "servers",
)]  # fmt: skip
ENDINGS = [".csv", ".csv.gz", ".parquet"]
REAL = [
    "grid/opennem_sa1_5min_june2022_suspension.parquet", "prices/wa_wem_balancing_30min_2020-01-01_03.csv",
    "llm_traces/AzureLLMInferenceTrace_code.csv", "llm_traces/servegen_total_rate_10min.parquet",
]  # fmt: skip


def there_and_back(found, path):
    write_tidy(tidy(found), path)
    return read(path)


def assert_equal(back, found) -> None:
    """Tables equal to the last bit, and what the clock and dates are."""
    assert type(back) is type(found)
    pd.testing.assert_frame_equal(back.table, found.table, check_exact=True, check_dtype=False, check_categorical=False)
    assert back.dated == found.dated
    if isinstance(found, Recording):
        assert back.table["start_utc"].dtype == found.table["start_utc"].dtype
        assert (back.step, back.coordinates) == (found.step, dict(found.coordinates))
        assert (back.stamp == "instant") == (found.stamp == "instant")


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", TIMED)
def test_a_series_or_a_log_reads_back_equal(tmp_path, kind, ending):
    found = read(write(tmp_path, kind))
    assert isinstance(found, Recording | RequestLog)
    assert_equal(there_and_back(found, tmp_path / f"tidy{ending}"), found)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("file", REAL)
def test_a_real_file_reads_back_equal(tmp_path, shared_data, file, ending):
    found = read(shared_data / file)
    assert isinstance(found, Recording | RequestLog)
    assert_equal(there_and_back(found, tmp_path / f"tidy{ending}"), found)


@pytest.mark.parametrize("kind", ["burstgpt", "splitwise", "vidur", "servegen_rates"])
def test_what_has_no_dates_gets_none(tmp_path, kind):
    found = there_and_back(read(write(tmp_path, kind)), tmp_path / "tidy.csv")
    assert not found.dated
    assert [found.describe()[key] for key in ("zone", "start_utc", "end_utc")] == [None, None, None]
    assert pd.read_csv(tmp_path / "tidy.csv").columns[0] in ("start_s", "arrived_s")


def test_a_mapped_table_with_empty_cells_reads_back_equal(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(rows("t,a,b", "2024-01-01 00:00,1.1,", "2024-01-01 00:30,,0.1", "2024-01-01 01:00,0.3,1e-17"))
    how = Mapped("t", {"demand_mw": "a", "rate_requests_per_s": "b"}, "UTC+9:30", "end", place_name="Darwin")
    found = read_mapped(path, how)
    assert found.table["start_utc"].iloc[0] == pd.Timestamp("2023-12-31 14:00", tz="UTC")
    for ending in ENDINGS:
        assert_equal(there_and_back(found, tmp_path / f"tidy{ending}"), found)


def test_columns_are_found_whatever_their_capitals(tmp_path):
    text = SAMPLES["jaxsched_table"].replace("start_utc", "TIME_UTC").replace("price_aud_per_mwh", "Price_AUD_per_MWh")
    found = read(write(tmp_path, "jaxsched_table", text))
    assert isinstance(found, Recording)
    assert (found.stamp, found.quantities) == ("instant", ["price_aud_per_mwh", "estimated"])


def test_classes_of_a_log_are_found_whatever_their_capitals(tmp_path):
    found = read(write(tmp_path, "request_log", SAMPLES["request_log"].replace("request_class", "Request_Class")))
    assert isinstance(found, RequestLog)
    assert found.table["request_class"].unique().tolist() == ["chat"]


def test_stamps_of_a_log_come_to_utc(tmp_path):
    text = SAMPLES["request_log"].replace("Z,", "+10:00,")
    found = read(write(tmp_path, "request_log", text))
    assert isinstance(found, RequestLog)
    assert found.table["arrived"].iloc[0] == pd.Timestamp("2024-01-11 14:00:00.5")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("price_aud_per_mwh,estimated", "cost,note", "has no quantity; give one of price_aud_per_mwh, "),
        ("42.5", "-2000", "row 4, column 'price_aud_per_mwh': '-2000' is not from -1000 to 100000; check the value and the unit."),
        ("42.5,False", "42.5,perhaps", "row 4, column 'estimated': 'perhaps' is neither true nor false"),
        (",NSW1,42.5", ",,42.5", "row 4, column 'place': is empty; give a name."),
    ],
)  # fmt: skip
def test_a_broken_table_of_the_package_says_what_to_mend(tmp_path, old, new, why):
    assert why in sentence(write(tmp_path, "jaxsched_table", SAMPLES["jaxsched_table"].replace(old, new)))


def test_another_ending_is_refused(tmp_path):
    table = tidy(read(write(tmp_path, "servegen_rates")))
    with pytest.raises(
        ValueError, match=r"tidy\.xlsx: ends with none of \.csv, \.csv\.gz, \.parquet; choose one of these"
    ):
        write_tidy(table, tmp_path / "tidy.xlsx")
    assert not (tmp_path / "tidy.xlsx").exists()
