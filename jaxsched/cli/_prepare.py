"""From a configuration to a study that can be served: what `jaxsched run` begins with and `jaxsched validate` is."""

import dataclasses
from pathlib import Path

import jax
import numpy as np
from rich.console import Console

from jaxsched.config import Config, ConfigError, build_scenario, load_config, with_models
from jaxsched.config._inputs import country_in, input_files, read_inputs
from jaxsched.config._load import load_partly
from jaxsched.config._models import model_files
from jaxsched.report._summary import filled
from jaxsched.scenarios.countries._load import COUNTRY_FILES
from jaxsched.study import Study, build_study, problems_of
from jaxsched.study._servable import busiest_share

_log = Console(stderr=True, highlight=False)


@dataclasses.dataclass(frozen=True)
class Source:
    """What a command is asked to work on: a configuration, a folder of tables, or both; the embedded week where neither."""

    config: Path | None
    tables: Path | None = None

    @property
    def folder(self) -> Path:
        """Folder that the paths of the configuration are relative to."""
        return Path.cwd() if self.config is None else self.config.resolve().parent

    def load(self) -> Config:
        """The configuration."""
        return load_config(self.config, self.tables)


def check(source: Source) -> None:
    """Load a configuration, build its problem, and say whether it can be served; every problem is told at once."""
    config, problems = load_partly(source.config, source.tables)
    folder = source.folder
    if problems:
        # What hangs together cannot be judged without the keys that are wrong, but each file can.
        read_inputs(config.inputs, folder, country_in(config, folder, problems), problems)
        raise ConfigError("\n".join(problems))
    study = prepare(config, folder)
    slots, origins, sites, classes = study.problem.shape
    print(
        f"{source.config or source.tables}: good. {slots} slots, {origins} origins, {sites} sites, {classes} classes; the busiest "
        f"slot needs at least {busiest_share(study):.0%} of its capacity."
    )
    for what, count in filled(study.scenario).items():
        print(f"filled: {count} cells of {what}")


def prepare(config: Config, folder: Path) -> Study:
    """Scenario, models and problem of a configuration, known to be servable, with what is to be noted on the terminal.

    Raises:
        ConfigError: If a file, a name or a number cannot be used, or the requests cannot be served; every problem is named.
    """
    jax.config.update("jax_enable_x64", True)
    scenario = build_scenario(config, folder)
    for note in scenario.notes:
        _log.print(f"note: {note}", markup=False, soft_wrap=True)
    try:
        study = with_models(build_study(scenario, dtype=np.dtype(config.solver.dtype)), config, folder)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    problems = problems_of(study)
    if problems:
        raise ConfigError("\n".join(problems))
    return study


def named_files(config: Config, folder: Path) -> dict[str, Path]:
    """Every file that a configuration names, of signals, of their country and of models, by key."""
    tables = folder / (config.inputs.folder or ".")
    country = {name: (tables / name).resolve() for name in COUNTRY_FILES} if config.inputs.folder is not None else {}
    there = {name: path for name, path in country.items() if path.is_file()}
    return input_files(config.inputs, folder) | there | model_files(config.models, folder)
