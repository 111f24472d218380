"""OpenNEM and Open Electricity tables: generation by fuel, price and temperature of NEM regions."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pandas as pd

from jaxsched.scenarios._tables import read_embedded
from jaxsched.scenarios.countries import country
from jaxsched.scenarios.readers._market import NEM_REGIONS, NEM_ZONE, PRICE, nem_stamps
from jaxsched.scenarios.readers._qualified import records
from jaxsched.scenarios.readers._raw import Limits, RawTable, load, need, numbers, words
from jaxsched.scenarios.readers._recording import Recording, recording

# Not generation of the region: storage and pumps move energy in time, flows come from neighbours, and rooftop solar is
# behind the meter, so that it never reaches a data centre's connection.
NOT_GENERATION = ("battery", "pumps", "exports", "imports", "solar_rooftop")
_ANY: Limits = {"low": -np.inf, "high": np.inf}
# The fewest quantities of a region that are never 0 together.
_MANY = 3
_LONG = ("region", "series", "t", "value")
_STATES = {
    state.title.lower(): state.region for state in country("australia").states.values() if state.region in NEM_REGIONS
}
_FUEL = re.compile(r"fuel_tech\.(\w+)\.power")
# Names in OpenNEM's CSV export of what its tables call otherwise.
_ALIASES = {"gas_reciprocating": "gas_recip", "gas_waste_coal_mine": "gas_wcmg"}
KNOWN = ("price_aud_per_mwh", "demand_mw", "dry_bulb_c")
"""Quantities of a table that are no generation."""

FACTORS_NOTE = (
    "intensity: generation by fuel times emission factors by fuel of the NEM in 2022 (OpenNEM), average-direct, without "
    "flows between regions and rooftop solar"
)


def read_opennem_long(path: Path) -> Recording:
    """OpenNEM long table (`region`, `series`, `t`, `value`): five-minute price, intensity, demand; half-hourly temperature.

    Stamps are NEM time at the end of each interval: hourly means by that reading equal AEMO's settlement prices.
    Temperature is an instantaneous reading; it is placed in the interval that ends with it.
    """
    raw = records(need(load(path), _LONG, "an OpenNEM table"))
    region, times = words(raw, "region", NEM_REGIONS), nem_stamps(raw, "t")
    series = np.asarray(words(raw, "series"))
    wanted = {"price": "price_aud_per_mwh", "demand": "demand_mw", "temperature": "dry_bulb_c"}
    fuels = {name: found[1] for name in np.unique(series) if (found := _FUEL.fullmatch(name))}
    names = {**wanted, **{name: fuel for name, fuel in fuels.items() if not fuel.startswith(NOT_GENERATION)}}
    price = series == "price"
    if not price.any():
        raise raw.fail(None, None, "has no series 'price'; give a table of OpenNEM's five-minute data.")
    numbers(raw.rows(price), "value", empty=True, **PRICE)
    keep = np.isin(series, list(names))
    frame = pd.DataFrame(
        {"t": times, "region": region, "series": series, "value": numbers(raw, "value", empty=True)},
        index=raw.frame.index,
    )[keep]
    twice = frame.duplicated(["t", "region", "series"])
    if twice.any():
        at = int(np.flatnonzero(keep)[int(twice.to_numpy().argmax())])
        raise raw.bad(at, "t", f"{series[at]} of {region[at]} at {times[at]} is given twice; keep one row.")
    wide = frame.pivot(index=["region", "t"], columns="series", values="value")
    first = frame.reset_index(names="row").drop_duplicates(["region", "t"]).set_index(["region", "t"])["row"]
    wide = wide.reset_index().set_axis(first.reindex(wide.index).to_numpy(), axis=0)  # rows of the file, for messages
    return _finish(raw, "opennem_long", wide, "t", {new: old for old, new in names.items()})


def read_opennem_wide(path: Path) -> Recording:
    """OpenNEM CSV export or a table of its columns (`datetime_nem`, `<fuel>_mw`, `temperature_c`, `price_aud_mwh`)."""
    raw = load(path)
    time = next((c for c in raw.frame.columns if str(c).lower() in ("datetime_nem", "date")), None)
    if time is None:
        raise raw.bad(None, None, "has no column 'datetime_nem' or 'date'; give the table as OpenNEM exports it.")
    names: dict[str, str] = {}
    for column in map(str, raw.frame.columns):
        new = _plain(column)
        if new in names:
            raise raw.bad(None, None, f"its columns {names[new]!r} and {column!r} both give {new}; keep one.")
        if new is not None:
            names[new] = column
    if "price_aud_per_mwh" not in names:
        raise raw.bad(None, None, "has no price column; export the price with the table.")
    raw = records(need(raw, (time,), "an OpenNEM export"))
    region, times = _region(raw), nem_stamps(raw, time)
    limits = {names["price_aud_per_mwh"]: PRICE}
    columns = {old: numbers(raw, old, empty=True, **limits.get(old, _ANY)) for old in names.values()}
    # The edge of an export is filled with zeros: no number of such a row is a reading. The price of a row of which little
    # else is known may really be 0.
    table = np.stack(list(columns.values()), axis=1)
    edge = (np.nan_to_num(table) == 0).all(axis=1) & ((table == 0).sum(axis=1) >= _MANY)
    wide = pd.DataFrame({"t": times, "region": region, **columns}, index=raw.frame.index)[~edge]
    notes = (f"{int(edge.sum())} rows of zeros in every column, the edge of an export, were left out",)
    if "dry_bulb_c" in names:
        filled = _filled_edge(wide["t"], wide[names["dry_bulb_c"]].to_numpy(float))
        wide.loc[filled, names["dry_bulb_c"]] = np.nan
        notes += (
            f"{int(filled.sum())} temperatures of exactly 0 at an edge of the export, no readings, were left empty",
        )
    notes = tuple(note for note in notes if not note.startswith("0 "))
    return _finish(raw.rows(~edge), "opennem_export", wide, time, names, notes)


def _region(raw: RawTable) -> str:
    """Region of an export, by the name of its file."""
    low = raw.name.lower()
    by_state = [code for state, code in _STATES.items() if state in re.sub(r"[^a-z]+", " ", low)]
    by_code = [code for code in NEM_REGIONS if code.lower() in low or code[:-1].lower() in re.split(r"[^a-z]", low)]
    for found in (by_state, by_code):
        if len(found) == 1:
            return found[0]
    raise raw.bad(None, None, f"its name does not tell the region; rename it with one of {', '.join(NEM_REGIONS)}.")


def _filled_edge(times: pd.Series, temperature: np.ndarray) -> np.ndarray:
    """Zeros before the first and after the last half-hourly reading of each unbroken run of rows.

    OpenNEM draws five-minute temperatures between half-hourly ones, and writes 0 where there is none to one side.
    """
    spacing = times.diff().to_numpy()
    run = np.cumsum(spacing != pd.Series(spacing).mode().to_numpy()[0]) if len(times) > 1 else np.zeros(len(times), int)
    real = pd.Series(temperature != 0)
    before, after = real.groupby(run).cummax(), real[::-1].groupby(run[::-1]).cummax()[::-1]
    return np.asarray(~(before & after))


def _plain(column: str) -> str | None:
    """A fuel, or a quantity with its unit, from the name of an exported column; None for what is not read."""
    low = column.lower().strip()
    if "price" in low:
        return "price_aud_per_mwh"
    if low.startswith("temperature"):
        return "dry_bulb_c" if "max" not in low and "min" not in low else None
    found = re.fullmatch(r"(.+?)(?: - +mw|_mw)", low)
    if found is None:
        return None
    fuel = re.sub(r"\W+", "_", found[1]).strip("_")
    return None if fuel.startswith((*NOT_GENERATION, "demand")) else _ALIASES.get(fuel, fuel)


def _finish(
    raw: RawTable, kind: str, wide: pd.DataFrame, column: str, names: dict[str, str], notes: tuple[str, ...] = ()
) -> Recording:
    """Quantities of a wide table; `names` maps quantities and fuels to its columns."""
    fuels = {fuel: old for fuel, old in names.items() if fuel not in KNOWN and old in wide}
    quantities, more = known_quantities(wide, names)
    quantities["carbon_direct_g_per_kwh"] = intensity(raw, wide, fuels)
    table = dataclasses.replace(raw, frame=wide.rename(columns={"t": column}))
    return recording(
        table,
        kind,
        pd.DatetimeIndex(wide["t"]),
        wide["region"].to_numpy(),
        quantities,
        zone=NEM_ZONE,
        stamp="interval end",
        column=column,
        notes=(FACTORS_NOTE, *notes, *more),
    )


def known_quantities(wide: pd.DataFrame, names: dict[str, str]) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Price, demand and temperature of a wide table where it has them, and what is to be noted of them."""
    found = {name: wide[names[name]].to_numpy(float) for name in KNOWN if name in names and names[name] in wide}
    if "demand_mw" not in found:
        return found, ()
    # A region whose demand is exactly 0 was not read: OpenNEM writes 0 where it has nothing.
    nothing = found["demand_mw"] == 0.0
    found["demand_mw"] = np.where(nothing, np.nan, found["demand_mw"])
    return found, (f"{int(nothing.sum())} demands of exactly 0, no readings, were left empty",) if nothing.any() else ()


