"""Tables of places: GeoNames in its several forms, and lists of measuring servers."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from jaxsched.scenarios.countries import Country
from jaxsched.scenarios.readers._raw import BadCell, Limits, RawTable, load, need, numbers, own_names, words
from jaxsched.scenarios.readers._rows import Rows
from jaxsched.scenarios.readers._text import UNREADABLE, not_utf8, open_text, unreadable

PLACE_COLUMNS = ("name", "id", "latitude", "longitude")
"""What a row of a list of places may hold."""
_LATITUDE: Limits = {"low": -90.0, "high": 90.0}
_LONGITUDE: Limits = {"low": -180.0, "high": 180.0}
_DUMP = (
    "geonameid", "name", "asciiname", "alternatenames", "latitude", "longitude", "feature class", "feature code",
    "countrycode", "cc2", "admin1code", "admin2 code", "admin3 code", "admin4 code", "population", "elevation", "dem",
    "timezone", "modification date",
)  # fmt: skip


def read_geonames(path: Path, of: Country) -> Rows:
    """GeoNames table: `name`, `latitude`, `longitude`, `population`, `timezone`, and `state` or `admin1code`.

    GeoNames lists suburbs beside the metropolis that holds them, so that its population counts people twice: thin the
    places by distance before they become origins.
    """
    raw = need(load(path), ("name", "latitude", "longitude", "population", "timezone"), "a table of places")
    return _places(raw, "geonames", of)


def read_geonames_dump(path: Path, of: Country) -> Rows:
    """GeoNames dump (`cities500.txt`, `AU.txt`): nineteen columns between tabs, no header; populated places are kept."""
    raw = _load_dump(path)
    populated = (raw.frame["feature class"] == "P").to_numpy(bool)
    if not populated.any():
        raise raw.bad(None, "feature class", "holds no populated place (P); give a table of cities.")
    return _places(RawTable(raw.name, raw.frame[populated], raw.first_row), "geonames_dump", of)


def _load_dump(path: Path) -> RawTable:
    try:
        with open_text(path) as file:
            frame = pd.read_csv(
                file, sep="\t", header=None, names=list(_DUMP), dtype=str, quoting=csv.QUOTE_NONE, index_col=False,
                keep_default_na=False, na_values=[""], encoding="utf-8-sig",
            )  # fmt: skip
    except UnicodeDecodeError:
        raise not_utf8(path.name) from None
    except UNREADABLE as error:
        raise unreadable(path, error) from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError, OverflowError) as error:
        reason = str(error).splitlines()[0].strip().rstrip(".")
        raise BadCell(f"{path.name}: is not a readable GeoNames dump ({reason}); fetch it again.") from None
    return RawTable(path.name, frame, 1)


def read_servers(path: Path) -> Rows:
    """Measuring servers (WonderNetwork): `id`, `city`, `latitude`, `longitude`."""
    raw = need(load(path), ("id", "city", "latitude", "longitude"), "a list of servers")
    table = pd.DataFrame(
        {
            "id": np.asarray(words(raw, "id")).astype(str),
            "name": np.asarray(words(raw, "city")),
            "latitude": numbers(raw, "latitude", **_LATITUDE),
            "longitude": numbers(raw, "longitude", **_LONGITUDE),
        }
    )
    return Rows("servers", table, raw.name, ("coordinates are those of the city, not of the machine",))


def places_of(raw: RawTable) -> Rows:
    """Places of a table with `name` (or `id`), `latitude`, `longitude`."""
    known = [name for name in ("id", "name") if name in raw.frame.columns] or ["name"]
    raw = need(raw, (*known, "latitude", "longitude"), "a list of places")
    at = {"latitude": numbers(raw, "latitude", **_LATITUDE), "longitude": numbers(raw, "longitude", **_LONGITUDE)}
    return Rows(
        "places", pd.DataFrame({name: np.asarray(words(raw, name)).astype(str) for name in known} | at), raw.name
    )


def _places(raw: RawTable, kind: str, of: Country) -> Rows:
    raw = own_names(raw, ("state", "admin1code", "countrycode"))
    table = pd.DataFrame(
        {
            "name": np.asarray(words(raw, "name")),
            "latitude": numbers(raw, "latitude", **_LATITUDE),
            "longitude": numbers(raw, "longitude", **_LONGITUDE),
            "population": numbers(raw, "population", low=0.0, high=1e9),
            "timezone": np.asarray(words(raw, "timezone")),
        }
    )
    if "state" in raw.frame.columns:
        table["state"] = _texts(raw, "state")
    elif "admin1code" in raw.frame.columns or ("countrycode" in raw.frame.columns and _by_country(of)):
        table["state"] = _states(raw, of)
    if "countrycode" in raw.frame.columns:
        table["country"] = _texts(raw, "countrycode")
        if "state" in table and of.divisions:  # divisions of other countries bear the same numbers
            own = {code.partition(".")[0] for code in of.divisions}
            table["state"] = table["state"].where(table["country"].isin(own), None)
    notes = ("suburbs are listed beside the metropolis that holds them; thin by distance before adding people up",)
    return Rows(kind, table, raw.name, notes)


def _by_country(of: Country) -> bool:
    """Whether the country of a place tells its state."""
    return not of.divisions or any("." not in code for code in of.divisions)


def _states(raw: RawTable, of: Country) -> np.ndarray:
    """State of each place by its country and first-order division; a table without countries is of the country itself."""
    own = sorted({code.partition(".")[0] for code in of.divisions})
    if "countrycode" in raw.frame.columns:
        land = pd.Series(_texts(raw, "countrycode"), raw.frame.index, object)
    else:
        land = pd.Series(own[0] if len(own) == 1 else None, raw.frame.index, object)
    if not of.divisions:
        return land.to_numpy()
    state = land.map(of.divisions)
    if "admin1code" in raw.frame.columns:
        code = raw.frame["admin1code"].astype("string").str.strip().str.removesuffix(".0").str.zfill(2)
        state = state.where(state.notna(), (land.astype("string") + "." + code).map(of.divisions))
    return state.astype(object).to_numpy()


def _texts(raw: RawTable, column: str) -> np.ndarray:
    """A column of names, None where empty."""
    there = raw.frame[column].notna().to_numpy(bool)
    found = np.full(len(there), None, object)
    if there.any():
        found[there] = np.asarray(words(RawTable(raw.name, raw.frame[there], raw.first_row), column), object)
    return found
