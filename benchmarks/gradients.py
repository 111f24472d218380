"""What do the envelope gradient of the cost and the implicit gradient of the schedule take in units of a solve, and how near
are they to differences of re-solves?"""

import argparse
import itertools
import time
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import jaxsched
from benchmarks import harness
from benchmarks._markdown import Record, Table
from benchmarks.clock import timed
from benchmarks.family import SIZES, Case, as_problem
from benchmarks.harness import beyond, told

DEFAULT_SIZES = ("20x20", "50x100", "200x500")
VARIANTS = ("quadratic", "queueing")
_SOLVER = jaxsched.InteriorPoint()
# Re-solves for the differences, to rest where rounding allows no less: the root of their gap is then far below the change of
# a schedule over a step.
TIGHT = jaxsched.InteriorPoint(rtol=1e-14)
STEP = 1e-6
# What is required: shares of a solve, and relative errors.
MOST_SHARE, MOST_ERROR = {"envelope": 0.1, "implicit": 0.2}, 1e-4


def seconds(calls: dict[str, Callable[[], Any]], repeats: int, least: float) -> tuple[dict, dict]:
    """Seconds of the first call of each, which compiles, and of later ones, by rounds that take each once in random order.

    There are `repeats` rounds, and more until they have taken `least` seconds. What a call finds in caches depends on
    the one before.
    """
    random = np.random.default_rng(0)
    first = {name: timed(call)[0] for name, call in calls.items()}
    rounds: list[dict[str, float]] = []
    started = time.perf_counter()
    while len(rounds) < repeats or time.perf_counter() - started < least:
        rounds.append({name: timed(calls[name])[0] for name in random.permutation(list(calls)).tolist()})
    return first, {name: np.asarray([one[name] for one in rounds]) for name in calls}


def measure(problem: jaxsched.Problem, repeats: int, least: float = 5.0) -> dict[str, Any]:
    """Seconds of a solve, with the envelope gradient of its cost, and with an implicit gradient of its loads.

    Gradients are with respect to every array of the problem. Each share is what a jitted gradient takes more than the
    jitted solve, in the same rounds of one process; that of `returned` is what it takes to return as many arrays without
    any gradient. `optimal_cost` is a call of its own on a schedule that is there.
    """
    weights = jnp.asarray(np.random.default_rng(0).normal(size=problem.capacity.shape))
    schedule = jaxsched.solve(problem, _SOLVER)

    def answers(problem):
        schedule = jaxsched.solve(problem, _SOLVER)
        return schedule.objective, (schedule.load * weights).sum()

    def returned(problem):
        found = answers(problem)
        return found, jax.tree.map(lambda leaf: leaf * found[0], eqx.filter(problem, eqx.is_inexact_array))

    solve, arrays = eqx.filter_jit(answers), eqx.filter_jit(returned)
    envelope, implicit = (eqx.filter_jit(eqx.filter_value_and_grad(lambda p, n=n: answers(p)[n])) for n in (0, 1))
    alone = eqx.filter_jit(eqx.filter_grad(jaxsched.optimal_cost))
    calls = {
        "solve": lambda: solve(problem),
        "solve_and_returned": lambda: arrays(problem),
        "solve_and_envelope": lambda: envelope(problem),
        "solve_and_implicit": lambda: implicit(problem),
        "optimal_cost": lambda: alone(problem, schedule),
    }
    with jaxsched.one_blas_thread():
        first, later = seconds(calls, repeats, least)
    found: dict[str, Any] = {"rounds": len(later["solve"])}
    for name in calls:
        found[f"{name}_first_call_seconds"], found[f"{name}_seconds"] = first[name], float(np.median(later[name]))
    for name in ("returned", "envelope", "implicit"):
        extra = float(np.median(later[f"solve_and_{name}"] - later["solve"]))
        found[f"{name}_share"] = extra / found["solve_seconds"]
    return found