def intensity(raw: RawTable, wide: pd.DataFrame, fuels: dict[str, str]) -> np.ndarray:
    """Emissions of each row's generation over that generation [g/kWh]; NaN where nothing or not all is known."""
    if not fuels:
        raise raw.fail(None, None, "has no generation by fuel; export the generation with the price.")
    factors = read_embedded("emission_factors").set_index("fuel")["emission_factor_t_per_mwh"]
    unknown = [fuel for fuel in fuels if fuel not in factors.index]
    if unknown:
        raise raw.fail(
            None,
            fuels[unknown[0]],
            f"no emission factor of {unknown[0]!r} is known; export the generation by detailed fuel.",
        )
    power = np.stack([wide[old].to_numpy(float) for old in fuels.values()], axis=1)
    missing = missing_rows(wide["region"], power)
    power = np.nan_to_num(power, nan=0.0).clip(min=0.0)
    total = power.sum(1)
    emissions = power @ factors.loc[list(fuels)].to_numpy(float)
    return np.where((total > 0) & ~missing, 1000.0 * emissions / np.where(total > 0, total, 1.0), np.nan)


def missing_rows(region: pd.Series, amounts: np.ndarray) -> np.ndarray:
    """Rows in which not every fuel is known that the region has [row].

    A region without a plant of a fuel has no column or no number at all; a plant's own consumption is no generation.
    """
    place = pd.factorize(region)[0]
    missing = np.zeros(len(region), bool)
    for code in np.unique(place):
        mine = place == code
        none = np.isnan(amounts[mine])
        missing[mine] = (none & ~none.all(axis=0)).any(axis=1)
    return missing
