"""The embedded country: who and where, on which clock, and how it scales."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from jaxsched.models import HARDWARE, RoundTripTime
from jaxsched.scenarios import australia
from jaxsched.scenarios._network import distance_km
from jaxsched.scenarios._tables import embedded_tables, read_embedded
from jaxsched.scenarios.countries import countries, country

STATES = {"NSW", "VIC", "QLD", "SA", "WA", "TAS", "NT", "ACT"}


@pytest.fixture(scope="module")
def week():
    return australia()


def test_at_least_forty_sites_stand_in_every_state_and_territory(week):
    assert len(week.sites) >= 40
    assert set(week.sites["state"]) == STATES
    assert {"Darwin", "Port Hedland", "Hobart", "Canberra"} <= set(week.sites["city"])
    assert week.sites.index.is_unique


def test_every_state_has_a_site_that_can_serve_code_within_its_limit(week):
    quick = week.sites[week.sites["hardware"].isin(["h100", "h200"])]
    assert set(quick["state"]) == STATES


def test_sites_lie_near_the_town_that_they_are_named_after(week):
    origins = week.origins
    nearest = distance_km(week.sites, origins).min(1)
    # Every site's town is an origin or within a metropolitan area of one (60 km).
    assert nearest.max() < 60.0


def test_the_three_wrong_coordinates_are_corrected(week):
    def far(site: str, latitude: float, longitude: float) -> float:
        place = pd.DataFrame({"latitude": [latitude], "longitude": [longitude]})
        return float(distance_km(week.sites.loc[[site]], place)[0, 0])

    assert far("CDC Beard", -35.281, 149.130) < 15.0  # Canberra, not Newcastle
    assert far("CDC Marsden Park", -33.869, 151.209) < 50.0  # Sydney, not Canberra


def test_no_person_is_counted_twice(week):
    origins = week.origins
    assert len(origins) >= 100
    assert set(origins["state"]) == STATES
    # ABS significant urban areas 2021 and the country's 25.7 million: the centres hold most of it and no more.
    assert 20e6 < origins["population"].sum() < 26e6
    for city, population in (("Sydney", 4.97e6), ("Melbourne", 4.97e6), ("Perth", 2.08e6), ("Hobart", 0.219e6)):
        assert origins.loc[city, "population"] == pytest.approx(population, rel=0.2)
    apart = distance_km(origins, origins)
    apart[np.diag_indices(len(origins))] = np.inf
    large = origins["population"].to_numpy() > 1e6
    assert apart[large].min() > 30.0


def test_the_default_week_holds_a_heatwave_that_builds_and_breaks(week):
    local = week.times.tz_convert("Australia/Brisbane")
    melbourne = pd.Series(week.dry_bulb[:, week.sites.index.get_loc("NEXTDC M1")], index=local)
    highest = melbourne.groupby(local.date).max()
    assert (highest.iloc[2:6] > 40.0).all()
    assert highest.iloc[0] < 30.0
    assert highest.iloc[6] < 30.0


def test_a_year_of_weather_without_departures_reproduces_the_normals():
    year = australia(slots=8784, start="2024-01-01", anomalies=False)
    perth = year.dry_bulb[:, year.sites.index.get_loc("NEXTDC P2")]
    climate = read_embedded("climate").query("station == 'Perth'")
    normal = (climate["max_c"] + climate["min_c"]).mean() / 2.0
    # The cosine between the extremes has their mean; months of unlike length and the joins leave 0.2 K.
    assert perth.mean() == pytest.approx(normal, abs=0.2)
    warmest = year.times.tz_convert("Australia/Perth")[perth.argmax()]
    assert warmest.hour in (14, 15)


def test_humidity_stays_in_the_range_of_the_wet_bulb_law_and_falls_by_day(week):
    assert week.relative_humidity.min() >= 5.0
    assert week.relative_humidity.max() <= 99.0
    sydney = week.sites.index.get_loc("NEXTDC S2")
    assert np.corrcoef(week.relative_humidity[:, sydney], week.dry_bulb[:, sydney])[0, 1] < -0.9


@pytest.mark.parametrize(("start", "before", "after"), [("2024-04-06", 11, 10), ("2024-10-05", 10, 11)])
def test_daylight_saving_moves_sydney_but_not_brisbane(start, before, after):
    days = australia(start=f"{start}T00:00+10:00", slots=72)
    for origin, zone in (("Sydney", "Australia/Sydney"), ("Brisbane", "Australia/Brisbane")):
        position = days.origins.index.get_loc(origin)
        business = pd.Series(days.demand[:, position, 2], index=days.times.tz_convert(zone))
        weekend, monday = business.iloc[:20], business[business.index.day_of_week == 0]
        # The peak stays at 14 h local on both sides of the change-over.
        assert weekend.idxmax().hour == 14
        assert monday.idxmax().hour == 14
        expected = (before, after) if origin == "Sydney" else (10, 10)
        offsets = tuple(int(t.utcoffset().total_seconds() // 3600) for t in (weekend.idxmax(), monday.idxmax()))
        assert offsets == expected
    assert len(days.times) == 72
    assert days.times.is_unique


def test_a_week_of_demand_adds_up_to_requests_per_person(week):
    requests = week.demand.sum() * 3600.0
    people = week.origins["population"].sum()
    assert requests / people / 7.0 == pytest.approx(5.0, rel=0.01)
    assert week.demand.sum((0, 1)) / week.demand.sum() == pytest.approx([0.6, 0.3, 0.1], abs=0.02)


def test_prices_peak_in_the_evening_and_carbon_dips_at_noon_on_the_local_clock(week):
    nem_hour = week.times.tz_convert("Etc/GMT-10").hour
    sydney = week.sites.index.get_loc("NEXTDC S2")
    price = pd.Series(week.price[:, sydney]).groupby(nem_hour).mean()
    carbon = pd.Series(week.carbon_intensity[:, sydney]).groupby(nem_hour).mean()
    assert price.idxmax() in (17, 18, 19)
    assert carbon.idxmin() in (10, 11, 12)
    perth = week.sites.index.get_loc("NEXTDC P2")
    awst = week.times.tz_convert("Australia/Perth").hour
    assert pd.Series(week.carbon_intensity[:, perth]).groupby(awst).mean().idxmin() in (10, 11, 12)


def test_annual_means_agree_with_the_published_ones():
    carbon = read_embedded("carbon").groupby("zone")["direct_g_per_kwh"].mean()
    published = {"NSW": 500, "VIC": 455, "QLD": 538, "TAS": 103, "SA": 141, "WA": 340, "NT": 374}
    for zone, mean in published.items():
        assert carbon[zone] == pytest.approx(mean, rel=0.005)
    price = read_embedded("price").groupby("region")["price_aud_per_mwh"].mean()
    # Published means of 2024 capped at 300: NSW 96.8, VIC 71.9; the floor of -100 moves them by less than 1 %.
    assert price["NSW1"] == pytest.approx(96.8, rel=0.01)
    assert price["VIC1"] == pytest.approx(71.9, rel=0.01)


def test_measured_round_trips_are_used_between_capitals_and_the_law_elsewhere(week):
    law = RoundTripTime()
    at = (week.origins.index.get_loc("Melbourne"), week.sites.index.get_loc("NEXTDC P2"))
    assert week.rtt[at] == pytest.approx(0.0359 + float(law.access), abs=1e-4)
    at = (week.origins.index.get_loc("Hobart"), week.sites.index.get_loc("NEXTDC D1"))
    distance = distance_km(week.origins.iloc[[at[0]]], week.sites.iloc[[at[1]]])
    assert week.rtt[at] == pytest.approx(float(law(jnp.asarray(distance))[0, 0]))
    assert week.rtt.min() == pytest.approx(0.0105)


def test_every_embedded_table_says_what_it_is_and_where_it_comes_from():
    for name, path in (item for one in countries() for item in embedded_tables(country(one)).items()):
        header = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
        keys = [line[2:].partition(":")[0] for line in header]
        assert keys == ["what", "source", "method", "date", "licence"], name


def test_plants_and_hardware_are_known(week):
    assert set(week.sites["plant"]) == {"dx", "airside", "waterside", "indirect_evaporative"}
    assert set(week.sites["hardware"]) == set(HARDWARE)


@pytest.mark.parametrize(("sites", "origins"), [(1, 1), (8, 10), (52, 120), (300, 500)])
def test_scaling_keeps_people_and_gpus(week, sites, origins):
    scaled = australia(sites=sites, origins=origins, slots=2, seed=3)
    assert scaled.demand.shape == (2, origins, 3)
    assert len(scaled.sites) == sites
    assert scaled.origins["population"].sum() == pytest.approx(week.origins["population"].sum())
    assert scaled.sites["gpus"].sum() == pytest.approx(week.sites["gpus"].sum())
    assert scaled.sites.index.is_unique
    assert scaled.origins.index.is_unique
    if sites >= 8:
        assert set(scaled.sites["state"]) == STATES


def test_the_seed_decides_and_nothing_else_does():
    first, again, other = (australia(sites=100, origins=200, slots=1, seed=s) for s in (1, 1, 2))
    pd.testing.assert_frame_equal(first.sites, again.sites)
    np.testing.assert_array_equal(first.demand, again.demand)
    assert not np.array_equal(first.rtt, other.rtt)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"sites": 0}, "sites is 0"),
        ({"origins": -1}, "origins is -1"),
        ({"slots": 0}, "slots is 0"),
        ({"start": "2024-01-12T00:30"}, "no whole slot of 60 minutes"),
        ({"start": "soon"}, "ISO 8601"),
    ],
)
def test_impossible_requests_get_one_sentence(arguments, words):
    with pytest.raises(ValueError, match=words):
        australia(**arguments)


def test_deriving_the_tables_again_gives_the_same_bytes(shared_data, tmp_path):
    import subprocess
    import sys
    from pathlib import Path

    script = Path(__file__).parents[2] / "scripts" / "derive_embedded_data.py"
    subprocess.run([sys.executable, script, "--data", shared_data, "--out", tmp_path], check=True, timeout=300)
    scenarios = script.parents[1] / "jaxsched" / "scenarios"
    for name, path in (item for one in countries() for item in embedded_tables(country(one)).items()):
        assert (tmp_path / path.relative_to(scenarios)).read_bytes() == path.read_bytes(), name
