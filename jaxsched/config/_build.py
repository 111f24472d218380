"""From a configuration to the scenario that it describes."""

import dataclasses
import difflib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from jaxsched.config._load import ConfigError
from jaxsched.config._schema import Config
from jaxsched.scenarios import Scenario, Weight, australia, read_azure_trace, read_opennem, with_grid, with_requests

_WEIGHTS = {
    "carbon_aud_per_t": "carbon",
    "water_aud_per_kl": "water",
    "waiting_aud_per_request_s": "waiting",
    "network_adder_aud_per_mwh": "network_adder",
}


def input_files(config: Config, folder: Path) -> dict[str, Path]:
    """Files that a configuration names, relative to its folder."""
    named = {"grid": config.inputs.grid, "requests": config.inputs.requests}
    return {key: (folder / value).resolve() for key, value in named.items() if value is not None}


def build_scenario(config: Config, folder: Path) -> Scenario:
    """The scenario of a configuration.

    Arguments:
        config: The configuration.
        folder: Folder that its paths are relative to.

    Raises:
        ConfigError: A name that does not exist, or a file that cannot be read.
    """
    files = input_files(config, folder)
    for key, path in files.items():
        if not path.is_file():
            raise ConfigError(f"inputs.{key}: {path} does not exist; paths are relative to the configuration file.")
    try:
        scenario = _base(config, files)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    scenario = dataclasses.replace(scenario, name=config.name, weights=_weights(config, scenario))
    return _with_sites(config, _with_classes(config, scenario))


def _base(config: Config, files: dict[str, Path]) -> Scenario:
    section = config.scenario
    chosen = {"sites": section.sites, "origins": section.origins, "seed": section.seed}
    if "grid" not in files:
        scenario = australia(slots=section.slots, start=section.start, **chosen)
    else:
        if section.start is not None:
            raise ConfigError("scenario.start: leave it out where inputs.grid is given; the file says when.")
        grid = read_opennem(files["grid"])
        start = grid.hours[0]
        if "slots" in section.model_fields_set and section.slots > len(grid.hours):
            raise ConfigError(
                f"scenario.slots: {files['grid'].name} has {len(grid.hours)} whole hours, not {section.slots}."
            )
        slots = section.slots if "slots" in section.model_fields_set else len(grid.hours)
        scenario = with_grid(australia(slots=slots, start=start, anomalies=False, **chosen), grid)
    if "requests" in files:
        scenario = with_requests(scenario, read_azure_trace(files["requests"]))
    return dataclasses.replace(scenario, demand=scenario.demand * config.demand.scale)


def _weights(config: Config, scenario: Scenario) -> dict[str, Weight]:
    weights = dict(scenario.weights)
    for key, name in _WEIGHTS.items():
        value = getattr(config.weights, key)
        if value is not None:
            weights[name] = Weight(value, weights[name].unit, "set in the configuration", assumption=False)
    return weights


def _with_classes(config: Config, scenario: Scenario) -> Scenario:
    classes, demand = scenario.classes.copy(), scenario.demand.copy()
    for name, section in config.classes.items():
        position = _position("classes", name, classes.index)
        if section.latency_limit_s is not None:
            classes.loc[name, "latency_limit_s"] = section.latency_limit_s
        if section.residency is not None:
            classes.loc[name, "residency"] = section.residency
        if section.scale is not None:
            demand[:, :, position] *= section.scale
    return dataclasses.replace(scenario, classes=classes, demand=demand)


def _with_sites(config: Config, scenario: Scenario) -> Scenario:
    sites = scenario.sites.copy()
    for name, section in config.sites.items():
        _position("sites", name, sites.index)
        for column, value in section.model_dump(exclude_none=True).items():
            if isinstance(value, float):
                sites[column] = sites[column].astype(float)
            sites.loc[name, column] = value
    return dataclasses.replace(scenario, sites=_without_empty(sites, config))


def _without_empty(sites: pd.DataFrame, config: Config) -> pd.DataFrame:
    empty = np.flatnonzero(sites["gpus"].to_numpy(float) <= 0)
    if len(empty):
        name = sites.index[empty[0]]
        raise ConfigError(
            f"sites.{name}.gpus is 0: give at least one GPU, or set its facility_limit_kw to 0 to close it."
        )
    return sites


def _position(table: str, name: str, known: Iterable[str]) -> int:
    known = list(known)
    if name in known:
        return known.index(name)
    near = difflib.get_close_matches(name, known, 1, 0.4)
    hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(known[:8])}."
    raise ConfigError(f"{table}: there is no `{name}` in the scenario; {hint}")
