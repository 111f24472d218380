"""Files of a configuration: any mix on one clock, every problem told at once, every filled cell on record."""

import json

import numpy as np
import pandas as pd
import pytest

from jaxsched.config import Config, ConfigError, build_scenario, load_config
from jaxsched.config._load import load_partly
from tests.cli.test_bad_input import GOOD, jaxsched

REGIONS = ("NSW1", "QLD1", "SA1", "TAS1", "VIC1")


def write_prices(folder, *, hours=6, drop=(), name="prices.csv"):
    """Half-hourly prices of all regions from the first hour of 2024 in NEM time, each its own number."""
    stamps = pd.date_range("2024-01-01 00:30", periods=2 * hours, freq="30min")
    parts = [
        pd.DataFrame(
            {"REGION": r, "SETTLEMENTDATE": stamps, "TOTALDEMAND": 1e3, "RRP": 100.0 * n + np.arange(2 * hours)}
        )
        for n, r in enumerate(REGIONS)
    ]
    frame = pd.concat([part.drop(index=list(drop)) for part in parts])
    frame.assign(SETTLEMENTDATE=frame["SETTLEMENTDATE"].dt.strftime("%Y/%m/%d %H:%M:%S")).to_csv(
        folder / name, index=False
    )


def config(**sections) -> Config:
    small = {"sites": 8, "origins": 10}
    return Config.model_validate({**sections, "scenario": {**small, **sections.get("scenario", {})}})


def test_slots_are_those_that_the_prices_cover(tmp_path):
    write_prices(tmp_path)
    scenario = build_scenario(config(inputs={"price": "prices.csv"}), tmp_path)
    assert scenario.times[0] == pd.Timestamp("2023-12-31 14:00", tz="UTC")
    assert len(scenario.times) == 6
    at = scenario.sites["region"] == "TAS1"
    np.testing.assert_allclose(scenario.price[:, at][:, 0], 300.5 + 2 * np.arange(6))
    assert "prices.csv" in scenario.provenance["price"]


def test_files_of_following_times_join_into_one_series(tmp_path):
    write_prices(tmp_path, hours=6, name="whole.csv")
    frame = pd.read_csv(tmp_path / "whole.csv")
    early = frame["SETTLEMENTDATE"] <= "2024/01/01 03:00:00"
    frame[early].to_csv(tmp_path / "first.csv", index=False)
    frame[~early].to_csv(tmp_path / "second.csv", index=False)
    whole = build_scenario(config(inputs={"price": "whole.csv"}), tmp_path)
    parts = build_scenario(config(inputs={"price": ["first.csv", "second.csv"]}), tmp_path)
    assert parts.times.equals(whole.times)
    np.testing.assert_array_equal(parts.price, whole.price)


@pytest.mark.parametrize("minutes", [5, 15, 30, 60])
def test_slots_of_any_length_have_the_same_mean_price(tmp_path, minutes):
    write_prices(tmp_path)
    scenario = build_scenario(config(inputs={"price": "prices.csv"}, scenario={"slot_minutes": minutes}), tmp_path)
    assert len(scenario.times) == 6 * 60 // minutes
    assert scenario.slot_hours == minutes / 60
    at = int(np.flatnonzero(scenario.sites["region"] == "NSW1")[0])
    assert scenario.price[:, at].mean() == pytest.approx(np.arange(12).mean(), rel=1e-12)


def test_a_gap_is_an_error_or_on_record(tmp_path):
    write_prices(tmp_path, drop=[5])
    with pytest.raises(ConfigError, match=r"prices\.csv.*missing.*fill = 'flag'"):
        build_scenario(config(inputs={"price": "prices.csv"}), tmp_path)
    scenario = build_scenario(config(inputs={"price": "prices.csv", "fill": "flag"}), tmp_path)
    assert {cells.place for cells in scenario.filled} == set(scenario.sites["region"]) & set(REGIONS)
    assert all(cells.slots_start_utc == ("2023-12-31T16:00:00+00:00",) for cells in scenario.filled)
    short = {"price": "prices.csv", "fill": "flag", "longest_fill_hours": 0.5}
    with pytest.raises(ConfigError, match="can be filled"):
        build_scenario(config(inputs=short), tmp_path)


def test_a_table_that_no_reader_knows_is_read_by_its_mapping(tmp_path):
    stamps = pd.date_range("2024-01-01 01:00", periods=3, freq="h").strftime("%d/%m/%Y %H:%M")
    pd.DataFrame({"Zeit": stamps, "Ort": "VIC1", "c/kWh": [5.0, -1.0, 30.0]}).to_csv(
        tmp_path / "own.csv", sep=";", index=False
    )
    how = {"time": "Zeit", "zone": "UTC+10", "stamp": "end", "place": "Ort", "day_first": True,
           "columns": {"price_aud_per_mwh": "c/kWh"}, "factors": {"price_aud_per_mwh": 10.0}}  # fmt: skip
    scenario = build_scenario(config(inputs={"price": "own.csv", "mappings": {"own.csv": how}}), tmp_path)
    at = int(np.flatnonzero(scenario.sites["region"] == "VIC1")[0])
    np.testing.assert_allclose(scenario.price[:, at], [50.0, -10.0, 300.0])
    assert scenario.times[0] == pd.Timestamp("2023-12-31 14:00", tz="UTC")


