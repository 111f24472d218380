"""Measured times between areas, the law of distance elsewhere, and centres that count nobody twice."""

import numpy as np
import pandas as pd
import pytest

from jaxsched.models import RoundTripTime
from jaxsched.scenarios import australia, population_centres, with_network
from jaxsched.scenarios._network import distance_km
from jaxsched.scenarios._tables import read_embedded
from jaxsched.scenarios.readers import ReadError, read
from tests.scenarios.readers.samples import SAMPLES, write

PINGS, SERVERS = "latency/wondernetwork_rtt_ms_2020.parquet", "latency/wondernetwork_servers.csv"
GAZETTEER, WORLD = "cities/au_places_pop500.csv.gz", "cities/world_cities_pop100k.csv.gz"
LAW = RoundTripTime()
ACCESS = float(LAW.access)
FLOAT32 = 1e-6


@pytest.fixture(scope="module")
def plain():
    return australia(slots=1)


@pytest.fixture(scope="module")
def measured(shared_data, plain):
    return with_network(plain, read(shared_data / PINGS), read(shared_data / SERVERS))


def by_law(scenario) -> np.ndarray:
    return np.asarray(LAW(distance_km(scenario.origins, scenario.sites)))


def test_a_route_between_measured_cities_takes_the_mean_of_the_least_of_both_ways_and_access(shared_data, measured):
    raw = pd.read_parquet(shared_data / PINGS).set_index(["source", "destination"])["min"]
    for origin, site, a, b in (
        ("Melbourne", "DigiCo SYD1", 1, 107),
        ("Perth", "NEXTDC S2", 169, 107),
        ("Sydney", "NEXTDC M1", 107, 1),
    ):
        at = measured.origins.index.get_loc(origin), measured.sites.index.get_loc(site)
        expected = (float(raw[a, b]) + float(raw[b, a])) / 2_000.0 + ACCESS
        assert measured.rtt[at] == pytest.approx(expected, rel=FLOAT32)


def test_other_routes_take_the_law_and_the_provenance_counts_both(measured):
    law = by_law(measured)
    changed = ~np.isclose(measured.rtt, law, rtol=1e-9, atol=0.0)
    assert (
        f"measured for {int(changed.sum())} of {law.size} routes, distance law elsewhere" in measured.provenance["rtt"]
    )
    assert 0 < changed.sum() < law.size
    for origin in ("Hobart", "Darwin", "Broken Hill"):
        assert not changed[measured.origins.index.get_loc(origin)].any()
    sydney = measured.origins.index.get_loc("Sydney"), measured.sites.index.get_loc("DigiCo SYD1")
    assert not changed[sydney]


def test_names_of_embedded_centres_need_no_list_of_servers(shared_data, plain, measured):
    scenario = with_network(plain, read(shared_data / "latency" / "au_city_rtt_ms_2020.csv"))
    # The cities lie a few kilometres apart in the two lists, so that some places are in an area of one only.
    same = np.isclose(scenario.rtt, measured.rtt, rtol=FLOAT32)
    assert same.mean() > 0.95


def test_a_square_matrix_with_places_of_the_user_is_taken(tmp_path, plain):
    found = read(write(tmp_path, "rtt_matrix"))
    places = {"SYD": (-33.87, 151.21), "PER": (-31.95, 115.86)}
    scenario = with_network(plain, found, places=places)
    at = scenario.origins.index.get_loc("Perth"), scenario.sites.index.get_loc("DigiCo SYD1")
    assert scenario.rtt[at] == pytest.approx(0.055 + ACCESS, rel=1e-12)
    melbourne = scenario.origins.index.get_loc("Melbourne")
    np.testing.assert_allclose(scenario.rtt[melbourne], by_law(scenario)[melbourne], rtol=1e-12)


