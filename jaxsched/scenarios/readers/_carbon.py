"""Carbon intensity of grids."""

from pathlib import Path

import numpy as np
import pandas as pd

from jaxsched.scenarios.countries import country
from jaxsched.scenarios.readers._market import NEM_REGIONS, NEM_ZONE, nem_stamps
from jaxsched.scenarios.readers._qualified import records
from jaxsched.scenarios.readers._raw import Limits, RawTable, flags, load, need, numbers, peek, stamps, words
from jaxsched.scenarios.readers._recording import Recording, recording
from jaxsched.scenarios.readers._report import report_table

_G_PER_KWH: Limits = {"low": 0.0, "high": 3_000.0}
_T_PER_MWH: Limits = {"low": 0.0, "high": 3.0}
_AUSTRALIAN = ("Electricity Maps lies below AEMO's CDEII in Australia (Victoria by a third); do not mix the two",)
_CDEII_COLUMNS = ("SETTLEMENTDATE", "REGIONID", "CO2E_INTENSITY_INDEX")


def read_electricity_maps(path: Path) -> Recording:
    """Electricity Maps CSV of any year: UTC, stamps at the start of the interval; direct and life-cycle kept apart."""
    raw = load(path)
    names = {"time": _find(raw, "datetime (utc)"), "zone": _find(raw, "zone id")}
    columns = {
        "carbon_direct_g_per_kwh": _find(raw, "carbon intensity", "direct"),
        "carbon_lca_g_per_kwh": _find(raw, "carbon intensity", "lca", "life cycle"),
    }
    raw = records(need(raw, tuple(names.values()), "an Electricity Maps table"))
    return _maps(raw, names["time"], words(raw, names["zone"]), columns, flags(raw, _find(raw, "data estimated")))


def read_carbon_table(path: Path) -> Recording:
    """Carbon intensity under plain names: `datetime_utc`, `zone`, `ci_direct`, `ci_lca` [g/kWh], `estimated`."""
    raw = records(need(load(path), ("datetime_utc", "zone", "ci_direct", "ci_lca", "estimated"), "a carbon table"))
    columns = {"carbon_direct_g_per_kwh": "ci_direct", "carbon_lca_g_per_kwh": "ci_lca"}
    return _maps(raw, "datetime_utc", words(raw, "zone"), columns, flags(raw, "estimated"))


def _maps(raw: RawTable, time: str, zone: pd.Categorical, columns: dict[str, str], estimated: np.ndarray) -> Recording:
    values = {name: numbers(raw, column, empty=True, **_G_PER_KWH) for name, column in columns.items()}
    note = f"{int(estimated.sum())} of {len(estimated)} rows are estimated by the source"
    return recording(
        raw,
        "electricity_maps",
        stamps(raw, time),
        zone,
        {**values, "estimated": estimated},
        zone="UTC",
        stamp="interval start",
        column=time,
        notes=(note, *_AUSTRALIAN) if set(country("australia").zones) & set(map(str, zone.categories)) else (note,),
    )


def _find(raw: RawTable, *parts: str) -> str:
    """The column whose name holds the first part and one of the others, whatever the capitals."""
    first, *rest = parts
    for name in raw.frame.columns:
        low = str(name).lower()
        if first in low and (not rest or any(part in low for part in rest)):
            return str(name)
    wanted = f"{first} ({' or '.join(rest)})" if rest else first
    raise raw.bad(None, None, f"has no column {wanted!r}; give the table as Electricity Maps exports it.")


def read_cdeii(path: Path) -> Recording:
    """AEMO's carbon dioxide equivalent intensity index (CDEII) by region and day, generation sent out, in NEM days."""
    raw = report_table(path, "CO2EII", "PUBLISHING") if peek(path).startswith("C,") else load(path)
    raw = records(need(raw, _CDEII_COLUMNS, "a CDEII summary"))
    regions = words(raw, "REGIONID", (*NEM_REGIONS, "NEM"))
    return _daily(raw, "SETTLEMENTDATE", regions, numbers(raw, "CO2E_INTENSITY_INDEX", **_T_PER_MWH))


def read_cdeii_table(path: Path) -> Recording:
    """CDEII under plain names: `region`, `date`, `aemo_cdeii_intensity` [t/MWh]."""
    raw = records(need(load(path), ("region", "date", "aemo_cdeii_intensity"), "a CDEII table"))
    regions = words(raw, "region", (*NEM_REGIONS, "NEM"))
    return _daily(raw, "date", regions, numbers(raw, "aemo_cdeii_intensity", empty=True, **_T_PER_MWH))


def _daily(raw: RawTable, column: str, regions: pd.Categorical, intensity: np.ndarray) -> Recording:
    days = nem_stamps(raw, column)
    late = np.asarray(days != days.normalize())
    if late.any():
        at = int(late.argmax())
        raise raw.bad(
            at, column, f"{raw.frame[column].iloc[at]} is no day; the index is daily, so write the date alone."
        )
    return recording(
        raw,
        "aemo_cdeii",
        days,
        regions,
        {"carbon_direct_g_per_kwh": 1000.0 * intensity},
        zone=NEM_ZONE,
        stamp="interval start",
        column=column,
        step=pd.Timedelta(days=1),
        notes=("a daily mean: it holds nothing of the hours of the day; generation in the region, no imports",),
    )
