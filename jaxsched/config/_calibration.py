"""What the configuration of a calibration may say."""

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from jaxsched.config._load import ConfigError, raw_table, sentence

_Share = Annotated[float, Field(gt=0, lt=1)]
_Count = Annotated[int, Field(ge=0, le=100_000)]
_Two = Field(min_length=2, max_length=2)
_Pair = Annotated[list[float], _Two]


def _number_or_none(value: float | None) -> float | None:
    """A limit, None where it is infinite and therefore none; NaN is no limit."""
    if value is not None and math.isnan(value):
        raise ValueError("give a number, or leave it out")
    return None if value is None or math.isinf(value) else value


_Limit = Annotated[Annotated[float, Field(allow_inf_nan=True)] | None, AfterValidator(_number_or_none)]


class _Section(BaseModel):
    # A number that is infinite or none ends a calculation late and in riddles; limits alone may be infinite.
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class ColumnSection(_Section):
    """One column of the file."""

    column: str = Field(description="Name of the column in the file.")
    unit: str = Field(default="1", description="Its unit, for example kW, RT, kWh per 30 min, degF, %.")
    lowest: _Limit = Field(default=None, description="Values below count as missing, in the unit of the file.")
    highest: _Limit = Field(default=None, description="Values above count as missing, in the unit of the file.")

    @model_validator(mode="after")
    def _in_order(self) -> "ColumnSection":
        if self.lowest is not None and self.highest is not None and self.lowest >= self.highest:
            raise ValueError(
                f"lowest is {self.lowest:g} and highest {self.highest:g}; the first must be below the second"
            )
        return self


class DataSection(_Section):
    """The measurements, and what their columns are."""

    file: str = Field(description="CSV or parquet file, relative to the configuration file.")
    time: str | None = Field(
        default=None, description="Column of the start of each interval; none for data without time."
    )
    zone: str = Field(default="UTC", description="Clock of the times: an IANA name, UTC, or an offset such as UTC+8.")
    observed: ColumnSection = Field(description="What the model predicts.")
    columns: dict[str, ColumnSection] = Field(
        description="Columns by argument of the model. `relative_humidity` beside `dry_bulb` gives `wet_bulb` where it is not "
        "given; `weights` are weights."
    )


class ModelSection(_Section):
    """The law to fit."""

    kind: str = Field(description="Class of jaxsched.models, for example WaterCooledPlant.")
    component: str | None = Field(
        default=None, description="Which part of its answer is observed; the sum of all if none."
    )
    constants: dict[str, float] = Field(default_factory=dict, description="Arguments that are the same in all rows.")
    start: dict[str, float] = Field(default_factory=dict, description="Parameters to start from, by dotted name.")


class FitSection(_Section):
    """What to fit, and how."""

    parameters: Annotated[list[str], Field(min_length=1)] = Field(description="Dotted names of the parameters to fit.")
    bounds: dict[str, Annotated[list[_Limit], _Two]] = Field(
        default_factory=dict, description="Bounds by name; the valid range if none, and where one is infinite."
    )
    priors: dict[str, _Pair] = Field(default_factory=dict, description="Mean and standard deviation by name.")
    loss: Literal["squared", "huber", "cauchy"] = Field(default="squared", description="What a residual costs.")
    held_out_share: _Share = Field(default=1 / 3, description="Last share of the rows, which is scored and not fitted.")
    starts: Annotated[int, Field(ge=1, le=1000)] = Field(default=8, description="Number of starts.")
    bootstrap: _Count = Field(default=200, description="Number of block bootstrap samples.")
    block_hours: Annotated[float, Field(gt=0)] = Field(default=168.0, description="Length of a bootstrap block [h].")
    posterior_samples: _Count = Field(
        default=0, description="Draws of each of four chains from the posterior, by numpyro; none if 0, else >= 10."
    )
    seed: Annotated[int, Field(ge=0)] = Field(default=0, description="Seed of starts and bootstrap.")

    @model_validator(mode="after")
    def _can_be_drawn(self) -> "FitSection":
        if self.posterior_samples and self.loss != "squared":
            raise ValueError("posterior_samples needs a fit by least squares; set loss to squared, or take none")
        return self


class PlotSection(_Section):
    """What residuals are drawn against."""

    plots: bool = Field(default=True, description="Whether to draw the plots.")
    against: list[str] = Field(
        default_factory=list, description="Arguments that residuals are drawn against; all where not given."
    )


class CalibrationConfig(_Section):
    """A fit of one model to one file."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = Field(description="Name of the fit.")
    inputs: DataSection
    model: ModelSection
    fit: FitSection
    report: PlotSection = Field(default_factory=PlotSection)


class LogSection(_Section):
    """The log of requests that is fitted, and others that are only scored."""

    file: str = Field(
        description="CSV or parquet file, relative to the configuration file: one row per request, with the columns arrival "
        "(seconds, or ISO 8601), prompt_tokens, output_tokens and ttft_s (time to first token in seconds, empty where unknown)."
    )
    others: list[str] = Field(
        default_factory=list,
        description="Logs of the same site, for example at higher loads, that are scored and not fitted.",
    )


class LatencySection(_Section):
    """What to fit to a log, and what to predict."""

    most_servers: Annotated[int, Field(ge=1, le=1024)] = Field(default=64, description="Most servers that are tried.")
    network_ms: Annotated[float, Field(ge=0, le=10_000)] | None = Field(
        default=None,
        description="Network time in each TTFT, which a log cannot tell from the prefill; the default if none.",
    )
    held_out_share: _Share = Field(default=1 / 3, description="Last share of the log, which is scored and not fitted.")
    loads: list[_Share] | None = Field(
        default=None,
        description="Loads to predict, as shares of what the site can serve; some up to the highest load of the logs if none.",
    )
    extrapolate: bool = Field(
        default=False,
        description="Whether loads above the highest of the logs are predicted too; they are left out if not.",
    )
    simulated_requests: Annotated[int, Field(ge=1000, le=10_000_000)] = Field(
        default=20_000, description="Requests simulated at each load."
    )
    bootstrap: _Count = Field(default=0, description="Number of block bootstrap samples.")
    seed: Annotated[int, Field(ge=0)] = Field(default=0, description="Seed of starts, bootstrap and simulation.")


class LatencyConfig(_Section):
    """A fit of a site's serving to a log of its requests."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = Field(description="Name of the fit.")
    log: LogSection
    latency: LatencySection = Field(default_factory=LatencySection)
    report: PlotSection = Field(default_factory=PlotSection)


def is_calibration(path: Path) -> bool:
    """Whether a configuration file is of a calibration: it has a table `fit`, or `log`.

    Raises:
        ConfigError: If the file cannot be read as TOML or JSON.
    """
    return not {"fit", "log"}.isdisjoint(raw_table(path))


def load_calibration(path: Path) -> CalibrationConfig | LatencyConfig:
    """Read the configuration of a calibration: of a model to a table, or (with a table `log`) of a site to its requests.

    Raises:
        ConfigError: If the file is missing, is no TOML or JSON, or holds an unknown key or an impossible value; every
            problem is named at once.
    """
    raw: dict[str, Any] = raw_table(path)
    kind = LatencyConfig if "log" in raw else CalibrationConfig
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        problems = [f"{path}: {sentence(item, kind)}" for item in error.errors()]
        raise ConfigError("\n".join(problems)) from None
