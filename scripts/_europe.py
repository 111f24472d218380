"""Origins, round-trip times and market regions of ten countries of the euro area."""

from pathlib import Path

import numpy as np
import pandas as pd

from jaxsched.scenarios import population_centres
from jaxsched.scenarios.countries import country

_ORIGINS = 60
# The server of each area, by its number, for some cities have several.
_SERVERS = {
    7: "Amsterdam", 214: "Athens", 17: "Barcelona", 208: "Brussels", 19: "Dublin", 153: "Dusseldorf", 29: "Frankfurt",
    203: "Hamburg", 45: "Helsinki", 44: "Lisbon", 240: "Lyon", 94: "Madrid", 210: "Munich", 158: "Nuremberg", 4: "Paris",
    20: "Vienna",
}  # fmt: skip
# The day-ahead auctions of all of them clear on one clock, whose standard time is UTC+1.
_OFFSET = 1.0
_CAPITALS = {
    "AT": ("AT", "Vienna"), "BE": ("BE", "Brussels"), "DE": ("DE-LU", "Frankfurt am Main"), "ES": ("ES", "Madrid"),
    "FI": ("FI", "Helsinki"), "FR": ("FR", "Paris"), "GR": ("GR", "Athens"), "IE": ("IE-SEM", "Dublin"),
    "NL": ("NL", "Amsterdam"), "PT": ("PT", "Lisbon"),
}  # fmt: skip


def regions() -> pd.DataFrame:
    """Bidding zones, their names in files of carbon intensity, and the place whose weather stands for each."""
    rows = [(region, "SDAC", zone, city, _OFFSET) for zone, (region, city) in _CAPITALS.items()]
    return pd.DataFrame(rows, columns=["region", "market", "carbon_zone", "city", "market_utc_offset_h"])


def origins(data: Path) -> pd.DataFrame:
    """The largest centres of the gazetteer in these countries."""
    places = pd.read_csv(data / "cities" / "world_cities_pop100k.csv.gz", keep_default_na=False)
    europe = country("europe")
    places = places[places["countrycode"].isin(europe.divisions)].assign(state=lambda table: table["countrycode"])
    places = places.sort_values(["population", "geonameid"], ascending=[False, True], ignore_index=True)
    return population_centres(places, _ORIGINS, europe).reset_index().round({"latitude": 4, "longitude": 4})


def rtt(data: Path) -> pd.DataFrame:
    """Least measured round-trip time between the areas, mean of both directions."""
    raw = pd.read_parquet(data / "latency" / "wondernetwork_rtt_ms_2020.parquet")
    servers = pd.read_csv(data / "latency" / "wondernetwork_servers.csv").set_index("id")
    raw = raw[raw["source"].isin(_SERVERS) & raw["destination"].isin(_SERVERS) & (raw["source"] != raw["destination"])]
    ends = np.sort(raw[["source", "destination"]].replace(_SERVERS).to_numpy(str), axis=1)
    table = raw.assign(city_a=ends[:, 0], city_b=ends[:, 1]).groupby(["city_a", "city_b"])["min"].mean().reset_index()
    at = servers.loc[list(_SERVERS)].set_index(pd.Index(_SERVERS.values()))
    for end in ("a", "b"):
        for column in ("latitude", "longitude"):
            table[f"{column}_{end}"] = at.loc[table[f"city_{end}"], column].to_numpy()
    return table.rename(columns={"min": "rtt_ms"}).astype({"rtt_ms": float}).round({"rtt_ms": 2})
