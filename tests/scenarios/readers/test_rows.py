"""The user's sites and origins: every column is checked as the published schema says."""

import json

import pandas as pd
import pytest
from pydantic import TypeAdapter, ValidationError

from jaxsched.scenarios.readers import ReadError, Rows, read
from jaxsched.scenarios.readers._rows import OriginRow, SiteRow
from tests.scenarios.readers.samples import SAMPLES, write
from tests.scenarios.readers.test_broken import sentence, with_cell

MODELS = {"sites": SiteRow, "origins": OriginRow}
SCHEMAS = {kind: model.model_json_schema()["properties"] for kind, model in MODELS.items()}
COLUMNS = [(kind, name) for kind, columns in SCHEMAS.items() for name in columns]
ROW = {
    "name": "Edge", "latitude": -33.9, "longitude": 151.2, "state": "NSW", "plant": "dx", "hardware": "h100", "gpus": 8.0,
    "facility_limit_kw": 90.0, "population": 5000.0,
}  # fmt: skip
EDGES = [
    -1e9,
    -90.0,
    -55.0,
    -9.0,
    -1e-9,
    0.0,
    1e-9,
    0.99,
    1.0,
    96.0,
    169.0,
    180.0,
    1024.0,
    1025.0,
    1e7,
    1.1e7,
    1e9,
    1.1e9,
]


def table(folder, kind: str, row: dict) -> Rows:
    """What is read of a table of one row."""
    path = folder / f"{kind}.csv"
    pd.DataFrame([row]).to_csv(path, index=False)
    found = read(path)
    assert isinstance(found, Rows)
    return found


def row_of(kind: str) -> dict:
    return {name: value for name, value in ROW.items() if name in SCHEMAS[kind]}


def accepts(folder, kind: str, row: dict) -> bool:
    try:
        table(folder, kind, row)
    except ReadError as error:
        if not str(error).startswith(f"{kind}.csv: row 2, column "):
            raise
        return False
    return True


def test_sites_take_region_zone_and_replica_from_the_defaults(tmp_path):
    found = read(write(tmp_path, "sites")).table
    assert found["region"].to_dict() == {
        "Sydney 1": "NSW1", "Melbourne 1": "VIC1", "Brisbane 1": "QLD1", "Perth 1": "WEM", "Adelaide 1": "SA1",
        "Broken Hill 1": "NSW1",
    }  # fmt: skip
    assert found["timezone"].iloc[3] == "Australia/Perth"
    assert (found["gpus_per_replica"] == 4.0).all()


def test_a_cell_that_is_given_is_kept_beside_the_defaults_of_others(tmp_path):
    rows = pd.read_csv(write(tmp_path, "sites"))
    rows["gpus_per_replica"] = [8.0, None, None, None, None, None]
    rows = rows.astype({"timezone": object, "region": object})
    rows.loc[5, "timezone"] = "Australia/Broken_Hill"
    rows.loc[4, "region"] = "VIC1"
    for name in ("edge.csv", "edge.parquet"):
        path = tmp_path / name
        rows.to_csv(path, index=False) if name.endswith("csv") else rows.to_parquet(path)
        found = read(path).table
        assert found["gpus_per_replica"].tolist() == [8.0, 4.0, 4.0, 4.0, 4.0, 4.0]
        assert found["timezone"].iloc[4:].tolist() == ["Australia/Adelaide", "Australia/Broken_Hill"]
        assert found["region"].iloc[4:].tolist() == ["VIC1", "NSW1"]


def test_optional_columns_are_found_whatever_their_capitals(tmp_path):
    lines = SAMPLES["sites"].replace("64,,250,", "64,2,250,Australia/Broken_Hill").splitlines()
    found = read(write(tmp_path, "sites", "\n".join([lines[0].title(), *lines[1:]]))).table
    assert (found["gpus_per_replica"] == 2.0).all()
    assert (found["timezone"] == "Australia/Broken_Hill").all()


def test_columns_beyond_the_schema_are_kept(tmp_path):
    assert table(tmp_path, "sites", {**ROW, "rack": "B7"}).table["rack"].tolist() == ["B7"]


@pytest.mark.parametrize(("kind", "name"), COLUMNS)
def test_what_the_schema_requires_is_required_and_the_rest_is_not(tmp_path, kind, name):
    required = MODELS[kind].model_json_schema()["required"]
    row = {column: value for column, value in row_of(kind).items() if column != name}
    if name not in required:
        assert table(tmp_path, kind, row).table.index.tolist() == ["Edge"]
        return
    with pytest.raises(ReadError, match=f"has no column '{name}'|is none of the kinds of file"):
        table(tmp_path, kind, row)
    assert not accepts(tmp_path, kind, row_of(kind) | {name: None})


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k, n in COLUMNS if "number" in json.dumps(SCHEMAS[k][n])])
def test_numbers_are_taken_and_refused_as_the_schema_does(tmp_path, kind, name):
    verdicts = set()
    for value in EDGES:
        row = row_of(kind) | {name: value}
        try:
            TypeAdapter(MODELS[kind]).validate_python(row)
            allowed = True
        except ValidationError:
            allowed = False
        assert accepts(tmp_path, kind, row) is allowed, value
        verdicts.add(allowed)
    assert verdicts == {True, False}


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k, n in COLUMNS if "enum" in json.dumps(SCHEMAS[k][n])])
def test_names_are_those_of_the_schema(tmp_path, kind, name):
    field = SCHEMAS[kind][name]
    for value in field.get("enum") or field["anyOf"][0]["enum"]:
        assert accepts(tmp_path, kind, row_of(kind) | {name: value})
    with pytest.raises(
        ReadError, match=rf"^{kind}\.csv: row 2, column '{name}': 'moon' is none of .*; correct the name\.$"
    ):
        table(tmp_path, kind, row_of(kind) | {name: "moon"})


@pytest.mark.parametrize(
    ("column", "cell", "why"),
    [
        ("gpus", "many", "row 4, column 'gpus': 'many' is not a number"),
        ("gpus", "0", "row 4, column 'gpus': '0' is not from "),
        ("latitude", "-91", "row 4, column 'latitude': '-91' is not from -55 to -9; south and west are negative"),
        ("latitude", "", "row 4, column 'latitude': is empty; give a number"),
        ("name", "Sydney 1", "row 4, column 'name': 'Sydney 1' is given twice; give each name once."),
        ("name", "  ", "row 4, column 'name': is empty; give a name."),
        ("timezone", "Sydney", "row 4, column 'timezone': 'Sydney' is no IANA time zone; give one such as Australia/Perth."),
        ("plant", "chiller", "row 4, column 'plant': 'chiller' is none of dx, airside, waterside, indirect_evaporative; "),
        ("state", "nsw", "row 4, column 'state': 'nsw' is none of NSW, QLD, SA, TAS, VIC, WA, NT, ACT; "),
    ],
)  # fmt: skip
def test_a_broken_site_says_what_to_mend(tmp_path, column, cell, why):
    assert why in sentence(write(tmp_path, "sites", with_cell("sites", 4, column, cell)))


def test_a_column_of_numbers_that_is_all_empty_asks_for_numbers(tmp_path):
    rows = pd.read_csv(write(tmp_path, "origins")).assign(population=None)
    path = tmp_path / "SA1.csv"
    rows.to_csv(path, index=False)
    assert "row 2, column 'population': is empty; give a number" in sentence(path)
