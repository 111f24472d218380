"""Tables of requests by class and origin in each interval, on the clock of the file."""

import numpy as np
import pandas as pd
import pytest

from jaxsched.scenarios.readers import Mapped, ReadError, RequestRates, read, read_mapped, tidy, write_tidy
from tests.scenarios.readers.samples import rows

HEAD = "start_utc,origin,request_class,requests"


def table(folder, *lines: str, head: str = HEAD) -> RequestRates:
    path = folder / "counts.csv"
    path.write_text(rows(head, *lines))
    found = read(path)
    assert isinstance(found, RequestRates)
    return found


def test_counts_become_requests_per_second_of_each_series(tmp_path):
    found = table(tmp_path, "2024-02-05T00:00Z,Sydney,chat-8b,3600", "2024-02-05T01:00Z,Sydney,chat-8b,7200",
                  "2024-02-05T00:00Z,Perth,code-70b,36", "2024-02-05T01:00Z,Perth,code-70b,0")  # fmt: skip
    assert found.step == pd.Timedelta(hours=1)
    assert found.rates["Sydney / chat-8b"].tolist() == [1.0, 2.0]
    assert found.rates["Perth / code-70b"].tolist() == [0.01, 0.0]
    assert found.series.loc["Perth / code-70b"].to_dict() == {"origin": "Perth", "request_class": "code-70b"}
    assert found.describe()["origins"] == ["Perth", "Sydney"]
    assert not found.notes


def test_a_series_without_a_row_at_a_time_that_others_have_has_no_requests(tmp_path):
    found = table(tmp_path, "2024-02-05T00:00Z,Sydney,chat-8b,3600", "2024-02-05T01:00Z,Perth,chat-8b,7200")
    assert found.rates["Sydney / chat-8b"].tolist() == [1.0, 0.0]
    assert found.notes == ("2 times and series without a row count as no requests",)


def test_an_empty_cell_is_missing_and_not_zero(tmp_path):
    found = table(tmp_path, "2024-02-05T00:00Z,Sydney,chat-8b,", "2024-02-05T01:00Z,Sydney,chat-8b,7200")
    np.testing.assert_array_equal(found.rates["Sydney / chat-8b"], [np.nan, 2.0])


def test_a_table_reads_back_as_it_was(tmp_path):
    lines = (f"2024-02-05T0{n}:00Z,Sydney,chat-8b,{n * 1000}" for n in range(5))
    found = table(tmp_path, *lines)
    write_tidy(tidy(found), tmp_path / "again.csv")
    again = read(tmp_path / "again.csv")
    pd.testing.assert_frame_equal(again.rates, found.rates, check_exact=True, check_column_type=False)
    assert again.step == found.step


def test_a_mapping_reads_local_times_that_mark_the_end_and_names_of_the_users_own(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(
        rows("Stunde;Ort;Modell;n", "2024-02-05 01:00;SYD;gpt;18", "2024-02-05 02:00;SYD;gpt;36").replace(",", ";")
    )
    how = Mapped("Stunde", {"origin": "Ort", "request_class": "Modell", "requests": "n"}, "Australia/Sydney", "end",
                 factors={"requests": 100.0}, names={"SYD": "Sydney", "gpt": "chat-70b"})  # fmt: skip
    found = read_mapped(path, how)
    assert found.rates.index[0] == pd.Timestamp("2024-02-04 13:00", tz="UTC")
    assert found.rates["Sydney / chat-70b"].tolist() == [0.5, 1.0]


@pytest.mark.parametrize(
    ("lines", "head", "why"),
    [
        (("2024-02-05T00:00Z,5",), "start_utc,requests", "column 'start_utc': has one time only"),
        (("2024-02-05T00:00Z,5,6", "2024-02-05T01:00Z,5,6"), "start_utc,requests,requests_per_s", "or two; give either"),
        (("2024-02-05T00:00Z,-5", "2024-02-05T01:00Z,5"), "start_utc,requests", "row 2, column 'requests': '-5' is not at least 0"),
        (("2024-02-05T00:00Z,x,5", "2024-02-05T00:00Z,x,5"), "start_utc,origin,requests", "row 3, column 'start_utc': .* for x"),
    ],
)  # fmt: skip
def test_what_is_no_table_of_requests_says_why(tmp_path, lines, head, why):
    with pytest.raises(ReadError, match=why):
        table(tmp_path, *lines, head=head)
