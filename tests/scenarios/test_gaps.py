"""A gap is an error, or every cell that was filled is on record."""

import numpy as np
import pandas as pd
import pytest

from jaxsched.scenarios import Gaps, australia, with_carbon, with_price, with_weather
from jaxsched.scenarios._years import in_year
from jaxsched.scenarios.readers import ReadError, Recording
from tests.scenarios.recordings import START, record

NAN = np.nan
FLAG = Gaps("flag", 3.0)
SYDNEY = {"places": {"Here": (-33.87, 151.21)}}


def plain(slots: int = 8, start: str = START):
    return australia(start=start, slots=slots, anomalies=False)


def price_at(scenario, region: str) -> list[float]:
    return scenario.price[:, (scenario.sites["region"] == region).to_numpy()][:, 0].tolist()


def test_a_gap_is_refused_with_file_quantity_place_and_time():
    found = record({"SA1": [1, 2, NAN, NAN, 5, 6, 7, NAN]})
    with pytest.raises(ReadError) as caught:
        with_price(plain(), [found])
    assert str(caught.value) == (
        "a.csv: price_aud_per_mwh of SA1 is missing at 2024-01-15 02:00:00+00:00 (3 of 8 slots, 2 in a row there); "
        "set inputs.fill = 'flag' to fill short gaps."
    )


def test_short_gaps_are_filled_by_a_line_and_edges_by_the_nearest_and_all_are_recorded():
    found = record({"SA1": [NAN, 2, NAN, NAN, 5, 9, NAN, NAN], "VIC1": [1, 2, 3, 4, NAN, 6, 7, 8]})
    scenario = with_price(plain(), [found], FLAG)
    assert price_at(scenario, "SA1") == [2, 2, 3, 4, 5, 9, 9, 9]
    assert price_at(scenario, "VIC1") == [1, 2, 3, 4, 5, 6, 7, 8]
    cells = [(c.quantity, c.place, c.by, c.source, [s[11:16] for s in c.slots_start_utc]) for c in scenario.filled]
    line, nearest = "straight line between neighbours", "nearest value"
    assert cells == [
        ("price_aud_per_mwh", "SA1", nearest, "a.csv", ["00:00"]),
        ("price_aud_per_mwh", "SA1", line, "a.csv", ["02:00", "03:00"]),
        ("price_aud_per_mwh", "SA1", nearest, "a.csv", ["06:00", "07:00"]),
        ("price_aud_per_mwh", "VIC1", line, "a.csv", ["04:00"]),
    ]
    assert scenario.filled[0].slots_start_utc == ("2024-01-15T00:00:00+00:00",)


def test_a_longer_gap_is_refused_even_where_short_ones_are_filled():
    found = record({"SA1": [1, NAN, NAN, NAN, NAN, 6, 7, 8]})
    with pytest.raises(
        ReadError, match=r"01:00:00\+00:00 \(4 of 8 slots, 4 in a row there\); gaps up to 3 h can be filled"
    ):
        with_price(plain(), [found], FLAG)
    assert price_at(with_price(plain(), [found], Gaps("flag", 4.0)), "SA1") == [1, 2, 3, 4, 5, 6, 7, 8]


def test_slots_without_a_gap_leave_no_record_whatever_is_allowed():
    found = record({"SA1": [-1_000.0, 15_100.0, 17_500.0, 0.0, 1.0, 2.0, 3.0, 4.0]})
    for gaps in (None, Gaps(), FLAG):
        scenario = with_price(plain(), [found], gaps)
        assert scenario.filled == ()
        assert price_at(scenario, "SA1")[:3] == [-1_000.0, 15_100.0, 17_500.0]


def test_consecutive_months_of_one_region_join_across_their_seam():
    january = record({"SA1": [1.0, 2.0, 3.0]}, 30, "2024-01-31 22:30")
    february = record({"SA1": [5.0, 7.0, 9.0, 11.0, 13.0]}, 30, "2024-02-01", source="b.csv")
    for order in ([january, february], [february, january]):
        scenario = with_price(plain(3, "2024-01-31 23:00"), order)
        assert price_at(scenario, "SA1") == [2.5, 6.0, 10.0]
    late = record({"SA1": [4.0, 6.0]}, 30, "2024-02-01 00:30", source="c.csv")
    with pytest.raises(ReadError, match=r"^c\.csv: gives SA1 at 2024-02-01 00:30:00\+00:00 a second time; keep one of"):
        with_price(plain(3, "2024-01-31 23:00"), [january, february, late])


def test_records_of_several_signals_add_up():
    scenario = with_price(plain(), [record({"SA1": [1, NAN, 3, 4, 5, 6, 7, 8]})], FLAG)
    carbon = record({"AU-SA": [NAN, *[200.0] * 7]}, quantity="carbon_direct_g_per_kwh")
    scenario = with_carbon(scenario, [carbon], FLAG)
    assert [(c.quantity, c.place) for c in scenario.filled] == [
        ("price_aud_per_mwh", "SA1"),
        ("carbon_direct_g_per_kwh", "AU-SA"),
    ]


