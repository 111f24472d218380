"""Whatever a configuration or a file says, a command ends with 0, 1, 2 or 130, in sentences, and leaves nothing half done."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from typer.testing import CliRunner

from jaxsched.cli._app import app
from jaxsched.config import CalibrationConfig, Config, LatencyConfig

SAMPLE = Path(__file__).parents[2] / "examples" / "sample"
LINES = 60  # of each sample file: enough for two days
# A thousand in all, in parts that workers share.
PARTS, EACH = 8, 125
bounded = settings(
    deadline=None,
    derandomize=False,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
EXITS = (0, 1, 2, 130)

STUDY: dict[str, Any] = {
    "name": "small",
    "scenario": {"sites": 3, "origins": 3, "slots": 2, "start": "2024-01-15T00:00+10:00"},
    "report": {"policies": ["nearest"], "plots": False},
    "solver": {"rtol": 1e-2, "max_steps": 50},
}
WITH_FILES: dict[str, Any] = {
    "name": "files",
    "scenario": {"slots": 2},
    "inputs": {
        "sites": "synthetic-sites.csv",
        "origins": "synthetic-origins.csv",
        "price": "synthetic-prices.csv",
        "carbon": "synthetic-carbon.csv",
        "demand": "synthetic-requests.csv",
    },
    "report": {"policies": ["nearest"], "plots": False},
}
TABLES: dict[str, Any] = {
    "name": "tables",
    "scenario": {"slots": 2},
    "inputs": {"folder": "europe"},
    "report": {"policies": ["nearest"], "plots": False},
}
CHILLER: dict[str, Any] = {
    "name": "chiller",
    "inputs": {
        "file": "synthetic-chiller.csv",
        "time": "datetime_local",
        "zone": "UTC+8",
        "observed": {"column": "chiller_energy_kwh", "unit": "kWh per 30 min", "lowest": 20.0},
        "columns": {
            "it_power": {"column": "building_load_rt", "unit": "RT", "lowest": 100.0},
            "dry_bulb": {"column": "outside_temp_f", "unit": "degF"},
            "relative_humidity": {"column": "humidity_pct", "unit": "%"},
        },
    },
    "model": {
        "kind": "WaterCooledPlant",
        "component": "compressor",
        "constants": {"rated_it_power": 3900.0, "rated_heat": 3900.0},
    },
    "fit": {"parameters": ["chiller.log_constant", "part_load.linear"], "held_out_share": 0.3},
}
LOG: dict[str, Any] = {"name": "served", "log": {"file": "served-quiet.csv"}, "latency": {"most_servers": 4}}
BASES = (STUDY, WITH_FILES, TABLES, CHILLER, LOG)
ROOTS: dict[str, type[BaseModel]] = {
    "small": Config,
    "files": Config,
    "tables": Config,
    "chiller": CalibrationConfig,
    "served": LatencyConfig,
}

# Numbers stay small or impossible: a scenario of a hundred thousand sites is no fault, and takes an hour.
WORDS = [
    "", " ", "nan", "inf", "none", "../..", ".", "/dev/null", "synthetic-prices.csv", "a\x00b", "é\U0001f600", "\u2028", "x" * 300,
    "2024", "05/01/2024", "now", "2024-01-15", "9999-12-31", "2024-01-15T00:00+10:00", "UTC", "Mars/Olympus", "UTC+99", "%s", "{}",
    "dx", "cubic", "temperature_aware", "state", "absolute", "shape", "NSW1", "chat-8b", "Sydney", "[1, 2]", "1e999", "-1", "True",
]  # fmt: skip
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([-1, 0, 1, 2, 3, 5, 60, -(10**18), 10**18]),
    st.sampled_from([0.0, -0.0, 0.5, 1.0, -1.0, 1e-300, 1e300, 1e999, -1e999, float("nan"), 47.5, 200.0]),
    st.sampled_from(WORDS),
    st.text(max_size=6),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from([*WORDS[:12], "a", "SYD", "column"]), inner, max_size=2),
    ),
    max_leaves=4,
)


def places(model: Any, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every key that a configuration may have, in the tables of its schema."""
    found = []
    for name, field in model.model_fields.items():
        found.append((*before, name))
        inner = [a for a in (field.annotation, *getattr(field.annotation, "__args__", ())) if isinstance(a, type)]
        tables = [a for a in inner if issubclass(a, BaseModel)]
        named = dict in inner or getattr(field.annotation, "__origin__", None) is dict
        for table in tables:
            found += places(table, (*before, name, "chat-8b") if named else (*before, name))
    return found


