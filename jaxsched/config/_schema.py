"""What a configuration file may say. Units are part of the keys; unknown keys are errors."""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

PolicyName = Literal["temperature_aware", "temperature_blind", "nearest", "proportional", "cheapest", "greenest"]
Plant = Literal["dx", "airside", "waterside", "indirect_evaporative"]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, validate_default=False)


class ScenarioSection(_Section):
    """Which part of Australia, and when."""

    country: Literal["australia"] = Field(default="australia", description="The embedded country.")
    sites: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        default=None, description="Number of edge sites; the embedded real sites where not given."
    )
    origins: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        default=None, description="Number of origins; the embedded population centres where not given."
    )
    slots: Annotated[int, Field(ge=1, le=8784)] = Field(default=168, description="Number of hourly slots.")
    start: str | None = Field(
        default=None,
        description="Start of the first slot, ISO 8601, UTC unless it has an offset; default: a hot January week.",
    )
    seed: Annotated[int, Field(ge=0)] = Field(default=0, description="Seed of everything that is drawn.")


class DemandSection(_Section):
    """How much is asked."""

    scale: _Positive = Field(default=1.0, description="Factor on the embedded demand.")


class WeightsSection(_Section):
    """What the effects are worth; the scenario's defaults where not given."""

    carbon_aud_per_t: _NotNegative | None = Field(default=None, description="Price of carbon [AUD/t].")
    water_aud_per_kl: _NotNegative | None = Field(default=None, description="Price of water [AUD/kL].")
    waiting_aud_per_request_s: _NotNegative | None = Field(
        default=None, description="Price of one request waiting one second [AUD/request/s]."
    )
    network_adder_aud_per_mwh: float | None = Field(
        default=None,
        allow_inf_nan=False,
        description="Network, environmental and market charges on top of spot [AUD/MWh].",
    )


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
    plant: Plant | None = Field(default=None, description="Kind of cooling plant.")


class InputsSection(_Section):
    """Files with real signals, relative to the configuration file."""

    grid: str | None = Field(
        default=None,
        description="OpenNEM five-minute table (long form, parquet): price, generation by fuel, temperature.",
    )
    requests: str | None = Field(
        default=None, description="Azure LLM inference trace (CSV): arrival times and token counts."
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

    policies: list[PolicyName] = Field(
        default_factory=lambda: list(get_args(PolicyName)),
        description="Policies to compare; temperature_aware always runs.",
    )
    plots: bool = Field(default=True, description="Whether to draw the plots.")


class Config(_Section):
    """A run of jaxsched."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = Field(
        default="australian-week", description="Name of the run, for its directory and titles."
    )
    scenario: ScenarioSection = Field(default_factory=ScenarioSection)
    demand: DemandSection = Field(default_factory=DemandSection)
    weights: WeightsSection = Field(default_factory=WeightsSection)
    classes: dict[str, ClassSection] = Field(default_factory=dict, description="Rules by request class.")
    sites: dict[str, SiteSection] = Field(default_factory=dict, description="Changes by site name.")
    inputs: InputsSection = Field(default_factory=InputsSection)
    solver: SolverSection = Field(default_factory=SolverSection)
    report: ReportSection = Field(default_factory=ReportSection)
