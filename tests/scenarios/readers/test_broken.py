"""A broken file gives one sentence that names the file, the place and the remedy."""

import gzip
import os
import re

import pandas as pd
import pytest

from jaxsched.scenarios.readers import ReadError, describe, read
from jaxsched.scenarios.readers._raw import load
from tests.scenarios.readers.samples import SAMPLES, rows, write

# The column of stamps or seconds, and one of numbers, of each kind that is a plain table.
COLUMNS = {
    "aemo_price_and_demand": ("SETTLEMENTDATE", "RRP"),
    "dispatch_price": ("SETTLEMENTDATE", "RRP"),
    "cdeii": ("SETTLEMENTDATE", "CO2E_INTENSITY_INDEX"),
    "cdeii_table": ("date", "aemo_cdeii_intensity"),
    "nem_price_table": ("datetime_nem_end", "rrp_aud_mwh"),
    "wem_balancing_price": ("datetime_awst_start", "final_price_aud_mwh"),
    "wem_balancing_summary": ("Trading Interval", "Final Price ($/MWh)"),
    "electricity_maps": ("Datetime (UTC)", "Carbon intensity gCO₂eq/kWh (direct)"),
    "carbon_table": ("datetime_utc", "ci_lca"),
    "opennem_long": ("t", "value"),
    "opennem_export": ("date", "Price - AUD/MWh"),
    "weather_table": ("datetime_utc", "temp_c"),
    "half_hourly_temperature": ("datetime_clock", "temp_c"),
    "azure_trace": ("TIMESTAMP", "ContextTokens"),
    "burstgpt": ("Timestamp", "Request tokens"),
    "splitwise": ("arrival_timestamp", "prompt_size"),
    "vidur": ("arrived_at", "num_decode_tokens"),
    "servegen_rates": ("t_s", "rate_req_s"),
    "jaxsched_table": ("start_utc", "price_aud_per_mwh"),
    "request_rates": ("start_utc", "requests"),
    "request_log": ("arrived_utc", "answer_tokens"),
    "latency_log": ("arrival", "ttft_s"),
}
LOGS = ("azure_trace", "burstgpt", "splitwise", "vidur", "request_log", "latency_log")
SERIES = [kind for kind in COLUMNS if kind not in LOGS]
BY_SECONDS = ("burstgpt", "splitwise", "vidur", "servegen_rates")


