"""The package's own tables: what `jaxsched convert` writes, and every reader's result reads back equal."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pandas as pd

from jaxsched.scenarios.readers._mapped import QUANTITIES
from jaxsched.scenarios.readers._qualified import records
from jaxsched.scenarios.readers._rates import RequestRates
from jaxsched.scenarios.readers._raw import RawTable, flags, load, need, numbers, own_names, stamps, words
from jaxsched.scenarios.readers._recording import Recording, recording
from jaxsched.scenarios.readers._requests import UNDATED, RequestLog, seconds_from_start

# Columns of time: start of an interval, a reading, and the start in seconds where the source withholds the dates.
_INTERVAL, _INSTANT, _UNDATED_INTERVAL = "start_utc", "time_utc", "start_s"
_AT = ("latitude", "longitude")
# Prices by the name of the package, in the currency of the name, or in that of the country.
_PRICE, _PRICES = "price_aud_per_mwh", re.compile(r"price_(?:([a-z]{3})_)?per_mwh", re.IGNORECASE)
_ENDINGS = (".csv", ".csv.gz", ".parquet")


def tidy(found: Recording | RequestLog | RequestRates) -> pd.DataFrame:
    """A recording, a log or a table of requests as one table in UTC, units in the column names."""
    if isinstance(found, RequestRates):
        long = found.recording().table.rename(columns={"rate_requests_per_s": "requests_per_s"})
        return long.join(found.series, on="place").drop(columns="place")
    if isinstance(found, RequestLog):
        return _timed(found.table, "arrived", found.dated, "arrived_utc", "arrived_s")
    name = _INSTANT if found.stamp == "instant" else _INTERVAL
    table = _timed(found.table, "start_utc", found.dated, name, _UNDATED_INTERVAL)
    table = table.rename(columns={_PRICE: "_".join(filter(None, ("price", found.currency.lower(), "per_mwh")))})
    if found.coordinates:
        at = pd.DataFrame.from_dict(dict(found.coordinates), orient="index", columns=list(_AT))
        table = table.assign(**{column: table["place"].astype(str).map(at[column]) for column in _AT})
    return table


def _timed(table: pd.DataFrame, column: str, dated: bool, name: str, undated_name: str) -> pd.DataFrame:
    times = pd.DatetimeIndex(table[column])
    times = times.tz_localize("UTC") if times.tz is None else times
    renamed = table.rename(columns={column: name if dated else undated_name})
    first = times if dated else (times - UNDATED.tz_localize("UTC")).total_seconds()
    return renamed.assign(**{renamed.columns[list(table.columns).index(column)]: first})


def write_tidy(table: pd.DataFrame, path: Path) -> None:
    """Write a tidy table as its ending says.

    Raises:
        ValueError: If the ending is none of .csv, .csv.gz and .parquet.
        OSError: If it cannot be written.
    """
    if path.name.endswith(".parquet"):
        table.to_parquet(path, index=False)
    elif path.name.endswith(_ENDINGS[:2]):
        table.to_csv(path, index=False, date_format="%Y-%m-%dT%H:%M:%S.%fZ")
    else:
        raise ValueError(f"{path.name}: ends with none of {', '.join(_ENDINGS)}; choose one of these.")


def read_plain(path: Path) -> Recording:
    """The package's table: `start_utc` (intervals) or `time_utc` (readings), `place`, quantities with units in their names.

    Prices are `price_per_mwh`, in the currency of the country, or bear their own, such as `price_eur_per_mwh`.
    """
    raw, currency = _priced(load(path))
    raw = own_names(raw, (_INSTANT, _UNDATED_INTERVAL, "estimated", *_AT, *QUANTITIES))
    time = next((name for name in (_INSTANT, _UNDATED_INTERVAL) if name in raw.frame.columns), _INTERVAL)
    raw = records(need(raw, (time, "place"), "a table of the package"))
    quantities = {}
    for name in map(str, raw.frame.columns):
        if name in QUANTITIES:
            quantities[name] = numbers(raw, name, empty=True, **QUANTITIES[name])
        elif name == "estimated":
            quantities[name] = flags(raw, name)
    if not quantities:
        raise raw.bad(None, None, f"has no quantity; give one of {', '.join(QUANTITIES)}.")
    dated = time != _UNDATED_INTERVAL
    times = stamps(raw, time) if dated else seconds_from_start(numbers(raw, time, low=0.0, high=4e9))
    found = recording(
        raw, "jaxsched_table", times, words(raw, "place"), quantities,
        zone="UTC", stamp="instant" if time == _INSTANT else "interval start", column=time,
    )  # fmt: skip
    return dataclasses.replace(found, dated=dated, coordinates=_coordinates(raw), currency=currency)


def _priced(raw: RawTable) -> tuple[RawTable, str]:
    """The table with its prices under the name of the package, and their currency by the name that they have."""
    columns = {str(name): _PRICES.fullmatch(str(name)) for name in raw.frame.columns}
    found = {name: match for name, match in columns.items() if match is not None}
    if len(found) > 1:
        raise raw.bad(None, None, f"has prices in {' and '.join(found)}; keep one column.")
    for name, match in found.items():
        return raw if name == _PRICE else raw.renamed({_PRICE: name}), (match[1] or "").upper()
    return raw, ""


def _coordinates(raw: RawTable) -> dict[str, tuple[float, float]]:
    """Where each place lies that has both coordinates."""
    if not set(_AT) <= set(raw.frame.columns):
        return {}
    at = [numbers(raw, column, empty=True, low=-most, high=most) for column, most in zip(_AT, (90, 180), strict=True)]
    rows = pd.DataFrame({"place": np.asarray(words(raw, "place")), "latitude": at[0], "longitude": at[1]})
    each = rows.dropna().drop_duplicates("place")
    return {name: (float(a), float(b)) for name, a, b in each.itertuples(index=False)}
