"""Tables with one row per thing (sites, origins): their columns are declared once, as a pydantic model."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin
from zoneinfo import available_timezones

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

from jaxsched._names import OneOf
from jaxsched.scenarios.readers._raw import RawTable, load, need, numbers, own_names, words
from jaxsched.scenarios.readers._recording import TIMELESS

Region = Literal["NSW1", "QLD1", "SA1", "TAS1", "VIC1", "WEM", "NT"]
State = Literal["NSW", "QLD", "SA", "TAS", "VIC", "WA", "NT", "ACT"]
# Australia with its islands: a sign that is missing, or the two exchanged, lie elsewhere.
_Latitude = Annotated[float, Field(ge=-55, le=-9, description="Latitude, south negative [deg].")]
_Longitude = Annotated[float, Field(ge=96, le=169, description="Longitude, east positive [deg].")]
_Zone = Annotated[str | None, Field(description="IANA time zone; that of the capital of the state where empty.")]

_REGIONS = {
    "NSW": "NSW1",
    "ACT": "NSW1",
    "QLD": "QLD1",
    "SA": "SA1",
    "TAS": "TAS1",
    "VIC": "VIC1",
    "WA": "WEM",
    "NT": "NT",
}
_ZONES = {
    "NSW": "Sydney", "ACT": "Sydney", "QLD": "Brisbane", "SA": "Adelaide", "TAS": "Hobart", "VIC": "Melbourne",
    "WA": "Perth", "NT": "Darwin",
}  # fmt: skip


class SiteRow(BaseModel):
    """One edge site, a row of a table of sites; columns beyond these are kept and not used."""

    name: str = Field(description="Name of the site, each once.")
    latitude: _Latitude
    longitude: _Longitude
    state: State = Field(description="State or territory; residency rules and defaults go by it.")
    region: Region | None = Field(None, description="Market region of price and carbon; that of the state where empty.")
    plant: Annotated[str, OneOf("jaxsched.models:PLANTS")] = Field(description="Kind of cooling plant.")
    hardware: Literal["h100", "h200", "a100", "l40s"] = Field(description="Kind of GPU.")
    gpus: float = Field(gt=0, le=1e7, description="GPUs at the site [1].")
    gpus_per_replica: float = Field(4.0, ge=1, le=1024, description="GPUs that hold one copy of a model [1].")
    facility_limit_kw: float = Field(gt=0, le=1e7, description="Largest power at the meter, cooling included [kW].")
    timezone: _Zone = None
    operator: str | None = Field(None, description="Who runs it, for the reports.")
    city: str | None = Field(None, description="Town, for the reports.")


class OriginRow(BaseModel):
    """One population centre, a row of a table of origins; columns beyond these are kept and not used."""

    name: str = Field(description="Name of the place, each once.")
    latitude: _Latitude
    longitude: _Longitude
    state: State = Field(description="State or territory; residency rules and defaults go by it.")
    population: float = Field(gt=0, le=1e9, description="People whose requests start here [1].")
    timezone: _Zone = None


@dataclasses.dataclass(frozen=True)
class Rows:
    """A validated table with one row per thing.

    Attributes:
        kind: `sites`, `origins` or `places`.
        table: Its columns, indexed by name where names are unique to a row.
        source: Name of the file.
        notes: Sentences on what the reader did.
    """

    kind: str
    table: pd.DataFrame
    source: str
    notes: tuple[str, ...] = ()

    def describe(self) -> dict[str, Any]:
        """What the file is, for people and programs; None is what has no meaning for such a table."""
        units = {"latitude": "deg", "longitude": "deg", "facility_limit_kw": "kW", "population": "1", "gpus": "1"}
        return {
            "kind": self.kind,
            **TIMELESS,
            "rows": len(self.table),
            "gaps": None,
            "units": {name: unit for name, unit in units.items() if name in self.table},
            "columns": list(map(str, self.table.columns)),
            "notes": list(self.notes),
        }


def read_sites(path: Path) -> Rows:
    """The user's edge sites (CSV or parquet) with the columns of `SiteRow`."""
    return sites_of(load(path))


def sites_of(raw: RawTable) -> Rows:
    """The edge sites of a table with the columns of `SiteRow`."""
    rows = read_rows(raw, SiteRow, "a table of sites")
    region = rows["region"].where(rows["region"].notna(), rows["state"].map(_REGIONS))
    return Rows("sites", _with_zone(raw, rows.assign(region=region)), raw.name)


def read_origins(path: Path) -> Rows:
    """The user's population centres (CSV or parquet) with the columns of `OriginRow`."""
    return origins_of(load(path))


def origins_of(raw: RawTable) -> Rows:
    """The population centres of a table with the columns of `OriginRow`."""
    return Rows("origins", _with_zone(raw, read_rows(raw, OriginRow, "a table of origins")), raw.name)


def read_rows(raw: RawTable, model: type[BaseModel], what: str) -> pd.DataFrame:
    """The columns of a model, checked cell by cell, indexed by name; optional ones get their default.

    Raises:
        ReadError: Naming the first column that is missing, or row and column of the first wrong cell.
    """
    fields = model.model_fields
    raw = need(raw, [name for name, field in fields.items() if field.is_required()], what)
    raw = own_names(raw, list(fields))
    table = raw.frame.copy()
    for name, field in fields.items():
        table[name] = _column(raw, name, field)
    twice = table["name"].duplicated().to_numpy()
    if twice.any():
        at = int(twice.argmax())
        raise raw.bad(at, "name", f"{table['name'].iloc[at]!r} is given twice; give each name once.")
    return table.set_index("name")


def _column(raw: RawTable, name: str, field: FieldInfo) -> Any:
    """A column as its field says; an empty cell of an optional one takes the default."""
    kinds = [kind for kind in get_args(field.annotation) if kind is not type(None)]
    kind = field.annotation if get_origin(field.annotation) is Literal or not kinds else kinds[0]
    listed = next((rule.names() for rule in field.metadata if isinstance(rule, OneOf)), None)
    allowed = get_args(kind) if get_origin(kind) is Literal else listed
    low, high = _limits(field)

    def cells(rows: RawTable) -> Any:
        return (
            numbers(rows, name, low=low, high=high) if kind is float else np.asarray(words(rows, name, allowed), object)
        )

    if field.is_required():
        return cells(raw)
    result = np.full(len(raw.frame), field.default, float if kind is float else object)
    there = raw.frame[name].notna().to_numpy(bool) if name in raw.frame.columns else np.zeros(len(result), bool)
    if there.any():
        result[there] = cells(raw.rows(there))
    return result


def _limits(field: FieldInfo) -> tuple[float, float]:
    low, high = -np.inf, np.inf
    for rule in field.metadata:
        low = max(low, getattr(rule, "ge", -np.inf))
        high = min(high, getattr(rule, "le", np.inf))
        if hasattr(rule, "gt"):
            low = max(low, float(np.nextafter(rule.gt, np.inf)))
    return low, high


def _with_zone(raw: RawTable, table: pd.DataFrame) -> pd.DataFrame:
    """The table with the time zone of each row, and every zone known."""
    capital = "Australia/" + table["state"].map(_ZONES)
    zone = table["timezone"].where(table["timezone"].notna(), capital)
    unknown = ~zone.isin(available_timezones()).to_numpy()
    if unknown.any():
        at = int(unknown.argmax())
        raise raw.bad(at, "timezone", f"{zone.iloc[at]!r} is no IANA time zone; give one such as Australia/Perth.")
    return table.assign(timezone=zone)
