"""`jaxsched init`, `convert` and `data` as a user meets them."""

import json
import tomllib

import numpy as np
import pandas as pd
import pytest

from jaxsched.config import Config
from jaxsched.config._template import template
from jaxsched.scenarios.readers import read
from tests.cli.test_bad_input import jaxsched

KEYS = {"kind", "zone", "step_seconds", "start_utc", "end_utc", "rows", "gaps", "units"}


@pytest.fixture
def prices(tmp_path):
    stamps = pd.date_range("2020-01-01 00:30", periods=6, freq="30min").strftime("%Y/%m/%d %H:%M:%S")
    frame = pd.DataFrame(
        {"REGION": "NSW1", "SETTLEMENTDATE": stamps, "TOTALDEMAND": 7000.0, "RRP": [50, -1000, 15100, 50, 50, 50]}
    )
    path = tmp_path / "PRICE_AND_DEMAND_202001_NSW1.csv"
    frame.drop(index=3).assign(PERIODTYPE="TRADE").to_csv(path, index=False)
    return path


def test_describe_says_clock_step_range_gaps_and_units(prices):
    done = jaxsched(prices.parent, "data", "describe", prices.name, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found) >= KEYS
    assert (found["kind"], found["zone"], found["step_seconds"]) == ("aemo_price_and_demand", "UTC+10", 1800.0)
    assert found["start_utc"] == "2019-12-31T14:00:00+00:00"
    assert (found["rows"], found["gaps"]) == (5, 1)
    assert found["units"]["price_aud_per_mwh"] == "AUD/MWh"
    shown = jaxsched(prices.parent, "data", "describe", prices.name).stdout
    assert "AEMO price and demand" in shown
    assert "-1000 to 15100" in shown


def test_convert_writes_what_reads_back_equal(prices):
    done = jaxsched(prices.parent, "convert", prices.name, "tidy.parquet")
    assert done.returncode == 0, done.stderr
    first, again = read(prices), read(prices.parent / "tidy.parquet")
    columns = ["start_utc", "price_aud_per_mwh", "demand_mw"]
    pd.testing.assert_frame_equal(first.table[columns], again.table[columns])
    assert first.step == again.step


def test_convert_replaces_nothing_unasked_and_leaves_nothing_half_done(prices):
    (prices.parent / "mine.csv").write_text("precious")
    done = jaxsched(prices.parent, "convert", prices.name, "mine.csv")
    assert done.returncode == 2
    assert "add --overwrite" in done.stderr
    assert (prices.parent / "mine.csv").read_text() == "precious"
    assert jaxsched(prices.parent, "convert", prices.name, "mine.csv", "--overwrite").returncode == 0
    done = jaxsched(prices.parent, "convert", prices.name, "tidy.xlsx")
    assert done.returncode == 2
    assert "choose one of these" in done.stderr
    assert {p.name for p in prices.parent.iterdir()} == {prices.name, "mine.csv"}


def test_a_broken_file_is_one_sentence_and_exit_2(tmp_path):
    (tmp_path / "bad.csv").write_text("REGION,SETTLEMENTDATE,TOTALDEMAND,RRP\nNSW1,2020/01/01 00:30:00,7000,fifty\n")
    done = jaxsched(tmp_path, "data", "describe", "bad.csv")
    assert done.returncode == 2
    assert done.stderr.count("error: ") == 1
    assert all(word in done.stderr for word in ("bad.csv", "row 2", "'RRP'", "'fifty'"))
    assert "Traceback" not in done.stderr


def test_the_kinds_of_file_are_listed(tmp_path):
    shown = jaxsched(tmp_path, "data", "kinds").stdout
    for kind in ("aemo_price_and_demand", "epw", "open_meteo_json", "geonames_dump", "rtt_matrix", "sites"):
        assert kind in shown


@pytest.mark.parametrize("what", ["config", "sites", "origins"])
def test_schemas_are_json_schema(tmp_path, what):
    schema = json.loads(jaxsched(tmp_path, "schema", what).stdout)
    assert schema["type"] == "object"
    described = [field for field in schema["properties"].values() if "description" in field or "$ref" in field]
    assert len(described) >= len(schema["properties"]) - 1


def test_init_writes_a_study_that_runs(tmp_path):
    done = jaxsched(tmp_path, "init", "study")
    assert done.returncode == 0, done.stderr
    assert {p.name for p in (tmp_path / "study").iterdir()} == set(template())
    done = jaxsched(tmp_path, "run", "study/jaxsched.toml", "--policy", "temperature_aware", "--out", "out")
    assert done.returncode == 0, done.stderr
    sites = pd.read_parquet(tmp_path / "out" / "sites.parquet")
    mine = pd.read_csv(tmp_path / "study" / "sites.csv")
    assert set(sites["site"]) == set(mine["name"])
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert set(manifest["inputs"]) == {"sites", "origins"}
    again = jaxsched(tmp_path, "init", "study")
    assert again.returncode == 2
    assert "not empty" in again.stderr


def test_the_template_names_every_key_of_the_schema():
    text = template()["jaxsched.toml"]
    tomllib.loads(text)
    for section in ("scenario", "demand", "weights", "inputs", "solver", "report"):
        annotation = Config.model_fields[section].annotation
        assert f"[{section}]" in text
        for key in annotation.model_fields:
            assert f"{key} = " in text or f"[inputs.{key}" in text, key


def test_the_template_with_every_default_uncommented_is_valid():
    lines = []
    for line in template()["jaxsched.toml"].split("# Rules by request class")[0].splitlines():
        is_key = line.startswith("# ") and " = " in line and not line.endswith("= ...") and "_" + line != line
        key = line[2:].partition(" = ")[0]
        lines.append(line[2:] if is_key and key.isidentifier() else line)
    config = Config.model_validate(tomllib.loads("\n".join(lines)))
    assert config.scenario.slots == 24
    assert np.isclose(config.solver.rtol, 1e-4)
