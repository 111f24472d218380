"""What gradients cost in units of a solve, and how far they are from central differences of re-solves.

python -m benchmarks.gradients [--sizes 20x20 50x100 200x500] [--repeats 5] [--check]
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import jaxsched
from benchmarks._record import RESULTS, write_result
from benchmarks.family import SIZES, as_problem, busiest_slot, generate

_SIZES = ("20x20", "50x100", "200x500")
_VARIANTS = ("quadratic", "queueing")
_SOLVER = jaxsched.InteriorPoint()
# Re-solves for the differences, to rest where rounding allows no less: the root of their gap is then far below the change of
# a schedule over a step.
_TIGHT = jaxsched.InteriorPoint(rtol=1e-14)
_STEP = 1e-6
# What is required: shares of a solve, and relative errors.
MOST_ENVELOPE, MOST_IMPLICIT, MOST_ERROR = 0.1, 0.2, 1e-4


def seconds(calls: dict[str, Callable[[], Any]], repeats: int, least: float) -> tuple[dict, dict]:
    """Seconds of the first call of each, which compiles, and of later ones, by rounds that take each once in random order.

    There are so many rounds, and more until they have taken the least of seconds. What a call finds in caches depends on
    the one before.
    """
    random = np.random.default_rng(0)

    def timed(call: Callable[[], Any]) -> float:
        started = time.perf_counter()
        jax.block_until_ready(call())
        return time.perf_counter() - started

    first = {name: timed(call) for name, call in calls.items()}
    rounds: list[dict[str, float]] = []
    started = time.perf_counter()
    while len(rounds) < repeats or time.perf_counter() - started < least:
        rounds.append({name: timed(calls[name]) for name in random.permutation(list(calls)).tolist()})
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
        where = _where(name)
        at = where(problem)
        move = jnp.asarray(np.random.default_rng(1).normal(size=at.shape)) * at

        def answer(value, solver, where=where):
            schedule = jaxsched.solve(eqx.tree_at(where, problem, value), solver, throw=False)
            return schedule.objective, schedule.load

        ahead, behind = (answer(at + h * move, _TIGHT) for h in (_STEP, -_STEP))
        cost, load = (np.asarray(a - b) / (2 * _STEP) for a, b in zip(ahead, behind, strict=True))
        _, (cost_slope, load_slope) = jax.jvp(lambda v, answer=answer: answer(v, _SOLVER), (at,), (move,))
        found[name] = {
            "envelope": abs(float(cost_slope) - float(cost)) / abs(float(cost)),
            "implicit": float(np.linalg.norm(np.asarray(load_slope) - load) / np.linalg.norm(load)),
        }
    return found


def _where(name: str) -> Callable[[jaxsched.Problem], Any]:
    return lambda p: getattr(p.site_cost if name == "linear" else p, name)


def failures(case: dict[str, Any]) -> list[str]:
    """What a case misses of what is required."""
    found = [("envelope share of a solve", case["envelope_share"], MOST_ENVELOPE)]
    found += [("implicit share of a solve", case["implicit_share"], MOST_IMPLICIT)]
    for array, error in case["errors"].items():
        found += [(f"{kind} error for {array}", error[kind], MOST_ERROR) for kind in error]
    name = f"{case['size']} {case['variant']}"
    return [f"{name}: {what} is {value:.1e}, {most:.1e} is allowed" for what, value, most in found if not value <= most]


def main() -> int:
    """Measure, record, and with --check say whether the requirements are met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(_SIZES))
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--name", default="gradients", help="name of the result file")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the result file")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a requirement is missed")
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    cases = []
    for size in options.sizes:
        for variant in _VARIANTS:
            problem = as_problem(busiest_slot(generate(*SIZES[size], variant)))
            case = {"size": size, "variant": variant, **measure(problem, options.repeats), "errors": errors(problem)}
            shares = f"envelope {case['envelope_share']:.3f}, implicit {case['implicit_share']:.3f} of a solve"
            print(f"{size} {variant}: {shares}", file=sys.stderr, flush=True)
            cases.append(case)
    path = write_result(options.name, {"cases": cases}, options.out)
    print(f"written: {path.name}", file=sys.stderr)
    missed = [sentence for case in cases for sentence in failures(case)]
    for sentence in missed:
        print(sentence, file=sys.stderr)
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
