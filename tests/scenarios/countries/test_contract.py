"""Every country of the package is whole, and a new one needs its folder and nothing else."""

from zoneinfo import available_timezones

import numpy as np
import pandas as pd
import pytest

from jaxsched.scenarios import Scenario, countries, country
from jaxsched.scenarios._base import scenario_of, slots_of
from jaxsched.scenarios._network import _embedded, measured_times
from jaxsched.scenarios._tables import embedded_tables
from jaxsched.scenarios.countries import CountryError, load_country
from jaxsched.scenarios.countries import _load as registry
from jaxsched.scenarios.readers import read

NAMES = countries()
NEEDED = {
    "sites": {
        "name",
        "state",
        "region",
        "latitude",
        "longitude",
        "timezone",
        "plant",
        "hardware",
        "gpus",
        "facility_limit_kw",
    },
    "origins": {"name", "state", "latitude", "longitude", "population", "timezone"},
    "regions": {"region", "market_utc_offset_h", "carbon_zone", "city"},
    "rtt": {"city_a", "city_b", "rtt_ms", "latitude_a", "longitude_a", "latitude_b", "longitude_b"},
    "price": {"region", "month", "hour", "price_aud_per_mwh"},
    "carbon": {"zone", "month", "hour", "direct_g_per_kwh"},
    "climate": {"station", "month", "latitude", "longitude", "max_c", "min_c", "vapour_pressure_hpa"},
}


