"""Countries from their folders: those of the package by name, a user's by the folder of its tables."""

import dataclasses
import functools
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import available_timezones

import numpy as np
import pandas as pd
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from jaxsched._names import OneOf, did_you_mean
from jaxsched.scenarios.countries._country import Country, Region, State, Weight

FOLDER = Path(__file__).parent
"""Where each country of the package has its folder."""

COUNTRY_FILES = FILE, REGIONS = "country.toml", "regions.csv"
"""What describes a country in its folder, of which the second may be missing."""

# Fields of a region by their columns, and the range of those that are numbers.
_REGION_COLUMNS = {
    "market": "market", "market_utc_offset_h": "utc_offset_hours", "carbon_zone": "carbon_zone", "city": "city",
    "source_water_l_per_kwh": "source_water", "state": "state",
}  # fmt: skip
_NUMBERS = {"utc_offset_hours": (-14.0, 14.0), "source_water": (0.0, 1000.0)}


class CountryError(ValueError):
    """A folder that describes no country; the message is one sentence."""


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is no IANA time zone; give one such as Europe/Berlin")
    return name


def _priced(value: Any) -> Any:
    """A weight that is a number alone."""
    return {"value": float(value)} if isinstance(value, int | float) and not isinstance(value, bool) else value


_Zone = Annotated[str, AfterValidator(_zone)]
_Latitude = Annotated[float, Field(ge=-90, le=90)]
_Longitude = Annotated[float, Field(ge=-180, le=180)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class _StateKeys(_Part):
    title: str | None = None
    region: str | None = None
    timezone: _Zone | None = None
    geonames: str | None = None


class _WeightKeys(_Part):
    value: Annotated[float, Field(ge=0)]
    reason: str = "given with the country"
    assumption: bool = True


class _Keys(_Part):
    """The keys of a `country.toml`."""

    country: str | None = None
    title: str | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    latitude: tuple[_Latitude, _Latitude] = (-90.0, 90.0)
    longitude: tuple[_Longitude, _Longitude] = (-180.0, 180.0)
    timezone: _Zone | None = None
    start: str | None = None
    states: dict[str, _StateKeys] = Field(default_factory=dict)
    weights: dict[str, Annotated[_WeightKeys, BeforeValidator(_priced)]] = Field(default_factory=dict)
    tables: dict[str, str] = Field(default_factory=dict)


def countries() -> tuple[str, ...]:
    """Names of the countries of the package, one folder each."""
    return tuple(sorted(path.parent.name for path in FOLDER.glob(f"*/{FILE}")))


def country(name: str) -> Country:
    """A country of the package.

    Raises:
        CountryError: If there is none of that name.
    """
    if name not in countries():
        hint = did_you_mean(name, countries(), f"the countries are {', '.join(countries())}.")
        raise CountryError(f"there is no country {name!r}; {hint}")
    return _embedded(FOLDER / name)


def load_country(folder: Path | str) -> Country:
    """The country that a folder of a user's own tables describes by its `country.toml`, and `regions.csv` where it has one.

    The key `country` names one of the package, whose facts hold where the file gives no others. The other tables of the
    folder are recordings of the user, and none of them is an embedded one.

    Raises:
        CountryError: One sentence on what is missing or wrong.
    """
    folder = Path(folder)
    own, regions = _keys_in(folder), _regions_in(folder)
    if "country" not in own:
        return _country(folder.resolve().name, own, _over({}, regions), None)
    base = country(str(own["country"]))
    assert base.folder is not None
    first = _keys_in(base.folder)
    inner = {key: {**first.get(key, {}), **own.get(key, {})} for key in ("states", "weights")}
    return _country(base.name, {**first, **own, **inner}, _over(base.regions, regions), base.folder)


@functools.cache
def _embedded(folder: Path) -> Country:
    return _country(folder.name, _keys_in(folder), _over({}, _regions_in(folder)), folder, embedded=True)


def _country(
    name: str, keys: dict[str, Any], regions: dict[str, Region], folder: Path | None, embedded: bool = False
) -> Country:
    try:
        found = _Keys.model_validate(keys)
    except ValidationError as error:
        raise CountryError(_sentence(name, error)) from None
    weights_of = functools.partial(_weights_of, name, found)
    return Country(
        name=name,
        title=found.title or name,
        currency=found.currency,
        latitude=found.latitude,
        longitude=found.longitude,
        timezone=found.timezone,
        start=found.start,
        states={
            code: State(**{"title": code, **one.model_dump(exclude_none=True)}) for code, one in found.states.items()
        },
        regions=regions,
        weights=_LaterWeights(weights_of) if embedded else weights_of(),
        about=found.tables,
        folder=folder,
    )


class _LaterWeights(Mapping[str, Weight]):
    """Weights that are worked out when they are first asked for: the terms need JAX, and a country alone does not."""

    def __init__(self, make: Callable[[], dict[str, Weight]]):
        self._make = functools.cache(make)

    def __getitem__(self, key: str) -> Weight:
        return self._make()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._make())

    def __len__(self) -> int:
        return len(self._make())


