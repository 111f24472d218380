"""What do 256 scenarios of the default week take in units of one solve, and what are its derivatives worth?"""

import argparse
import itertools
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

import jaxsched
from benchmarks import harness
from benchmarks._markdown import Table
from benchmarks.clock import timed
from benchmarks.harness import beyond, option, told
from jaxsched.scenarios import australia
from jaxsched.sensitivity import (
    OUTPUTS,
    Answers,
    Case,
    carbon_path,
    drought,
    growth,
    heat_waves,
    local_sensitivity,
    outages,
    prepare,
)
from jaxsched.study import Study, build_study

SCENARIOS, MOST_RATIO = 256, 10.0
# Parts of the batch between which the single solve is timed again.
_PARTS = 8


def cases(study: Study) -> list[Case]:
    """256 scenarios: heat waves by state and degree, every outage, paths of carbon price, of demand and of water price."""
    carbon = study.scenario.weights["carbon"].value
    found = [*heat_waves(study), *outages(study)]
    found += carbon_path(study, (carbon * np.linspace(1.05, 4.0, 60)).tolist())
    found += growth(np.linspace(1.005, 1.2, 40).tolist())
    rest = SCENARIOS - len(found)
    return found + drought(np.linspace(1.25, 12.0, rest).tolist())


def measure(study: Study, rtol: float) -> dict[str, Any]:
    """Seconds of one cold solve before, between and after, and of all scenarios; compilation apart."""
    solver = jaxsched.ADMM(rtol=rtol, max_steps=1000)
    base = jaxsched.solve(study.problem, solver)
    one, answers = [], []

    def time_one() -> None:
        one.append(timed(lambda: jaxsched.solve(study.problem, solver).routing)[0])

    every = cases(study)
    # One of each family compiles whatever any of them needs; the last of a family is the furthest, and is solved.
    furthest = list({case.family.split(" ")[0]: case for case in every}.values())
    first, _ = timed(lambda: prepare(study, rtol=rtol, base=base)(furthest))
    time_one()
    # The closer schedule that all start from is part of the batch.
    preparing, scenarios = timed(lambda: prepare(study, rtol=rtol, base=base))
    seconds = preparing
    for part in parts(every):
        taken, answer = timed(lambda part=part: scenarios(part))
        answers.append(answer)
        seconds += taken
        time_one()
    return {
        "rtol": rtol,
        "scenarios": len(every),
        "one_iterations": int(base.stats.num_steps),
        "one_seconds": statistics.median(one),
        "one_seconds_each": one,
        "first_call_seconds": first,
        "preparing_seconds": preparing,
        "all_seconds": seconds,
        "ratio": seconds / statistics.median(one),
        "largest_gap": float(np.concatenate([a.gap for a in answers]).max()),
        **counts(answers),
    }


def counts(answers: Sequence[Answers]) -> dict[str, Any]:
    """Iterations of all scenarios, each counted by its slowest slot."""
    iterations = np.concatenate([a.iterations for a in answers])
    families = np.concatenate([[case.family.split(" ")[0] for case in a.cases] for a in answers])
    return {
        "iterations": int(iterations.sum()),
        "not_iterated": int((iterations == 0).sum()),
        "iterations_by_family": {
            str(f): int(iterations[families == f].sum()) for f in dict.fromkeys(families.tolist())
        },
    }


def parts(every: Sequence[Case]) -> list[list[Case]]:
    """The scenarios in parts of about the same size; no family is cut."""
    size, found = -(-len(every) // _PARTS), [[]]
    for _, family in itertools.groupby(every, lambda case: case.family):
        if len(found[-1]) >= size:
            found.append([])
        found[-1] += family
    return found


def derivatives(study: Study) -> dict[str, Any]:
    """Derivatives of every output of the week: what they take, and the largest effects on the cost."""
    seconds, found = timed(lambda: local_sensitivity(study))
    return {
        "first_call_seconds": seconds,
        "certified_gap": float(found.schedule.gap),
        "values": dict(zip(OUTPUTS, map(float, found.values), strict=True)),
        "warming_aud_per_k": float(found.warming().sum()),
        "latency_aud_per_ms": float(found.latency().sum()),
        "largest": [{"parameter": e.quantity.name, "step": e.step, "aud": e.change} for e in found.effects()[:8]],
    }


def failures(batch: dict[str, Any]) -> list[str]:
    """What a batch misses of what is required."""
    return beyond(
        f"rtol {batch['rtol']:g}",
        (batch["ratio"], MOST_RATIO, f"{batch['scenarios']} scenarios take {{:.1f}} times one, not under {{:g}}"),
        (-batch["scenarios"], -SCENARIOS, f"only {batch['scenarios']} scenarios"),
        (batch["largest_gap"], batch["rtol"] * (1 + 1e-6), "a scenario has a gap of {:.1e}"),
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The scenarios at each tolerance, and the derivatives."""
    study = build_study(australia(), dtype=np.float32)
    return {"batches": told(measure(study, rtol) for rtol in options.rtol), "local": derivatives(study)}


batch_table = Table(
    "scenarios = {scenarios} | certified to = {rtol:g} | one cold solve [s] = {one_seconds:.1f} | all scenarios [s] = "
    "{all_seconds:.1f} | in units of one = {ratio:.1f} | answered from neighbours = {not_iterated} of {scenarios} | "
    "first call [s] = {first_call_seconds:.0f}",
    left=0,
    rows="batches",
    notes=(
        "The default week in float32: heat waves by state, an outage of every site, paths of carbon price, demand and water "
        "price. All seconds but those of the first call are without compilation, and hold the closer schedule of the study "
        "that the scenarios start from. The single solve is timed between parts of the batch; its median counts.",
    ),
    listed=False,
)
local_table = Table(
    "input = {parameter} | step = {step} | change [AUD] = {aud:+,.0f}",
    left=1,
    rows=lambda record: record["local"]["largest"],
    notes=(
        "Of {local/values/total_cost_aud:,.0f} AUD for the week, solved to a certified gap of {local/certified_gap:.1e}. A "
        "degree everywhere costs {local/warming_aud_per_k:,.0f} AUD, a millisecond on every route "
        "{local/latency_aud_per_ms:,.0f} AUD. All derivatives of all outputs take {local/first_call_seconds:.0f} s with "
        "compilation.",
    ),
    listed=False,
)
BENCHMARK = harness.Benchmark(
    "sensitivity",
    __doc__,
    run,
    harness.of_cases(failures, "batches"),
    options=(option("--rtol", nargs="+", type=float, default=[1e-3]),),
    more_tables={"sensitivity_batch": batch_table, "sensitivity_local": local_table},
)
