"""Origins: population centres without counting a suburb and its city twice."""

from pathlib import Path

import pandas as pd

from jaxsched.scenarios import population_centres
from jaxsched.scenarios._australia import AUSTRALIA

_ORIGINS = 120


def gazetteer(data: Path) -> pd.DataFrame:
    """Populated places of the eight states and territories, largest first."""
    places = pd.read_csv(data / "cities" / "au_places_pop500.csv.gz")
    places = places[places["state"].isin(AUSTRALIA)]
    return places.sort_values(["population", "geonameid"], ascending=[False, True], ignore_index=True)


def place(places: pd.DataFrame, city: str, state: str) -> tuple[float, float]:
    """Coordinates of the largest place of a name in a state."""
    found = places[(places["name"] == city) & (places["state"] == state)]
    if found.empty:
        raise LookupError(f"the gazetteer has no {city} in {state}")
    return float(found["latitude"].iloc[0]), float(found["longitude"].iloc[0])


def origins(data: Path) -> pd.DataFrame:
    """The largest centres of the gazetteer; the people of places that are not listed go to the nearest centre."""
    return population_centres(gazetteer(data), _ORIGINS).reset_index().round({"latitude": 4, "longitude": 4})
