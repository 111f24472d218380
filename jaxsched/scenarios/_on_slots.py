"""Recordings on the slots of a scenario, of their own time or of another year, and what stands in for what they lack."""

from collections.abc import Callable, Sequence

import pandas as pd

from jaxsched.scenarios._join import covered, merged, together
from jaxsched.scenarios._scenario import Filled, Scenario
from jaxsched.scenarios._years import in_year, market_offset, stand_ins
from jaxsched.scenarios.readers import ReadError, Recording
from jaxsched.scenarios.readers._times import offset_name

Rule = Callable[[Recording, str, pd.DatetimeIndex, pd.Timedelta], pd.DataFrame]
"""How a recording becomes values of slots: `slot_means` or `slot_readings`."""


def joined_in(
    scenario: Scenario, found: Sequence[Recording], quantity: str, year: int | None, rule: Rule
) -> tuple[pd.DataFrame, str, tuple[Filled, ...]]:
    """A quantity on the slots, or on their calendar stamps in another year, the names of the files, and what stands in.

    The index of the table holds the stamps. What lies beyond the first and the last hour that the files hold of a place is
    taken from their other end, for a year that joins itself; each such cell is told.
    """
    step = step_of(scenario)
    if year is None:
        return *_joined(found, quantity, scenario.times, step, rule), ()
    offset = market_offset(scenario.sites, scenario.country)
    moved = in_year(scenario.times, year, offset)
    table, sources = _joined(found, quantity, moved, step, rule)
    spans = covered([one for one in found if quantity in one.table], quantity)
    cells: list[Filled] = []
    for by, stamps, there in stand_ins(moved, year, offset):
        outside = {place: (moved < first) | (moved + step > last) for place, (first, last) in spans.items()}
        lacking = table.isna() & pd.DataFrame(outside, index=moved)[table.columns] & there[:, None]
        if not lacking.to_numpy().any():
            continue
        other = _joined(found, quantity, stamps, step, rule)[0][table.columns].set_index(moved)
        taken = lacking & other.notna()
        table = table.where(~taken, other)
        for place in table.columns[taken.any()]:
            slots = scenario.times[taken[place].to_numpy()]
            cells.append(Filled(quantity, str(place), by, sources, tuple(when.isoformat() for when in slots)))
    return table, sources, tuple(cells)


def _joined(
    found: Sequence[Recording], quantity: str, times: pd.DatetimeIndex, step: pd.Timedelta, rule: Rule
) -> tuple[pd.DataFrame, str]:
    """A quantity of several recordings on the slots [slot, place], and the names of the files."""
    having = [one for one in found if quantity in one.table]
    if not having:
        names = ", ".join(dict.fromkeys(one.source for one in found))
        raise ReadError(f"{names}: has no {quantity}; it has {', '.join(found[0].quantities) if found else 'nothing'}.")
    undated = next((one for one in having if not one.dated), None)
    if undated is not None:
        raise ReadError(
            f"{undated.source}: its dates are withheld, so {quantity} has no place in time; give dated data."
        )
    joined = merged(having, quantity, times, step)
    table = together([rule(one, quantity, times, step) for one in joined], [one.source for one in joined])
    return table, ", ".join(dict.fromkeys(one.source for one in having))


def cells_of(cells: tuple[Filled, ...], places: pd.Index) -> tuple[Filled, ...]:
    return tuple(one for one in cells if one.place in places)


def still_embedded(scenario: Scenario, signal: str, sites: pd.Index) -> dict[str, tuple[str, ...]]:
    """Sites that keep the package's own signals, where those of one signal are now these."""
    before = set(scenario.embedded.get(signal, ()))
    return {**scenario.embedded, signal: tuple(name for name in map(str, sites) if name in before)}


def of_year(scenario: Scenario, year: int | None, cells: tuple[Filled, ...]) -> str:
    if year is None:
        return ""
    clock = offset_name(3600.0 * market_offset(scenario.sites, scenario.country))
    borrowed = sum(len(one.slots_start_utc) for one in cells if one.by.startswith("the same"))
    lacks = f" ({borrowed} cells that it lacks are taken from its other end or the day beside)" if borrowed else ""
    return f"; stamps of {year} on the clock {clock}{lacks}, so not of one weather system with the other signals"


def step_of(scenario: Scenario) -> pd.Timedelta:
    return pd.Timedelta(hours=scenario.slot_hours)