KEYS = {name: places(root) for name, root in ROOTS.items()}


def put(config: dict[str, Any], key: tuple[str, ...], value: Any) -> None:
    """Set a key of nested tables, replacing what is no table on the way."""
    for part in key[:-1]:
        if not isinstance(config.get(part), dict):
            config[part] = {}
        config = config[part]
    config[key[-1]] = value


@st.composite
def configurations(draw: Any) -> tuple[str, str]:
    """Text of a configuration with one to three faults, and its ending."""
    config = json.loads(json.dumps(draw(st.sampled_from(BASES))))
    keys = KEYS[config["name"]]
    for _ in range(draw(st.integers(1, 3))):
        key = draw(st.sampled_from(keys))
        how = draw(st.sampled_from(["value", "value", "value", "unknown", "drop"]))
        if how == "value":
            put(config, key, draw(values))
        elif how == "unknown":
            put(
                config,
                (*key[:-1], draw(st.sampled_from([key[-1] + "s", key[-1][:-1] or "x", *WORDS[:6]]))),
                draw(values),
            )
        else:
            config.pop(key[0], None)
    text = json.dumps(config)
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(["", *WORDS])) + (text[at:] if draw(st.booleans()) else "")
    return text, draw(st.sampled_from([".json", ".json", ".json", ".json", ".toml"]))


