"""Population centres from a gazetteer, without counting a suburb and its city twice."""

import numpy as np
import pandas as pd

from jaxsched.scenarios._network import distance_km
from jaxsched.scenarios.countries import Country
from jaxsched.scenarios.countries import country as _country

# A centre takes in every smaller place within this distance [km] of its population; between, by logarithm.
_REACH = ((5e3, 10.0), (5e4, 20.0), (3e5, 25.0), (1e6, 40.0), (5e6, 55.0))
_COLUMNS = ["name", "state", "latitude", "longitude", "population", "timezone"]


def population_centres(places: pd.DataFrame, count: int, country: Country | None = None) -> pd.DataFrame:
    """The largest centres of a gazetteer after each has taken in its neighbours.

    A gazetteer's figure for a large city is that of its metropolitan area, so what lies within its reach (10 km of a town
    of 5,000, 55 km of a city of five million) is dropped and not counted again.

    Arguments:
        places: Columns `name`, `state`, `latitude`, `longitude`, `population`, `timezone`; those outside the states
            of the country are left out.
        count: Most centres, >= 1.
        country: The country; Australia where not given.

    Returns:
        Those columns without `name`, indexed by it, largest first; a name that several centres bear gets its state, and a
        number where that does not tell them apart.

    Raises:
        ValueError: If there is no place in the country.
    """
    of = country or _country("australia")
    known = "state" in places
    states = list(of.states) or (places["state"].dropna().unique() if known else [])
    inside = places[places["state"].isin(states) & (places["population"] > 0)] if known else places[:0]
    if inside.empty:
        raise ValueError(
            f"holds no place of a state of {of.title} with people; give `state` or `admin1code` with each place."
        )
    order = np.lexsort((np.arange(len(inside)), -inside["population"].to_numpy(float)))
    inside = inside.iloc[order].reset_index(drop=True)
    populations, reaches = (np.array(column) for column in zip(*_REACH, strict=True))
    reach = np.interp(np.log(np.maximum(inside["population"].to_numpy(float), 1.0)), np.log(populations), reaches)
    kept: list[int] = []
    for row in range(len(inside)):
        if len(kept) == count:
            break
        if not kept or (distance_km(inside.iloc[[row]], inside.iloc[kept])[0] > reach[kept]).all():
            kept.append(row)
    table = inside.loc[kept, _COLUMNS]
    twice = table["name"].duplicated(keep=False)
    table = table.assign(name=table["name"].where(~twice, table["name"] + " (" + table["state"] + ")"))
    nth = table.groupby("name").cumcount().to_numpy()
    numbered = table["name"] + " " + (nth + 1).astype(str)
    return table.assign(name=table["name"].where(nth == 0, numbered)).set_index("name")
