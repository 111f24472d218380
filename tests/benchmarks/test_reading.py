"""The benchmark of reading prices measures what it says, and notices what is missed."""

import pytest

from benchmarks import read_prices
from benchmarks._record import read_result


@pytest.fixture
def fewer_intervals(monkeypatch):
    monkeypatch.setattr(read_prices, "INTERVALS", 3000)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_fresh_process_reads_every_price(fewer_intervals, tmp_path, ending):
    path = tmp_path / f"year.{ending}"
    case = read_prices.measure(path, read_prices.write_year(path), 1)
    assert case["rows"] == 5 * 3000
    assert case["megabytes"] >= case["imported_megabytes"] > 10


def test_a_changed_price_ends_the_measurement(fewer_intervals, tmp_path):
    path = tmp_path / "year.csv"
    prices = read_prices.write_year(path)
    with pytest.raises(RuntimeError, match="spike"):
        read_prices.measure(path, prices.replace({16_600.0: 16_500.0, -1_000.0: -900.0}), 1)


@pytest.mark.parametrize(("change", "named"), [({"seconds": 2.5}, "2.50 s"), ({"megabytes": 501.0}, "501 MB")])
def test_each_missed_requirement_is_said_alone(change, named):
    good = {"format": "csv", "seconds": 1.0, "megabytes": 400.0}
    assert not read_prices.failures(good)
    assert len(read_prices.failures(good | change)) == 1
    assert named in read_prices.failures(good | change)[0]


def test_the_recorded_figures_show_as_a_table():
    result = read_result("read_prices")
    assert read_prices.table(result).count("525,600") == len(result["cases"])
