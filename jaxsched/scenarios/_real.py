"""Put real signals into a scenario, and say which part of it is real."""

import dataclasses

import numpy as np

from jaxsched.scenarios._azure_trace import RequestStatistics
from jaxsched.scenarios._opennem import NEM_REGIONS, GridSignals
from jaxsched.scenarios._scenario import Scenario
from jaxsched.scenarios._weather import humidity_at

# The city whose station gives each region's temperature in OpenNEM.
_CAPITALS = {
    "NSW1": (-33.87, 151.21),
    "QLD1": (-27.47, 153.03),
    "SA1": (-34.93, 138.60),
    "TAS1": (-42.88, 147.33),
    "VIC1": (-37.81, 144.96),
}


def with_grid(scenario: Scenario, grid: GridSignals) -> Scenario:
    """The scenario with price, carbon and temperature of the NEM regions from a file; humidity keeps its vapour pressure.

    Price and carbon of every NEM site are those of its region. Temperature: where the file has a reading, the departure
    of the region's capital from its climate is added to the climate of each of the region's sites; elsewhere the
    climate stays, and the provenance says for how many site-hours. Sites outside the NEM keep the embedded signals.

    Raises:
        ValueError: If the scenario has slots that the file does not cover.
    """
    absent = scenario.times.difference(grid.hours)
    if len(absent):
        raise ValueError(
            f"{grid.source}: has no whole hour at {absent[0]}; it covers {grid.hours[0]} to {grid.hours[-1]}."
        )
    if scenario.slot_hours != 1.0:
        raise ValueError(f"{grid.source}: is read by the hour; the scenario's slots last {scenario.slot_hours:g} h.")
    price, carbon, dry_bulb = (a.copy() for a in (scenario.price, scenario.carbon_intensity, scenario.dry_bulb))
    climate = scenario.dry_bulb
    real = 0
    regions = scenario.sites["region"].to_numpy()
    for region in NEM_REGIONS:
        at = regions == region
        if not at.any():
            continue
        price[:, at] = grid.price.loc[scenario.times, region].to_numpy()[:, None]
        carbon[:, at] = grid.carbon_intensity.loc[scenario.times, region].to_numpy()[:, None]
        reading = grid.temperature.loc[scenario.times, region].to_numpy(float)
        departure = reading - climate[:, _nearest_site(scenario, region)]
        known = np.isfinite(departure)
        dry_bulb[np.ix_(known, at)] += departure[known][:, None]
        real += int(known.sum()) * int(at.sum())
    return dataclasses.replace(
        scenario,
        price=price,
        carbon_intensity=carbon,
        dry_bulb=dry_bulb,
        relative_humidity=humidity_at(scenario.relative_humidity, climate, dry_bulb),
        provenance={**scenario.provenance, **_grid_provenance(scenario, grid, real)},
    )


def with_requests(scenario: Scenario, log: RequestStatistics) -> Scenario:
    """The scenario with prompt and answer lengths and burstiness of its chat classes from a request log.

    The log's rate is scaled to that of the country's chat classes; the hours of the day stay those of the scenario, for
    a log of one hour cannot tell them.
    """
    classes = scenario.classes.copy()
    chat = [name for name in classes.index if "chat" in name]
    taken = [field.name for field in dataclasses.fields(log) if field.name in classes.columns]
    for column in taken:
        classes.loc[chat, column] = getattr(log, column)
    rate = float(scenario.demand[:, :, classes.index.isin(chat)].sum((1, 2)).mean())
    sentence = (
        f"{log.source}: lengths and burstiness of {', '.join(chat)} from {log.requests} requests; its mean rate of "
        f"{log.rate:.3g} requests/s scaled by {rate / log.rate:.4g} to the country's population"
    )
    return dataclasses.replace(scenario, classes=classes, provenance={**scenario.provenance, "requests": sentence})


def _nearest_site(scenario: Scenario, region: str) -> int:
    """The region's site that is nearest to its capital, whose climate the station's reading is compared with."""
    latitude, longitude = _CAPITALS[region]
    sites = scenario.sites
    squared = (sites["latitude"] - latitude) ** 2 + (
        np.cos(np.radians(latitude)) * (sites["longitude"] - longitude)
    ) ** 2
    return int(np.where(sites["region"] == region, squared, np.inf).argmin())


def _grid_provenance(scenario: Scenario, grid: GridSignals, real: int) -> dict[str, str]:
    outside = int((~scenario.sites["region"].isin(NEM_REGIONS)).sum())
    every = scenario.dry_bulb.shape[0] * (scenario.dry_bulb.shape[1] - outside)
    rest = f"; the {outside} sites outside the NEM keep the embedded profile"
    return {
        "price": f"{grid.source}: five-minute price of the site's region, hourly mean, nothing clipped{rest}",
        "carbon_intensity": (
            f"{grid.source}: generation by fuel of the site's region times emission factors by fuel (NEM 2022, "
            f"OpenNEM), basis average-direct, without flows between regions and rooftop solar{rest}"
        ),
        "dry_bulb": (
            f"{grid.source}: {real} of {every} NEM site-hours from the departure of the region's reading from its climate; "
            f"the other {every - real}, after the readings end, are filled with the site's climate{rest}"
        ),
    }
