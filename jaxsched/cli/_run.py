"""What `jaxsched run` does."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from jaxsched._extras import needs
from jaxsched._output import output_directory
from jaxsched.cli._prepare import Source, named_files, prepare
from jaxsched.config import Config
from jaxsched.config._inputs import absolute_inputs
from jaxsched.config._models import absolute_models
from jaxsched.report import PolicyRun, cost_table, policy_table, routes_frame, savings_table, site_frame, summarise
from jaxsched.report._failures import apart, failure
from jaxsched.report._manifest import manifest
from jaxsched.report._record import write_record, write_tables
from jaxsched.scenarios._tables import embedded_tables
from jaxsched.solvers import ADMM
from jaxsched.study import POLICIES, Study, evaluate

_log = Console(stderr=True, highlight=False)
_WIDEST = 400


def perform(source: Source, out: Path | None, policies: list[str] | None, *, as_json: bool, overwrite: bool) -> None:
    """Load, solve, compare, write and print."""
    config, folder = source.load(), source.folder
    if policies is not None:
        config = config.model_copy(update={"report": config.report.model_copy(update={"policies": policies})})
    with output_directory(out, Path("runs") / config.name, overwrite=overwrite) as (target, draft):
        study = prepare(config, folder)
        runs, failed = solve_policies(study, config)
        summary = summarise(config.name, study, runs, resolve(config, folder, study), failed)
        files = _write(draft, study, runs, summary, config, named_files(config, folder))
        summary = json.loads((draft / "summary.json").read_text(encoding="utf-8"))
    _show(summary, target, files, as_json=as_json)


def solve_policies(study: Study, config: Config) -> tuple[dict[str, PolicyRun], dict[str, str]]:
    """Schedules of the policies asked for, the temperature-aware one first, with progress on the terminal.

    Returns:
        The policies' runs, and what became of those that failed: a comparison that is missing costs no answer.
    """
    names = ["temperature_aware", *(n for n in config.report.policies if n != "temperature_aware")]
    solver = ADMM(rtol=config.solver.rtol, max_steps=config.solver.max_steps)
    columns = (TextColumn("{task.description:<18}"), BarColumn(), TextColumn("{task.fields[gap]}"), TimeElapsedColumn())
    runs, failed = {}, {}
    with Progress(*columns, console=_log, transient=False) as progress:
        for name in names:
            task = progress.add_task(name.replace("_", "-"), total=1.0, gap="compiling")
            follow = _follow(progress, task, float(solver.rtol))
            try:
                runs[name] = done = _solve_policy(study, name, solver, follow)
            except Exception as error:
                if name == names[0]:
                    raise
                failed[f"policy {name}"] = failure(f"policy {name}", error)
                progress.update(task, gap="failed")
                continue
            steps = int(done.schedule.stats.num_steps)
            progress.update(task, completed=1.0, gap=f"gap {float(done.schedule.gap):.1e} in {steps} steps")
    return runs, failed


def _solve_policy(study: Study, name: str, solver: ADMM, follow: Callable[[int, float, float], None]) -> PolicyRun:
    started = time.perf_counter()
    schedule = POLICIES[name](study, solver, follow)
    seconds = time.perf_counter() - started
    return PolicyRun(schedule, evaluate(study, np.asarray(schedule.routing)), seconds)


def _follow(progress: Progress, task: TaskID, rtol: float) -> Callable[[int, float, float], None]:
    """A callback that shows the gap; the bar fills as its logarithm nears that of the tolerance."""

    def follow(steps: int, objective: float, bound: float) -> None:
        gap = (objective - bound) / max(abs(objective), 1e-300)
        known = np.isfinite(gap) and gap > 0
        done = min(max(np.log(gap) / np.log(rtol), 0.02), 0.99) if known else 0.02
        progress.update(task, completed=done, gap=f"gap {gap:.1e} after {steps} steps" if known else f"{steps} steps")

    return follow


def resolve(config: Config, folder: Path, study: Study) -> dict:
    """The configuration with absolute paths and the slots that were found, so that it runs again from anywhere."""
    resolved = config.model_dump(exclude_none=True)
    times = study.scenario.times
    resolved["scenario"] |= {"start": times[0].isoformat(), "slots": len(times)}
    resolved["inputs"] = absolute_inputs(config.inputs, folder)
    resolved["models"] = absolute_models(config.models, folder)
    return resolved


def _write(
    draft: Path, study: Study, runs: dict[str, PolicyRun], summary: dict, config: Config, inputs: dict[str, Path]
) -> list[str]:
    """Write the record, then the tables, then the plots: each may fail alone, and the record says so."""
    record = manifest(summary["config"], inputs, embedded_tables(study.scenario.country), study.scenario)
    files = write_record(draft, summary, record)
    files += write_tables(
        draft,
        {
            "schedule": lambda: routes_frame(study, runs["temperature_aware"]),
            "sites": lambda: site_frame(study, runs),
        },
    )
    if config.report.plots:
        with apart(draft, "plots"):
            needs("drawing", "matplotlib")
            from jaxsched.report._plots import draw_all

            files += draw_all(study, runs, draft)
    return files


def _show(summary: dict, target: Path, files: list[str], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(summary, indent=2))
        return
    tables = [policy_table(summary), cost_table(summary)]
    tables += [savings_table(summary)] if len(summary["policies"]) > 1 else []
    # A number that is cut off is worse than a line that wraps.
    needed = max(Console(width=_WIDEST).measure(table).maximum for table in tables)
    console = Console(width=max(Console().width, needed), highlight=False)
    for table in tables:
        console.print(table)
    console.print(
        f"certified gap {summary['certified_gap']:.1e} after {summary['iterations']} iterations: no schedule costs less "
        f"than {summary['lower_bound_aud']:,.0f} {summary['currency']}"
    )
    _show_weights(console, summary)
    console.print(f"written to {target}: {', '.join(files)}", markup=False, soft_wrap=True)


def _show_weights(console: Console, summary: dict) -> None:
    console.print("weights:")
    for name, weight in summary["weights"].items():
        label = " (assumption)" if weight["assumption"] else ""
        console.print(
            f"  {name}: {weight['value']:g} {weight['unit']}{label}; {weight['reason']}", markup=False, soft_wrap=True
        )
    ratio = summary["trade_offs"]["20_ms_of_rtt_over_marginal_energy"]
    console.print(
        f"  20 ms of round-trip time are worth {ratio:.0%} of the energy, carbon and source water of one more 70B request",
        soft_wrap=True,
    )
    negative = summary["negative_energy_weight"]
    if negative["site_slots"]:
        console.print(
            f"negative worth of a kWh at {negative['site_slots']} site-slots of {', '.join(negative['sites'])}: "
            f"{negative['what_was_done']}",
            markup=False,
            soft_wrap=True,
        )
    for what, count in summary["filled"].items():
        console.print(f"filled: {count} cells of {what}; each is listed in manifest.json", soft_wrap=True)
