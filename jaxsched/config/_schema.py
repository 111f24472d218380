"""What a configuration file may say. Units are part of the keys; unknown keys are errors."""

import datetime
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from jaxsched._names import OneOf
from jaxsched.config._models import ModelsSection
from jaxsched.models import TERMS
from jaxsched.scenarios import Choices, countries, country
from jaxsched.scenarios._assemble import DEFAULT_SLOTS, MOST_SLOTS
from jaxsched.scenarios._network import coordinate_problem

_POLICIES = OneOf("jaxsched.study:POLICIES")
_Plant = Annotated[str, OneOf("jaxsched.models:PLANTS")]
_Positive = Annotated[float, Field(gt=0)]
_NotNegative = Annotated[float, Field(ge=0)]


def _as_text(value: Any) -> Any:
    """A time that TOML knows as a time, as its text."""
    return value.isoformat() if isinstance(value, datetime.date) else value


_Time = Annotated[str, BeforeValidator(_as_text)]


def _registered(name: str) -> str:
    """A country of the package; the sentence on any other says which there are."""
    return country(name).name


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, validate_default=False, allow_inf_nan=False)


class ScenarioSection(_Section):
    """Which part of which country, and when."""

    country: Annotated[str, AfterValidator(_registered)] | None = Field(
        default=None,
        description=f"A country of the package ({', '.join(countries())}); that of `inputs.folder`, or australia, where not given.",
    )
    sites: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        default=None, description="Number of edge sites; the embedded real sites where not given."
    )
    origins: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        default=None, description="Number of origins; the embedded population centres where not given."
    )
    slots: Annotated[int, Field(ge=1, le=MOST_SLOTS)] = Field(
        default=DEFAULT_SLOTS,
        description="Number of slots; all that the price files cover where these are given and this is not.",
    )
    slot_minutes: Literal[5, 15, 30, 60] = Field(default=60, description="Length of a slot [min].")
    start: _Time | None = Field(
        default=None,
        description="Start of the first slot, ISO 8601, UTC unless it has an offset; default: the first whole slot of the "
        "price files, or a hot January week.",
    )
    seed: Annotated[int, Field(ge=0)] = Field(default=0, description="Seed of everything that is drawn.")


class DemandSection(_Section):
    """How much is asked."""

    scale: _Positive = Field(default=1.0, description="Factor on the demand, embedded or recorded.")


_WORTHS = {
    term.worth.key: Field(default=None, description=f"{term.worth.about} [{term.worth.unit}].")
    for term in TERMS
    if term.worth is not None
}
_ADDER = Field(default=None, description="Network, environmental and market charges on top of spot [AUD/MWh].")


class WeightsSection(_Section):
    """What the effects are worth; the scenario's defaults where not given."""

    __annotations__ = {**dict.fromkeys(_WORTHS, _NotNegative | None), "network_adder_aud_per_mwh": float | None}
    locals().update({**_WORTHS, "network_adder_aud_per_mwh": _ADDER})


class ClassSection(_Section):
    """Rules for one request class."""

    latency_limit_s: _Positive | None = Field(default=None, description="Limit on RTT plus mean prefill [s].")
    residency: Literal["any", "state"] | None = Field(
        default=None, description="Whether requests must stay in their state."
    )
    scale: _NotNegative | None = Field(default=None, description="Factor on this class's demand.")


class SiteSection(_Section):
    """Changes to one site."""

    gpus: _NotNegative | None = Field(default=None, description="GPUs at the site.")
    facility_limit_kw: _NotNegative | None = Field(default=None, description="Power limit of the facility [kW].")
    plant: _Plant | None = Field(default=None, description="Kind of cooling plant.")


_Files = Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]


def _on_earth(place: list[float]) -> list[float]:
    problem = coordinate_problem(*place)
    if problem is not None:
        raise ValueError(problem)
    return place


# What is no number is refused by the sentence on places.
_Degrees = Annotated[float, Field(allow_inf_nan=True)]
_Place = Annotated[list[_Degrees], Field(min_length=2, max_length=2), AfterValidator(_on_earth)]


class MappingSection(_Section):
    """How to read a table that no reader knows: a time series, a request log, a table of requests, sites, origins or places."""

    columns: dict[str, str] = Field(
        description="Column of the file by column of the package: a quantity such as price_aud_per_mwh; prompt_tokens, "
        "answer_tokens, origin, request_class of a log; requests or requests_per_s of a table of requests; or columns of sites "
        "and origins."
    )
    time: str | None = Field(default=None, description="Column of the stamps, where the table has time.")
    zone: str | None = Field(
        default=None, description="Clock of stamps without an offset: an IANA name, UTC, or an offset such as UTC+10."
    )
    stamp: Literal["start", "end", "instant"] | None = Field(
        default=None, description="What a stamp marks: the start or end of its interval, or the instant of a reading."
    )
    place: str | None = Field(
        default=None, description="Column that names the place (market region, city) of each row."
    )
    place_name: str | None = Field(default=None, description="Name of the place, where the file is of one place.")
    factors: dict[str, float] = Field(
        default_factory=dict, description="What a column is multiplied by to reach the unit of its quantity."
    )
    day_first: bool = Field(default=False, description="Whether dates are written with the day before the month.")
    values: dict[str, str | float] = Field(
        default_factory=dict,
        description="What a column of the package is in every row, where the file has no such column.",
    )
    names: dict[str, str] = Field(
        default_factory=dict,
        description="Name of the package by name in the file, for classes, origins, places and plants.",
    )


