"""The one description of a study: who asks, who serves, and the signals at each site."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd

from jaxsched.scenarios.countries import Country, Weight, country

SIGNALS = ("price", "carbon_intensity", "dry_bulb")
"""Signals of a site that may be recorded, or the package's own."""

_EMBEDDED = {
    "price": "typical prices of 2024 without spikes",
    "carbon_intensity": "typical carbon of 2024 by hour and month",
    "dry_bulb": "the climate, with the daily departures of a year where no weather at all is recorded",
}
_LISTED = 12


@dataclasses.dataclass(frozen=True)
class Filled:
    """Cells of a signal that its source did not hold.

    Attributes:
        quantity: What was missing, with its unit in the name.
        place: Where.
        by: What the cells were filled with.
        source: Files that should have held them.
        slots_start_utc: Start of every slot that was filled, ISO 8601.
    """

    quantity: str
    place: str
    by: str
    source: str
    slots_start_utc: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Scenario:
    """Demand, sites and signals of a study on one clock, as tables and arrays of the host.

    Attributes:
        name: Short name for reports and file names.
        times: Start of each slot, UTC, equally spaced [slot].
        slot_hours: Length of a slot [h].
        sites: One row per site, indexed by its name. Columns: `latitude`, `longitude` [deg], `state` and `region` (of the
            country; in Australia NSW1, QLD1, VIC1, SA1, TAS1, WEM, NT), `plant` (dx, airside, waterside, indirect_evaporative),
            `hardware` (h100, h200, a100, l40s), `gpus`, `gpus_per_replica`, `facility_limit_kw`,
            `timezone` (IANA), `operator`, `city`.
        origins: One row an origin, indexed by its name. Columns: `latitude`, `longitude`, `state`, `population`,
            `timezone`.
        classes: One row per request class, indexed by its name. Columns: `model` (llama-8b, llama-70b), `share` of all
            requests, `input_mu`, `input_sigma`, `output_mu`, `output_sigma` (log-normal token lengths),
            `input_mean`, `output_mean` [tokens] (of the trace), `arrival_cv2` (squared coefficient of
            variation of inter-arrival times), `latency_limit_s` (limit on RTT plus mean prefill [s]),
            `residency` (any, state).
        demand: Requests per second [slot, origin, class].
        dry_bulb: [slot, site] [degC].
        relative_humidity: [slot, site] [%].
        price: Wholesale energy price [slot, site] [currency/MWh].
        carbon_intensity: [slot, site] [g CO2-e/kWh].
        source_water: Water consumed in generation [site] [L/kWh].
        rtt: Round-trip time [origin, site] [s].
        weights: Keys `carbon` [currency/t], `water` [currency/kL], `waiting` [currency per request-second],
            `network_adder` [currency/MWh].
        provenance: A sentence of source for each quantity.
        filled: Every cell of a recorded signal that its source did not hold.
        notes: Sentences, each with the name of its file, on what was left out of a file or is known of it.
        embedded: Names of the sites whose signal is the package's own profile and not recorded, by signal of `SIGNALS`.
        country: Where all this is: its currency is that of every price, weight and cost, whatever the names say.
    """

    name: str
    times: pd.DatetimeIndex
    slot_hours: float
    sites: pd.DataFrame
    origins: pd.DataFrame
    classes: pd.DataFrame
    demand: np.ndarray
    dry_bulb: np.ndarray
    relative_humidity: np.ndarray
    price: np.ndarray
    carbon_intensity: np.ndarray
    source_water: np.ndarray
    rtt: np.ndarray
    weights: Mapping[str, Weight]
    provenance: Mapping[str, str]
    filled: tuple[Filled, ...] = ()
    notes: tuple[str, ...] = ()
    embedded: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    country: Country = dataclasses.field(default_factory=lambda: country("australia"))


def embedded_notes(scenario: Scenario) -> tuple[str, ...]:
    """A sentence for each signal that is the embedded one at some sites of a study that has data of its own, by site.

    A scenario without data of its own is embedded as a whole, and there is nothing to say.
    """
    sites, about = len(scenario.sites), {"dry_bulb": "weather", "carbon_intensity": "carbon intensity"}
    own_tables = not scenario.provenance.get("sites", "embedded").startswith("embedded")
    if not own_tables and all(len(names) == sites for names in scenario.embedded.values()):
        return ()
    return tuple(
        f"the {about.get(signal, signal)} of {_listed(names)} ({len(names)} of {sites} sites) is the package's own: "
        f"{_EMBEDDED[signal]}"
        for signal, names in scenario.embedded.items()
        if names
    )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
