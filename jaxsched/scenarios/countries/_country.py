"""What the rest of the package asks a country: its money, its parts, its markets, its clocks, its tables."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd


@dataclasses.dataclass(frozen=True)
class Weight:
    """What one unit of a quantity is worth in the objective, and why.

    Attributes:
        value: The price of one unit.
        unit: Its unit, for example `AUD/t`.
        reason: Why this value; printed in every report.
        assumption: True where no published figure settles it.
    """

    value: float
    unit: str
    reason: str
    assumption: bool


@dataclasses.dataclass(frozen=True)
class State:
    """A part of a country that residency rules and defaults of a place go by.

    Attributes:
        title: Its full name.
        region: Market region of its sites where their table names none.
        timezone: IANA time zone of its places where their table names none.
        geonames: Its code in GeoNames: a country such as `DE`, or a first-order division such as `AU.02`.
    """

    title: str
    region: str | None = None
    timezone: str | None = None
    geonames: str | None = None


@dataclasses.dataclass(frozen=True)
class Region:
    """A market region, whose sites share price and carbon intensity.

    Attributes:
        market: Name of its market.
        utc_offset_hours: How far the market's clock is ahead of UTC all year [h].
        carbon_zone: Its name in files of carbon intensity.
        city: The place whose weather stands for the region in files that name regions.
        source_water: Water consumed in generation [L/kWh].
        state: The state whose carbon intensity, where the package embeds one, is that of the region.
    """

    market: str | None = None
    utc_offset_hours: float | None = None
    carbon_zone: str | None = None
    city: str | None = None
    source_water: float | None = None
    state: str | None = None


@dataclasses.dataclass(frozen=True)
class Country:
    """A country of scenarios.

    Attributes:
        name: Short name, that of its folder.
        title: Name for titles.
        currency: ISO 4217 code of the money of all its prices, weights and costs.
        latitude: Southern and northern end of its places [deg].
        longitude: Western and eastern end of its places [deg].
        timezone: IANA time zone of places that neither their table nor their state gives one; None where there are several.
        start: Start of the default study, ISO 8601; None where it has none.
        states: Its parts by code; empty where any name is one.
        regions: Its market regions by code; empty where any name is one.
        weights: Default weights of the objective.
        about: What its embedded tables hold, by their names, for the record of a run.
        folder: Where its embedded tables lie; None where it has none.
    """

    name: str
    title: str
    currency: str
    latitude: tuple[float, float] = (-90.0, 90.0)
    longitude: tuple[float, float] = (-180.0, 180.0)
    timezone: str | None = None
    start: str | None = None
    states: Mapping[str, State] = dataclasses.field(default_factory=dict)
    regions: Mapping[str, Region] = dataclasses.field(default_factory=dict)
    weights: Mapping[str, Weight] = dataclasses.field(default_factory=dict)
    about: Mapping[str, str] = dataclasses.field(default_factory=dict)
    folder: Path | None = None

    def embeds(self, table: str) -> bool:
        """Whether the package embeds a table of the country, such as `price`."""
        return table in self.tables()

    def table(self, name: str) -> pd.DataFrame:
        """One embedded table; its header, in the lines that begin with #, says what it is and where it comes from."""
        return read_table(self.tables()[name])

    def tables(self) -> dict[str, Path]:
        """Path of every embedded table by its name."""
        return {} if self.folder is None else {path.stem: path for path in sorted(self.folder.glob("*.csv"))}

    def regions_of(self, market: str) -> tuple[str, ...]:
        """Regions of a market."""
        return tuple(code for code, region in self.regions.items() if region.market == market)

    @property
    def zones(self) -> dict[str, str]:
        """Region by its name in files of carbon intensity."""
        return {region.carbon_zone: code for code, region in self.regions.items() if region.carbon_zone is not None}

    @property
    def divisions(self) -> dict[str, str]:
        """State by its code in GeoNames."""
        return {state.geonames: code for code, state in self.states.items() if state.geonames is not None}

    @property
    def a_timezone(self) -> str:
        """One of its time zones, the most westerly, as an example in a message."""
        zones = [state.timezone for state in self.states.values() if state.timezone is not None]
        return self.timezone or min(zones, key=_offset, default="Europe/Berlin")


def _offset(zone: str) -> timedelta:
    """How far a zone is ahead of UTC at the start of a year."""
    return datetime(2024, 1, 1, tzinfo=ZoneInfo(zone)).utcoffset() or timedelta(0)


@cache
def read_table(path: Path) -> pd.DataFrame:
    """A table with a header in lines that begin with #."""
    return pd.read_csv(path, comment="#")