def errors(problem: jaxsched.Problem) -> dict[str, dict[str, float]]:
    """Relative errors along one random direction of each array, cost by the envelope and loads by implicit forward mode.

    Each entry moves in proportion to itself. The error of loads is the norm of the difference over that of the change.
    """
    found = {}
    for name in ("demand", "route_cost", "linear"):
        where = lambda p, name=name: getattr(p.site_cost if name == "linear" else p, name)  # noqa: E731
        at = where(problem)
        move = jnp.asarray(np.random.default_rng(1).normal(size=at.shape)) * at

        def answer(value, solver, where=where):
            schedule = jaxsched.solve(eqx.tree_at(where, problem, value), solver, throw=False)
            return schedule.objective, schedule.load

        ahead, behind = (answer(at + h * move, TIGHT) for h in (STEP, -STEP))
        cost, load = (np.asarray(a - b) / (2 * STEP) for a, b in zip(ahead, behind, strict=True))
        _, (cost_slope, load_slope) = jax.jvp(lambda v, answer=answer: answer(v, _SOLVER), (at,), (move,))
        found[name] = {
            "envelope": abs(float(cost_slope) - float(cost)) / abs(float(cost)),
            "implicit": float(np.linalg.norm(np.asarray(load_slope) - load) / np.linalg.norm(load)),
        }
    return found


def failures(case: dict[str, Any]) -> list[str]:
    """What a case misses of what is required."""
    found = [(f"{kind} share of a solve", case[f"{kind}_share"], most) for kind, most in MOST_SHARE.items()]
    for array, error in case["errors"].items():
        found += [(f"{kind} error for {array}", error[kind], MOST_ERROR) for kind in error]
    limits = ((value, most, what + " is {:.1e}, {:.1e} is allowed") for what, value, most in found)
    return beyond(f"{case['size']} {case['variant']}", *limits)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Every size and site cost."""

    def one(size: str, variant: str) -> dict[str, Any]:
        problem = as_problem(Case(size, variant).instance())
        return {"size": size, "variant": variant, **measure(problem, options.repeats), "errors": errors(problem)}

    return {"cases": told(one(*case) for case in itertools.product(options.sizes, VARIANTS))}


def _row(case: Record) -> dict[str, Any]:
    shares = {name: case[f"{name}_share"] for name in ("envelope", "implicit", "returned")}
    said = {name: f"{share:.3f}" if share > 0 else "below noise" for name, share in shares.items()}
    worst = {kind: max(error[kind] for error in case["errors"].values()) for kind in ("envelope", "implicit")}
    return {**case, **said, "worst": worst}


table = Table(
    "origins x sites = {size} | site cost = {variant} | solve [s] = {solve_seconds:.4f} | and envelope [s] = "
    "{solve_and_envelope_seconds:.4f} | envelope share = {envelope} | and implicit [s] = {solve_and_implicit_seconds:.4f} | "
    "implicit share = {implicit} | share of returning arrays = {returned} | first call of it [s] = "
    "{solve_and_implicit_first_call_seconds:.1f} | `optimal_cost` [s] = {optimal_cost_seconds:.5f} | largest envelope error = "
    "{worst/envelope:.1e} | largest implicit error = {worst/implicit:.1e}",
    left=2,
    rows=lambda record: map(_row, record["cases"]),
    notes=(
        "One slot, float64, a solve to 1e-8; gradients with respect to every array of the problem. Errors are relative to "
        "central differences of re-solves to 1e-14 along a random direction of demand, route cost and linear site cost.",
        "A share is what a jitted gradient, of the cost (envelope) or of the loads (implicit), takes more than the jitted "
        "solve alone: the median over rounds, in random order, in units of a solve. Returning as many arrays without any "
        "gradient takes a share too. `optimal_cost` is a call of its own, the envelope gradient for a schedule that is there.",
    ),
)
BENCHMARK = harness.Benchmark(
    "gradients",
    __doc__,
    run,
    harness.of_cases(failures),
    table,
    (harness.sizes(DEFAULT_SIZES, SIZES), harness.repeats(9)),
)
