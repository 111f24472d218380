"""Whatever a file holds, nothing but a ReadError of one sentence comes out of the readers."""

import copy
import datetime
import decimal
import io
import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jaxsched.scenarios.readers import ReadError, describe, recognise
from tests.scenarios.readers.samples import OPENNEM_SERIES, SAMPLES, write

# The same examples in every run, so that a failure is found again.
bounded = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
NASTY = [
    "", " ", '"', "'", ",", ";", "\n", "\r", "\t", "\x0b", "\x1c", "\u2028", "\ufeff", "-", "nan", "inf", "-inf", "1e999", "1e-999",
    "9" * 400, "-1", "0", "1e18", "2147483648", "99.9", "true", "None", "2020-02-30", "0000-00-00", "9999-12-31 23:59:59",
    "1677-09-21", "2262-04-12", "2020-01-01 24:00", "2020-01-01T00:00Z", "2020-01-01 00:00+99:99", "24:00", "é", "\U0001f600",
    "I,DISPATCH,PRICE,", "D,CO2EII,PUBLISHING,", "C,", "{", "[" * 50, "null", "=1+1", "%s", "\\", "a" * 300,
]  # fmt: skip
cells = st.one_of(st.sampled_from(NASTY), st.text(max_size=12))


def survives(path) -> None:
    """The file is described, or refused in one sentence."""
    for ask in (recognise, describe):
        try:
            found = ask(path)
        except ReadError as error:
            message = str(error)
            assert message.isprintable()
            assert message.endswith(".")
            assert len(message) < 900
        else:
            assert ask is recognise or json.dumps(found, allow_nan=False)


def _mutate(text: str, data) -> str:
    """One change of a line, of a cell or of the end."""
    lines = text.split("\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    how = data.draw(
        st.sampled_from(["drop", "double", "swap", "cell", "cell", "cell", "empty", "insert", "cut", "column"])
    )
    if how == "drop":
        del lines[at]
    elif how == "double":
        lines.insert(at, lines[at])
    elif how == "swap":
        lines[at], lines[-1] = lines[-1], lines[at]
    elif how in ("cell", "empty"):
        parts = lines[at].split(",")
        parts[data.draw(st.integers(0, len(parts) - 1))] = "" if how == "empty" else data.draw(cells)
        lines[at] = ",".join(parts)
    elif how == "column":
        which, new = data.draw(st.integers(0, 4)), data.draw(cells)
        split = [line.split(",") for line in lines]
        lines = [",".join([*row[:which], new, *row[which + 1 :]]) for row in split]
    body = "\n".join(lines)
    place = data.draw(st.integers(0, len(body)))
    if how == "insert":
        return body[:place] + data.draw(cells) + body[place:]
    return body[:place] if how == "cut" else body


@pytest.mark.parametrize("kind", SAMPLES)
@bounded
@given(data=st.data())
def test_changes_of_a_valid_file_are_read_or_refused(tmp_path, kind, data):
    text = SAMPLES[kind]
    for _ in range(data.draw(st.integers(1, 3))):
        text = _mutate(text, data)
    survives(write(tmp_path, kind, text.encode("utf-8", "surrogatepass")))


@pytest.mark.parametrize("kind", SAMPLES)
@bounded
@given(body=st.binary(max_size=200), lines=st.integers(0, 9))
def test_bytes_after_a_known_beginning_are_read_or_refused(tmp_path, kind, body, lines):
    known = "\n".join(SAMPLES[kind].split("\n")[:lines]) + "\n" * (lines > 0)
    survives(write(tmp_path, kind, known.encode() + body))


@pytest.mark.parametrize("name", ["a.csv", "a.epw", "a.json", "a.csv.gz", "a.parquet", "a"])
@bounded
@given(body=st.binary(max_size=300))
def test_any_bytes_under_any_name_are_refused(tmp_path, name, body):
    path = tmp_path / name
    path.write_bytes(body)
    with pytest.raises(ReadError):
        describe(path)
    survives(path)


scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), cells)
values = st.one_of(scalars, st.lists(scalars, max_size=3), st.dictionaries(cells, scalars, max_size=2))


@bounded
@given(
    time=st.lists(st.one_of(st.just("2020-01-01T00:00"), values), max_size=4),
    temperature=st.lists(values, max_size=4),
    about=st.dictionaries(st.sampled_from(["latitude", "longitude", "utc_offset_seconds", "hourly"]), values),
    unit=values,
)
def test_any_json_of_the_shape_of_open_meteo_is_read_or_refused(tmp_path, time, temperature, about, unit):
    body = {"latitude": -33.0, "longitude": 151.0, "utc_offset_seconds": 36000}
    body |= {
        "hourly": {"time": time, "temperature_2m": temperature},
        "hourly_units": {"time": unit, "temperature_2m": "°C"},
    }
    text = json.dumps(body | about)
    survives(write(tmp_path, "open_meteo_json", text.encode("utf-8", "surrogatepass")))


