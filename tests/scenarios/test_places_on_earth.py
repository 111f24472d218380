"""Places that are nowhere, or whose latitude and longitude are exchanged, are noticed wherever they are read."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from jaxsched.config import Config, ConfigError, load_config
from jaxsched.scenarios import australia, with_network, with_weather
from jaxsched.scenarios._network import coordinate_problem
from jaxsched.scenarios._tables import read_embedded
from jaxsched.scenarios.readers import ReadError, read
from tests.scenarios.readers.samples import SAMPLES, write
from tests.scenarios.recordings import record

NOWHERE = [(np.nan, np.nan), (-33.9, np.nan), (np.inf, 151.2), (-91.0, 151.2), (-33.9, 181.0), (151.2, -33.9)]


@pytest.mark.parametrize("at", NOWHERE)
def test_a_place_that_is_nowhere_is_refused_everywhere(at):
    assert coordinate_problem(*at) is not None
    with pytest.raises(ValidationError, match="latitude"):
        Config.model_validate({"inputs": {"places": {"U": list(at)}}})
    base = australia(sites=3, origins=3, slots=2, start="2024-01-15", anomalies=False)
    found = record({"U": [20.0] * 9}, quantity="dry_bulb_c", stamp="instant")
    with pytest.raises(ReadError, match=r"^inputs\.places\.U: latitude .*\.$"):
        with_weather(base, [found], places={"U": at})
    sites = read_embedded("sites").set_index("name").iloc[:3]
    sites.loc[sites.index[1], ["latitude", "longitude"]] = at
    with pytest.raises(ValueError, match=f"^{sites.index[1]}: latitude"):
        australia(sites=sites, origins=3, slots=2)


def test_places_of_round_trip_times_are_checked(tmp_path):
    base = australia(sites=3, origins=3, slots=2)
    with pytest.raises(
        ReadError, match=r"^inputs\.places\.SYD: latitude 151\.2 is not from -90 to 90; latitude comes first"
    ):
        with_network(base, read(write(tmp_path, "rtt_matrix")), None, {"SYD": (151.2, -33.9)})


def test_places_on_earth_are_places():
    for at in [(-90.0, 180.0), (90.0, -180.0), (0.0, 0.0), (-33.9, 151.2)]:
        assert coordinate_problem(*at) is None


def test_an_unused_place_that_is_nowhere_is_refused_at_the_start(tmp_path):
    (tmp_path / "a.toml").write_text("[inputs.places]\nU = [nan, nan]\nV = [151.2, -33.9]\n")
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "a.toml")
    text = str(caught.value)
    assert "`inputs.places.U`: latitude nan and longitude nan are no place; give degrees." in text
    assert "`inputs.places.V`: latitude 151.2 is not from -90 to 90; latitude comes first, so that the two seem" in text


@pytest.mark.parametrize("kind", ["sites", "origins", "geonames", "servers", "geonames_dump"])
def test_exchanged_columns_of_a_table_are_named(tmp_path, kind):
    sign = "\t" if kind == "geonames_dump" else ","
    text = SAMPLES[kind].replace(f"-33.86785{sign}151.20732", f"151.20732{sign}-33.86785")
    with pytest.raises(ReadError, match=r"'151\.20732' is not from .* latitude and longitude may be exchanged"):
        read(write(tmp_path, kind, text))


@pytest.mark.parametrize("kind", ["sites", "origins"])
@pytest.mark.parametrize(("at", "column"), [("33.86785,151.20732", "latitude"), ("-33.86785,-151.20732", "longitude")])
def test_a_place_of_an_australian_state_lies_in_australia(tmp_path, kind, at, column):
    text = SAMPLES[kind].replace("-33.86785,151.20732", at)
    with pytest.raises(ReadError, match=rf"row 2, column '{column}': .* is not from .*; south and west are negative"):
        read(write(tmp_path, kind, text))


@pytest.mark.parametrize("value", [np.nan, np.inf, pd.NA])
def test_a_masked_or_missing_amount_of_a_table_is_refused(value):
    sites, origins = (
        read_embedded("sites").set_index("name").iloc[:3],
        read_embedded("origins").set_index("name").iloc[:3],
    )
    few = sites.assign(gpus=pd.array([8.0, value, 8.0], dtype="Float64"))
    with pytest.raises(ValueError, match=f"^{sites.index[1]}: gpus is .*; give a number"):
        australia(sites=few, origins=3, slots=2)
    masked = np.ma.masked_array([1e6, 2e6, 3e6], mask=[False, False, True])
    with pytest.raises(ValueError, match=f"^{origins.index[2]}: population is nan; give a number"):
        australia(sites=3, origins=origins.assign(population=pd.Series(masked, index=origins.index)), slots=2)