def test_every_problem_of_the_files_is_told_at_once(tmp_path):
    write_prices(tmp_path)
    (tmp_path / "broken.csv").write_text("datetime_utc,zone,temp_c\n2024-01-01 00:00,Sydney,warm\n")
    how = {"time": "t", "zone": "Mars", "stamp": "end", "place_name": "NSW1", "columns": {"x": "y"}}
    inputs = {"price": ["prices.csv", "absent.csv"], "weather": "broken.csv", "requests": "prices.csv", "carbon": "prices.csv",
              "mappings": {"other.csv": how}}  # fmt: skip
    with pytest.raises(ConfigError) as error:
        build_scenario(
            config(inputs=inputs, sites={"nowhere": {"gpus": 8.0}}, classes={"poem": {"scale": 1.0}}), tmp_path
        )
    told = str(error.value).splitlines()
    words = ("absent.csv", "'warm'", "time series", "has no carbon_direct", "'other.csv' is not among", "'x' is no quantity",
             "`nowhere`", "`poem`")  # fmt: skip
    for word in words:
        assert sum(word in line for line in told) == 1, (word, told)
    assert len(told) == len(words)


def test_wrong_keys_do_not_hide_wrong_files(tmp_path):
    (tmp_path / "bad.toml").write_text(
        '[scenario]\nslot = 3\nslot_minutes = 7\n[inputs]\nprice = ["absent.csv", 3]\ncarbon = "gone.csv"\n'
        '[inputs.mappings."gone.csv"]\ntime = "t"\n',
        encoding="utf-8",
    )
    done = jaxsched(tmp_path, "validate", "bad.toml")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    for word in (
        "scenario.slot`",
        "slot_minutes",
        "inputs.price.1",
        "mappings.gone.csv.columns",
        "gone.csv does not exist",
    ):
        assert word in done.stderr, word


def test_a_partly_wrong_configuration_keeps_what_is_sound(tmp_path):
    (tmp_path / "c.toml").write_text('name = "kept"\n[solver]\nrtol = 7.0\nmax_steps = 9\n[colour]\nred = 1\n')
    sound, problems = load_partly(tmp_path / "c.toml")
    assert (sound.name, sound.solver.max_steps, sound.solver.rtol) == ("kept", 9, 1e-4)
    assert len(problems) == 2
    with pytest.raises(ConfigError, match="colour"):
        load_config(tmp_path / "c.toml")


def test_own_sites_leave_no_room_for_a_number_of_sites(tmp_path):
    assert jaxsched(tmp_path, "init", "s").returncode == 0
    text = (tmp_path / "s" / "jaxsched.toml").read_text().replace("# sites = ...", "sites = 4")
    (tmp_path / "s" / "two.toml").write_text(text)
    with pytest.raises(ConfigError, match="leave it out where"):
        build_scenario(load_config(tmp_path / "s" / "two.toml"), tmp_path / "s")


def test_a_run_records_files_and_filled_cells_and_runs_again_from_its_record(tmp_path):
    write_prices(tmp_path, drop=[5])
    (tmp_path / "run.toml").write_text(
        GOOD.replace("slots = 3", "") + '[inputs]\nprice = "prices.csv"\nfill = "flag"\n'
    )
    assert jaxsched(tmp_path, "run", "run.toml", "--out", "first").returncode == 0
    manifest = json.loads((tmp_path / "first" / "manifest.json").read_text())
    assert len(manifest["inputs"]["price"]["sha256"]) == 64
    assert manifest["filled"]
    assert all(cells["slots_start_utc"] == ["2023-12-31T16:00:00+00:00"] for cells in manifest["filled"])
    summary = json.loads((tmp_path / "first" / "summary.json").read_text())
    assert summary["filled"] == {"price_aud_per_mwh: straight line between neighbours": len(manifest["filled"])}
    again = jaxsched(tmp_path / "first", "run", "config.json", "--out", "../second")
    assert again.returncode == 0, again.stderr
    second = json.loads((tmp_path / "second" / "summary.json").read_text())
    assert second["totals"] == summary["totals"]


def test_the_report_says_where_a_negative_price_made_a_kwh_worth_less_than_nothing(tmp_path):
    write_prices(tmp_path)
    frame = pd.read_csv(tmp_path / "prices.csv")
    frame.loc[frame["REGION"] == "VIC1", "RRP"] = [-1000.0] * 4 + [80.0] * 8
    frame.to_csv(tmp_path / "prices.csv", index=False)
    (tmp_path / "run.toml").write_text(GOOD.replace("slots = 3", "") + '[inputs]\nprice = "prices.csv"\n')
    done = jaxsched(tmp_path, "run", "run.toml", "--out", "out")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "out" / "summary.json").read_text())["negative_energy_weight"]
    assert found["site_slots"] > 0
    assert found["where"]
    for where in found["where"].values():
        assert where["slots"] == 2
        assert (where["first_utc"], where["last_utc"]) == ("2023-12-31T14:00:00+00:00", "2023-12-31T15:00:00+00:00")
    assert all(name in done.stdout for name in found["where"])
