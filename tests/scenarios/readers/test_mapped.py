"""Any table through a mapping: its clock, its stamps and its units are those that the mapping says."""

import numpy as np
import pandas as pd
import pytest

from jaxsched.scenarios.readers import Mapped, ReadError, read_mapped
from jaxsched.scenarios.readers._clock import clock
from tests.scenarios.readers.samples import rows

PRICE = {"price_aud_per_mwh": "cost"}


def mapping(**changes) -> Mapped:
    return Mapped(
        **({"time": "when", "columns": PRICE, "zone": "UTC", "stamp": "start", "place_name": "NSW1"} | changes)
    )


def table(folder, times, header: str = "when,cost", cells=None):
    path = folder / "mine.csv"
    cells = range(len(times)) if cells is None else cells
    path.write_text(rows(header, *(f"{time},{cell}" for time, cell in zip(times, cells, strict=True))))
    return path


def starts(path, how: Mapped) -> list[str]:
    return read_mapped(path, how).table["start_utc"].dt.strftime("%m-%d %H:%M").tolist()


TWO = ("2024-01-12 00:30", "2024-01-12 01:00")


@pytest.mark.parametrize(
    ("zone", "stamp", "first"),
    [
        ("UTC", "start", "01-12 00:30"),
        ("UTC", "end", "01-12 00:00"),
        ("UTC", "instant", "01-12 00:30"),
        ("UTC+10", "end", "01-11 14:00"),
        ("UTC+9:30", "start", "01-11 15:00"),
        ("+0930", "start", "01-11 15:00"),
        ("-3", "start", "01-12 03:30"),
        ("Australia/Sydney", "start", "01-11 13:30"),
        ("Australia/Brisbane", "start", "01-11 14:30"),
        ("Australia/Darwin", "end", "01-11 14:30"),
    ],
)
def test_clock_and_stamp_are_those_of_the_mapping(tmp_path, zone, stamp, first):
    assert starts(table(tmp_path, TWO), mapping(zone=zone, stamp=stamp))[0] == first


def test_offsets_in_the_file_go_before_the_zone(tmp_path):
    path = table(tmp_path, [f"{time}+08:00" for time in TWO])
    assert starts(path, mapping(zone="Australia/Sydney")) == ["01-11 16:30", "01-11 17:00"]


def test_a_day_before_the_month_is_read_as_said(tmp_path):
    path = table(tmp_path, ["03/02/2024 00:00", "03/02/2024 00:30"])
    assert starts(path, mapping(day_first=True)) == ["02-03 00:00", "02-03 00:30"]
    with pytest.raises(ReadError, match=r"row 2, column 'when': '03/02/2024 00:00' is not a time"):
        read_mapped(path, mapping())


# Sydney puts its clocks back at 03:00 on 7 April 2024 and forward at 02:00 on 6 October.
AUTUMN = pd.date_range("2024-04-06 14:00", "2024-04-06 18:00", freq="30min", tz="UTC")


@pytest.mark.parametrize("backward", [False, True])
def test_the_hour_that_autumn_doubles_is_told_by_the_order_of_rows(tmp_path, backward):
    utc = AUTUMN[::-1] if backward else AUTUMN
    local = utc.tz_convert("Australia/Sydney").strftime("%Y-%m-%d %H:%M")
    found = read_mapped(
        table(tmp_path, local, cells=utc.hour + utc.minute / 100), mapping(zone="Australia/Sydney")
    ).table
    assert found["start_utc"].tolist() == list(AUTUMN)
    np.testing.assert_allclose(found["price_aud_per_mwh"], AUTUMN.hour + AUTUMN.minute / 100, rtol=1e-15)


def test_a_doubled_hour_that_is_there_once_is_refused(tmp_path):
    local = AUTUMN.tz_convert("Australia/Sydney").strftime("%Y-%m-%d %H:%M").drop_duplicates()
    with pytest.raises(
        ReadError, match=r"mine\.csv: row \d+, column 'when': 2024-04-07 02:00:00 is in the hour that the clock"
    ):
        read_mapped(table(tmp_path, local), mapping(zone="Australia/Sydney"))


def test_an_hour_that_spring_leaves_out_is_refused(tmp_path):
    times = ["2024-10-06 01:30", "2024-10-06 02:00", "2024-10-06 02:30"]
    with pytest.raises(ReadError, match=r"row 3, .* does not exist on the clock of Australia/Sydney, for summer time"):
        read_mapped(table(tmp_path, times), mapping(zone="Australia/Sydney"))
    assert len(starts(table(tmp_path, times), mapping(zone="Australia/Brisbane"))) == 3


