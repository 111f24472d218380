"""From a configuration to the scenario that it describes."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from jaxsched._names import did_you_mean
from jaxsched.config._inputs import country_in, read_inputs
from jaxsched.config._load import ConfigError
from jaxsched.config._schema import Config
from jaxsched.models import TERMS
from jaxsched.scenarios import Scenario
from jaxsched.scenarios._assemble import Asked, assemble
from jaxsched.scenarios.countries._country import Weight

_WEIGHTS = {
    **{term.worth.key: term.name for term in TERMS if term.worth is not None},
    "network_adder_aud_per_mwh": "network_adder",
}


def build_scenario(config: Config, folder: Path) -> Scenario:
    """The scenario of a configuration.

    Arguments:
        config: The configuration.
        folder: Folder that its paths are relative to.

    Raises:
        ConfigError: Names that do not exist, files that cannot be read or do not fit; one line per problem.
    """
    problems: list[str] = []
    where = country_in(config, folder, problems)
    inputs = read_inputs(config.inputs, folder, where, problems)
    scenario = assemble(_asked(config), inputs, problems, unread=bool(problems))
    if scenario is None:
        raise ConfigError("\n".join(problems))
    scenario = dataclasses.replace(
        scenario,
        name=config.name,
        weights=_weights(config, scenario),
        demand=scenario.demand * config.demand.scale,
        provenance=_provenance(config, scenario),
    )
    scenario = _with_sites(config, _with_classes(config, scenario, problems), problems)
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))
    return scenario


def _asked(config: Config) -> Asked:
    section = config.scenario
    slots = section.slots if "slots" in section.model_fields_set else None
    return Asked(section.start, slots, section.slot_minutes, section.sites, section.origins, section.seed)


def _provenance(config: Config, scenario: Scenario) -> dict[str, str]:
    """Where each quantity comes from, with what the configuration changes of it."""
    told = dict(scenario.provenance)
    if config.demand.scale != 1.0:
        told["demand"] += f"; times {config.demand.scale:g}, as demand.scale says"
    for key, changed in (("sites", config.sites), ("classes", config.classes)):
        if changed:
            told[key] += f"; changed by the configuration: {', '.join(changed)}"
    return told


def _weights(config: Config, scenario: Scenario) -> dict[str, Weight]:
    weights = dict(scenario.weights)
    for key, name in _WEIGHTS.items():
        value = getattr(config.weights, key)
        if value is not None:
            weights[name] = Weight(value, weights[name].unit, "set in the configuration", assumption=False)
    return weights


def _with_classes(config: Config, scenario: Scenario, problems: list[str]) -> Scenario:
    classes, demand = scenario.classes.copy(), scenario.demand.copy()
    for name, section in config.classes.items():
        position = _position("classes", name, classes.index, problems)
        if position is None:
            continue
        if section.latency_limit_s is not None:
            classes.loc[name, "latency_limit_s"] = section.latency_limit_s
        if section.residency is not None:
            classes.loc[name, "residency"] = section.residency
        if section.scale is not None:
            demand[:, :, position] *= section.scale
    return dataclasses.replace(scenario, classes=classes, demand=demand)


def _with_sites(config: Config, scenario: Scenario, problems: list[str]) -> Scenario:
    sites = scenario.sites.copy()
    for name, section in config.sites.items():
        if _position("sites", name, sites.index, problems) is None:
            continue
        for column, value in section.model_dump(exclude_none=True).items():
            if isinstance(value, float):
                sites[column] = sites[column].astype(float)
            sites.loc[name, column] = value
    for name in sites.index[sites["gpus"].to_numpy(float) <= 0]:
        problems.append(
            f"sites.{name}.gpus is 0: give at least one GPU, or set its facility_limit_kw to 0 to close it."
        )
    return dataclasses.replace(scenario, sites=sites)


def _position(table: str, name: str, known: Iterable[str], problems: list[str]) -> int | None:
    known = list(known)
    if name in known:
        return known.index(name)
    problems.append(f"{table}: there is no `{name}` in the scenario; {did_you_mean(name, known)}")
    return None
