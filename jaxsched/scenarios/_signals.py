"""Put recorded price and carbon into a scenario, and say which part of it is real."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from jaxsched.scenarios._join import Gaps, close_gaps, slot_means
from jaxsched.scenarios._on_slots import cells_of, joined_in, of_year, step_of, still_embedded
from jaxsched.scenarios._scenario import Scenario
from jaxsched.scenarios.readers import ReadError, Recording

_BASES = {"direct": "carbon_direct_g_per_kwh", "lca": "carbon_lca_g_per_kwh"}


def with_price(scenario: Scenario, found: Sequence[Recording], gaps: Gaps | None = None) -> Scenario:
    """Wholesale price of each site's market region; time-weighted means, nothing clipped or smoothed.

    Raises:
        ReadError: If the files hold no region of the scenario, prices in another currency, or a slot is missing that may not
            be filled.
    """
    currency = scenario.country.currency
    foreign = next((one for one in found if one.currency not in ("", currency)), None)
    if foreign is not None:
        raise ReadError(
            f"{foreign.source}: its prices are in {foreign.currency}, and those of {scenario.country.title} in {currency}; convert "
            f"them, and name the column price_{currency.lower()}_per_mwh or price_per_mwh."
        )
    about = f"{currency}/MWh as recorded, mean of each slot"
    return _regional(scenario, found, gaps, "price", "price_aud_per_mwh", None, about)


def with_carbon(
    scenario: Scenario,
    found: Sequence[Recording],
    gaps: Gaps | None = None,
    *,
    basis: Literal["direct", "lca"] = "direct",
    year: int | None = None,
) -> Scenario:
    """Carbon intensity of each site's region.

    Arguments:
        scenario: What it is put into.
        found: Recordings with the basis asked for.
        gaps: What to do where they hold nothing; an error where not given.
        basis: Operation only, or the life cycle of the plants as well.
        year: Take the calendar stamps of another year, on the clock of the market; the provenance says so.

    Raises:
        ReadError: As `with_price`.
    """
    about = f"basis average-{basis}, mean of each slot"
    return _regional(scenario, found, gaps, "carbon_intensity", _BASES[basis], year, about)


def _regional(
    scenario: Scenario,
    found: Sequence[Recording],
    gaps: Gaps | None,
    field: str,
    quantity: str,
    year: int | None,
    about: str,
) -> Scenario:
    """A signal of market regions, by the region of each site."""
    step = step_of(scenario)
    regions = scenario.sites["region"].to_numpy(str)
    wanted = {region: region for region in set(regions)} | {
        zone: region for zone, region in scenario.country.zones.items() if region in set(regions)
    }
    table, sources, borrowed = joined_in(scenario, found, quantity, year, slot_means)
    table = table[[place for place in table.columns if place in wanted]]
    if not table.shape[1]:
        raise ReadError(f"{sources}: holds {quantity} of no region of the sites ({', '.join(sorted(set(regions)))}).")
    named = pd.Series([wanted[str(place)] for place in table.columns])
    if named.duplicated().any():
        region = named[named.duplicated()].iloc[0]
        raise ReadError(f"{sources}: give {quantity} of {region} under two names; keep one of the files.")
    table, cells = close_gaps(table, quantity, sources, step, gaps or Gaps(), slots=scenario.times)
    cells = cells_of(borrowed, table.columns) + cells
    values = getattr(scenario, field).copy()
    for place in table.columns:
        values[:, regions == wanted[str(place)]] = table[place].to_numpy(float)[:, None]
    given = sorted({wanted[str(place)] for place in table.columns})
    rest = scenario.sites.index[~np.isin(regions, given)]
    _check_rest(scenario, sources, quantity, rest)
    sentence = f"{sources}: {about}, of {', '.join(given)}{of_year(scenario, year, cells)}"
    sentence += f"; {len(rest)} sites elsewhere keep the embedded profile" if len(rest) else ""
    changes = {field: values, "provenance": {**scenario.provenance, field: sentence}, "filled": scenario.filled + cells}
    changes["embedded"] = still_embedded(scenario, field, rest)
    return dataclasses.replace(scenario, **changes)


def _check_rest(scenario: Scenario, sources: str, quantity: str, rest: pd.Index) -> None:
    """Refuse sites whose region is in no file and of which the package embeds nothing either."""
    field = "price" if quantity.startswith("price") else "carbon_intensity"
    bare = rest[~np.isfinite(getattr(scenario, field)[:, scenario.sites.index.isin(rest)]).all(0)]
    if len(bare):
        regions = ", ".join(dict.fromkeys(scenario.sites.loc[bare, "region"].astype(str)))
        raise ReadError(
            f"{sources}: holds no {quantity} of {regions} ({', '.join(map(str, bare[:5]))}), and the package embeds none of it "
            f"for {scenario.country.title}; give a file that holds it."
        )
