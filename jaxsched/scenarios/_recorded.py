"""Demand as it is: the requests of a log or a table in absolute numbers, on the clock that they are in."""

import dataclasses

import numpy as np
import pandas as pd

from jaxsched.scenarios._join import Gaps, close_gaps, slot_means
from jaxsched.scenarios._lengths import ALL, kinds_by_length, lengths_of, rows_of
from jaxsched.scenarios._scenario import Filled, Scenario
from jaxsched.scenarios._sharing import check_known, class_weights, nearest, origin_weights, unknown
from jaxsched.scenarios.readers import ReadError, Recording, RequestLog, RequestRates
from jaxsched.scenarios.readers._rates import joined_names

# A log goes on before its first request and after its last one for as long as all but so few of the times between requests.
_RARE = 0.001
# The share of a slot that must be recorded for it to count, and the requests that a silence must have missed to be told of.
_HALF, _SILENCE = 0.5, 100.0


@dataclasses.dataclass(frozen=True)
class _Asked:
    """Requests per second of each series [slot, series], NaN where the file holds nothing, and what each series is."""

    source: str
    rates: pd.DataFrame
    series: pd.DataFrame
    held: tuple[pd.Timestamp, pd.Timestamp]
    notes: tuple[str, ...] = ()


def with_demand(
    scenario: Scenario,
    found: RequestLog | RequestRates | Recording,
    gaps: Gaps | None = None,
    *,
    series: str | None = None,
    origin: str | None = None,
    request_class: str | None = None,
) -> Scenario:
    """The scenario with the requests of a log or a table: their number, their time, and where and what they are.

    Nothing is scaled to people, and no hour is moved: a slot holds the requests that the file has in it. A log also gives
    each class its token lengths and burstiness, as `with_requests` does.

    Arguments:
        scenario: What it is put into.
        found: A log with dates, a table of requests, or a series of `rate_requests_per_s` by origin or by class.
        gaps: What to do with slots that the file does not hold; an error where not given.
        series: Which class of a log, or place of a series, to take; all where not given.
        origin: Where requests come from if the file does not say: an origin's name, or `POPULATION` ("population").
        request_class: What requests ask if the file does not say: a class's name. Where not given, requests of a log are
            told apart by their token lengths, and those of a table by the shares of the classes.

    Raises:
        ReadError: If the file has no dates or does not hold a slot; if it names an origin or a class that the scenario
            does not have, or none and `origin` is not given.
    """
    if not getattr(found, "dated", True):
        raise ReadError(
            f"{found.source}: its dates are withheld, so its requests belong to no slot; inputs.demand_basis = 'shape' "
            "takes its hours of the day alone."
        )
    lengths = None
    if isinstance(found, RequestLog):
        found, more = _named_log(found, scenario, series, request_class)
        lengths = found
        asked = _of_log(found, scenario)
        asked = dataclasses.replace(asked, notes=(*more, *asked.notes))
    else:
        asked = _of_series(found, scenario, series)
    rates, cells = _complete(asked, scenario, gaps or Gaps())
    at, told_at = origin_weights(asked.source, asked.series, scenario.origins, origin)
    of, told_of = class_weights(
        asked.source, asked.series, scenario.classes, None if lengths is not None else request_class
    )
    demand = np.einsum("ts,so,sk->tok", rates.to_numpy(float), at, of)
    classes, sentences = scenario.classes, ()
    if lengths is not None:
        classes, sentences = lengths_of(scenario.classes, lengths, spare=True)
    notes = tuple(f"{found.source}: {note}" for note in (*asked.notes, *told_at, *told_of))
    sentence = (
        f"{found.source}: its own {demand.sum((1, 2)).mean():.4g} requests/s in the mean, at its own hours; "
        f"{'; '.join((*told_at, *told_of, *sentences)) or 'origins and classes as it names them'}"
    )
    provenance = {**scenario.provenance, "demand": sentence}
    if sentences:
        provenance["requests"] = f"{found.source}: {'; '.join(sentences)}"
    return dataclasses.replace(
        scenario,
        classes=classes,
        demand=demand,
        provenance=provenance,
        filled=scenario.filled + cells,
        notes=tuple(dict.fromkeys((*scenario.notes, *notes))),
    )