def sentence(path) -> str:
    """The message of the error, which is one sentence that names the file."""
    with pytest.raises(ReadError) as caught:
        describe(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    assert path.name in message
    return message


def with_cell(kind: str, row: int, column: str, cell: str) -> str:
    """The sample with one cell changed; rows count as an editor does."""
    lines = [line.split(",") for line in SAMPLES[kind].splitlines()]
    lines[row - 1][lines[0].index(column)] = cell
    return "\n".join(",".join(line) for line in lines) + "\n"


@pytest.mark.parametrize(
    "cell", ["warm", "inf", "1e999", '"1,234.5"', '"48,84"', "1 234", "0x1F", "1_000", "true", "--"]
)
@pytest.mark.parametrize("kind", COLUMNS)
def test_a_cell_that_is_no_number_is_named_by_row_and_column(tmp_path, kind, cell):
    column = COLUMNS[kind][1]
    text = with_cell(kind, 4, column, cell)
    message = sentence(write(tmp_path, kind, text))
    assert message.startswith(f"SA1.csv: row 4, column {column!r}: {cell.strip(chr(34))!r} is not a number; ")
    hint = "write a decimal point, and no separator of thousands" in message
    assert hint == (cell in ('"1,234.5"', '"48,84"', "1 234"))


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_stamp_that_is_no_time_is_named_by_row_and_column(tmp_path, kind):
    column = COLUMNS[kind][0]
    message = sentence(write(tmp_path, kind, with_cell(kind, 5, column, "noon")))
    assert f"row 5, column {column!r}: 'noon' is not a " in message


@pytest.mark.parametrize("kind", SERIES)
def test_a_row_given_twice_is_named(tmp_path, kind):
    lines = SAMPLES[kind].splitlines()
    message = sentence(write(tmp_path, kind, rows(*lines[:4], lines[3], *lines[4:])))
    assert re.search(rf"row 5, column '{re.escape(COLUMNS[kind][0])}': .* is given twice.*; keep one row\.$", message)


@pytest.mark.parametrize("kind", [kind for kind in SERIES if kind not in ("servegen_rates", "cdeii", "cdeii_table")])
def test_a_stamp_off_the_step_is_named(tmp_path, kind):
    lines = SAMPLES[kind].splitlines()
    cell = lines[3].split(",")[lines[0].split(",").index(COLUMNS[kind][0])]
    off = (pd.Timestamp(cell.rstrip("Z")) + pd.Timedelta(minutes=1)).strftime(
        "%Y-%m-%d %H:%M" + ":%S" * (cell.count(":") == 2) + "Z" * cell.endswith("Z")
    )
    message = sentence(write(tmp_path, kind, with_cell(kind, 4, COLUMNS[kind][0], off)))
    assert re.search(r"row 4, column '.*': .* is off the step of \d+ min; correct or remove the row\.$", message)


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_missing_column_is_refused_with_the_columns_there_are(tmp_path, kind):
    lines = [line.split(",") for line in SAMPLES[kind].splitlines()]
    at = lines[0].index(COLUMNS[kind][0])
    text = "\n".join(",".join(line[:at] + line[at + 1 :]) for line in lines)
    assert "is none of the kinds of file that are known (its columns: " in sentence(write(tmp_path, kind, text))


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("packed", [False, True], ids=["text", "gzip"])
def test_marks_line_ends_and_packing_change_nothing(tmp_path, kind, bom, end, packed):
    expected = describe(write(tmp_path, kind))
    body = bom + SAMPLES[kind].replace("\n", end).encode()
    path = write(tmp_path, kind, body)
    if packed:
        path = path.with_name(path.name + ".gz")
        path.write_bytes(gzip.compress(body))
    assert describe(path) == expected


# A dump has no header, and a matrix is told by its first row.
@pytest.mark.parametrize("kind", [kind for kind in SAMPLES if kind not in ("geonames_dump", "rtt_matrix")])
def test_a_header_without_rows_is_refused(tmp_path, kind):
    lines = SAMPLES[kind].splitlines()
    first = {"epw": 8, "open_meteo_csv": 4, "nemweb_price": 2, "nemweb_cdeii": 2}.get(kind, 1)
    bodies = {
        "open_meteo_json": '{"hourly": {"time": []}, "hourly_units": {}}',
        "opennem_json": '{"data": [{"history": {}}]}',
    }
    body = bodies.get(kind, rows(*lines[:first]))
    assert re.search("no rows|are empty|holds no price", sentence(write(tmp_path, kind, body)))


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda body: b"", "is empty; give a file with a header and rows"),
        (lambda body: b"\r\n \n", "is empty"),
        (lambda body: body.decode().encode("utf-16"), "is text in UTF-16; save it as UTF-8"),
        (lambda body: body.decode().encode("utf-16-le"), "NUL bytes"),
        (lambda body: body[:200] + b"\0" + body[200:], "row [1-8] holds NUL bytes"),
        (lambda body: body[:200] + b"\xff\xfe" + body[200:], "row [1-8] is not text in UTF-8"),
        (gzip.compress, "is compressed by gzip; give its name the ending .gz"),
        (lambda body: b"PK\x03\x04" + body, "is an Excel workbook or a ZIP archive"),
        (lambda body: b"PAR1" + body, "give its name the ending .parquet"),
    ],
    ids=["empty", "blank", "UTF-16", "UTF-16-LE", "NUL", "latin", "gzip", "zip", "parquet"],
)
def test_what_is_no_text_is_refused(tmp_path, kind, change, why):
    assert re.search(why, sentence(write(tmp_path, kind, change(SAMPLES[kind].encode()))))


@pytest.mark.parametrize("keep", [5, 20, 100, -4])
def test_a_gzip_archive_cut_short_is_refused(tmp_path, keep):
    path = tmp_path / "prices.csv.gz"
    lines = (
        f"NSW1,{t:%Y/%m/%d %H:%M:%S},7000,{i}" for i, t in enumerate(pd.date_range("2020", periods=9000, freq="h"))
    )
    packed = gzip.compress(rows("REGION,SETTLEMENTDATE,TOTALDEMAND,RRP", *lines).encode())
    path.write_bytes(packed[:keep])
    assert "is no gzip archive, or its end is missing; fetch it again." in sentence(path)


def test_a_parquet_file_cut_short_is_refused(tmp_path):
    path = tmp_path / "cut.parquet"
    pd.DataFrame({"city": ["Sydney"] * 99}).to_parquet(path)
    whole = path.read_bytes()
    for keep in (0, 3, 60, len(whole) - 9, len(whole) - 1):
        path.write_bytes(whole[:keep])
        assert "cut.parquet: is not a readable parquet table (" in sentence(path)


