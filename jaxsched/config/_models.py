"""Fitted models that a configuration puts into a study."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

if TYPE_CHECKING:
    from jaxsched.config._schema import Config
    from jaxsched.study import Study

_EVERYWHERE = "all"
_Files = Annotated[
    dict[str, str], BeforeValidator(lambda value: {_EVERYWHERE: value} if isinstance(value, str) else value)
]
_MANY = "One file, or files by kind of plant, name of a site, or `all`."


class ServiceFile(BaseModel):
    """A fitted law of how one kind of GPU serves one model."""

    model_config = ConfigDict(extra="forbid", strict=True)

    file: str = Field(description="model.json of Prefill, InterTokenLatency or ServingSite.")
    gpus: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        default=None,
        description="GPUs of the site whose log gave a ServingSite; only its prefill is taken if none.",
    )


class ModelsSection(BaseModel):
    """Files of fitted models (`model.json` of `jaxsched calibrate`), relative to the configuration file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    cooling: _Files = Field(default_factory=dict, description=f"Cooling plant. {_MANY}")
    water: _Files = Field(default_factory=dict, description=f"Water use on site. {_MANY}")
    electrical: _Files = Field(default_factory=dict, description=f"Electrical losses. {_MANY}")
    it_power: _Files = Field(default_factory=dict, description=f"Power of servers. {_MANY}")
    price: _Files = Field(default_factory=dict, description=f"Delivered price. {_MANY}")
    carbon: _Files = Field(default_factory=dict, description=f"Emissions. {_MANY}")
    queue: _Files = Field(default_factory=dict, description=f"Waiting. {_MANY}")
    network: str | None = Field(
        default=None, description="RoundTripTime, for routes without a measured time; not beside `inputs.rtt`."
    )
    serving: dict[str, ServiceFile] = Field(
        default_factory=dict, description='By kind of GPU and model, for example "h100/llama-70b".'
    )


def model_files(section: ModelsSection, folder: Path) -> dict[str, Path]:
    """Files of models that a configuration names, by key, relative to its folder."""
    return {label: (folder / file).resolve() for label, _, _, file in _entries(section)}


def absolute_models(section: ModelsSection, folder: Path) -> dict[str, Any]:
    """The section with its paths made absolute, so that it works from any folder."""
    found: dict[str, Any] = {}
    for key, value in section.model_dump(exclude_none=True).items():
        if isinstance(value, str):
            found[key] = str((folder / value).resolve())
            continue
        found[key] = {
            name: {**one, "file": str((folder / one["file"]).resolve())}
            if isinstance(one, dict)
            else str((folder / one).resolve())
            for name, one in value.items()
        }
    return {key: value for key, value in found.items() if value}


def with_models(study: "Study", config: "Config", folder: Path) -> "Study":
    """The study with the fitted models of a configuration, its caps and problem in step.

    Raises:
        ConfigError: If a file cannot be read, or its model has no such place; every problem is named.
    """
    from jaxsched.config._load import ConfigError

    problems: list[str] = []
    names = study.scenario.sites.index
    # The narrower holds: a site before a kind of plant, that before everywhere.
    for label, key, at, file in sorted(
        _entries(config.models), key=lambda one: (one[2] is not None) + (one[2] in names)
    ):
        try:
            study = _with_one(study, config, (key, at), (folder / file).resolve())
        except ValueError as error:
            problems.append(f"{label}: {error}")
            continue
        told = {**study.scenario.provenance, label: f"fitted model of {file}"}
        study = dataclasses.replace(study, scenario=dataclasses.replace(study.scenario, provenance=told))
    if problems:
        raise ConfigError("\n".join(problems))
    return study


def _entries(section: ModelsSection) -> Iterator[tuple[str, str, str | None, str]]:
    """Label, key, where (a site, a kind of plant, or GPU and model; None for everywhere), and file of every model."""
    for key, value in section:
        if isinstance(value, str):
            yield f"models.{key}", key, None, value
            continue
        for name, one in (value or {}).items():
            file = one.file if isinstance(one, ServiceFile) else one
            yield f"models.{key}.{name}", key, None if name == _EVERYWHERE else name, file


def _with_one(study: "Study", config: "Config", place: tuple[str, str | None], path: Path) -> "Study":
    from jaxsched.calibrate import load_model, load_provenance
    from jaxsched.models import RoundTripTime
    from jaxsched.scenarios._network import round_trip_times
    from jaxsched.study import with_prefill
    from jaxsched.study._with import PLACES

    key, at = place
    model = load_model(path)
    if key == "network":
        if config.inputs.rtt is not None:
            raise ValueError("leave it out where inputs.rtt is given, which holds measured times.")
        if not isinstance(model, RoundTripTime):
            raise ValueError(f"{path.name} holds a {type(model).__name__}; give a RoundTripTime.")
        return study.with_(rtt=round_trip_times(study.scenario.origins, study.scenario.sites, model))
    if key != "serving":
        if not isinstance(model, PLACES[key]):
            raise ValueError(
                f"{path.name} holds a {type(model).__name__}, which is no model of {key.replace('_', ' ')}."
            )
        return study.with_(model, at=at)
    hardware, _, name = (at or "").partition("/")
    gpus = config.models.serving[f"{hardware}/{name}"].gpus if name else None
    if not name:
        raise ValueError('name the kind of GPU and the model, for example "h100/llama-70b".')
    if gpus is not None and load_provenance(path).get("servers_identified") is False:
        raise ValueError(
            f"{path.name} was fitted to a log that cannot tell its servers, so that it measures no time of a GPU; leave gpus out "
            "to take its prefill alone, or fit a busier log."
        )
    return with_prefill(study, model, hardware, name, gpus=gpus)
