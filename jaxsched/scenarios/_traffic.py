"""Put hours of the day of recorded requests, and network times, into a scenario."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd

from jaxsched.scenarios._demand import REQUESTS_PER_PERSON_DAY, demand
from jaxsched.scenarios._network import checked_places, completed, measured_times, named_times
from jaxsched.scenarios._scenario import Scenario
from jaxsched.scenarios.readers import ReadError, Recording, RequestLog, RequestRates, RoundTrips, Rows
from jaxsched.scenarios.readers._clock import clock

_HOUR = pd.Timedelta(hours=1)


def with_demand_shape(
    scenario: Scenario,
    found: Recording | RequestRates | RequestLog,
    series: str | None = None,
    *,
    shift_hours: float | None = None,
    zone: str | None = None,
) -> Scenario:
    """The scenario with the hours of the day of recorded requests, scaled to the same requests a week.

    Arguments:
        scenario: What it is put into.
        found: Request rates, or a log of at least a day.
        series: Which series (model or class) to take, where there are several.
        shift_hours: What is added to the clock of the file before its hours are taken for local hours of each origin, a
            mapping that is an assumption and that the provenance states [h].
        zone: Clock on which the hours of a file with dates are read before that: an IANA name, or an offset such as
            `UTC+10`; the file's own where not given.

    Raises:
        ReadError: If the series is not named, or does not hold every hour of the day; if the clock of the file is UTC, which
            is the local clock of nobody who asks, and neither `zone` nor `shift_hours` is given.
    """
    dated = getattr(found, "dated", True)
    if dated and found.zone == "UTC" and zone is None and shift_hours is None:
        raise ReadError(
            f"{found.source}: its times are in UTC, and hours of the day are those of a local clock; set inputs.demand_zone to "
            "the clock that its users live by, such as Australia/Sydney, or to UTC to take its hours as they are."
        )
    shift = shift_hours or 0.0
    rates, name = _rates(found, series, zone)
    by_hour = rates.groupby((pd.DatetimeIndex(rates.index) + pd.Timedelta(hours=shift)).hour).mean().reindex(range(24))
    if by_hour.isna().any():
        hour = int(by_hour.isna().to_numpy().argmax())
        raise ReadError(f"{found.source}: {name} has no requests recorded at hour {hour}; give whole days.")
    if not by_hour.mean() > 0:
        raise ReadError(f"{found.source}: {name} has no requests at all; give another series.")
    shape = by_hour.to_numpy(float) / float(by_hour.mean())
    step = pd.Timedelta(hours=scenario.slot_hours)
    scaled = demand(scenario.times, step, scenario.origins, scenario.classes, hours=shape)
    of = f"its own clock (zone {(zone or found.zone) if dated else 'not published'}) plus {shift:g} h"
    sentence = f"{found.source}, {name}: hours of the day of {of} taken for local hours of each origin (assumption)"
    note = (
        f"{found.source}: gives the hours of the day alone; the number of requests, {scaled.sum((1, 2)).mean():.4g} a second in "
        f"the mean, is that of the origins' people"
    )
    provenance = {
        **scenario.provenance,
        "demand": f"{sentence}; people times {REQUESTS_PER_PERSON_DAY:g} requests a day",
    }
    return dataclasses.replace(scenario, demand=scaled, provenance=provenance, notes=(*scenario.notes, note))


def _rates(found: Recording | RequestRates | RequestLog, series: str | None, zone: str | None) -> tuple[pd.Series, str]:
    """Requests per second of one series against time on the clock of a zone, and its name."""
    if isinstance(found, RequestLog):
        hourly = _hourly(found if zone is None else _on_clock(found, zone))
        columns = {str(name): hourly[name] for name in hourly.columns}
        if series is None:
            return hourly.sum(axis=1), "all classes"
    else:
        table = found.recording() if isinstance(found, RequestRates) else found
        if "rate_requests_per_s" not in table.table:
            raise ReadError(f"{table.source}: has no rate_requests_per_s; it has {', '.join(table.quantities)}.")
        wide = table.table.pivot(index="start_utc", columns="place", values="rate_requests_per_s")
        if table.dated:
            wide = wide.tz_convert(clock(zone or table.zone))
        columns = {str(name): wide[name] for name in wide.columns}
        if series is None and isinstance(found, RequestRates):
            return wide.sum(axis=1, min_count=1), "all series"
    if series is None and len(columns) > 1:
        raise ReadError(f"{found.source}: holds {', '.join(columns)}; set inputs.demand_series to one of them.")
    name = next(iter(columns)) if series is None else series
    if name not in columns:
        raise ReadError(f"{found.source}: has no series {name!r}; it holds {', '.join(columns)}.")
    return columns[name], name


def _on_clock(log: RequestLog, zone: str) -> RequestLog:
    """The log with arrivals on the clock of a zone, without saying so; one without dates stays."""
    if not log.dated:
        return log
    arrived = log.table["arrived"].dt.tz_localize("UTC").dt.tz_convert(clock(zone)).dt.tz_localize(None)
    table = log.table.assign(arrived=arrived).sort_values("arrived", kind="stable", ignore_index=True)
    return dataclasses.replace(log, table=table, zone=zone)


def _hourly(log: RequestLog) -> pd.DataFrame:
    """Requests per second of each class in each hour; the first and last hour by the time that the log holds of them."""
    counts, arrived = log.counts(_HOUR), log.table["arrived"].drop_duplicates()
    first, last = arrived.iloc[0], arrived.iloc[-1]
    between = (last - first) / max(len(arrived) - 1, 1)
    held = pd.Series(_HOUR, index=counts.index)
    held.iloc[0] -= first - counts.index[0]
    held.iloc[-1] -= max(counts.index[-1] + _HOUR - last - between, pd.Timedelta(0))
    rates = counts.div(held.dt.total_seconds(), axis=0)
    return rates[held >= _HOUR / 2]  # a few minutes say little of an hour


def with_network(
    scenario: Scenario,
    found: RoundTrips,
    servers: Rows | None = None,
    places: Mapping[str, tuple[float, float]] | None = None,
) -> Scenario:
    """The scenario with measured round-trip times: by name, the nearest measured pair, and the law of distance for the rest.

    A matrix that bears the names of the scenario's own origins and sites is taken as it is; its places need no coordinates.

    Arguments:
        scenario: What it is put into.
        found: The matrix.
        servers: Where its places lie, by `id` or `name`.
        places: Latitude and longitude by name [deg], before all others.

    Raises:
        ReadError: If fewer than two of its places have known coordinates, or no route is measured.
    """
    origins, sites = scenario.origins, scenario.sites
    named = named_times(origins, sites, found.names, found.rtt_ms / 1000.0)
    by_name = np.isfinite(named)
    known = _known_places(scenario, found, servers, checked_places(places or {}))
    kept = [n for n, name in enumerate(found.names) if name in known]
    if len(kept) < 2 and not by_name.any():
        shown = ", ".join(repr(name) for name in found.names[:5])
        raise ReadError(f"{found.source}: where {shown} lie is not known; give inputs.rtt_places or [inputs.places].")
    measured = named
    if len(kept) > 1:
        metros = pd.DataFrame([known[found.names[n]] for n in kept], columns=["latitude", "longitude"])
        between = found.rtt_ms[np.ix_(kept, kept)] / 1000.0
        measured = np.where(by_name, named, measured_times(origins, sites, metros, between))
    count = int(np.isfinite(measured).sum())
    if not count:
        raise ReadError(f"{found.source}: measures no pair of an origin's and a site's area; give places near them.")
    sentence = f"{found.source}: measured for {count} of {measured.size} routes"
    sentence += f", of which {int(by_name.sum())} by the names of origin and site" if by_name.any() else ""
    provenance = {**scenario.provenance, "rtt": f"{sentence}, distance law elsewhere"}
    notes = scenario.notes + (_unused(scenario, found, known) if by_name.any() else ())
    return dataclasses.replace(scenario, rtt=completed(origins, sites, measured), provenance=provenance, notes=notes)


def _unused(scenario: Scenario, found: RoundTrips, known: Mapping[str, tuple[float, float]]) -> tuple[str, ...]:
    """A note on the names of a matrix that are no origin, no site and no known place."""
    own = {*scenario.origins.index.astype(str), *scenario.sites.index.astype(str), *known}
    rest = [name for name in found.names if name not in own]
    shown = ", ".join(repr(name) for name in rest[:5]) + (f" and {len(rest) - 5} more" if len(rest) > 5 else "")
    return (
        (f"{found.source}: the times of {shown} are not used: no origin, site or known place has such a name",)
        if rest
        else ()
    )


def _known_places(
    scenario: Scenario, found: RoundTrips, servers: Rows | None, given: Mapping[str, tuple[float, float]]
) -> dict[str, tuple[float, float]]:
    country = scenario.country
    table = scenario.origins.reset_index(names="name")
    if servers is not None:
        table = servers.table.reset_index()
    elif country.embeds("origins"):
        table = country.table("origins")
    at = list(zip(table["latitude"].astype(float), table["longitude"].astype(float), strict=True))
    known: dict[str, tuple[float, float]] = {}
    for key in ("name", "id"):
        if key in table:
            known |= dict(zip(table[key].astype(str), at, strict=True))
    return known | dict(found.coordinates) | dict(given)
