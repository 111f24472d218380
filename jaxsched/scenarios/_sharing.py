"""Whose requests a file holds: origins and classes by its names, by coordinates, or as the user says."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from jaxsched._names import did_you_mean
from jaxsched.scenarios._lengths import rows_of
from jaxsched.scenarios._network import distance_km
from jaxsched.scenarios.readers import ReadError

POPULATION = "population"
"""What `origin` of `with_demand` may be instead of a name: requests are shared over the origins by their people."""

# A request goes to the nearest origin up to here; from farther off it is of another country.
_REACH_KM = 1_000.0


def origin_weights(
    source: str, series: pd.DataFrame, origins: pd.DataFrame, origin: str | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Share of each series that comes from each origin [series, origin], and what was done for it."""
    names = origins.index
    if "origin" in series:
        if origin is not None:
            raise ReadError(f"{source}: says where its requests come from; leave inputs.demand_origin out.")
        check_known(source, "origin", series["origin"].unique(), names, "[inputs.mappings] names")
        return (series["origin"].to_numpy(str)[:, None] == names.to_numpy(str)[None, :]).astype(float), ()
    if origin is None and len(names) == 1:
        origin = str(names[0])
    if origin is None:
        raise ReadError(
            f"{source}: does not say where its requests come from; map its column of origins (or of latitude and "
            f"longitude), or set inputs.demand_origin to one of {', '.join(map(str, names[:3]))}, ..., or to "
            f"{POPULATION!r} to share them by people."
        )
    if origin == POPULATION:
        people = origins["population"].to_numpy(float)
        return np.tile(people / people.sum(), (len(series), 1)), ("shared over the origins by their people, as asked",)
    check_known(source, "origin", [origin], names, "inputs.demand_origin")
    share = (names.to_numpy(str) == origin).astype(float)
    return np.tile(share, (len(series), 1)), (f"all of {origin}",)


def class_weights(
    source: str, series: pd.DataFrame, classes: pd.DataFrame, request_class: str | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Share of each series that each class has [series, class], and what was done for it."""
    if "request_class" not in series:
        if request_class is not None:
            check_known(source, "class", [request_class], classes.index, "inputs.demand_class")
            rows, told = [request_class], f"all of class {request_class}, as inputs.demand_class says"
        else:
            rows, told = list(classes.index), "has no classes; shared over them as the scenario's shares say"
        return np.tile(_shares(classes, rows), (len(series), 1)), (told,)
    if request_class is not None:
        raise ReadError(f"{source}: names the class of its requests; leave inputs.demand_class out.")
    found = {name: rows_of(name, classes) for name in series["request_class"].unique()}
    strange = [name for name, rows in found.items() if not rows]
    if strange:
        raise unknown(source, "class", strange[0], classes.index, "[inputs.mappings] names")
    told = [
        f"{name} shared over {' and '.join(rows)} as the scenario's shares say"
        for name, rows in found.items()
        if len(rows) > 1
    ]
    return np.array([_shares(classes, found[name]) for name in series["request_class"]]), tuple(told)


def _shares(classes: pd.DataFrame, rows: list[str]) -> np.ndarray:
    share = np.where(classes.index.isin(rows), classes["share"].to_numpy(float), 0.0)
    return share / share.sum()


def nearest(source: str, at: pd.DataFrame, origins: pd.DataFrame) -> tuple[np.ndarray, str]:
    """Name of the nearest origin of each row, and a sentence on how far they are."""
    places = at[["latitude", "longitude"]].drop_duplicates()
    distance = distance_km(places, origins)
    far = distance.min(1) > _REACH_KM
    if far.any():
        place = places.iloc[int(far.argmax())]
        raise ReadError(
            f"{source}: has requests from latitude {place['latitude']:g}, longitude {place['longitude']:g}, which is "
            f"{distance.min(1)[far][0]:,.0f} km from the nearest origin; add an origin there, or correct the coordinates."
        )
    closest = pd.Series(origins.index[distance.argmin(1)].astype(str), index=pd.MultiIndex.from_frame(places))
    names = closest.loc[pd.MultiIndex.from_frame(at[["latitude", "longitude"]])].to_numpy(object)
    return names, f"each request goes to the nearest origin, at most {distance.min(1).max():,.0f} km off"


def check_known(source: str, what: str, names: Iterable[str], known: Iterable[str], where: str) -> None:
    every = set(map(str, known))
    wrong = next((str(name) for name in names if str(name) not in every), None)
    if wrong is not None:
        raise unknown(source, what, wrong, known, where)


def unknown(source: str, what: str, name: str, known: Iterable[str], where: str) -> ReadError:
    hint = did_you_mean(name, map(str, known))
    return ReadError(f"{source}: there is no {what} {name!r} ({where} says which is which); {hint}")
