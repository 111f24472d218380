"""The one description of a study: who asks, who serves, and the signals at each site."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from jaxsched.scenarios.countries import Country, country
from jaxsched.scenarios.countries._country import Weight

if TYPE_CHECKING:
    from jaxsched.scenarios._inputs import Choices

SIGNALS = ("price", "carbon_intensity", "dry_bulb")
"""Signals of a site that may be recorded, or the package's own."""

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
        origins: One row per origin, indexed by its name. Columns: `latitude`, `longitude`, `state`, `population`,
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

    @classmethod
    def from_tables(
        cls,
        folder: Path | str,
        country: Country | str | None = None,
        *,
        start: str | pd.Timestamp | None = None,
        slots: int | None = None,
        slot_minutes: int = 60,
        choices: "Choices | None" = None,
    ) -> "Scenario":
        """The scenario of any country that a folder of tables describes, each file named by what it is.

        `sites`, `origins`, `price`, `carbon` and `weather` are needed, `rtt` (with `rtt_places`), `demand` and `requests` are
        taken where they are there; each as any kind of file that `jaxsched data kinds` lists. What the package embeds of the
        country stands in for what is missing, and nothing of another country does. docs/real-inputs.md lists the columns.

        Arguments:
            folder: The folder, with a `country.toml` where `country` is not given.
            country: A country of the package by its name, or any other.
            start: Start of the first slot; the first whole slot that the tables cover where not given.
            slots: Number of slots; all that the tables cover where not given.
            slot_minutes: Length of a slot: 5, 15, 30 or 60 minutes.
            choices: How the tables are put together.

        Raises:
            ReadError: What is missing or wrong, one sentence per line.
        """
        # Here and not above: what puts a scenario together needs to know it.
        from jaxsched.scenarios._assemble import Asked
        from jaxsched.scenarios._folder import scenario_from_tables

        return scenario_from_tables(folder, country, Asked(start, slots, slot_minutes), choices)


def embedded_notes(scenario: Scenario) -> tuple[str, ...]:
    """A sentence for each signal that is the embedded one at some sites of a study that has data of its own, by site.

    A scenario without data of its own is embedded as a whole, and there is nothing to say.
    """
    sites = len(scenario.sites)
    own_tables = not scenario.provenance.get("sites", "embedded").startswith("embedded")
    if not own_tables and all(len(names) == sites for names in scenario.embedded.values()):
        return ()
    about = {
        "price": ("price", scenario.country.about.get("price", "its typical prices")),
        "carbon_intensity": ("carbon intensity", scenario.country.about.get("carbon", "its typical carbon")),
        "dry_bulb": ("weather", "the climate, with the daily departures of a year where no weather at all is recorded"),
    }
    return tuple(
        f"the {about[signal][0]} of {_listed(names)} ({len(names)} of {sites} sites) is the package's own: {about[signal][1]}"
        for signal, names in scenario.embedded.items()
        if names
    )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
