"""Tables with one row per thing (sites, origins): their columns are declared once, as a pydantic model."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin
from zoneinfo import available_timezones

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field, create_model
from pydantic.fields import FieldInfo

from jaxsched._names import OneOf
from jaxsched.scenarios.countries import Country, country
from jaxsched.scenarios.readers._raw import RawTable, load, need, numbers, own_names, words
from jaxsched.scenarios.readers._recording import TIMELESS

_ZONE = Field(description="IANA time zone; that of the capital of the state where empty.")
_LATITUDE, _LONGITUDE = "Latitude, south negative [deg].", "Longitude, east positive [deg]."
_STATE = Field(description="State or territory; residency rules and defaults go by it.")
_REGION = "Market region of price and carbon; that of the state where empty."


class AnySiteRow(BaseModel):
    """One edge site, a row of a table of sites; columns beyond these are kept and not used."""

    name: str = Field(description="Name of the site, each once.")
    latitude: float = Field(description=_LATITUDE)
    longitude: float = Field(description=_LONGITUDE)
    state: str = _STATE
    region: str | None = Field(None, description=_REGION)
    plant: Annotated[str, OneOf("jaxsched.models:PLANTS")] = Field(description="Kind of cooling plant.")
    hardware: Literal["h100", "h200", "a100", "l40s"] = Field(description="Kind of GPU.")
    gpus: float = Field(gt=0, le=1e7, description="GPUs at the site [1].")
    gpus_per_replica: float = Field(4.0, ge=1, le=1024, description="GPUs that hold one copy of a model [1].")
    facility_limit_kw: float = Field(gt=0, le=1e7, description="Largest power at the meter, cooling included [kW].")
    timezone: Annotated[str | None, _ZONE] = None
    operator: str | None = Field(None, description="Who runs it, for the reports.")
    city: str | None = Field(None, description="Town, for the reports.")


class AnyOriginRow(BaseModel):
    """One population centre, a row of a table of origins; columns beyond these are kept and not used."""

    name: str = Field(description="Name of the place, each once.")
    latitude: float = Field(description=_LATITUDE)
    longitude: float = Field(description=_LONGITUDE)
    state: str = _STATE
    population: float = Field(gt=0, le=1e9, description="People whose requests start here [1].")
    timezone: Annotated[str | None, _ZONE] = None


def site_row(country: Country) -> type[BaseModel]:
    """The columns of a table of sites of a country."""
    regions: Any = Literal[tuple(country.regions)] if country.regions else str
    return _row("SiteRow", AnySiteRow, country, {"region": (regions | None, Field(None, description=_REGION))})


def origin_row(country: Country) -> type[BaseModel]:
    """The columns of a table of origins of a country."""
    return _row("OriginRow", AnyOriginRow, country, {})


def _row(name: str, base: type[BaseModel], country: Country, more: dict[str, Any]) -> type[BaseModel]:
    """The columns of any country, with the ends and the states of one."""
    (south, north), (west, east) = country.latitude, country.longitude
    own: dict[str, Any] = {
        "latitude": (float, Field(ge=south, le=north, description=_LATITUDE)),
        "longitude": (float, Field(ge=west, le=east, description=_LONGITUDE)),
        **more,
    }
    states = tuple(country.states)
    if states:
        own["state"] = (Literal[states], _STATE)
    return create_model(name, __base__=base, __doc__=base.__doc__, **own)


SiteRow, OriginRow = site_row(country("australia")), origin_row(country("australia"))


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


def read_sites(path: Path, of: Country) -> Rows:
    """The user's edge sites (CSV or parquet) with the columns of `site_row`."""
    return sites_of(load(path), of)


def sites_of(raw: RawTable, of: Country) -> Rows:
    """The edge sites of a table with the columns of `site_row`."""
    rows = read_rows(raw, site_row(of), "a table of sites")
    return Rows("sites", _with_zone(raw, rows.assign(region=_regions(raw, rows, of)), of), raw.name)


def _regions(raw: RawTable, rows: pd.DataFrame, of: Country) -> pd.Series:
    """Market region of each site: its own, that of its state, or the only one; the state where the country names none."""
    by_state = {code: state.region for code, state in of.states.items()}
    if len(of.regions) == 1:
        by_state = {code: by_state.get(code) or next(iter(of.regions)) for code in rows["state"].unique()}
    elif not of.regions:
        by_state = {code: by_state.get(code) or code for code in rows["state"].unique()}
    region = rows["region"].where(rows["region"].notna(), rows["state"].map(by_state))
    unknown = region.isna().to_numpy()
    if unknown.any():
        at = int(unknown.argmax())
        raise raw.bad(
            at, "region", f"is empty, and its state has no market region; give one of {', '.join(of.regions)}."
        )
    return region


def read_origins(path: Path, of: Country) -> Rows:
    """The user's population centres (CSV or parquet) with the columns of `origin_row`."""
    return origins_of(load(path), of)


def origins_of(raw: RawTable, of: Country) -> Rows:
    """The population centres of a table with the columns of `origin_row`."""
    return Rows("origins", _with_zone(raw, read_rows(raw, origin_row(of), "a table of origins"), of), raw.name)


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


def _with_zone(raw: RawTable, table: pd.DataFrame, of: Country) -> pd.DataFrame:
    """The table with the time zone of each row, and every zone known."""
    by_state = {code: of.states[code].timezone if code in of.states else None for code in table["state"].unique()}
    capital = table["state"].map({code: zone or of.timezone for code, zone in by_state.items()})
    zone = table["timezone"].where(table["timezone"].notna(), capital)
    unknown = ~zone.isin(available_timezones()).to_numpy()
    if unknown.any():
        at = int(unknown.argmax())
        shown = "no time zone is given" if zone.isna().iloc[at] else f"{zone.iloc[at]!r} is no IANA time zone"
        raise raw.bad(at, "timezone", f"{shown}; give one such as {of.a_timezone}.")
    return table.assign(timezone=zone)