def test_factors_bring_cents_and_tonnes_to_the_units_of_the_package(tmp_path):
    path = table(tmp_path, TWO, "when,cost,co2", ["5.25,0.65", "-1.0,0"])
    how = mapping(
        columns=PRICE | {"carbon_direct_g_per_kwh": "co2"},
        factors={"price_aud_per_mwh": 10.0, "carbon_direct_g_per_kwh": 1000.0},
    )
    found = read_mapped(path, how)
    assert found.table["price_aud_per_mwh"].tolist() == [52.5, -10.0]
    assert found.table["carbon_direct_g_per_kwh"].tolist() == [650.0, 0.0]
    assert found.notes == ("price_aud_per_mwh is 10 x 'cost'", "carbon_direct_g_per_kwh is 1000 x 'co2'")


def test_a_factor_that_leaves_the_range_of_the_quantity_is_refused(tmp_path):
    path = table(tmp_path, TWO, cells=[650, 651])
    columns, factors = {"carbon_direct_g_per_kwh": "cost"}, {"carbon_direct_g_per_kwh": 1000.0}
    assert read_mapped(path, mapping(columns=columns)).table["carbon_direct_g_per_kwh"].tolist() == [650.0, 651.0]
    with pytest.raises(
        ReadError, match=r"row 2, column 'cost': '650' is not from 0 to 3; check the value and the unit"
    ):
        read_mapped(path, mapping(columns=columns, factors=factors))


def test_places_come_from_a_column(tmp_path):
    path = table(tmp_path, [*TWO, *TWO], "when,region,cost", ["NSW1,1", "NSW1,2", "VIC1,3", "VIC1,4"])
    found = read_mapped(path, mapping(place="region", place_name=None)).table
    assert found.groupby("place", observed=True)["price_aud_per_mwh"].sum().to_dict() == {"NSW1": 3.0, "VIC1": 7.0}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"columns": {"price": "cost"}}, "'price' is no quantity of a scenario; did you mean `price_per_mwh`"),
        ({"columns": {}}, "the mapping has no columns; give at least one quantity"),
        ({"factors": {"wind": 2.0}}, "'wind' is no quantity"),
        ({"factors": {"dry_bulb_c": 2.0}}, "factors has 'dry_bulb_c', which no column is mapped to"),
        ({"factors": {"price_aud_per_mwh": 0.0}}, "the factor of 'price_aud_per_mwh' is 0; give a number other than 0"),
        ({"factors": {"price_aud_per_mwh": float("nan")}}, "is nan; give a number"),
        ({"stamp": "middle"}, "stamp is 'middle'; give start, end or instant"),
        ({"place": "region"}, "give either place .* or place_name .*, and not both"),
        ({"place_name": None}, "give either place .* or place_name"),
        ({"zone": "Sydney time"}, "zone 'Sydney time' is not known; give an IANA name, UTC, or an offset such as UTC"),
        ({"zone": ""}, "zone '' is not known"),
        ({"zone": "UTC+15"}, "zone 'UTC\\+15' lies more than 14 hours from UTC"),
    ],
)
def test_a_broken_mapping_is_refused_in_a_sentence(changes, why):
    with pytest.raises(ValueError, match=why):
        mapping(**changes)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"time": "stamp"}, "mine.csv: has no column 'stamp'; its mapping has stamp, cost."),
        ({"columns": {"price_aud_per_mwh": "price"}}, "mine.csv: has no column 'price'; "),
        ({"time": "cost"}, "row 2, column 'cost': '0' is not a time"),
        ({"columns": {"price_aud_per_mwh": "when"}}, "row 2, column 'when': '2024-01-12 00:30' is not a number"),
    ],
)
def test_a_mapping_that_does_not_fit_the_file_says_so(tmp_path, changes, why):
    with pytest.raises(ReadError) as caught:
        read_mapped(table(tmp_path, TWO), mapping(**changes))
    assert why in str(caught.value)


def test_a_folder_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(ReadError, match="is a directory; give a file"):
        read_mapped(tmp_path, mapping())
    with pytest.raises(ReadError, match="there is no such file"):
        read_mapped(tmp_path / "none.csv", mapping())


@pytest.mark.parametrize(
    ("zone", "name"), [("UTC", "UTC"), ("GMT-3:30", "UTC-03:30"), (" Australia/Perth ", "Australia/Perth")]
)
def test_a_clock_is_known_to_pandas(zone, name):
    assert clock(zone) == name
    assert pd.Timestamp("2024-01-01", tz=clock(zone)).tz is not None
