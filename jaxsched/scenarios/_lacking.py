"""Whether a scenario has every signal at every site."""

import numpy as np
import pandas as pd

from jaxsched.scenarios._scenario import Scenario

_ABOUT = {
    "price": ("price", "no wholesale price"),
    "carbon_intensity": ("carbon", "no carbon intensity"),
    "dry_bulb": ("weather", "no temperature"),
    "relative_humidity": ("weather", "no humidity"),
}


def lacking(scenario: Scenario) -> dict[str, str]:
    """A sentence for each signal that some site has no value of, by the input that would give it.

    Nothing of another country stands in: what neither the user's files nor the country's own tables hold is missing.
    """
    found: dict[str, str] = {}
    for field, (key, what) in _ABOUT.items():
        bad = ~np.isfinite(getattr(scenario, field)).all(0)
        if bad.any() and key not in found:
            found[key] = _sentence(scenario, key, what, scenario.sites.index[bad])
    return found


def _sentence(scenario: Scenario, key: str, what: str, sites: pd.Index) -> str:
    regions = ", ".join(dict.fromkeys(scenario.sites.loc[sites, "region"].astype(str)))
    of = f"region {regions}" if key in ("price", "carbon") else ", ".join(map(str, sites[:5]))
    return f"there is {what} of {of}, and the package embeds none of it for {scenario.country.title}; give a file that holds it."