@pytest.mark.parametrize("places", [{}, {"SYD": (-33.87, 151.21)}])
def test_fewer_than_two_known_places_are_refused(tmp_path, plain, places):
    with pytest.raises(
        ReadError, match=r"where 'SYD', 'MEL', 'BNE', 'PER' lie is not known; give inputs\.rtt_places or"
    ):
        with_network(plain, read(write(tmp_path, "rtt_matrix")), places=places)


def test_measurements_far_from_every_origin_are_refused(tmp_path, plain):
    places = {"SYD": (51.5, -0.1), "PER": (48.9, 2.3)}
    with pytest.raises(ReadError, match="measures no pair of an origin's and a site's area; give places near them"):
        with_network(plain, read(write(tmp_path, "rtt_matrix")), places=places)


def test_the_centres_of_the_real_gazetteer_are_the_embedded_origins(shared_data):
    table = read_embedded("origins").set_index("name")
    found = population_centres(read(shared_data / GAZETTEER).table, len(table))
    assert found.index.tolist() == table.index.tolist()
    pd.testing.assert_series_equal(found["population"], table["population"].astype(float), check_exact=True)
    assert found["population"].is_monotonic_decreasing


def test_no_suburb_is_counted_beside_its_city(shared_data):
    places = read(shared_data / GAZETTEER).table
    found = population_centres(places, 3_000)
    assert found.index.is_unique
    suburb = {"Parramatta", "Dandenong", "Fremantle", "Ipswich", "Glenelg"}
    assert suburb & set(places["name"])
    assert not suburb & set(found.index)
    # Not more people than the country has, where the gazetteer holds 46 million.
    assert 20e6 < found["population"].sum() < 28e6 < places["population"].sum()


def test_centres_of_one_name_are_told_apart_and_none_is_lost():
    rows = [
        ("Richmond", "NSW", -33.0, 9e3),
        ("Richmond", "NSW", -30.0, 8e3),
        ("Richmond", "VIC", -38.0, 7e3),
        ("Ely", "WA", -31.0, 6e3),
    ]
    table = pd.DataFrame(rows, columns=["name", "state", "latitude", "population"]).assign(
        longitude=145.0, timezone="x"
    )
    found = population_centres(table, 9)
    assert found.index.tolist() == ["Richmond (NSW)", "Richmond (NSW) 2", "Richmond (VIC)", "Ely"]
    assert found["population"].sum() == 30e3


@pytest.mark.parametrize("kind", ["world", "dump"])
def test_a_table_of_other_countries_is_refused_in_a_sentence(shared_data, tmp_path, kind):
    dump = write(tmp_path, "geonames_dump", SAMPLES["geonames_dump"].replace("\tAU\t", "\tCN\t"))
    table = read(shared_data / WORLD if kind == "world" else dump).table
    with pytest.raises(ValueError, match=r"^holds no place of a state of Australia with people; give `state` or"):
        population_centres(table, 10)


def test_a_matrix_of_the_studys_own_origins_and_sites_is_taken_as_it_is(tmp_path):
    base = australia(sites=4, origins=3, slots=1)
    times = np.arange(5.0, 17.0).reshape(3, 4)
    times[2, 3] = np.nan
    table = pd.DataFrame(times, index=base.origins.index, columns=base.sites.index)
    table.loc["Nowhere"] = 99.0
    for name, given in (("rtt.csv", table), ("transposed.csv", table.T)):
        given.to_csv(tmp_path / name, index_label="origin" if name == "rtt.csv" else "site")
        scenario = with_network(base, read(tmp_path / name))
        by_name = np.isfinite(times)
        np.testing.assert_allclose(scenario.rtt[by_name], times[by_name] / 1000.0 + ACCESS)
        np.testing.assert_allclose(scenario.rtt[~by_name], by_law(base)[~by_name])
        assert "measured for 11 of 12 routes, of which 11 by the names of origin and site" in scenario.provenance["rtt"]
        assert scenario.notes == (
            f"{name}: the times of 'Nowhere' are not used: no origin, site or known place has such a name",
        )