def test_a_gap_in_the_stamps_of_another_year_is_recorded_by_the_slots_of_the_study():
    values, first = [1, NAN, *np.arange(2.0, 100.0)], "2023-02-27 14:00"
    found = record({"AU-SA": values}, start=first, quantity="carbon_direct_g_per_kwh")
    scenario = with_carbon(plain(48, "2024-02-28T00:00+10:00"), [found], FLAG, year=2023)
    days = sorted(slot for cell in scenario.filled for slot in cell.slots_start_utc)
    assert days == ["2024-02-27T15:00:00+00:00", "2024-02-28T15:00:00+00:00"]
    assert "stamps of 2023 on the clock UTC+10, so not of one weather system" in scenario.provenance["carbon_intensity"]


def test_a_region_under_two_names_is_refused():
    parts = [record({name: [1.0] * 8}, quantity="carbon_direct_g_per_kwh") for name in ("SA1", "AU-SA")]
    with pytest.raises(ReadError, match="give carbon_direct_g_per_kwh of SA1 under two names; keep one of the files"):
        with_carbon(plain(), parts)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (record({"NZ": [1.0] * 8}), "a.csv: holds price_aud_per_mwh of no region of the sites (NSW1, "),
        (record({"SA1": [1.0] * 8}, quantity="demand_mw"), "a.csv: has no price_aud_per_mwh; it has demand_mw."),
        (
            record({"SA1": [1.0] * 8}, dated=False),
            "a.csv: its dates are withheld, so price_aud_per_mwh has no place in time",
        ),
    ],
)
def test_a_file_that_cannot_give_the_price_says_why(found, why):
    with pytest.raises(ReadError) as caught:
        with_price(plain(), [found])
    assert why in str(caught.value)


def weather_of(dry, humidity=None, place: str = "Here", **changes) -> Recording:
    found = record({place: dry}, quantity="dry_bulb_c", stamp="instant", **changes)
    return (
        found
        if humidity is None
        else type(found)(**(vars(found) | {"table": found.table.assign(relative_humidity_pct=humidity)}))
    )


def test_a_site_at_the_place_has_its_readings_and_the_climate_in_long_gaps():
    readings = np.array([20.0, 22, 24, NAN, NAN, NAN, NAN, NAN, NAN, 30, 32])
    base = plain(10)
    scenario = with_weather(
        base,
        [weather_of(readings)],
        FLAG,
        places={"Here": tuple(base.sites.loc["DigiCo SYD1", ["latitude", "longitude"]])},
    )
    site = base.sites.index.get_loc("DigiCo SYD1")
    np.testing.assert_allclose(scenario.dry_bulb[[0, 1, 9], site], [21.0, 23.0, 31.0], rtol=1e-12)
    np.testing.assert_allclose(scenario.dry_bulb[2:9, site], base.dry_bulb[2:9, site], rtol=1e-12)
    (cell,) = scenario.filled
    assert (cell.by, cell.place, len(cell.slots_start_utc)) == ("climate", "Here", 7)
    assert "7 of 10 slots of these places are filled with the climate" in scenario.provenance["dry_bulb"]


def test_sites_far_from_every_place_keep_their_climate():
    base = plain()
    scenario = with_weather(base, [weather_of([40.0] * 9)], **SYDNEY)
    perth = (base.sites["region"] == "WEM").to_numpy()
    np.testing.assert_array_equal(scenario.dry_bulb[:, perth], base.dry_bulb[:, perth])
    assert (scenario.dry_bulb[:, (base.sites["region"] == "NSW1").to_numpy()] > 30.0).all()


def test_a_place_whose_file_has_no_humidity_keeps_the_vapour_pressure_of_its_climate():
    base = plain()
    dry = weather_of([25.0] * 9)
    wet = weather_of([25.0] * 9, [60.0] * 9, place="West", source="b.csv")
    places = {**SYDNEY["places"], "West": (-31.95, 115.86)}
    scenario = with_weather(base, [dry, wet], places=places)
    alone = with_weather(base, [dry], **SYDNEY)
    sydney = base.sites.index.get_loc("DigiCo SYD1")
    np.testing.assert_array_equal(scenario.relative_humidity[:, sydney], alone.relative_humidity[:, sydney])
    west = (base.sites["latitude"] + 31.95).abs().to_numpy() < 1.0
    west &= (base.sites["region"] == "WEM").to_numpy()
    assert west.any()
    assert (scenario.relative_humidity[:, west] != alone.relative_humidity[:, west]).all()


@pytest.mark.parametrize(
    ("place", "given", "why"),
    [
        ("Nowhere", {}, "where 'Nowhere' lies is not known; give it in [inputs.places] as [lat, lon]"),
        ("London", {"London": (51.5, -0.1)}, "a.csv: has no place within 1,200 km of a site; give nearer weather."),
    ],
)
def test_weather_of_no_known_or_near_place_is_refused(place, given, why):
    with pytest.raises(ReadError) as caught:
        with_weather(plain(), [weather_of([20.0] * 9, place=place)], places=given)
    assert why in str(caught.value)


def test_weather_of_another_year_is_taken_by_its_calendar():
    base = plain(24)
    start = str(in_year(base.times, 2019)[0].date())
    found = weather_of(np.arange(25.0), start=start)
    at = tuple(base.sites.loc["DigiCo SYD1", ["latitude", "longitude"]])
    scenario = with_weather(base, [found], year=2019, places={"Here": at})
    site = base.sites.index.get_loc("DigiCo SYD1")
    np.testing.assert_allclose(scenario.dry_bulb[:, site], np.arange(24) + 0.5, rtol=1e-9)
    assert pd.Timestamp(base.times[0]).year == 2024
