"""A folder of tables of any country becomes a scenario, a study, a schedule and a report; nothing of another country slips in."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from jaxsched import ADMM, solve
from jaxsched.cli._app import app
from jaxsched.config import Config, build_scenario
from jaxsched.scenarios import Choices, Scenario, country, with_price
from jaxsched.scenarios.readers import ReadError, Recording, read, tidy, write_tidy
from jaxsched.study import build_study, evaluate

SAMPLE = Path(__file__).resolve().parents[3] / "examples" / "sample" / "europe"
CITY_STATE = """
title = "Singapore and its neighbours"
currency = "SGD"
timezone = "Asia/Singapore"
latitude = [-12.0, 12.0]
longitude = [95.0, 120.0]
[weights]
carbon = 25.0
water = 2.74
waiting = 2e-4
network_adder = 60.0
"""
SITES = (
    "name,state,region,latitude,longitude,plant,hardware,gpus,facility_limit_kw,timezone\n"
    "SIN-01,SG,,1.30,103.86,waterside,h100,640,900,\nJKT-01,ID,JAMALI,-6.2,106.8,dx,h100,640,900,Asia/Jakarta\n"
)
ORIGINS = (
    "name,state,latitude,longitude,population\nSingapore,SG,1.29,103.85,900000\nJohor Bahru,MY,1.46,103.76,300000\n"
)
HOURS = 4


def write_folder(folder: Path, *, without: tuple[str, ...] = ()) -> Path:
    """Two places of one's own, a day's first hours of signals, and the file that says whose they are."""
    folder.mkdir(exist_ok=True)
    times = pd.date_range("2024-03-01", periods=HOURS + 1, freq="h").strftime("%Y-%m-%dT%H:%MZ")
    files = {
        "country.toml": CITY_STATE,
        "regions.csv": "region,source_water_l_per_kwh,market_utc_offset_h\nSG,0.4,8\nJAMALI,1.6,7\n",
        "sites.csv": SITES.replace(",SG,,", ",SG,SG,"),
        "origins.csv": ORIGINS,
        "price.csv": "start_utc,place,price_sgd_per_mwh\n"
        + "".join(
            f"{time},{place},{value}\n" for place, value in (("SG", 150), ("JAMALI", 95)) for time in times[:HOURS]
        ),
        "carbon.csv": "start_utc,place,carbon_direct_g_per_kwh\n"
        + "".join(
            f"{time},{place},{value}\n" for place, value in (("SG", 390), ("JAMALI", 790)) for time in times[:HOURS]
        ),
        "weather.csv": "time_utc,place,dry_bulb_c,relative_humidity_pct\n"
        + "".join(
            f"{time},{place},{value},80\n" for place, value in (("SIN-01", 30), ("JKT-01", 32)) for time in times
        ),
        "rtt.csv": "from_city,to_city,rtt_ms\nSingapore,JKT-01,14\nSingapore,SIN-01,2\n",
    }
    for name, text in files.items():
        if name not in without:
            (folder / name).write_text(text)
    return folder


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "sg")


def test_a_folder_becomes_a_scenario_of_its_own_country(folder):
    scenario = Scenario.from_tables(folder)
    assert scenario.country.currency == "SGD"
    assert scenario.sites["region"].tolist() == ["SG", "JAMALI"]
    assert scenario.sites["timezone"].tolist() == ["Asia/Singapore", "Asia/Jakarta"]
    np.testing.assert_array_equal(scenario.price, np.tile([150.0, 95.0], (HOURS, 1)))
    np.testing.assert_array_equal(scenario.carbon_intensity, np.tile([390.0, 790.0], (HOURS, 1)))
    np.testing.assert_array_equal(scenario.source_water, [0.4, 1.6])
    assert scenario.weights["carbon"].unit == "SGD/t"
    assert scenario.embedded == {"price": (), "carbon_intensity": (), "dry_bulb": ()}
    assert "SGD/MWh" in scenario.provenance["price"]


def test_weather_abroad_is_what_was_read(folder):
    scenario = Scenario.from_tables(folder)
    np.testing.assert_array_equal(scenario.dry_bulb, np.tile([30.0, 32.0], (HOURS, 1)))
    np.testing.assert_array_equal(scenario.relative_humidity, np.full((HOURS, 2), 80.0))


def test_measured_times_are_those_of_the_folder(folder):
    scenario = Scenario.from_tables(folder)
    at = scenario.rtt[scenario.origins.index.get_loc("Singapore")]
    assert at[1] - at[0] == pytest.approx(0.012)
    assert "of which 2 by the names" in scenario.provenance["rtt"]


def test_demand_follows_the_clock_of_the_place(folder):
    # 1 March 2024, 00:00 UTC, is 8 h in Singapore and everywhere in the folder.
    rising = Scenario.from_tables(folder).demand.sum((1, 2))
    assert (np.diff(rising[:3]) > 0).all()


def test_a_folder_is_solved_and_judged(folder):
    study = build_study(Scenario.from_tables(folder))
    schedule = solve(study.problem, ADMM(rtol=1e-3))
    outcome = evaluate(study, np.asarray(schedule.routing))
    assert float(schedule.gap) <= 1e-3
    assert outcome.totals["total_cost_aud"] > 0


@pytest.mark.parametrize(
    ("without", "words"),
    [
        (
            ("price.csv",),
            "has no price.csv, of which the package embeds none for Singapore and its neighbours; it holds carbon.csv",
        ),
        (("carbon.csv", "weather.csv"), "has no carbon.csv, weather.csv, of which"),
        (("sites.csv", "origins.csv"), "has no sites.csv, origins.csv, of which"),
        (("country.toml",), "has no country.toml; write one with"),
    ],
)
def test_what_is_missing_is_named_in_one_sentence(tmp_path, without, words):
    with pytest.raises(ReadError) as caught:
        Scenario.from_tables(write_folder(tmp_path / "sg", without=without))
    named = [line for line in str(caught.value).splitlines() if words in line]
    assert len(named) == 1
    assert str(caught.value).splitlines()[0] == named[0]


def changed(folder: Path, name: str, old: str, new: str) -> Path:
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))
    return folder


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("price.csv", "JAMALI", "NSW1", "holds no price_aud_per_mwh of JAMALI (JKT-01), and the package embeds none of it for Singap"),
        ("carbon.csv", "JAMALI", "AU-NSW", "holds no carbon_direct_g_per_kwh of JAMALI (JKT-01), and the package embeds none of it"),
        ("price.csv", "price_sgd", "price_aud", "its prices are in AUD, and those of Singapore and its neighbours in SGD; convert"),
        ("weather.csv", "JKT-01", "Jakarta", "has no place within 300 km of JKT-01, and the package embeds no climate"),
        ("weather.csv", "relative_humidity_pct", "wind_kmh", "has no relative_humidity_pct"),
        ("sites.csv", "-6.2,106.8", "48.0,11.0", "row 3, column 'latitude': '48.0' is not from -12 to 12"),
        ("sites.csv", ",JAMALI,", ",PLN,", "row 3, column 'region': 'PLN' is none of SG, JAMALI"),
        ("sites.csv", ",JAMALI,", ",,", "row 3, column 'region': is empty, and its state has no market region; give one of SG"),
        ("sites.csv", "Asia/Jakarta", "Asia/Batavia2", "'Asia/Batavia2' is no IANA time zone; give one such as Asia/Singapore"),
    ],
)  # fmt: skip
def test_nothing_of_another_country_stands_in(folder, name, old, new, words):
    with pytest.raises(ReadError) as caught:
        Scenario.from_tables(changed(folder, name, old, new))
    assert words in str(caught.value)


def test_two_tables_of_one_thing_are_refused_and_other_names_are_noted(folder):
    shutil.copy(folder / "sites.csv", folder / "sites-old.csv")
    with pytest.raises(ReadError, match=r"has several tables of sites, sites-old.csv, sites.csv; keep one"):
        Scenario.from_tables(folder)
    (folder / "sites-old.csv").rename(folder / "old.csv")
    scenario = Scenario.from_tables(folder)
    assert any("old.csv not read: a table is named grid, price" in note for note in scenario.notes)


def test_a_wrong_state_is_refused_in_australia_and_any_is_good_elsewhere(folder):
    assert read(folder / "sites.csv", Scenario.from_tables(folder).country).table["state"].tolist() == ["SG", "ID"]
    with pytest.raises(ReadError, match=r"row 2, column 'state': 'SG' is none of NSW, QLD, SA, TAS, VIC, WA, NT, ACT"):
        read(changed(changed(folder, "sites.csv", "1.30,", "-30.0,"), "sites.csv", "-6.2,", "-31.0,") / "sites.csv")


def test_prices_say_their_currency(folder, tmp_path):
    found = read(folder / "price.csv")
    assert isinstance(found, Recording)
    assert found.units["price_aud_per_mwh"] == "SGD/MWh"
    write_tidy(tidy(found), tmp_path / "tidy.csv")
    assert "price_sgd_per_mwh" in (tmp_path / "tidy.csv").read_text().splitlines()[0]
    plain = read(changed(folder, "price.csv", "price_sgd_per_mwh", "price_per_mwh") / "price.csv")
    assert isinstance(plain, Recording)
    assert plain.currency == ""
    scenario = Scenario.from_tables(folder)
    again = with_price(scenario, [plain])
    np.testing.assert_array_equal(again.price, scenario.price)


def test_short_gaps_are_filled_where_that_is_chosen(folder):
    changed(folder, "price.csv", "2024-03-01T01:00Z,SG,150\n", "")
    with pytest.raises(ReadError, match="is missing at 2024-03-01 01:00"):
        Scenario.from_tables(folder)
    filled = Scenario.from_tables(folder, choices=Choices(fill="flag"))
    assert [cells.place for cells in filled.filled] == ["SG"]


def test_the_sample_of_europe_is_the_same_by_name_and_by_file(tmp_path):
    by_file = Scenario.from_tables(SAMPLE)
    bare = tmp_path / "bare"
    shutil.copytree(SAMPLE, bare, ignore=shutil.ignore_patterns("country.toml"))
    by_name = Scenario.from_tables(bare, "europe")
    np.testing.assert_array_equal(by_file.price, by_name.price)
    assert len(by_file.origins) == 60
    assert by_file.country == by_name.country == country("europe")
    with pytest.raises(ReadError, match=r"describes europe, not australia; leave one of them out"):
        Scenario.from_tables(SAMPLE, "australia")


def test_a_configuration_takes_a_folder_and_its_own_keys_win(folder, tmp_path):
    own = tmp_path / "own.csv"
    shutil.copy(folder / "price.csv", own)
    own.write_text(own.read_text().replace(",150", ",40"))
    config = Config.model_validate(
        {"inputs": {"folder": "sg", "price": "own.csv"}, "weights": {"carbon_aud_per_t": 9.0}}
    )
    scenario = build_scenario(config, tmp_path)
    assert scenario.price[0].tolist() == [40.0, 95.0]
    assert (scenario.weights["carbon"].value, scenario.weights["carbon"].unit) == (9.0, "SGD/t")
    np.testing.assert_array_equal(scenario.demand, Scenario.from_tables(folder).demand)


def test_a_folder_runs_from_the_command_line(folder, tmp_path):
    said = CliRunner().invoke(app, ["validate", "--tables", str(folder)])
    assert said.exit_code == 0, said.stderr
    assert f"good. {HOURS} slots, 2 origins, 2 sites" in said.stdout
    out = tmp_path / "run"
    done = CliRunner().invoke(
        app, ["run", "--tables", str(folder), "--out", str(out), "--policy", "temperature_aware", "--policy", "nearest"]
    )
    assert done.exit_code == 0, done.stderr
    assert "SGD" in done.stdout
    assert "AUD" not in done.stdout
    summary, record = (json.loads((out / f"{name}.json").read_text()) for name in ("summary", "manifest"))
    assert (summary["name"], summary["country"], summary["currency"]) == ("sg", "sg", "SGD")
    assert {"country.toml", "regions.csv", "price", "sites", "rtt"} <= set(record["inputs"])
    assert set(record["embedded_tables"]) == {"classes", "demand"}
    again = CliRunner().invoke(app, ["validate", str(out / "config.json")])
    assert again.exit_code == 0, again.stderr


def test_the_command_line_says_what_a_folder_lacks(tmp_path):
    folder = write_folder(tmp_path / "sg", without=("price.csv",))
    for command in ("validate", "run"):
        done = CliRunner().invoke(app, [command, "--tables", str(folder)])
        assert done.exit_code == 2
        assert "has no price.csv, of which the package embeds none" in done.stderr
    done = CliRunner().invoke(app, ["validate", "--tables", str(tmp_path / "none")])
    assert done.exit_code == 2
    assert "is no folder; give one with the tables of a study" in done.stderr


def test_real_weather_of_singapore_is_taken_as_it_was(shared_data, tmp_path):
    folder = write_folder(tmp_path / "sg", without=("weather.csv", "rtt.csv"))
    weather = pd.read_parquet(shared_data / "weather" / "greendcc_openmeteo_hourly_2020_2024.parquet")
    weather = weather[
        (weather["zone"] == "SG") & weather["datetime_utc"].between("2024-02-29 12:00", "2024-03-01 12:00")
    ]
    weather.astype({"zone": str}).to_parquet(folder / "weather.parquet")
    changed(folder, "regions.csv", "region,", "region,city,")
    changed(folder, "regions.csv", "SG,", "SG,Singapore,")
    changed(folder, "regions.csv", "JAMALI,", "JAMALI,,")
    changed(folder, "sites.csv", SITES.splitlines()[2] + "\n", "")
    scenario = Scenario.from_tables(folder)
    held = weather.set_index("datetime_utc")["temp_c"].to_numpy(float)
    first = int(np.flatnonzero(weather["datetime_utc"] == pd.Timestamp("2024-03-01"))[0])
    np.testing.assert_allclose(scenario.dry_bulb[0, 0], held[first : first + 2].mean(), rtol=1e-6)
