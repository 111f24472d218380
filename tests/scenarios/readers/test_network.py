"""Round-trip times: milliseconds, both directions, and names that agree."""

import numpy as np
import pytest

from jaxsched.scenarios.readers import RoundTrips, read
from tests.scenarios.readers.samples import PAIRS, SAMPLES, TOWNS, rows, write
from tests.scenarios.readers.test_broken import sentence, with_cell

KINDS = ["wondernetwork_pings", "city_pairs", "rtt_matrix"]


def matrix(folder, kind: str, text: str | None = None) -> RoundTrips:
    found = read(write(folder, kind, text))
    assert isinstance(found, RoundTrips)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_matrix_is_symmetric_and_holds_what_the_file_holds(tmp_path, kind):
    found = matrix(tmp_path, kind)
    np.testing.assert_array_equal(found.rtt_ms, found.rtt_ms.T)
    at = {name: n for n, name in enumerate(found.names)}
    first = {
        "wondernetwork_pings": ("0", "3", 12.5),
        "city_pairs": ("Sydney", "Perth", 12.5),
        "rtt_matrix": ("SYD", "PER", 55.0),
    }
    start, end, expected = first[kind]
    assert found.rtt_ms[at[start], at[end]] == expected
    assert found.describe()["rows"] == 6
    assert found.describe()["gaps"] == 0


def test_of_both_directions_the_mean_is_taken_and_one_way_is_said(tmp_path):
    text = SAMPLES["wondernetwork_pings"] + "1,0,20.5,1,1\n"
    found = matrix(tmp_path, "wondernetwork_pings", text)
    assert found.rtt_ms[0, 1] == found.rtt_ms[1, 0] == (10.5 + 20.5) / 2
    assert found.notes == ("both directions are the mean of those measured", "5 pairs were measured one way only")


def test_of_the_pings_the_least_is_taken(tmp_path):
    text = rows("source,destination,min,avg,max", "7,9,30.5,99,999")
    assert matrix(tmp_path, "wondernetwork_pings", text).rtt_ms[0, 1] == 30.5


def test_rows_of_a_matrix_may_be_in_another_order_than_its_columns(tmp_path):
    lines = SAMPLES["rtt_matrix"].splitlines()
    found = matrix(tmp_path, "rtt_matrix", "\n".join([lines[0], *lines[:0:-1]]))
    plain = matrix(tmp_path, "rtt_matrix")
    order = [found.names.index(name) for name in plain.names]
    np.testing.assert_array_equal(found.rtt_ms[np.ix_(order, order)], plain.rtt_ms)


def test_an_empty_cell_was_not_measured(tmp_path):
    text = SAMPLES["rtt_matrix"].replace("11", "")
    found = matrix(tmp_path, "rtt_matrix", text)
    assert int(np.isnan(found.rtt_ms).sum()) == 2
    assert found.describe()["gaps"] == 1


@pytest.mark.parametrize(
    ("kind", "old", "new", "why"),
    [
        ("rtt_matrix", "BNE,16", "BNX,16", "its rows and columns differ by 'BNE' and 'BNX'; give the same names in both, or"),
        ("rtt_matrix", "BNE,16", "SYD,16", "has two rows named 'SYD'; keep one."),
        ("rtt_matrix", "MEL,BNE", "MEL,MEL", "has two columns named 'MEL'; rename or remove one."),
        ("rtt_matrix", "28", "fast", "row 3, column 'BNE': 'fast' is not a number"),
        ("rtt_matrix", "28", "-28", "row 3, column 'BNE': '-28' is not from 0 to 3000"),
        ("city_pairs", "Sydney,Brisbane", "Sydney,Melbourne", "row 3, column 'to_city': Sydney to Melbourne is given twice; "),
        ("city_pairs", "10.5", "4000", "row 2, column 'rtt_ms': '4000' is not from 0 to 3000; check the value and the unit."),
        ("wondernetwork_pings", "0,1,", ",1,", "row 2, column 'source': is empty; give a name."),
    ],
)  # fmt: skip
def test_a_broken_table_of_times_says_what_to_mend(tmp_path, kind, old, new, why):
    assert why in sentence(write(tmp_path, kind, SAMPLES[kind].replace(old, new, 1)))


def test_seconds_are_refused(tmp_path):
    text = rows("from_city,to_city,rtt_ms", *(f"{TOWNS[a][0]},{TOWNS[b][0]},0.0{a + b}5" for a, b in PAIRS))
    assert sentence(write(tmp_path, "city_pairs", text)).endswith(
        "no time is above 0.055; give milliseconds, not seconds."
    )


def test_a_place_with_itself_alone_is_no_table(tmp_path):
    text = rows("from_city,to_city,rtt_ms", "Sydney,Sydney,30")
    assert "holds no time between two places" in sentence(write(tmp_path, "city_pairs", text))


def test_an_infinite_time_is_refused(tmp_path):
    assert "'inf' is not a number" in sentence(
        write(tmp_path, "city_pairs", with_cell("city_pairs", 3, "rtt_ms", "inf"))
    )


def test_the_real_pings_are_those_of_the_city_table(shared_data):
    pings = read(shared_data / "latency" / "wondernetwork_rtt_ms_2020.parquet")
    pairs = read(shared_data / "latency" / "au_city_rtt_ms_2020.csv")
    servers = {
        "Melbourne": "1",
        "Adelaide": "105",
        "Brisbane": "21",
        "Perth": "169",
        "Sydney": "107",
        "Canberra": "218",
    }
    at = [pings.names.index(servers[name]) for name in pairs.names]
    both = np.isfinite(pairs.rtt_ms)
    assert int(both.sum()) >= 30
    # The pings are float32 in the file.
    np.testing.assert_allclose(pings.rtt_ms[np.ix_(at, at)][both], pairs.rtt_ms[both], rtol=1e-6)


RECTANGLE = rows("origin,Edge 1,Edge 2,Edge 3", "Sydney,1.5,12,30", "Perth,55,45,")


@pytest.mark.parametrize("corner", ["origin", "", "Origin / site", "from", "rtt_ms"])
def test_a_matrix_of_origins_by_sites_keeps_its_times(tmp_path, corner):
    found = matrix(tmp_path, "rtt_matrix", RECTANGLE.replace("origin", corner, 1))
    assert found.names == ("Sydney", "Perth", "Edge 1", "Edge 2", "Edge 3")
    np.testing.assert_array_equal(found.rtt_ms[:2, 2:], [[1.5, 12.0, 30.0], [55.0, 45.0, np.nan]])
    np.testing.assert_array_equal(found.rtt_ms, found.rtt_ms.T)
    assert np.isnan(found.rtt_ms[:2, :2]).all()
    assert found.describe()["rows"] == 5
    assert found.notes == ("times from 2 places to 3, the same both ways",)


def test_some_places_of_a_matrix_may_be_on_one_side_only(tmp_path):
    found = matrix(tmp_path, "rtt_matrix", rows(",SYD,MEL", "SYD,0.1,11", "MEL,11,0.1", "PER,55,45"))
    assert found.names == ("SYD", "MEL", "PER")
    assert found.rtt_ms[2, :2].tolist() == [55.0, 45.0]


@pytest.mark.parametrize(
    "text",
    [
        "city,population\nSydney,64\nPerth,3\n",
        "from,when\nSydney,soon\n",
        "site,gpus,limit\nA,8,250\n",
        "from,a\n2020-01-01,5\n",
    ],
)
def test_other_tables_are_no_matrix(tmp_path, text):
    assert "is none of the kinds of file that are known" in sentence(write(tmp_path, "rtt_matrix", text))
