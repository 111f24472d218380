"""Origins: population centres without counting a suburb and its city twice."""

from pathlib import Path

import numpy as np
import pandas as pd
from pyproj import Geod

_GEOD = Geod(ellps="WGS84")
_ORIGINS = 120
# A centre takes in every smaller place within this distance [km] of its population; between, by logarithm.
_REACH = ((5e3, 10.0), (5e4, 20.0), (3e5, 25.0), (1e6, 40.0), (5e6, 55.0))
_AUSTRALIA = {"NSW", "VIC", "QLD", "SA", "WA", "TAS", "NT", "ACT"}


def gazetteer(data: Path) -> pd.DataFrame:
    """Populated places of the eight states and territories, largest first."""
    places = pd.read_csv(data / "cities" / "au_places_pop500.csv.gz")
    places = places[places["state"].isin(_AUSTRALIA)]
    return places.sort_values(["population", "geonameid"], ascending=[False, True], ignore_index=True)


def place(places: pd.DataFrame, city: str, state: str) -> tuple[float, float]:
    """Coordinates of the largest place of a name in a state."""
    found = places[(places["name"] == city) & (places["state"] == state)]
    if found.empty:
        raise LookupError(f"the gazetteer has no {city} in {state}")
    return float(found["latitude"].iloc[0]), float(found["longitude"].iloc[0])


def distance_km(lat1: np.ndarray, lon1: np.ndarray, lat2: np.ndarray, lon2: np.ndarray) -> np.ndarray:
    """Geodesic distance of every pair [first, second]."""
    shape = (len(lat1), len(lat2))
    pairs = [np.broadcast_to(a, shape).ravel() for a in (lon1[:, None], lat1[:, None], lon2[None], lat2[None])]
    return (_GEOD.inv(*pairs)[2] / 1000.0).reshape(shape)


def origins(data: Path) -> pd.DataFrame:
    """The largest centres after each has taken in its neighbours; those taken in are not counted again.

    A gazetteer's figure for a large city is that of its metropolitan area, so what lies within its reach is dropped. The
    people of small places that are not listed go to the nearest centre.
    """
    places = gazetteer(data)
    kept: list[int] = []
    latitude, longitude = (places[c].to_numpy() for c in ("latitude", "longitude"))
    reach = np.interp(
        np.log(np.maximum(places["population"], 1)), np.log([p for p, _ in _REACH]), [r for _, r in _REACH]
    )
    for row in range(len(places)):
        if len(kept) == _ORIGINS:
            break
        near = (
            distance_km(latitude[[row]], longitude[[row]], latitude[kept], longitude[kept])[0] if kept else np.array([])
        )
        if not len(kept) or (near > reach[kept]).all():
            kept.append(row)
    table = places.iloc[kept][["name", "state", "latitude", "longitude", "population", "timezone"]]
    twice = table["name"].duplicated(keep=False)
    table = table.assign(name=table["name"].where(~twice, table["name"] + " (" + table["state"] + ")"))
    return table.round({"latitude": 4, "longitude": 4}).reset_index(drop=True)