def _weights_of(name: str, found: _Keys) -> dict[str, Weight]:
    """The weights that a country gives, and those of terms that need not be given."""
    from jaxsched.scenarios.countries._weights import DEFAULTS, WEIGHT_UNITS

    try:
        for key in found.weights:
            OneOf("jaxsched.scenarios.countries._weights:WEIGHT_UNITS").check(key)
    except ValueError as error:
        raise CountryError(f"{name}/{FILE}: `weights`: {error}.") from None
    by_default = {key: _WeightKeys(value=value, reason="default of the term") for key, value in DEFAULTS.items()}
    given = {**by_default, **found.weights}
    missing = [key for key in WEIGHT_UNITS if key not in given]
    if missing:
        units = ", ".join(f"{key} [{found.currency}/{unit}]" for key, unit in WEIGHT_UNITS.items())
        raise CountryError(f"{name}/{FILE}: `weights.{missing[0]}` is missing; give each weight of {units}.")
    return {
        key: Weight(given[key].value, f"{found.currency}/{unit}", given[key].reason, given[key].assumption)
        for key, unit in WEIGHT_UNITS.items()
    }


def _keys_in(folder: Path) -> dict[str, Any]:
    path = folder / FILE
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise CountryError(
            f'{folder}: has no {FILE}; write one with `country = "europe"` for a country of the package '
            f"({', '.join(countries())}), or with title, currency and [weights] of another."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise CountryError(f"{path}: is not valid TOML: {error}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CountryError(
            f"{path}: cannot be read ({getattr(error, 'strerror', None) or 'no text in UTF-8'})."
        ) from None


def _regions_in(folder: Path) -> dict[str, dict[str, Any]]:
    """What a table of regions says of each, by the fields of `Region`."""
    path = folder / REGIONS
    if not path.is_file():
        return {}
    try:
        table = pd.read_csv(path, comment="#")
    except (OSError, ValueError) as error:
        raise CountryError(f"{path}: cannot be read ({str(error).splitlines()[0]}).") from None
    if "region" not in table:
        raise CountryError(f"{path}: has no column 'region'; give the code of each market region.")
    rows: dict[str, dict[str, Any]] = {}
    for row in table.to_dict("records"):
        known = {field: row[column] for column, field in _REGION_COLUMNS.items() if not pd.isna(row.get(column))}
        for column, field in _REGION_COLUMNS.items():
            if field in _NUMBERS and field in known:
                known[field] = _number(path, column, known[field])
        rows[str(row["region"])] = known
    return rows


def _number(path: Path, column: str, value: Any) -> float:
    try:
        number = float(value)
    except ValueError:
        number = np.nan
    low, high = _NUMBERS[_REGION_COLUMNS[column]]
    if not low <= number <= high:
        raise CountryError(f"{path}: column {column!r}: {value!r} is no number from {low:g} to {high:g}.")
    return number


def _over(base: Mapping[str, Region], rows: Mapping[str, Mapping[str, Any]]) -> dict[str, Region]:
    """Regions with what a table says of them; what it does not say stays."""
    found = dict(base)
    for code, known in rows.items():
        found[code] = dataclasses.replace(found.get(code, Region()), **known)
    return found


def _sentence(name: str, error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{name}/{FILE}: unknown key `{where}`; known keys are {', '.join(_Keys.model_fields)}."
    if first["type"] == "missing":
        return f"{name}/{FILE}: `{where}` is missing."
    return f"{name}/{FILE}: `{where}`: {first['msg'].removeprefix('Value error, ')}."