def held_by(found: RequestLog | RequestRates | Recording, step: pd.Timedelta) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Start of the first and end of the last whole slot of some length that a file holds."""
    if isinstance(found, RequestLog):
        first, last = _reach(found)
        start, end = first.floor(step), last.ceil(step)
        start = start if (start + step - first) >= _HALF * step else start + step
        end = end if (last - (end - step)) >= _HALF * step else end - step
        return start, end
    table = found.recording().table if isinstance(found, RequestRates) else found.table
    return table["start_utc"].min().ceil(step), (table["start_utc"].max() + found.step).floor(step)


def _reach(log: RequestLog) -> tuple[pd.Timestamp, pd.Timestamp]:
    """When a log begins and ends: a usual time between requests before its first and after its last one."""
    arrived = log.table["arrived"].dt.tz_localize("UTC")
    between = arrived.diff().iloc[1:]
    usual = between.quantile(1.0 - _RARE) if len(between) else pd.Timedelta(0)
    return arrived.iloc[0] - usual, arrived.iloc[-1] + usual


def _named_log(
    log: RequestLog, scenario: Scenario, series: str | None, request_class: str | None
) -> tuple[RequestLog, tuple[str, ...]]:
    """The log with a class, and an origin where it is known, for each request; and what was done for it."""
    table = log.table
    if series is not None:
        if series not in set(table["request_class"]):
            raise unknown(log.source, "class", series, table["request_class"].unique(), "inputs.demand_series")
        table = table[table["request_class"] == series]
    notes: tuple[str, ...] = ()
    if set(table["request_class"]) == {ALL}:
        if request_class is None:
            kinds, shown = kinds_by_length(scenario.classes, table)
            table = table.assign(request_class=kinds)
            notes = (f"has no classes, so that its requests are told apart by their token lengths ({shown})",)
        else:
            check_known(log.source, "class", [request_class], scenario.classes.index, "inputs.demand_class")
            table = table.assign(request_class=request_class)
            notes = (f"has no classes; all its requests are {request_class}, as inputs.demand_class says",)
    elif request_class is not None:
        raise ReadError(f"{log.source}: names the class of each request; leave inputs.demand_class out.")
    if "origin" not in table and "latitude" in table:
        names, note = nearest(log.source, table, scenario.origins)
        table, notes = table.assign(origin=names), (*notes, note)
    return dataclasses.replace(log, table=table.reset_index(drop=True)), notes


def _of_log(log: RequestLog, scenario: Scenario) -> _Asked:
    """Requests of each origin and class in each slot; those of a slot that is held in part stand for all of it."""
    step, table = pd.Timedelta(hours=scenario.slot_hours), log.table
    keys = [name for name in ("origin", "request_class") if name in table]
    arrived = table["arrived"].dt.tz_localize("UTC")
    slot = pd.Series((arrived - scenario.times[0]) // step, name="slot")
    inside = (slot >= 0) & (slot < len(scenario.times))
    labels = joined_names(table[keys])
    counts = pd.crosstab(slot[inside], labels[inside]).reindex(range(len(scenario.times)), fill_value=0)
    first, last = _reach(log)
    starts = scenario.times
    parts = (starts + step - first) / step, (last - starts) / step, np.full(len(starts), (last - first) / step)
    held = np.clip(np.min([np.asarray(part, float) for part in parts], axis=0), 0.0, 1.0)
    rates = counts.to_numpy(float) / np.where(held >= _HALF, held * step.total_seconds(), np.nan)[:, None]
    series = table[keys].assign(label=labels).drop_duplicates("label").set_index("label")
    wide = pd.DataFrame(rates, index=scenario.times, columns=counts.columns)
    notes = []
    for at in np.flatnonzero((held >= _HALF) & (held < 1.0)).tolist():
        notes.append(
            f"holds {held[at]:.0%} of the slot at {starts[at]:%Y-%m-%d %H:%M} UTC, whose requests stand for all of it"
        )
    return _Asked(
        log.source,
        wide,
        series.loc[list(wide.columns)],
        (arrived.iloc[0], arrived.iloc[-1]),
        (*notes, *_silence(arrived)),
    )


def _silence(arrived: pd.Series) -> tuple[str, ...]:
    """What is to be said of the longest time without a request, where many would have come at the mean rate."""
    between = arrived.diff().iloc[1:]
    if between.empty or between.max() * len(between) / max(between.sum(), pd.Timedelta(1)) < _SILENCE:
        return ()
    at = int(between.to_numpy().argmax())
    start, end = arrived.iloc[at], arrived.iloc[at + 1]
    if end - start < pd.Timedelta(hours=1):
        return ()
    return (f"has no request from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, which is taken for no demand",)


def _of_series(found: RequestRates | Recording, scenario: Scenario, chosen: str | None) -> _Asked:
    """The mean rate of each series of a table in each slot."""
    step, about = pd.Timedelta(hours=scenario.slot_hours), None
    if isinstance(found, RequestRates):
        about, found = found.series, found.recording()
    if "rate_requests_per_s" not in found.table:
        raise ReadError(f"{found.source}: has no rate_requests_per_s; it has {', '.join(found.quantities)}.")
    rates = slot_means(found, "rate_requests_per_s", scenario.times, step)
    rates = rates.rename(columns=str)
    if about is None:
        about = _about_places(found.source, list(rates.columns), scenario, chosen)
    elif chosen is not None:
        if "request_class" not in about or chosen not in set(about["request_class"]):
            raise unknown(
                found.source, "class", chosen, about.get("request_class", pd.Series()), "inputs.demand_series"
            )
        about = about[about["request_class"] == chosen]
    notes: tuple[str, ...] = ()
    if "origin" not in about and "latitude" in about:
        names, note = nearest(found.source, about, scenario.origins)
        about, notes = about.assign(origin=names), (note,)
    held = found.table["start_utc"].min(), found.table["start_utc"].max() + found.step
    return _Asked(found.source, rates[list(about.index)], about, held, notes)


def _about_places(source: str, places: list[str], scenario: Scenario, chosen: str | None) -> pd.DataFrame:
    """Whether the places of a series are origins, or classes, or one that is neither."""
    if chosen is not None:
        check_known(source, "series", [chosen], places, "inputs.demand_series")
        places = [chosen]
    index = pd.Index(places)
    if all(rows_of(place, scenario.classes) for place in places):
        return pd.DataFrame({"request_class": places}, index=index)
    if len(places) == 1 and places[0] not in scenario.origins.index:
        return pd.DataFrame(index=index)
    return pd.DataFrame({"origin": places}, index=index)


def _complete(asked: _Asked, scenario: Scenario, gaps: Gaps) -> tuple[pd.DataFrame, tuple[Filled, ...]]:
    """The rates of every slot, and the cells that were filled."""
    missing = asked.rates.isna().any(axis=1).to_numpy()
    if gaps.fill == "error" and missing.any():
        edges = np.flatnonzero(np.diff(np.r_[0, missing.astype(int), 0]))
        step = pd.Timedelta(hours=scenario.slot_hours)
        shown = [
            f"{scenario.times[a]:%Y-%m-%d %H:%M} to {scenario.times[b - 1] + step:%Y-%m-%d %H:%M}"
            for a, b in zip(edges[::2], edges[1::2], strict=True)
        ]
        raise ReadError(
            f"{asked.source}: holds requests from {asked.held[0]:%Y-%m-%d %H:%M} to {asked.held[1]:%Y-%m-%d %H:%M} UTC, and "
            f"{int(missing.sum())} of {len(missing)} slots of the study are not in it: {', '.join(shown[:3])}"
            f"{', and more' if len(shown) > 3 else ''}; choose slots that it holds, fill short gaps by inputs.fill = 'flag', "
            "or take its hours of the day alone by inputs.demand_basis = 'shape'."
        )
    step = pd.Timedelta(hours=scenario.slot_hours)
    return close_gaps(asked.rates, "requests_per_s", asked.source, step, gaps)
