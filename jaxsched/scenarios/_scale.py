"""The same country with fewer or more sites and origins."""

import numpy as np
import pandas as pd

from jaxsched.scenarios._network import distance_km

_KM_PER_DEGREE = 111.2
_SITE_JITTER_KM = 15.0


def scale_origins(origins: pd.DataFrame, count: int, rng: np.random.Generator) -> pd.DataFrame:
    """`count` origins with the same people.

    Fewer: the largest of each state, then the largest; what is left out joins its nearest neighbour. More: every centre
    is split into areas in proportion to its people, whose shares and places around the centre are drawn.
    """
    if count <= len(origins):
        return _merge_origins(origins, count)
    areas = _apportion(origins["population"].to_numpy(float), count)
    table = origins.loc[origins.index.repeat(areas)].copy()
    part = np.concatenate([np.arange(n) for n in areas])
    split = np.repeat(areas, areas) > 1
    share = rng.lognormal(0.0, 0.5, count)
    centre = np.repeat(np.arange(len(origins)), areas)
    share = share / np.bincount(centre, share)[centre]
    spread = np.where(split, 3.0 + 12.0 * np.sqrt(table["population"].to_numpy(float) / 1e6), 0.0)
    table = _jitter(table, spread, rng)
    table["population"] = table["population"].to_numpy(float) * share
    names = [f"{n} area {p + 1}" if s else n for n, p, s in zip(table.index, part, split, strict=True)]
    return table.set_axis(pd.Index(names, name="name"))


def scale_sites(sites: pd.DataFrame, origins: pd.DataFrame, count: int, rng: np.random.Generator) -> pd.DataFrame:
    """`count` sites with as many GPUs in all.

    Fewer: the largest of each state, then the largest. More: drawn near origins by population, each a copy of a real site
    of the state, or of the country where that has none, in plant and hardware. GPUs and power limits are scaled so that all
    GPUs together stay.
    """
    if count <= len(sites):
        table = sites.iloc[_largest_by_state(sites, "gpus", count)].copy()
    else:
        table = pd.concat([sites, _drawn_sites(sites, origins, count - len(sites), rng)])
    factor = sites["gpus"].sum() / table["gpus"].sum()
    return table.assign(gpus=table["gpus"] * factor, facility_limit_kw=table["facility_limit_kw"] * factor)


def _drawn_sites(sites: pd.DataFrame, origins: pd.DataFrame, count: int, rng: np.random.Generator) -> pd.DataFrame:
    people = origins["population"].to_numpy(float)
    home = origins.iloc[rng.choice(len(origins), count, p=people / people.sum())]
    states = sites["state"].to_numpy()
    anywhere = np.arange(len(sites))
    alike = [np.flatnonzero(states == state) for state in home["state"]]
    pattern = [rng.choice(rows if len(rows) else anywhere) for rows in alike]
    table = sites.iloc[pattern].copy()
    table["latitude"], table["longitude"] = home["latitude"].to_numpy(), home["longitude"].to_numpy()
    table["timezone"], table["city"], table["operator"] = home["timezone"].to_numpy(), home.index.to_numpy(), "drawn"
    table = _jitter(table, np.full(count, _SITE_JITTER_KM), rng)
    return table.set_axis(pd.Index([f"edge {n + 1} {c}" for n, c in enumerate(table["city"])], name="name"))


def _jitter(table: pd.DataFrame, spread_km: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    north, east = rng.normal(0.0, 1.0, (2, len(table))) * spread_km / _KM_PER_DEGREE
    latitude = table["latitude"].to_numpy(float)
    return table.assign(
        latitude=latitude + north, longitude=table["longitude"].to_numpy(float) + east / np.cos(np.radians(latitude))
    )


def _apportion(weights: np.ndarray, count: int) -> np.ndarray:
    """Whole numbers >= 1 that add up to a count, in proportion to weights as far as that goes (largest remainders)."""
    spare = count - len(weights)
    exact = spare * weights / weights.sum()
    whole = np.floor(exact).astype(int)
    rest = np.argsort(exact - whole, kind="stable")[::-1][: spare - whole.sum()]
    whole[rest] += 1
    return whole + 1


def _largest_by_state(table: pd.DataFrame, column: str, count: int) -> np.ndarray:
    """Rows of the largest entry of each state, largest state first, then of the largest of the rest."""
    order = np.argsort(-table[column].to_numpy(float), kind="stable")
    first = {}
    for row in order:
        first.setdefault(table["state"].iloc[row], row)
    leaders = list(first.values())
    others = [row for row in order if row not in set(leaders)]
    return np.sort(np.array([*leaders, *others][:count], int))


def _merge_origins(origins: pd.DataFrame, count: int) -> pd.DataFrame:
    rows = _largest_by_state(origins, "population", count)
    table = origins.iloc[rows].copy()
    nearest = distance_km(origins, table).argmin(1)
    table["population"] = np.bincount(nearest, origins["population"].to_numpy(float), count)
    return table
