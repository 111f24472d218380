"""Commands, their options, and how each kind of failure ends."""

import functools
import logging
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from jaxsched._version import __version__

# Exit codes: 1 the problem has no answer within the limits, 2 the input or output is unusable; 130, interrupted, is that of
# `jaxsched._output`.
_NO_ANSWER, _BAD_INPUT = 1, 2

app = typer.Typer(
    name="jaxsched",
    help=(
        "Schedule LLM requests over edge data centres at the least cost of energy, carbon, water and waiting, with a "
        "proof of how far from optimal the schedule is."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_errors = Console(stderr=True, highlight=False, soft_wrap=True)


class Part(StrEnum):
    """Parts of a sensitivity study."""

    local = "local"
    global_ = "global"
    scenarios = "scenarios"
    frontier = "frontier"


class Method(StrEnum):
    """Designs of a sample."""

    morris = "morris"
    sobol = "sobol"


class Schema(StrEnum):
    """What has a schema."""

    config = "config"
    sites = "sites"
    origins = "origins"


def _clear_failures(command: Callable[..., None]) -> Callable[..., None]:
    """End every failure that a user can cause in one clear sentence and a non-zero exit."""

    @functools.wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:
        # Notes about absent accelerators stay off the terminal; warnings and errors still show.
        logging.getLogger("jax._src.xla_bridge").setLevel(logging.ERROR)
        try:
            command(*args, **kwargs)
        except Exception as error:
            code = _exit_code(error)
            if code is None:
                raise
            _fail(str(error), code)

    return guarded


def _exit_code(error: Exception) -> int | None:
    """The exit code of a failure that a user can cause; None for any other. Nothing heavy is imported before one."""
    from jaxsched._extras import MissingExtra
    from jaxsched._output import OutputError
    from jaxsched._results import InfeasibleError, SolveError
    from jaxsched.config import ConfigError
    from jaxsched.scenarios.readers import ReadError

    if isinstance(error, ConfigError | MissingExtra | OutputError | InfeasibleError | ReadError):
        return _BAD_INPUT
    return _NO_ANSWER if isinstance(error, SolveError) else None


def _fail(message: str, code: int) -> NoReturn:
    for line in message.splitlines():
        _errors.print(f"error: {line}", markup=False)
    raise typer.Exit(code)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Options of the program itself; the help text is that of `app`."""


_ConfigPath = Annotated[
    Path | None, typer.Argument(help="TOML configuration; the embedded Australian week where not given.")
]


_Tables = Annotated[
    Path | None,
    typer.Option(help="Folder of tables of any country: sites, origins, price, carbon, weather; with a country.toml."),
]


_Country = Annotated[
    str, typer.Option(help="Country whose states and regions a table of places names, or a folder with a country.toml.")
]


_DataPath = Annotated[Path, typer.Argument(help="CSV, parquet, JSON or EPW file.")]


def _policy(name: str) -> str:
    """The name of a policy that there is; the list is not loaded before one is named."""
    from jaxsched._names import OneOf

    try:
        return OneOf("jaxsched.study:POLICIES").check(name)
    except ValueError as error:
        raise typer.BadParameter(f"{name!r}: {error}.") from None


@app.command()
@_clear_failures
def run(
    config: _ConfigPath = None,
    tables: _Tables = None,
    out: Annotated[Path | None, typer.Option(help="Directory of the run; default runs/NAME.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print summary.json instead of the tables.")] = False,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            parser=_policy,
            metavar="POLICY",
            help="Policy to compare, such as nearest; repeat for several. Default: all. `jaxsched schema` lists them.",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run in the directory.")] = False,
) -> None:
    """Find the best schedule, compare it with simpler policies, and write tables, plots and a record.

    Writes summary.json, schedule.parquet, sites.parquet, manifest.json, config.json and plots. An interrupted or failed
    run leaves nothing behind.
    """
    from jaxsched.cli._prepare import Source
    from jaxsched.cli._run import perform

    perform(Source(config, tables), out, policy, as_json=as_json, overwrite=overwrite)


@app.command()
@_clear_failures
def sensitivity(
    config: _ConfigPath = None,
    tables: _Tables = None,
    out: Annotated[Path | None, typer.Option(help="Directory of the study; default runs/NAME-sensitivity.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print summary.json instead of the tables.")] = False,
    part: Annotated[
        list[Part] | None, typer.Option(help="Part to study; repeat for several. Default: all four.")
    ] = None,
    method: Annotated[Method, typer.Option(help="Design of the sample for global indices.")] = Method.morris,
    samples: Annotated[int, typer.Option(help="Trajectories (morris) or base samples (sobol, a power of two).")] = 8,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier study in the directory.")] = False,
) -> None:
    """Say what the optimal schedule is sensitive to: derivatives, global indices, scenarios and frontiers.

    Writes summary.json, tidy tables, plots, manifest.json and config.json. An interrupted or failed study leaves nothing
    behind.
    """
    from jaxsched.cli._prepare import Source
    from jaxsched.cli._sensitivity import PARTS, Plan, perform

    plan = Plan(PARTS if part is None else [one.value for one in part], method.value, samples)
    perform(Source(config, tables), out, plan, as_json=as_json, overwrite=overwrite)


@app.command()
@_clear_failures
def validate(
    config: Annotated[Path | None, typer.Argument(help="TOML configuration to check.")] = None, tables: _Tables = None
) -> None:
    """Check a configuration, its files and whether its demand can be served, without solving; every problem is told."""
    from jaxsched.config import ConfigError
    from jaxsched.config._calibration import is_calibration

    if config is None and tables is None:
        raise ConfigError("give a configuration to check, or --tables with a folder of tables.")
    if config is not None and is_calibration(config):
        from jaxsched.cli._calibrate import check_calibration

        check_calibration(config)
        return
    from jaxsched.cli._prepare import Source, check

    check(Source(config, tables))


@app.command()
@_clear_failures
def calibrate(
    config: Annotated[Path, typer.Argument(help="TOML configuration of the fit.")],
    out: Annotated[Path, typer.Option(help="Directory of the results.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print summary.json instead of the table.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier fit in the directory.")] = False,
) -> None:
    """Fit parameters of a model to measurements, with errors and scores on time that was held out.

    Writes model.json (the fitted model), summary.json, parameters.csv, manifest.json and plots of the residuals. A
    configuration with a table `log` fits how a site serves its requests to a log of them, and predicts other loads.
    """
    from jaxsched.cli._calibrate import perform_calibration

    perform_calibration(config, out, as_json=as_json, overwrite=overwrite)


@app.command()
@_clear_failures
def init(folder: Annotated[Path, typer.Argument(metavar="DIR", help="New directory.")]) -> None:
    """Write a commented configuration that runs, and templates of the tables of sites and origins."""
    from jaxsched.cli._data import start_directory

    start_directory(folder)


@app.command()
@_clear_failures
def convert(
    file: _DataPath,
    out: Annotated[Path, typer.Argument(help="File to write: .csv, .csv.gz or .parquet.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier file.")] = False,
) -> None:
    """Convert a file to one table in UTC by the start of the interval, with units in the column names."""
    from jaxsched.cli._data import convert_file

    convert_file(file, out, overwrite=overwrite)


data = typer.Typer(help="Look into files with real signals.", no_args_is_help=True)
app.add_typer(data, name="data")


@data.command("describe")
@_clear_failures
def data_describe(
    file: _DataPath,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    country: _Country = "australia",
) -> None:
    """Say what a file was recognised as, its time zone, step, range, gaps and units."""
    from jaxsched.cli._data import show_file

    show_file(file, country, as_json=as_json)


@data.command("kinds")
@_clear_failures
def data_kinds() -> None:
    """List the kinds of file that are recognised."""
    from jaxsched.cli._data import show_kinds

    show_kinds()


@app.command()
@_clear_failures
def schema(
    of: Annotated[Schema, typer.Argument(help="What to describe: the configuration, or one row of a table.")] = (
        Schema.config
    ),
    country: _Country = "australia",
) -> None:
    """Print the JSON Schema of a configuration, or of a row of a table of sites or origins."""
    from jaxsched.cli._data import country_named
    from jaxsched.config import Config
    from jaxsched.config._template import schema_text
    from jaxsched.scenarios.readers._rows import origin_row, site_row

    where = country_named(country)
    print(schema_text({"config": Config, "sites": site_row(where), "origins": origin_row(where)}[of.value]), end="")


@app.command()
@_clear_failures
def version() -> None:
    """Print the version."""
    print(__version__)