def test_damaged_pages_of_a_parquet_file_are_refused(tmp_path):
    path = tmp_path / "weather.parquet"
    frame = pd.DataFrame({"datetime_utc": pd.date_range("2020", periods=9999, freq="h"), "zone": "A", "temp_c": 1.5})
    frame.to_parquet(path, use_dictionary=False)
    body = bytearray(path.read_bytes())
    body[40:9000] = bytes(8960)
    path.write_bytes(body)
    assert "is not a readable parquet table (" in sentence(path)


def test_a_directory_a_missing_file_and_a_pipe_are_refused(tmp_path):
    assert sentence(tmp_path).endswith("is a directory; give a file.")
    assert sentence(tmp_path / "none.csv").endswith("there is no such file; check the path.")
    os.mkfifo(tmp_path / "pipe.csv")
    assert sentence(tmp_path / "pipe.csv").endswith("is no plain file; save what it gives as a file.")
    with pytest.raises(ReadError, match=r"cannot be read|no such file"):
        read(tmp_path / ("n" * 300))
    with pytest.raises(ReadError, match="no such file"):
        read("nul\0byte.csv")


@pytest.mark.parametrize("name", ["SA1.csv", "SA1.csv.gz", "SA1.parquet"])
def test_an_error_of_the_machine_is_a_sentence(tmp_path, monkeypatch, name):
    path = tmp_path / name
    path.write_text(SAMPLES["weather_table"])

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    for place in ("pathlib.Path.open", "gzip.open", "pyarrow.parquet.ParquetFile"):
        monkeypatch.setattr(place, refuse)
    assert "Permission denied" in sentence(path)


def test_a_name_with_a_line_break_does_not_break_the_sentence(tmp_path):
    path = tmp_path / "two\nlines.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ReadError) as caught:
        read(path)
    assert str(caught.value).startswith("two lines.csv: ")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("temp_c", "zone", "has two columns named 'zone'; rename or remove one."),
        ("AU-NSW,22.5", 'AU-NSW,"22\n.5"', "row 4, column 'temp_c': holds a line break within quotation marks; remove it."),
        ("AU-NSW,22.5", '"AU-NSW,22.5', "row 4 opens a quotation mark that is never closed; correct it."),
        ("AU-NSW,22.5", "AU-NSW,22,5", "row 4 has 5 cells where the header has 4; "),
        ("AU-NSW,20.5", "AU-NSW,20,5", "row 2 has more cells than the 4 of the header; "),
        ("AU-NSW,22.5", ",22.5", "row 4, column 'zone': is empty; give a name."),
        ("2020-01-01 02:00:00,", ",", "row 4, column 'datetime_utc': is empty; write times as"),
        ("AU-NSW,22.5", "AU-NSW,225", "row 4, column 'temp_c': '225' is not from -60 to 65; check the value and the unit."),
        (",", " ", "is none of the kinds of file that are known"),
        (",", ":", "is none of the kinds of file that are known"),
    ],
)  # fmt: skip
def test_a_broken_table_says_what_to_mend(tmp_path, old, new, why):
    text = SAMPLES["weather_table"].replace(old, new)
    if old == "temp_c":
        text = text.replace("rh_pct", "temp_c")
    assert why in sentence(write(tmp_path, "weather_table", text))


def test_a_row_with_too_many_cells_is_refused_where_some_columns_are_read_too(tmp_path):
    path = write(tmp_path, "weather_table", SAMPLES["weather_table"].replace("22.5", "22,5"))
    with pytest.raises(ReadError, match="row 4 has 5 cells where the header has 4"):
        load(path, ("datetime_utc", "temp_c"))


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_another_delimiter_is_understood(tmp_path, mark):
    expected = describe(write(tmp_path, "weather_table"))
    assert describe(write(tmp_path, "weather_table", SAMPLES["weather_table"].replace(",", mark))) == expected


def test_a_decimal_comma_between_semicolons_is_refused(tmp_path):
    text = SAMPLES["weather_table"].replace(",", ";").replace(".", ",")
    assert "'20,5' is not a number; write a decimal point" in sentence(write(tmp_path, "weather_table", text))


def test_blank_lines_keep_the_numbers_of_the_rows(tmp_path):
    text = with_cell("weather_table", 4, "temp_c", "warm").replace("\n2020-01-01 01", "\n\n,,,\n2020-01-01 01")
    assert "row 6, column 'temp_c': 'warm'" in sentence(write(tmp_path, "weather_table", text))
