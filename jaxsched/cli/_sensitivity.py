"""What `jaxsched sensitivity` does."""

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from jaxsched._extras import needs
from jaxsched._output import output_directory
from jaxsched._schedule import Schedule
from jaxsched._solve import solve
from jaxsched.cli._prepare import Source, named_files, prepare
from jaxsched.cli._run import resolve
from jaxsched.config import Config, ConfigError
from jaxsched.report import SensitivityParts, sensitivity_summary
from jaxsched.report._failures import apart, failure
from jaxsched.report._manifest import manifest
from jaxsched.report._record import write_record, write_tables
from jaxsched.report._sensitivity_tables import sensitivity_tables
from jaxsched.scenarios import Scenario
from jaxsched.scenarios._tables import embedded_tables
from jaxsched.sensitivity import (
    DEFAULT_RANGES,
    OUTPUTS,
    Sample,
    default_cases,
    frontier,
    limits,
    local_sensitivity,
    response,
    sample,
    solve_cases,
)
from jaxsched.solvers import ADMM
from jaxsched.study import Study, build_study

PARTS = ("local", "global", "scenarios", "frontier")
# Certified gap of the points of a sample, whose spread is a hundred times as large.
_RTOL = 1e-3
# The most slots that a sample is taken of, evenly spread: every seventh hour of a week meets every hour of the day once.
_SAMPLED_SLOTS = 24
_CHUNK = 16
_log = Console(stderr=True, highlight=False)
_Track = Callable[[str], Callable[[int, int], None]]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to study, and how large a sample to take."""

    parts: Sequence[str]
    method: str
    samples: int


def perform(source: Source, out: Path | None, plan: Plan, *, as_json: bool, overwrite: bool) -> None:
    """Load, study, write and print."""
    config, folder = source.load(), source.folder
    base = Path("runs") / f"{config.name}-sensitivity"
    with output_directory(out, base, overwrite=overwrite) as (target, draft):
        study = prepare(config, folder)
        try:
            parts, failed = study_parts(study, config, plan)
        except ValueError as error:
            raise ConfigError(str(error)) from None
        summary = sensitivity_summary(config.name, parts, resolve(config, folder, study), failed)
        files = _write(draft, parts, summary, study, named_files(config, folder), plots=config.report.plots)
        summary = json.loads((draft / "summary.json").read_text(encoding="utf-8"))
    if as_json:
        print(json.dumps(summary, indent=2))
    else:
        _show(parts, summary, target, files)


def study_parts(study: Study, config: Config, plan: Plan) -> tuple[SensitivityParts, dict[str, str]]:
    """Every part that is asked for, from one schedule of the study, and why those are missing that did not reach an answer.

    Raises:
        SolveError: If no part reached one.
    """
    studies: dict[str, Callable[[Study, Config, Plan, Schedule, _Track], dict[str, Any]]] = {
        "local": _local,
        "global": _global,
        "scenarios": _scenarios,
        "frontier": _frontier,
    }
    found: dict[str, Any] = {}
    failed: dict[str, str] = {}
    with _progress() as track:
        base = solve(study.problem, ADMM(rtol=config.solver.rtol, max_steps=config.solver.max_steps * 10))
        for name in (one for one in studies if one in plan.parts):
            try:
                found |= studies[name](study, config, plan, base, track)
            except RuntimeError as error:
                if len(plan.parts) == len(failed) + 1:
                    raise
                failed[f"part {name}"] = failure(f"part {name}", error)
    return SensitivityParts(**found, currency=study.scenario.country.currency), failed


def _local(study: Study, _config: Config, _plan: Plan, base: Schedule, track: _Track) -> dict[str, Any]:
    found = local_sensitivity(study, schedule=base)
    track("derivatives")(1, 1)
    return {"local": found}


def _global(study: Study, config: Config, plan: Plan, _base: Schedule, track: _Track) -> dict[str, Any]:
    taken, slots = sampled(study, config, plan, track("samples"))
    return {"sampled": taken, "sampled_slots": slots}


def _scenarios(study: Study, _config: Config, _plan: Plan, base: Schedule, track: _Track) -> dict[str, Any]:
    cases = default_cases(study)
    return {"answers": solve_cases(study, cases, rtol=_RTOL, base=base, throw=False, progress=track("scenarios"))}


def _frontier(study: Study, config: Config, _plan: Plan, base: Schedule, track: _Track) -> dict[str, Any]:
    rtol = config.solver.rtol
    sweep = frontier(study, rtol=rtol, base=base, progress=track("frontier"))
    kept = limits(study, sweep, rtol=rtol, base=sweep.answers.base, progress=track("limits"))
    return {"frontier": sweep, "limits": kept}


def sampled(study: Study, config: Config, plan: Plan, progress: Callable[[int, int], None]) -> tuple[Sample, int]:
    """A sample of the study on evenly spread slots, and their number."""
    thin = thinned(study.scenario, _SAMPLED_SLOTS)
    # The sites of the study itself, fitted models included.
    small = build_study(thin, dtype=np.dtype(config.solver.dtype))
    small = small.with_(site_model=study.site_model, serving=study.serving)
    base: Schedule = solve(small.problem, ADMM(rtol=_RTOL, max_steps=config.solver.max_steps * 10))
    taken = sample(
        response(small, rtol=_RTOL, base=base),
        DEFAULT_RANGES,
        outputs=list(OUTPUTS),
        method=plan.method,
        samples=plan.samples,
        chunk=_CHUNK,
        seed=config.scenario.seed,
        progress=progress,
    )
    return taken, len(thin.times)


def thinned(scenario: Scenario, most: int) -> Scenario:
    """Every n-th slot of a scenario, so that at most `most` are left."""
    step = -(-len(scenario.times) // most)
    by_slot = ("times", "demand", "dry_bulb", "relative_humidity", "price", "carbon_intensity")
    return dataclasses.replace(scenario, **{name: getattr(scenario, name)[::step] for name in by_slot})


@contextmanager
def _progress() -> Iterator[_Track]:
    """Bars on the terminal: a name gives a function of what is done and what there is."""
    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_log) as progress:

        def track(name: str) -> Callable[[int, int], None]:
            task = progress.add_task(name, total=None)
            return lambda done, total: progress.update(task, completed=done, total=total)

        yield track


def _write(
    draft: Path, parts: SensitivityParts, summary: dict, study: Study, inputs: dict[str, Path], *, plots: bool
) -> list[str]:
    record = manifest(summary["config"], inputs, embedded_tables(study.scenario.country), study.scenario)
    files = write_record(draft, summary, record | {"rerun": "jaxsched sensitivity config.json"})
    files += write_tables(draft, sensitivity_tables(parts))
    if plots:
        with apart(draft, "plots"):
            needs("drawing", "matplotlib")
            from jaxsched.report._sensitivity_plots import draw_sensitivity

            files += draw_sensitivity(parts, draft)
    return files


def _show(parts: SensitivityParts, summary: dict, target: Path, files: list[str]) -> None:
    console = Console(highlight=False)
    if parts.local is not None:
        table = Table(title="largest effects on the total cost, to first order", title_justify="left", box=None)
        for heading in ("parameter", "step", parts.currency):
            table.add_column(heading, justify="left" if heading == "parameter" else "right")
        for effect in parts.local.effects()[:12]:
            table.add_row(effect.quantity.name, effect.step, f"{effect.change:+,.1f}")
        console.print(table)
        for sentence in summary["prices_in_words"]:
            console.print(sentence, markup=False, soft_wrap=True)
    if parts.answers is not None:
        cases = summary["scenarios"]
        console.print(f"{cases['cases']} scenarios, largest certified gap {cases['largest_certified_gap'] or 0:.1e}")
        for name in cases["not_served"]:
            console.print(f"not served within the tolerance: {name}", markup=False)
    if parts.frontier is not None:
        console.print(f"frontier: knee at {summary['frontier']['knee']}", markup=False)
    for sentence in summary.get("limits_in_words", ()):
        console.print(sentence, markup=False, soft_wrap=True)
    console.print(f"written to {target}: {', '.join(files)}", markup=False, soft_wrap=True)