@settings(bounded, max_examples=200)
@given(data=st.data(), value=values)
def test_any_json_of_the_shape_of_opennem_is_read_or_refused(tmp_path, data, value):
    four = {"metric": "price", "unit": "$/MWh", "interval": "5m", "results": [
        {"name": "price_NSW1", "columns": {"region": "NSW1"}, "data": [["2023-01-17T10:05:00+10:00", 80.0]]}]}  # fmt: skip
    body: Any = {"version": "4", "data": [*copy.deepcopy(OPENNEM_SERIES[:3]), four]}
    inside, key = body, "data"
    for _ in range(data.draw(st.integers(0, 5))):
        inner = inside[key]
        if not isinstance(inner, dict | list) or not inner:
            break
        inside, key = (
            inner,
            data.draw(st.sampled_from(list(inner) if isinstance(inner, dict) else list(range(len(inner))))),
        )
    inside[key] = value
    survives(write(tmp_path, "opennem_json", json.dumps(body).encode("utf-8", "surrogatepass")))


DEEP = ["[" * 100_000, '{"hourly":' * 100_000, '{"hourly": {"time": [' + "9" * 5_000 + ']}, "hourly_units": {}}']


@pytest.mark.parametrize("text", DEEP, ids=["lists", "objects", "long number"])
def test_json_that_exhausts_a_parser_is_refused(tmp_path, text):
    with pytest.raises(ReadError, match="is not valid JSON"):
        describe(write(tmp_path, "open_meteo_json", text))


_DAYS = [datetime.date(2020, 1, 1), datetime.date(1, 1, 1), datetime.date(9999, 12, 31)]
_SECONDS = [0, 2**50, -(2**50)]
ARRAYS = {
    "integers": pa.array([1, 2, 3]),
    "small": pa.array([1, 2, 3], pa.int8()),
    "large": pa.array([2**64 - 1, 0, 1], pa.uint64()),
    "half": pa.array(np.array([1, 2, 3], np.float16)),
    "endless": pa.array([np.inf, -np.inf, np.nan]),
    "booleans": pa.array([True, False, None]),
    "binary": pa.array([b"a", b"\xff", None]),
    "lists": pa.array([[1], [], None]),
    "structures": pa.array([{"a": 1}, {"a": 2}, None]),
    "maps": pa.array([[("a", 1)], [], None], pa.map_(pa.string(), pa.int64())),
    "nulls": pa.nulls(3),
    "text": pa.array(["a", "", None]),
    "large text": pa.array(["1.5", "2.5", "x"], pa.large_string()),
    "categories": pa.array(["NSW1", None, "VIC1"]).dictionary_encode(),
    "number categories": pa.array([1.5, None, 2.5]).dictionary_encode(),
    "decimals": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("-3.25")]),
    "days": pa.array(_DAYS),
    "clock": pa.array([datetime.time(1, 2), None, datetime.time(3, 4)]),
    "spans": pa.array([0, 1, 2], pa.duration("s")),
    "stamps": pa.array([datetime.datetime(2020, 1, 1, h) for h in range(3)]),
    "far stamps": pa.array(_SECONDS, pa.timestamp("s")),
    "far nano": pa.array([0, 2**62, -(2**62)], pa.timestamp("ns")),
    "odd zone": pa.array([0, 3600, 7200], pa.timestamp("s", "+09:37")),
    "half zone": pa.array([0, 3600, 7200], pa.timestamp("us", "Australia/Lord_Howe")),
    "no zone": pa.array([0, 3600, 7200], pa.timestamp("ms", "Mars/Olympus")),
}
# What each table holds where it is right, and what takes the place of one column in turn.
TABLES = {
    "weather_table": {"datetime_utc": "stamps", "zone": "text", "temp_c": "integers", "rh_pct": "half"},
    "nem_price_table": {"region": "categories", "datetime_nem_end": "stamps", "rrp_aud_mwh": "decimals"},
    "carbon_table": {
        "datetime_utc": "stamps", "zone": "text", "ci_direct": "integers", "ci_lca": "small", "estimated": "booleans",
    },
    "cdeii_table": {"region": "categories", "date": "days", "aemo_cdeii_intensity": "half"},
    "opennem_long": {"region": "categories", "series": "text", "t": "stamps", "value": "integers"},
    "opennem_export": {"datetime_nem": "stamps", "wind_mw": "integers", "price_aud_mwh": "decimals"},
    "dispatch_price": {"SETTLEMENTDATE": "stamps", "REGIONID": "categories", "RRP": "integers", "INTERVENTION": "small"},
    "burstgpt": {"Timestamp": "integers", "Model": "text", "Request tokens": "small", "Response tokens": "half"},
    "azure_trace": {"TIMESTAMP": "stamps", "ContextTokens": "integers", "GeneratedTokens": "integers"},
    "servegen_rates": {"model": "categories", "t_s": "integers", "rate_req_s": "half"},
    "jaxsched_table": {"start_utc": "stamps", "place": "categories", "price_aud_per_mwh": "decimals", "estimated": "flags"},
    "undated table": {"start_s": "integers", "place": "text", "rate_requests_per_s": "small", "latitude": "half",
                      "longitude": "small"},
    "request_log": {"arrived_utc": "stamps", "prompt_tokens": "small", "answer_tokens": "half", "request_class": "categories"},
    "request_rates": {"start_utc": "stamps", "origin": "categories", "request_class": "text", "requests": "small"},
    "latency_log": {"arrival": "stamps", "prompt_tokens": "small", "output_tokens": "integers", "ttft_s": "half"},
    "wondernetwork_pings": {"source": "integers", "destination": "fives", "min": "decimals"},
    "city_pairs": {"from_city": "names", "to_city": "text", "rtt_ms": "decimals"},
    "sites": {
        "name": "names", "latitude": "south", "longitude": "east", "state": "state", "plant": "plant", "hardware": "hardware",
        "gpus": "integers", "facility_limit_kw": "decimals", "gpus_per_replica": "half", "timezone": "zone", "region": "categories",
    },
    "origins": {"name": "names", "latitude": "south", "longitude": "east", "state": "state", "population": "integers",
                "timezone": "zone"},
    "geonames": {
        "geonameid": "integers", "name": "names", "latitude": "half", "longitude": "small", "population": "integers",
        "timezone": "zone", "admin1code": "small", "countrycode": "text", "state": "state",
    },
    "servers": {"id": "integers", "city": "names", "country": "text", "latitude": "half", "longitude": "small"},
}  # fmt: skip
RIGHT = {
    "text": pa.array(["A"] * 3),
    "categories": pa.array(["SA1"] * 3).dictionary_encode(),
    "decimals": pa.array([1.0, 2, 3]),
    "flags": pa.array([True, False, True]),
    "fives": pa.array([5, 6, 7]),
    "names": pa.array(["B", "C", "D"]),
    "south": pa.array([-34.5, -35.0, -36.0]),
    "east": pa.array([138.5, 139.0, 140.0]),
    "state": pa.array(["SA"] * 3),
    "plant": pa.array(["dx"] * 3),
    "hardware": pa.array(["h100"] * 3),
    "zone": pa.array(["Australia/Adelaide"] * 3),
}


