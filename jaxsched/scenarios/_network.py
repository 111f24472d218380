"""Round-trip times between places: measured where there is a measurement, by distance elsewhere."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pyproj import Geod

from jaxsched.scenarios.countries import Country
from jaxsched.scenarios.countries import country as _country
from jaxsched.scenarios.readers import ReadError

if TYPE_CHECKING:
    from jaxsched.models import RoundTripTime

_GEOD = Geod(ellps="WGS84")
# A place belongs to a measured metropolitan area within this distance of its server [km].
_METRO_KM = 60.0
_MOST_LATITUDE, _MOST_LONGITUDE = 90.0, 180.0


def coordinate_problem(latitude: float, longitude: float) -> str | None:
    """What is wrong with the coordinates of a place [deg], or None."""
    if not (np.isfinite(latitude) and np.isfinite(longitude)):
        return f"latitude {latitude:g} and longitude {longitude:g} are no place; give degrees"
    if abs(latitude) > _MOST_LATITUDE and abs(latitude) <= _MOST_LONGITUDE and abs(longitude) <= _MOST_LATITUDE:
        return f"latitude {latitude:g} is not from -90 to 90; latitude comes first, so that the two seem exchanged"
    if abs(latitude) > _MOST_LATITUDE or abs(longitude) > _MOST_LONGITUDE:
        return f"latitude {latitude:g} and longitude {longitude:g} are not from -90 to 90 and from -180 to 180"
    return None


def checked_places(places: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Latitude and longitude by name, as given.

    Raises:
        ReadError: Naming the first place that is not on earth.
    """
    for name, at in places.items():
        problem = coordinate_problem(*at)
        if problem is not None:
            raise ReadError(f"inputs.places.{name}: {problem}.")
    return dict(places)


def check_coordinates(table: pd.DataFrame) -> None:
    """Refuse a table with a place that is not on earth.

    Raises:
        ValueError: Naming the first such place.
    """
    at = table[["latitude", "longitude"]].to_numpy(float)
    bad = ~(np.abs(at) <= (_MOST_LATITUDE, _MOST_LONGITUDE)).all(1)
    if bad.any():
        worst = int(bad.argmax())
        raise ValueError(f"{table.index[worst]}: {coordinate_problem(*at[worst])}.")


def distance_km(first: pd.DataFrame, second: pd.DataFrame) -> np.ndarray:
    """Geodesic distance of every pair of rows [first, second] [km].

    Raises:
        ValueError: If a place is not on earth; the sentence names it.
    """
    check_coordinates(first)
    check_coordinates(second)
    shape = (len(first), len(second))

    def spread(table: pd.DataFrame, column: str, axis: int) -> np.ndarray:
        return np.broadcast_to(np.expand_dims(table[column].to_numpy(float), axis), shape).ravel()

    start = spread(first, "longitude", 1), spread(first, "latitude", 1)
    end = spread(second, "longitude", 0), spread(second, "latitude", 0)
    return (_GEOD.inv(*start, *end, radians=False)[2] / 1000.0).reshape(shape)


def round_trip_times(
    origins: pd.DataFrame,
    sites: pd.DataFrame,
    law: "RoundTripTime | None" = None,
    *,
    metros: pd.DataFrame | None = None,
    between: np.ndarray | None = None,
    country: Country | None = None,
) -> np.ndarray:
    """Round-trip time of every route [origin, site] [s], access included.

    A place within 60 km of a measured one belongs to the nearest of these. Two places that belong to different measured
    ones take the measurement between these; all others the distance law.

    Arguments:
        origins: Columns `latitude`, `longitude` [deg].
        sites: Likewise.
        law: The distance law; the package's fit where not given.
        metros: Measured places, columns `latitude`, `longitude` [deg]; the embedded ones where not given.
        between: Round-trip time between them, NaN where there is none [metro, metro] [s].
        country: Whose embedded measurements; Australia's where not given.

    Source:
        WonderNetwork pings of July 2020 (header of each `rtt.csv`); law and access: `RoundTripTime`.
    """
    if metros is None or between is None:
        metros, between = _embedded(country or _country("australia"))
    return completed(origins, sites, measured_times(origins, sites, metros, between), law)


def completed(
    origins: pd.DataFrame, sites: pd.DataFrame, measured: np.ndarray, law: "RoundTripTime | None" = None
) -> np.ndarray:
    """Measured times [origin, site] [s] plus access, and the distance law where there is none."""
    # Here and not above: what only reads files need not wait for JAX.
    import jax.numpy as jnp

    from jaxsched.models import RoundTripTime

    law = RoundTripTime() if law is None else law
    return np.asarray(law.with_measured(jnp.asarray(distance_km(origins, sites)), jnp.asarray(measured)), float)


def measured_times(origins: pd.DataFrame, sites: pd.DataFrame, metros: pd.DataFrame, between: np.ndarray) -> np.ndarray:
    """Measured time between the areas of two places [origin, site] [s], NaN where there is none."""
    # The last row and column stand for places outside every area; inside one area the law of distance holds.
    matrix = np.full((len(metros) + 1, len(metros) + 1), np.nan)
    matrix[:-1, :-1] = np.where(np.eye(len(metros), dtype=bool), np.nan, between)
    return matrix[np.ix_(_area(origins, metros), _area(sites, metros))]


def named_times(origins: pd.DataFrame, sites: pd.DataFrame, names: Sequence[str], between: np.ndarray) -> np.ndarray:
    """Time between an origin and a site that a matrix knows by their own names [origin, site] [s], NaN elsewhere."""
    matrix = np.full((len(names) + 1, len(names) + 1), np.nan)
    matrix[:-1, :-1] = between
    known = pd.Index(names)
    return matrix[np.ix_(known.get_indexer(origins.index.astype(str)), known.get_indexer(sites.index.astype(str)))]


def _embedded(of: Country) -> tuple[pd.DataFrame, np.ndarray]:
    if not of.embeds("rtt"):
        return pd.DataFrame(columns=["latitude", "longitude"], dtype=float), np.empty((0, 0))
    table = of.table("rtt")
    ends = [table[[f"city_{e}", f"latitude_{e}", f"longitude_{e}"]].set_axis(["city", "latitude", "longitude"], axis=1)
            for e in "ab"]  # fmt: skip
    metros = pd.concat(ends).drop_duplicates("city").set_index("city").sort_index()
    between = np.full((len(metros), len(metros)), np.nan)
    a, b = (metros.index.get_indexer(pd.Index(table[f"city_{end}"])) for end in "ab")
    between[a, b] = between[b, a] = table["rtt_ms"].to_numpy(float) / 1000.0
    return metros, between


def _area(places: pd.DataFrame, metros: pd.DataFrame) -> np.ndarray:
    if metros.empty:
        return np.zeros(len(places), int)
    distance = distance_km(places, metros)
    return np.where(distance.min(1) <= _METRO_KM, distance.argmin(1), len(metros))
