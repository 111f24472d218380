"""Times of a calibration table are read by the readers' own parser."""

import pandas as pd
import pytest

from jaxsched.cli._calibrate import _observations
from jaxsched.config import load_calibration
from jaxsched.scenarios.readers import ReadError
from tests.calibrate.test_files_and_command import CONFIG

# Clocks go back from +11:00 to +10:00 at 3:00 on 7 April 2024.
TIMES = pd.date_range("2024-04-06 13:00", periods=12, freq="30min", tz="UTC")


def observed(folder, table, name):
    getattr(table, f"to_{name.split('.')[1]}")(folder / name, index=False)
    text = CONFIG.replace("meter.csv", name).replace('zone = "UTC+8"', 'zone = "Australia/Sydney"')
    (folder / "fit.toml").write_text(text, encoding="utf-8")
    return _observations(load_calibration(folder / "fit.toml"), folder / "fit.toml")


def meter(when):
    return pd.DataFrame({"when": when, "energy": 5.0, "heat": 4e5, "air": 70.0, "humidity": 60.0})


def test_offsets_that_change_with_the_clocks_are_read(tmp_path):
    when = [t.isoformat() for t in TIMES.tz_convert("Australia/Sydney")]
    assert (when[0][-6:], when[-1][-6:]) == ("+11:00", "+10:00")
    found = observed(tmp_path, meter(when), "meter.csv").times
    assert (found.tz_convert("UTC") == TIMES).all()
    assert found.hour[:3].tolist() == [0, 0, 1]


@pytest.mark.parametrize("zone", ["Australia/Sydney", "UTC", "Etc/GMT-10"])
def test_a_parquet_column_with_a_zone_is_read(tmp_path, zone):
    assert (observed(tmp_path, meter(TIMES.tz_convert(zone)), "meter.parquet").times.tz_convert("UTC") == TIMES).all()


def test_a_doubled_hour_that_may_mean_either_is_refused_with_its_row(tmp_path):
    naive = TIMES.tz_convert("Australia/Sydney").tz_localize(None)
    table = meter(naive.strftime("%Y-%m-%d %H:%M")).drop_duplicates("when")
    with pytest.raises(ReadError, match=r"^meter\.csv: row 6, column 'when': .* may mean either"):
        observed(tmp_path, table, "meter.csv")