@pytest.mark.parametrize("odd", ARRAYS)
@pytest.mark.parametrize("kind", TABLES)
def test_columns_of_any_type_are_read_or_refused(tmp_path, kind, odd):
    path = tmp_path / "SA1.parquet"
    for column in TABLES[kind]:
        arrays = {name: RIGHT[of] if of in RIGHT else ARRAYS[of] for name, of in TABLES[kind].items()} | {
            column: ARRAYS[odd]
        }
        pq.write_table(pa.table(arrays), path)
        survives(path)


@pytest.mark.parametrize("kind", list(TABLES)[list(TABLES).index("jaxsched_table") :])
def test_the_right_columns_are_read(tmp_path, kind):
    path = tmp_path / "SA1.parquet"
    pq.write_table(
        pa.table({name: RIGHT[of] if of in RIGHT else ARRAYS[of] for name, of in TABLES[kind].items()}), path
    )
    assert describe(path)["rows"] in (1, 2, 3)


@pytest.mark.parametrize("odd", ["booleans", "binary", "lists", "nulls", "stamps", "spans", "days", "clock", "text"])
def test_what_is_no_number_in_parquet_is_refused_as_such(tmp_path, odd):
    path = tmp_path / "weather.parquet"
    pq.write_table(pa.table({"datetime_utc": ARRAYS["stamps"], "zone": RIGHT["text"], "temp_c": ARRAYS[odd]}), path)
    if odd == "nulls":
        assert describe(path)["empty"] == {"dry_bulb_c": 3}
        return
    with pytest.raises(ReadError, match=r"row 1, column 'temp_c': .* is not a number"):
        describe(path)


@bounded
@given(data=st.data())
def test_parquet_with_bytes_changed_in_its_footer_is_read_or_refused(tmp_path, data):
    frame = pd.DataFrame({"datetime_utc": pd.date_range("2020", periods=9, freq="h"), "zone": "A", "temp_c": 1.5})
    sink = io.BytesIO()
    frame.to_parquet(sink)
    body = bytearray(sink.getvalue())
    body = body[: data.draw(st.integers(0, len(body)))] + data.draw(st.binary(max_size=12))
    path = tmp_path / "weather.parquet"
    path.write_bytes(body)
    survives(path)