def spoilt(draw: Any, text: str) -> bytes:
    """A file with one fault: a cell, a line, the end, or its very bytes."""
    lines = text.split("\n")
    at = draw(st.integers(0, len(lines) - 1))
    how = draw(
        st.sampled_from(["cell", "cell", "cell", "drop", "double", "cut", "empty", "bytes", "wide", "no column"])
    )
    if how == "cell":
        cells = lines[at].split(",")
        cells[draw(st.integers(0, len(cells) - 1))] = draw(st.sampled_from(WORDS))
        lines[at] = ",".join(cells)
    elif how == "drop":
        del lines[at]
    elif how == "double":
        lines.insert(at, lines[at])
    elif how == "no column":
        lines = [line.partition(",")[2] for line in lines]
    body = "\n".join(lines).encode()
    if how == "cut":
        return body[: draw(st.integers(0, len(body)))]
    if how == "bytes":
        place = draw(st.integers(0, len(body)))
        return body[:place] + draw(st.binary(min_size=1, max_size=4)) + body[place:]
    return {"empty": b"", "wide": "\n".join(lines).encode("utf-16")}.get(how, body)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the sample files, cut short, in which commands run."""
    for path in filter(Path.is_file, SAMPLE.iterdir()):
        text = path.read_text(encoding="utf-8").split("\n")
        head = [line for line in text if line.startswith("#")]
        (tmp_path / path.name).write_text(
            "\n".join([*head, *text[len(head) : len(head) + LINES]]) + "\n", encoding="utf-8"
        )
    shutil.copytree(SAMPLE / "europe", tmp_path / "europe")
    shutil.copy(SAMPLE.parent / "served-quiet.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ends_well(folder: Path, *arguments: str) -> int:
    """Run a command in this process; its exit code, one of those that are documented, with no trace of a failure."""
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    done = CliRunner().invoke(app, list(arguments))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code in EXITS, done.output
    assert "Traceback" not in done.output
    if done.exit_code != 0:
        assert any(line.startswith(("error: ", "interrupted", "Usage")) for line in done.output.splitlines()), (
            done.output
        )
        assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before, "something was left"
    return done.exit_code


@pytest.mark.parametrize("part", range(PARTS))
def test_no_configuration_ends_in_a_traceback(folder, part):
    @seed(part)
    @settings(bounded, max_examples=EACH)
    @given(configurations())
    def check(made):
        text, ending = made
        path = folder / f"made{ending}"
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        ends_well(folder, "validate", path.name)

    check()


@pytest.mark.parametrize("part", range(2))
def test_what_is_good_runs_and_what_is_not_leaves_nothing(folder, part):
    """`run` refuses what `validate` does, and ends well on the rest."""
    targets = (("scenario", "seed"), ("weights",), ("solver",), ("demand",), ("classes",), ("sites",), ("report",))
    keys = [key for key in KEYS["small"] if key[: len(key)] in targets or key[:1] in targets]

    @seed(100 + part)
    @settings(bounded, max_examples=20)
    @given(st.sampled_from(keys), scalars)
    def check(key, value):
        config = json.loads(json.dumps(STUDY))
        put(config, key, value)
        (folder / "made.json").write_text(json.dumps(config), encoding="utf-8")
        good = ends_well(folder, "validate", "made.json") == 0
        code = ends_well(folder, "run", "made.json", "--out", "made", "--json")
        assert (code in (0, 1)) == good
        shutil.rmtree(folder / "made", ignore_errors=True)

    check()


@pytest.mark.parametrize("part", range(4))
def test_no_file_ends_in_a_traceback(folder, part):
    kinds = ("prices", "carbon", "sites", "origins", "requests")
    names = [f"synthetic-{kind}.csv" for kind in kinds]
    names += [str(path.relative_to(folder)) for path in sorted((folder / "europe").iterdir())]
    (folder / "files.json").write_text(json.dumps(WITH_FILES), encoding="utf-8")
    (folder / "tables.json").write_text(json.dumps(TABLES), encoding="utf-8")
    (folder / "chiller.json").write_text(json.dumps(CHILLER), encoding="utf-8")

    @seed(200 + part)
    @settings(bounded, max_examples=40)
    @given(st.data())
    def check(data):
        name = data.draw(st.sampled_from((*names, "synthetic-chiller.csv", "synthetic-log.jsonl")))
        text = (folder / name).read_text(encoding="utf-8")
        try:
            (folder / name).write_bytes(spoilt(data.draw, text))
            command = data.draw(st.sampled_from(["validate", "describe", "convert"]))
            if command == "validate":
                of = "chiller" if "chiller" in name else "tables" if "europe" in name else "files"
                ends_well(folder, "validate", f"{of}.json")
            elif command == "describe":
                ends_well(folder, "data", "describe", name)
            else:
                ends_well(folder, "convert", name, "out.csv")
        finally:
            (folder / name).write_text(text, encoding="utf-8")
            (folder / "out.csv").unlink(missing_ok=True)

    check()


ARGUMENTS = [
    "run", "validate", "sensitivity", "calibrate", "init", "convert", "data", "describe", "kinds", "schema", "version", "--version",
    "--help", "--json", "--out", "--overwrite", "--policy", "nearest", "--samples", "-1", "nan", "made.json", "missing.toml", "", ".",
    "..", "/dev/null", "config", "sites", "origins", "synthetic-prices.csv", "--part", "global", "\x00", "é",
]  # fmt: skip


@settings(bounded, max_examples=60)
@seed(300)
@given(st.lists(st.sampled_from(ARGUMENTS), max_size=4))
def test_no_words_on_the_command_line_end_in_a_traceback(folder, words):
    # What solves or writes is not asked for here without a fault: it would take the whole default week.
    if words[:1] in (["run"], ["sensitivity"], ["init"]) and "missing.toml" not in words:
        words = [*words, "--no-such-option"]
    done = CliRunner().invoke(app, words)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code in EXITS, done.output
    shutil.rmtree(folder / "out.csv", ignore_errors=True)
