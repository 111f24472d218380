"""Gazetteers and lists of servers."""

import pandas as pd
import pytest

from jaxsched.scenarios.readers import ReadError, Rows, read
from tests.scenarios.readers.samples import SAMPLES, TOWNS, write
from tests.scenarios.readers.test_broken import sentence, with_cell

LATITUDES = [float(at.split(",")[0]) for _, _, at, _, _ in TOWNS]


@pytest.mark.parametrize("kind", ["geonames", "geonames_dump", "servers"])
def test_places_keep_names_coordinates_and_order(tmp_path, kind):
    found = read(write(tmp_path, kind))
    assert isinstance(found, Rows)
    assert found.table["name"].tolist() == [name for name, *_ in TOWNS]
    assert found.table["latitude"].tolist() == LATITUDES


def test_a_table_and_a_dump_of_the_same_places_read_alike(tmp_path):
    columns = ["name", "latitude", "longitude", "population", "timezone"]
    table, dump = (read(write(tmp_path, kind)).table[columns] for kind in ("geonames", "geonames_dump"))
    pd.testing.assert_frame_equal(table, dump, check_exact=True)


def test_states_come_from_the_divisions_of_geonames(tmp_path):
    text = SAMPLES["geonames"].replace(",state,", ",province,").replace("NSW,2\n", "NSW,7\n", 1)
    assert read(write(tmp_path, "geonames", text)).table["state"].tolist() == ["VIC", *5 * ["NSW"]]


def test_divisions_that_parquet_holds_as_numbers_with_holes_are_known(tmp_path):
    table = (
        pd.read_csv(write(tmp_path, "geonames"))
        .drop(columns="state")
        .assign(admin1code=[2.0, 7.0, None, 8.0, 5.0, 2.0])
    )
    table.to_parquet(tmp_path / "places.parquet")
    state = read(tmp_path / "places.parquet").table["state"]
    assert state.dropna().tolist() == ["NSW", "VIC", "WA", "SA", "NSW"]


@pytest.mark.parametrize("country", ["CN", ""])
def test_divisions_of_other_countries_are_no_states_of_australia(tmp_path, country):
    lines = SAMPLES["geonames_dump"].splitlines()
    lines[1] = lines[1].replace("\tAU\t", f"\t{country}\t")
    state = read(write(tmp_path, "geonames_dump", "\n".join(lines))).table["state"]
    assert state.isna().tolist() == [False, True, False, False, False, False]


def test_a_dump_keeps_populated_places_only_and_the_numbers_of_its_rows(tmp_path):
    lines = SAMPLES["geonames_dump"].splitlines()
    lines[0] = lines[0].replace("\tP\t", "\tT\t")
    assert read(write(tmp_path, "geonames_dump", "\n".join(lines))).table["name"].iloc[0] == "Melbourne"
    lines[2] = lines[2].replace("2780063", "many")
    assert "AU.txt: row 3, column 'population': 'many' is not a number" in sentence(
        write(tmp_path, "geonames_dump", "\n".join(lines))
    )


def test_a_dump_of_mountains_is_refused(tmp_path):
    text = SAMPLES["geonames_dump"].replace("\tP\t", "\tT\t")
    assert "holds no populated place (P); give a table of cities." in sentence(write(tmp_path, "geonames_dump", text))


def test_quotation_marks_in_a_dump_are_text(tmp_path):
    text = SAMPLES["geonames_dump"].replace("Melbourne\tMelbourne\t", '"Mel\tMelbourne\t"')
    assert read(write(tmp_path, "geonames_dump", text)).table["name"].iloc[1] == '"Mel'


@pytest.mark.parametrize(
    ("kind", "column", "cell", "why"),
    [
        ("geonames", "latitude", "91", "row 4, column 'latitude': '91' is not from -90 to 90"),
        ("geonames", "population", "-5", "row 4, column 'population': '-5' is not from 0 to 1e+09"),
        ("geonames", "name", "", "row 4, column 'name': is empty"),
        ("servers", "longitude", "east", "row 4, column 'longitude': 'east' is not a number"),
        ("servers", "id", "", "row 4, column 'id': is empty"),
    ],
)
def test_a_broken_place_is_named(tmp_path, kind, column, cell, why):
    assert why in sentence(write(tmp_path, kind, with_cell(kind, 4, column, cell)))


def test_the_real_gazetteer_and_servers_are_whole(shared_data):
    australia = read(shared_data / "cities" / "au_places_pop500.csv.gz").table
    assert len(australia) == 4_901
    assert sorted(australia["state"].dropna().unique()) == ["ACT", "NSW", "NT", "QLD", "SA", "TAS", "VIC", "WA"]
    world = read(shared_data / "cities" / "world_cities_pop100k.csv.gz").table
    assert len(world) == 6_204
    assert "state" not in world
    assert len(read(shared_data / "latency" / "wondernetwork_servers.csv").table) == 246


NO_INPUTS = [
    "cooling/copper_chiller_curves.csv.gz", "cooling/frontier_cdu_power_15s_2024-04-07.parquet",
    "cooling/lei_masanet_pue_wue_by_climate_zone.csv", "cooling/singapore_chiller_30min_2019_2020.csv.gz",
    "llm_profile/mlenergy_llm_energy.csv.gz", "llm_profile/sageserve_llama31_8b_tp4_prefill.csv",
    "llm_profile/sageserve_llama3_a100_perf.csv", "llm_profile/splitwise_perf_model.csv",
    "llm_profile/vidur_linear_layer_profile.parquet", "llm_traces/burstgpt1_daily.csv", "llm_traces/burstgpt1_hour_of_day.csv",
    "llm_traces/burstgpt1_week1_tokens_per_minute.csv.gz", "physics/au_climate_monthly.csv", "physics/au_dc_sites_all294.csv",
    "physics/au_dc_sites_with_coords.csv", "physics/constants.json", "prices/greendcc_au_nsw_vic_price_hourly_2020_2024.parquet",
    "prices/wa_wem_balancing_monthly_stats_2020_2023.csv", "sites/openelectricity_data_centres_au.csv",
    "weather/weatherAUS_daily_2007_2017.parquet", "weather/weatherAUS_stations.csv",
]  # fmt: skip


@pytest.mark.parametrize("file", NO_INPUTS)
def test_real_files_that_are_no_inputs_are_none_of_the_kinds(shared_data, file):
    assert "is none of the kinds of file that are known (" in sentence(shared_data / file)


def test_a_monthly_table_in_the_shape_of_opennem_is_refused(shared_data):
    with pytest.raises(ReadError, match=r"has no series 'price'; give a table of OpenNEM's five-minute data\.$"):
        read(shared_data / "grid" / "opennem_monthly_by_fuel_1998_2022.parquet")
