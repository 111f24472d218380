"""What gradients cost in units of a solve, and how far they are from central differences of re-solves.

python -m benchmarks.gradients [--sizes 20x20 50x100 200x500] [--repeats 5] [--check]
"""

import argparse
import statistics
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


def seconds(function: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """Seconds of the first call, which compiles, and median of later ones."""
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        jax.block_until_ready(function())
        times.append(time.perf_counter() - started)
    return times[0], statistics.median(times[1:])


def measure(problem: jaxsched.Problem, repeats: int) -> dict[str, Any]:
    """Seconds of a solve, of the envelope gradient of its cost, and of an implicit gradient of its loads.

    Both gradients are with respect to every array of the problem. The implicit one is what a jitted gradient takes more
    than the jitted solve, both in one process: the rule's factorisation and solve, and reverse mode through it.
    """
    weights = jnp.asarray(np.random.default_rng(0).normal(size=problem.capacity.shape))
    schedule = jaxsched.solve(problem, _SOLVER)
    solve = eqx.filter_jit(lambda p: (jaxsched.solve(p, _SOLVER).load * weights).sum())
    both = eqx.filter_jit(eqx.filter_value_and_grad(lambda p: (jaxsched.solve(p, _SOLVER).load * weights).sum()))
    envelope = eqx.filter_jit(eqx.filter_grad(jaxsched.optimal_cost))
    found = {}
    for name, call in (
        ("solve", lambda: solve(problem)),
        ("envelope", lambda: envelope(problem, schedule)),
        ("solve_and_implicit", lambda: both(problem)),
    ):
        found[f"{name}_first_call_seconds"], found[f"{name}_seconds"] = seconds(call, repeats)
    extra = max(found["solve_and_implicit_seconds"] - found["solve_seconds"], 0.0)
    found["envelope_share"] = found["envelope_seconds"] / found["solve_seconds"]
    found["implicit_share"] = extra / found["solve_seconds"]
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
