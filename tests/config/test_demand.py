"""The demand of a configuration is the user's own where the user gives it, and what is embedded is said by site."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from jaxsched.cli._app import app
from jaxsched.config import Config, ConfigError, build_scenario, load_config
from jaxsched.report._manifest import manifest
from jaxsched.scenarios._tables import embedded_tables
from tests.config.test_inputs import write_prices

SITES = """name,latitude,longitude,state,plant,hardware,gpus,facility_limit_kw
SYD-A,-33.9,151.2,NSW,dx,h100,64,250
MEL-A,-37.8,145.0,VIC,airside,h100,64,250
"""
ORIGINS = """name,latitude,longitude,state,population
Sydney,-33.87,151.21,NSW,5000000
Melbourne,-37.81,144.96,VIC,5000000
"""
MAPPING = {
    "time": "ts", "columns": {"prompt_tokens": "in", "output_tokens": "out", "origin": "pop"},
    "values": {"request_class": "chat-8b"}, "names": {"SYD": "Sydney", "MEL": "Melbourne"},
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """Sites, origins, and a log of a day in UTC of 0.66 requests/s, busiest at 03:00Z."""
    (tmp_path / "sites.csv").write_text(SITES)
    (tmp_path / "origins.csv").write_text(ORIGINS)
    counts = np.full(24, 2_000)
    counts[3] = 57_024 - 23 * 2_000
    seconds = np.concatenate([np.linspace(0.0, 3599.9, n) + 3600.0 * hour for hour, n in enumerate(counts)])
    times = pd.Timestamp("2024-02-05", tz="UTC") + pd.to_timedelta(seconds, unit="s")
    table = pd.DataFrame({"ts": times, "pop": np.where(np.arange(len(times)) % 4, "SYD", "MEL"), "in": 700, "out": 90})
    table.to_parquet(tmp_path / "log.parquet")
    return tmp_path


def config(**inputs) -> Config:
    return Config.model_validate({"name": "own", "inputs": {"sites": "sites.csv", "origins": "origins.csv", **inputs}})


def test_a_log_in_utc_gives_its_own_hours_volume_and_origins(folder):
    own = config(demand="log.parquet", requests="log.parquet", mappings={"log.parquet": MAPPING})
    scenario = build_scenario(own, folder)
    assert (scenario.times[0], len(scenario.times)) == (pd.Timestamp("2024-02-05T00:00Z"), 24)
    total = scenario.demand.sum((1, 2))
    assert total.mean() == pytest.approx(0.66, rel=1e-3)
    assert scenario.times[int(total.argmax())].hour == 3
    np.testing.assert_allclose(scenario.demand.sum((0, 2)) / scenario.demand.sum(), [0.75, 0.25], rtol=1e-3)
    assert scenario.classes.loc["chat-8b", "output_mean"] == 90.0
    assert "inputs.demand takes" not in " ".join(scenario.notes)


def test_the_hours_of_the_day_of_a_log_in_utc_need_a_clock(folder):
    shape = {"demand": "log.parquet", "demand_basis": "shape", "mappings": {"log.parquet": MAPPING}}
    with pytest.raises(ConfigError, match=r"inputs\.demand: log\.parquet: its times are in UTC.*inputs\.demand_zone"):
        build_scenario(config(**shape), folder)
    scenario = build_scenario(config(**shape, demand_zone="Australia/Sydney"), folder)
    local = scenario.times.tz_convert("Australia/Sydney")
    assert local[int(scenario.demand.sum((1, 2)).argmax())].hour == 14
    assert any(
        "log.parquet: gives the hours of the day alone; the number of requests" in note for note in scenario.notes
    )
    with pytest.raises(ConfigError, match="zone 'Sydney' is not known"):
        build_scenario(config(**shape, demand_zone="Sydney"), folder)


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"demand_zone": "UTC"}, "inputs.demand_zone: has no use where the demand is as recorded"),
        (
            {"demand_basis": "shape", "demand_origin": "population", "demand_zone": "UTC"},
            "inputs.demand_origin: has no use",
        ),
        ({"demand_origin": "population"}, "says where its requests come from; leave inputs.demand_origin out"),
        ({"demand_class": "chat-8b"}, "names the class of each request; leave inputs.demand_class out"),
    ],
)
def test_a_key_without_use_is_refused(folder, keys, why):
    with pytest.raises(ConfigError) as caught:
        build_scenario(config(demand="log.parquet", mappings={"log.parquet": MAPPING}, **keys), folder)
    assert why in str(caught.value)


def test_a_log_for_lengths_alone_says_that_its_requests_are_not_the_demand(folder):
    scenario = build_scenario(config(requests="log.parquet", mappings={"log.parquet": MAPPING}), folder)
    said = [note for note in scenario.notes if "gives lengths and burstiness alone" in note]
    assert len(said) == 1
    assert "its mean rate of 0.66 requests/s is not taken" in said[0]


def test_tables_of_sites_and_origins_are_read_by_their_mappings(folder):
    (folder / "mine.csv").write_text(
        "Site;lat;lon;St;MW;GPU\nSYD-A;-33.9;151.2;NSW;0.25;64\nMEL-A;-37.8;145.0;VIC;0.25;64\n"
    )
    (folder / "mine.jsonl").write_text('{"o": "Sydney", "lat": -33.87, "lon": 151.21, "st": "NSW", "people": 5.0}\n')
    at = {"latitude": "lat", "longitude": "lon"}
    mappings = {
        "mine.csv": {"columns": {"name": "Site", "state": "St", "facility_limit_kw": "MW", "gpus": "GPU", **at},
                     "factors": {"facility_limit_kw": 1000.0}, "values": {"plant": "dx", "hardware": "h100"}},
        "mine.jsonl": {"columns": {"name": "o", "state": "st", "population": "people", **at}, "factors": {"population": 1e6}},
    }  # fmt: skip
    scenario = build_scenario(config(sites="mine.csv", origins="mine.jsonl", mappings=mappings), folder)
    assert scenario.sites["facility_limit_kw"].tolist() == [250.0, 250.0]
    assert scenario.sites["plant"].tolist() == ["dx", "dx"]
    assert scenario.origins["population"].tolist() == [5e6]
    wrong = mappings | {"mine.csv": {**mappings["mine.csv"], "values": {"plant": "dx", "hardware": "rtx"}}}
    with pytest.raises(ConfigError, match=r"mine\.csv: row 2, column 'hardware': 'rtx' is none of h100"):
        build_scenario(config(sites="mine.csv", origins="mine.jsonl", mappings=wrong), folder)


def test_own_tables_are_recorded_as_the_users_and_embedded_signals_by_site(folder):
    write_prices(folder)
    frame = pd.read_csv(folder / "prices.csv")
    frame[frame["REGION"] == "VIC1"].to_csv(folder / "vic.csv", index=False)
    scenario = build_scenario(config(price="vic.csv"), folder)
    assert scenario.provenance["sites"] == "sites.csv: 2 sites of the user"
    assert scenario.provenance["origins"] == "origins.csv: 2 origins of the user"
    assert scenario.embedded["price"] == ("SYD-A",)
    assert scenario.embedded["dry_bulb"] == ("SYD-A", "MEL-A")
    said = "the price of SYD-A (1 of 2 sites) is the package's own: typical prices of 2024 without spikes"
    assert said in scenario.notes
    record = manifest({"solver": {"dtype": "float32"}, "scenario": {"seed": 0}}, {}, embedded_tables(), scenario)
    assert record["embedded_signals"]["price"] == ["SYD-A"]
    assert not {"sites", "origins"} & set(record["embedded_tables"])
    (folder / "own.toml").write_text(
        '[inputs]\nsites = "sites.csv"\norigins = "origins.csv"\nprice = "vic.csv"\n[demand]\nscale = 0.001\n'
    )
    done = CliRunner().invoke(app, ["validate", str(folder / "own.toml")])
    assert done.exit_code == 0, done.stderr
    assert f"note: {said}" in done.stderr


def test_a_study_that_is_embedded_as_a_whole_has_nothing_to_say(folder):
    scenario = build_scenario(Config.model_validate({"scenario": {"sites": 3, "origins": 3, "slots": 2}}), folder)
    assert scenario.notes == ()
    assert scenario.provenance["sites"].startswith("embedded sites.csv (3 sites")


def test_validate_refuses_what_run_refuses_in_the_same_words(folder):
    (folder / "own.toml").write_text(
        'name = "own"\n[scenario]\nslots = 2\n[inputs]\nsites = "sites.csv"\norigins = "origins.csv"\n[demand]\nscale = 3.0\n'
        '[report]\npolicies = ["nearest"]\nplots = false\n'
    )
    told = []
    for command in (["validate"], ["run", "--out", str(folder / "out")]):
        done = CliRunner().invoke(app, [command[0], str(folder / "own.toml"), *command[1:]])
        assert done.exit_code == 2
        told.append([line for line in done.stderr.splitlines() if line.startswith("error: ")])
    assert told[0] == told[1] != []
    assert not (folder / "out").exists()


def test_what_a_run_records_of_its_demand_runs_again(folder):
    text = {"name": "again", "inputs": {"demand": "log.parquet", "sites": "sites.csv", "origins": "origins.csv",
                                        "mappings": {"log.parquet": MAPPING}}, "scenario": {"slots": 2}}  # fmt: skip
    (folder / "own.json").write_text(json.dumps(text))
    first = load_config(folder / "own.json")
    from jaxsched.config._inputs import absolute_inputs

    resolved = {**first.model_dump(exclude_none=True), "inputs": absolute_inputs(first.inputs, folder)}
    again = build_scenario(Config.model_validate(resolved), folder / "elsewhere")
    np.testing.assert_array_equal(again.demand, build_scenario(first, folder).demand)
