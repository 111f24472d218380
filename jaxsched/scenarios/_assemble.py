"""From files that were read to a scenario: the country, its sites and origins, then every signal in turn."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pandas as pd

from jaxsched.scenarios._base import scenario_of, slots_of
from jaxsched.scenarios._inputs import Inputs, span, tables_of
from jaxsched.scenarios._join import Gaps
from jaxsched.scenarios._lacking import lacking
from jaxsched.scenarios._lengths import with_requests
from jaxsched.scenarios._recorded import with_demand
from jaxsched.scenarios._recorded_weather import with_weather
from jaxsched.scenarios._scenario import Scenario, embedded_notes
from jaxsched.scenarios._signals import with_carbon, with_price
from jaxsched.scenarios._traffic import with_demand_shape, with_network
from jaxsched.scenarios.readers import Recording, RequestLog

DEFAULT_SLOTS = 168
"""Slots of a study that neither says how many nor has files that do."""

MOST_SLOTS = 105_408
"""Five-minute slots of a leap year."""


@dataclasses.dataclass(frozen=True)
class Asked:
    """The part of a country, and the time, that a study asks for.

    Attributes:
        start: Start of the first slot; the first whole slot that the files cover where not given, or the country's own.
        slots: Number of slots; all that the files cover where not given, or a week of hours.
        slot_minutes: Length of a slot: 5, 15, 30 or 60 minutes.
        sites: Number of embedded sites, where no table gives them.
        origins: Number of embedded origins, likewise.
        seed: Seed of what is drawn.
    """

    start: str | pd.Timestamp | None = None
    slots: int | None = None
    slot_minutes: int = 60
    sites: int | None = None
    origins: int | None = None
    seed: int = 0


def assemble(asked: Asked, inputs: Inputs, problems: list[str], *, unread: bool = False) -> Scenario | None:
    """The scenario of files; what is wrong is added to the problems, one sentence each.

    Arguments:
        asked: The part of the country and the time.
        inputs: What the files hold.
        problems: Where problems go.
        unread: Whether some file could not be read, which explains what is missing.

    Returns:
        The scenario without what does not fit, or None where there can be none.
    """
    scenario = _base(asked, inputs, problems, unread)
    if scenario is None:
        return None
    before = len(problems)
    scenario = with_inputs(scenario, inputs, problems)
    if not unread and len(problems) == before:
        problems += [f"inputs.{key}: {sentence}" for key, sentence in lacking(scenario).items()]
    notes = (*inputs.all_notes, *scenario.notes, *embedded_notes(scenario))
    return dataclasses.replace(scenario, notes=tuple(dict.fromkeys(notes)))


def _base(asked: Asked, inputs: Inputs, problems: list[str], unread: bool) -> Scenario | None:
    """The country's embedded tables, or the user's sites and origins, on the slots asked for."""
    tables = tables_of(inputs, problems)
    for key in tables:
        if getattr(asked, key) is not None:
            problems.append(f"scenario.{key}: leave it out where inputs.{key} is given; the file says how many.")
    start, slots = _slots(asked, inputs, problems, unread)
    recorded = bool(inputs.found["grid"] or inputs.found["weather"])
    try:
        base = scenario_of(
            inputs.country,
            slots_of(inputs.country, start, slots, asked.slot_minutes),
            sites=tables.get("sites", asked.sites),
            origins=tables.get("origins", asked.origins),
            seed=asked.seed,
            anomalies=not recorded,
        )
    except ValueError as error:
        problems.append(f"scenario: {error}")
        return None
    given = {key: f"{inputs.one(key).source}: {len(table)} {key} of the user" for key, table in tables.items()}
    return dataclasses.replace(base, provenance={**base.provenance, **given})


def _slots(asked: Asked, inputs: Inputs, problems: list[str], unread: bool) -> tuple[str | pd.Timestamp | None, int]:
    """Start and number of slots: as given, or as the files of price, carbon and demand cover them."""
    covered = span(inputs, pd.Timedelta(minutes=asked.slot_minutes))
    if covered is None or asked.start is not None:
        return asked.start, DEFAULT_SLOTS if asked.slots is None else asked.slots
    first, count = covered
    if count < 1:
        if not unread:
            problems.append(
                "inputs: price, carbon and demand have no slot in common; give files of one time, or carbon_year."
            )
        return first, 1
    if asked.slots is not None and asked.slots > count:
        problems.append(f"scenario.slots: the files cover {count} whole slots from {first}, not {asked.slots}.")
    return first, min(count, MOST_SLOTS if asked.slots is None else asked.slots)


def with_inputs(scenario: Scenario, inputs: Inputs, problems: list[str]) -> Scenario:
    """The scenario with every signal of the files; what does not fit is added to the problems and left out."""
    choices, found = inputs.choices, inputs.found
    gaps = Gaps(choices.fill, choices.longest_fill_hours)
    _check_demand_keys(inputs, problems)

    def carbon(now: Scenario, files: list[Recording]) -> Scenario:
        return with_carbon(now, files, gaps, basis=choices.carbon_basis, year=choices.carbon_year)

    def demand(now: Scenario, file: Any) -> Scenario:
        series = choices.demand_series
        if not inputs.absolute:
            return with_demand_shape(
                now, file, series, shift_hours=choices.demand_shift_hours, zone=choices.demand_zone
            )
        named = {"origin": choices.demand_origin, "request_class": choices.demand_class}
        return with_demand(now, file, gaps, series=series, **named)

    def weather(now: Scenario, files: list[Recording]) -> Scenario:
        return with_weather(now, files, gaps, year=choices.weather_year, places=choices.places)

    steps: list[tuple[str, Any, Callable[[Scenario, Any], Scenario]]] = [
        ("price", found["price"] or found["grid"], lambda now, files: with_price(now, files, gaps)),
        ("carbon", found["carbon"] or found["grid"], carbon),
        ("weather", inputs.weather, weather),
        ("demand", inputs.one("demand"), demand),
        ("requests", _other_log(inputs), with_requests),
        ("rtt", inputs.one("rtt"), lambda now, file: with_network(now, file, inputs.one("rtt_places"), choices.places)),
    ]
    for key, files, put in steps:
        if files:
            try:
                scenario = put(scenario, files)
            except ValueError as error:  # a ReadError, or a name or number of the configuration that has no meaning
                problems.append(f"inputs.{key}: {error}")
    return scenario


def _check_demand_keys(inputs: Inputs, problems: list[str]) -> None:
    """Keys that the basis of the demand has no use for would be believed to do something."""
    absolute, choices = inputs.absolute, inputs.choices
    idle = ("demand_zone", "demand_shift_hours") if absolute else ("demand_origin", "demand_class")
    for key in idle:
        if getattr(choices, key) is not None and inputs.one("demand") is not None:
            basis = "absolute" if absolute else "shape"
            problems.append(
                f"inputs.{key}: has no use where the demand is {'as recorded' if absolute else 'of people'} "
                f'(demand_basis "{basis}"); remove it, or set demand_basis.'
            )


def _other_log(inputs: Inputs) -> RequestLog | None:
    """The log for lengths, unless the demand is of the same file and has given them already."""
    log, demand = inputs.one("requests"), inputs.one("demand")
    return None if log is demand and inputs.absolute else log