class InputsSection(_Section):
    """Files with real signals, relative to the configuration file; what is not given stays embedded."""

    folder: str | None = Field(
        default=None,
        description="A folder of tables named sites, origins, price, carbon, weather, rtt, demand, of any country: what is not "
        "named below is taken from there. Its country.toml says which country, where scenario.country does not.",
    )
    grid: _Files = Field(
        default_factory=list, description="Files that hold price, carbon and temperature together (OpenNEM)."
    )
    price: _Files = Field(default_factory=list, description="Wholesale prices: AEMO, NEMOSIS, NEMWEB, WEM.")
    carbon: _Files = Field(default_factory=list, description="Carbon intensity: Electricity Maps, OpenNEM, AEMO CDEII.")
    weather: _Files = Field(
        default_factory=list, description="Temperature and humidity: EPW, Open-Meteo, half-hourly temperatures."
    )
    requests: str | None = Field(
        default=None,
        description="Request log for token lengths and burstiness alone: Azure, BurstGPT, Splitwise, Vidur, your own.",
    )
    demand: str | None = Field(
        default=None,
        description="Request log or table of requests: your demand as it is, or the hours of the day alone (ServeGen, BurstGPT).",
    )
    rtt: str | None = Field(default=None, description="Round-trip times: WonderNetwork pings, city pairs, a matrix.")
    rtt_places: str | None = Field(
        default=None, description="Where the places of `rtt` lie: a list of servers or places."
    )
    sites: str | None = Field(default=None, description="Edge sites, with the columns of `jaxsched schema sites`.")
    origins: str | None = Field(
        default=None,
        description="Population centres, with the columns of `jaxsched schema origins`, or a GeoNames table.",
    )
    demand_basis: Literal["absolute", "shape"] | None = Field(
        default=None,
        description="Whether `demand` gives requests as they are, or the hours of the day for people's requests; the first for "
        "a file with dates, the second for one without, where not given.",
    )
    demand_series: str | None = Field(default=None, description="Which series (model or class) of `demand` to take.")
    demand_origin: str | None = Field(
        default=None,
        description='Where the requests of `demand` come from if it does not say: an origin, or "population" to share them by '
        "people.",
    )
    demand_class: str | None = Field(
        default=None,
        description="What the requests of `demand` ask if it does not say: a class; told apart by token lengths where not given.",
    )
    demand_zone: str | None = Field(
        default=None,
        description='Clock on which the hours of the day of `demand` are read, for the basis "shape": an IANA name or an offset.',
    )
    demand_shift_hours: Annotated[float, Field(ge=-24, le=24)] | None = Field(
        default=None,
        description='Added to that clock before its hours are taken for local hours of each origin, for the basis "shape" [h].',
    )
    carbon_basis: Literal["direct", "lca"] = Field(
        default=Choices.carbon_basis, description="Carbon of operation only, or of the life cycle of the plants."
    )
    carbon_year: Annotated[int, Field(ge=1900, le=2200)] | None = Field(
        default=None, description="Take the carbon of these calendar stamps in another year."
    )
    weather_year: Annotated[int, Field(ge=1900, le=2200)] | None = Field(
        default=None, description="Take the weather of these calendar stamps in another year."
    )
    fill: Literal["error", "flag"] = Field(
        default=Choices.fill,
        description="Refuse slots that a file does not hold, or fill short gaps and record every cell.",
    )
    longest_fill_hours: Annotated[float, Field(gt=0, le=168)] = Field(
        default=Choices.longest_fill_hours,
        description="Longest gap that is filled [h]; weather takes the climate beyond it.",
    )
    places: dict[str, _Place] = Field(
        default_factory=dict,
        description="[latitude, longitude] of places that files name and the package does not know.",
    )
    mappings: dict[str, MappingSection] = Field(
        default_factory=dict, description="How to read a file that no reader knows, by its path as given above."
    )


class SolverSection(_Section):
    """How exactly to solve."""

    rtol: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=1e-4, description="Certified relative gap at which to stop."
    )
    max_steps: Annotated[int, Field(ge=1, le=1_000_000)] = Field(default=1000, description="Most iterations.")
    dtype: Literal["float32", "float64"] = Field(default="float32", description="Precision of the routing problem.")


class ReportSection(_Section):
    """What to compare and draw."""

    policies: list[Annotated[str, _POLICIES]] = Field(
        default_factory=_POLICIES.names,
        description="Policies to compare; temperature_aware always runs.",
    )
    plots: bool = Field(default=True, description="Whether to draw the plots.")


class Config(_Section):
    """A run of jaxsched."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = Field(
        default="australian-week",
        description="Name of the run, for its directory and titles; that of the folder of tables or of another country than "
        "Australia where there is one and no name is given.",
    )
    scenario: ScenarioSection = Field(default_factory=ScenarioSection)
    demand: DemandSection = Field(default_factory=DemandSection)
    weights: WeightsSection = Field(default_factory=WeightsSection)
    classes: dict[str, ClassSection] = Field(default_factory=dict, description="Rules by request class.")
    sites: dict[str, SiteSection] = Field(default_factory=dict, description="Changes by site name.")
    inputs: InputsSection = Field(default_factory=InputsSection)
    models: ModelsSection = Field(default_factory=ModelsSection)
    solver: SolverSection = Field(default_factory=SolverSection)
    report: ReportSection = Field(default_factory=ReportSection)

    @model_validator(mode="after")
    def _named(self) -> "Config":
        if "name" not in self.model_fields_set:
            other = self.scenario.country or "australia"
            name = Path(self.inputs.folder).name if self.inputs.folder is not None else other
            plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).lstrip("._-")[:64]
            self.name = plain if plain and plain != "australia" else self.name
        return self