def test_there_is_more_than_one_country():
    assert {"australia", "europe"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_states_regions_and_clocks_exist(name):
    land = country(name)
    assert land.states
    assert {state.region for state in land.states.values()} <= set(land.regions)
    assert {state.timezone for state in land.states.values()} <= available_timezones()
    assert all(np.isfinite(float(region.utc_offset_hours)) for region in land.regions.values())
    assert len(land.zones) == len(land.regions)
    assert {weight.unit.partition("/")[0] for weight in land.weights.values()} == {land.currency}
    assert list(land.weights) == ["carbon", "water", "waiting", "network_adder"]
    assert all(weight.value > 0 and weight.reason for weight in land.weights.values())


@pytest.mark.parametrize("name", NAMES)
def test_embedded_tables_are_complete_and_of_the_country(name):
    land = country(name)
    for table, columns in NEEDED.items():
        if land.embeds(table):
            assert columns <= set(land.table(table).columns), table
            assert len(land.table(table)) > 0
    assert set(land.about) <= set(land.tables())
    for table in ("sites", "origins"):
        if not land.embeds(table):
            continue
        rows = land.table(table)
        assert set(rows["state"]) <= set(land.states), table
        assert rows["latitude"].between(*land.latitude).all()
        assert rows["longitude"].between(*land.longitude).all()
        assert set(rows["timezone"]) <= available_timezones()
        assert rows["name"].is_unique
    if land.embeds("sites"):
        assert set(land.table("sites")["region"]) <= set(land.regions)
    cities = {region.city for region in land.regions.values()}
    assert cities <= set(land.table("origins")["name"])


@pytest.mark.parametrize("name", NAMES)
def test_the_profiles_hold_every_hour_of_every_region(name):
    land = country(name)
    if land.embeds("price"):
        assert land.table("price").groupby("region").size().to_dict() == dict.fromkeys(land.regions, 12 * 24)
    if land.embeds("carbon"):
        states = {region.state for region in land.regions.values()}
        assert states <= set(land.table("carbon")["zone"])
        assert set(land.table("carbon").groupby("zone").size()) == {12 * 24}


@pytest.mark.parametrize("name", NAMES)
def test_the_round_trip_times_measure_the_largest_places(name):
    land = country(name)
    metros, between = _embedded(land)
    origins = land.table("origins").set_index("name")
    largest = origins.nlargest(3, "population")
    measured = measured_times(largest, largest, metros, between)
    assert np.isfinite(measured).any()
    assert np.isfinite(between[~np.eye(len(metros), dtype=bool)]).all()
    np.testing.assert_array_equal(between, between.T)


@pytest.mark.parametrize("name", NAMES)
def test_the_scenario_of_a_country_has_its_signals_or_none(name):
    land = country(name)
    sites = None if land.embeds("sites") else foreign_sites(land)
    start = "2024-06-01" if land.start is None else None
    scenario = scenario_of(land, slots_of(land, start, 4, 60), sites=sites)
    for field, table in (("price", "price"), ("carbon_intensity", "carbon"), ("dry_bulb", "climate")):
        values = getattr(scenario, field)
        assert (np.isfinite(values) == land.embeds(table)).all()
    assert np.isfinite(scenario.demand).all()
    assert np.isfinite(scenario.rtt).all()


def foreign_sites(land) -> pd.DataFrame:
    """One site at each of the first places of a country."""
    table = land.table("origins").set_index("name").iloc[:3]
    region = table["state"].map({code: state.region for code, state in land.states.items()})
    return table.assign(
        region=region, plant="dx", hardware="h100", gpus=64.0, gpus_per_replica=4.0, facility_limit_kw=90.0
    )


TOY = """
title = "Utopia"
currency = "UTP"
timezone = "Asia/Kathmandu"
[weights]
carbon = 1.0
water = 2.0
waiting = 3e-4
network_adder = 4.0
[states]
N = { region = "U1" }
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A country that is registered by its folder alone."""
    folder = tmp_path / "utopia"
    folder.mkdir()
    (folder / "country.toml").write_text(TOY)
    (folder / "regions.csv").write_text("region,market_utc_offset_h,source_water_l_per_kwh\nU1,5.75,1.5\n")
    (folder / "sites.csv").write_text(
        "name,state,region,latitude,longitude,timezone,plant,hardware,gpus,gpus_per_replica,facility_limit_kw\n"
        "A,N,U1,27.7,85.3,Asia/Kathmandu,dx,h100,400,4,600\n"
    )
    (folder / "origins.csv").write_text(
        "name,state,latitude,longitude,population,timezone\nA,N,27.7,85.3,100000,Asia/Kathmandu\n"
    )
    profile = "\n".join(f"U1,{month},{hour},{100 * month + hour}" for month in range(1, 13) for hour in range(24))
    (folder / "price.csv").write_text(f"region,month,hour,price_aud_per_mwh\n{profile}\n")
    monkeypatch.setattr(registry, "FOLDER", tmp_path)
    return folder


def test_a_country_is_registered_by_its_folder_alone(toy):
    assert countries() == ("utopia",)
    land = country("utopia")
    scenario = scenario_of(land, slots_of(land, "2024-01-01T00:15Z", 3, 15))
    assert scenario.country.currency == "UTP"
    assert scenario.weights["carbon"].unit == "UTP/t"
    # The hour of the market's own clock, three quarters off.
    np.testing.assert_array_equal(scenario.price[:, 0], [106.0, 106.0, 106.0])
    np.testing.assert_array_equal(scenario.source_water, [1.5])
    assert np.isnan(scenario.carbon_intensity).all()
    assert set(embedded_tables(land)) == {"classes", "demand", "regions", "sites", "origins", "price"}


def test_a_folder_of_tables_takes_what_a_registered_country_embeds(toy, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "country.toml").write_text('country = "utopia"\n')
    times = [f"2024-01-01T{hour:02d}:00Z" for hour in range(6)]
    (folder / "carbon.csv").write_text(
        "start_utc,place,carbon_direct_g_per_kwh\n" + "".join(f"{t},U1,10\n" for t in times)
    )
    rows = "".join(f"{t},A,20.0,50\n" for t in times)
    (folder / "weather.csv").write_text(f"time_utc,place,dry_bulb_c,relative_humidity_pct\n{rows}")
    scenario = Scenario.from_tables(folder)
    assert len(scenario.times) == 5
    assert scenario.embedded["price"] == ("A",)
    assert any("the price of A (1 of 1 sites) is the package's own" in note for note in scenario.notes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("currency = 5", "`currency`"),
        ('currency = "euro"', "`currency`"),
        ('currency = "EUR"', "`weights.carbon` is missing; give each weight of carbon [EUR/t]"),
        ('currency = "EUR"\nsurface = 3', "unknown key `surface`"),
        ('title = "X"', "`currency` is missing"),
        ('currency = "EUR"\ntimezone = "Mars/Base"', "is no IANA time zone"),
        ('country = "atlantis"', "there is no country 'atlantis'"),
        ("currency = ", "is not valid TOML"),
    ],
)
def test_what_is_wrong_with_a_country_is_one_sentence(tmp_path, text, words):
    (tmp_path / "country.toml").write_text(text)
    with pytest.raises(CountryError) as caught:
        load_country(tmp_path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_region_of_ones_own_adds_to_those_of_the_country(tmp_path):
    (tmp_path / "country.toml").write_text('country = "europe"\n[weights]\ncarbon = 90\n')
    (tmp_path / "regions.csv").write_text("region,source_water_l_per_kwh\nFR,2.5\n")
    land = load_country(tmp_path)
    assert land.regions["FR"].source_water == 2.5
    assert land.regions["FR"].carbon_zone == "FR"
    assert land.weights["carbon"].value == 90.0
    assert land.weights["water"] == country("europe").weights["water"]
    (tmp_path / "regions.csv").write_text("region,source_water_l_per_kwh\nFR,many\n")
    with pytest.raises(CountryError, match=r"column 'source_water_l_per_kwh': 'many' is no number"):
        load_country(tmp_path)


def test_a_gazetteer_gives_each_place_the_state_of_its_country(tmp_path):
    rows = "1,Paris,FR,48.85,2.35,2138551,Europe/Paris\n2,Lima,PE,-12.0,-77.0,7000000,America/Lima\n"
    (tmp_path / "cities.csv").write_text("geonameid,name,countrycode,latitude,longitude,population,timezone\n" + rows)
    table = read(tmp_path / "cities.csv", country("europe")).table
    assert table["state"].iloc[0] == "FR"
    assert table["state"].isna().tolist() == [False, True]
