"""From a configuration to the scenario that it describes."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from jaxsched._names import did_you_mean
from jaxsched.config._inputs import Inputs, read_inputs, span, tables_of, with_inputs
from jaxsched.config._load import ConfigError
from jaxsched.config._schema import MOST_SLOTS, Config
from jaxsched.scenarios import Scenario, Weight, australia, embedded_notes

_WEIGHTS = {
    "carbon_aud_per_t": "carbon",
    "water_aud_per_kl": "water",
    "waiting_aud_per_request_s": "waiting",
    "network_adder_aud_per_mwh": "network_adder",
}


def build_scenario(config: Config, folder: Path) -> Scenario:
    """The scenario of a configuration.

    Arguments:
        config: The configuration.
        folder: Folder that its paths are relative to.

    Raises:
        ConfigError: Names that do not exist, files that cannot be read or do not fit; one sentence a problem.
    """
    problems: list[str] = []
    inputs = read_inputs(config.inputs, folder, problems)
    unread = bool(problems)
    scenario = _base(config, inputs, unread, problems)
    if scenario is None:
        raise ConfigError("\n".join(problems))
    scenario = with_inputs(scenario, inputs, problems)
    scenario = dataclasses.replace(
        scenario,
        name=config.name,
        weights=_weights(config, scenario),
        demand=scenario.demand * config.demand.scale,
        provenance=_provenance(config, scenario),
        notes=tuple(dict.fromkeys((*inputs.notes, *scenario.notes, *embedded_notes(scenario)))),
    )
    scenario = _with_sites(config, _with_classes(config, scenario, problems), problems)
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))
    return scenario


def _base(config: Config, inputs: Inputs, unread: bool, problems: list[str]) -> Scenario | None:
    """The embedded country, or the user's sites and origins, on the slots asked for; None where there can be none."""
    section = config.scenario
    chosen: dict[str, int | pd.DataFrame | None] = {"sites": section.sites, "origins": section.origins}
    tables = tables_of(inputs, problems)
    given = {key: f"{inputs.one(key).source}: {len(table)} {key} of the user" for key, table in tables.items()}
    for key, table in tables.items():
        if chosen[key] is not None:
            problems.append(f"scenario.{key}: leave it out where inputs.{key} is given; the file says how many.")
        chosen[key] = table
    start, slots = _slots(config, inputs, unread, problems)
    recorded = bool(inputs.found["grid"] or inputs.found["weather"])
    try:
        base = australia(
            slots=slots,
            slot_minutes=section.slot_minutes,
            start=start,
            seed=section.seed,
            anomalies=not recorded,
            **chosen,
        )
        return dataclasses.replace(base, provenance={**base.provenance, **given})
    except ValueError as error:
        problems.append(f"scenario: {error}")
        return None


def _slots(config: Config, inputs: Inputs, unread: bool, problems: list[str]) -> tuple[str | pd.Timestamp | None, int]:
    """Start and number of slots: as given, or as the files of price, carbon and demand cover them."""
    section, step = config.scenario, pd.Timedelta(minutes=config.scenario.slot_minutes)
    covered = span(inputs, step)
    given = "slots" in section.model_fields_set
    if covered is None or section.start is not None:
        return section.start, section.slots
    first, count = covered
    if count < 1:
        if not unread:
            problems.append(
                "inputs: price, carbon and demand have no slot in common; give files of one time, or carbon_year."
            )
        return first, 1
    if given and section.slots > count:
        problems.append(f"scenario.slots: the files cover {count} whole slots from {first}, not {section.slots}.")
    return first, min(section.slots, count) if given else min(count, MOST_SLOTS)


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
