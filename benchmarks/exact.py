"""Whether the interior-point method proves its answers to 1e-8 on the family, in how many iterations and seconds.

python -m benchmarks.exact [--sizes 20x20 50x100] [--repeats 3] [--check]
"""

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

import jaxsched
from benchmarks._record import RESULTS, write_result
from benchmarks.admm_gap import reference
from benchmarks.family import SIZES, SLOTS, VARIANTS, Instance, as_problem, busiest_slot, generate, judge

RTOL = 1e-8
# Far enough below the error of Clarabel's optimum that what is left of a difference is the oracle's.
_TIGHT = 1e-11
MOST_ITERATIONS = {"linear": 100, "quadratic": 60, "queueing": 60}
# The gap sees how far a price is from the marginal cost squared, complementarity sees it as it is.
_MOST_KKT = 10 * RTOL
# Clarabel's own error at a tolerance of 1e-10, relative: pinned optimum and dual differ by up to 9e-10.
_ORACLE = 2e-9
# Demands may be missed, and capacities exceeded, by this many rounding errors of the precision.
_ROUNDINGS = 64.0
_CLASSES = 3
_BATCH = "200x500"


def with_classes(instance: Instance) -> jaxsched.Problem:
    """The instance with its demand split over three classes that put unlike work on each site.

    Work is uniform on 0.6 to 1.3 for each site and class, drawn anew; every tenth route of a class is not allowed,
    except to the first site.
    """
    random = np.random.default_rng(len(instance.servers))
    origins, sites = instance.route_cost.shape
    shares = random.dirichlet(np.ones(_CLASSES), origins)
    work = random.uniform(0.6, 1.3, (sites, _CLASSES))
    allowed = random.uniform(size=(origins, sites, _CLASSES)) > 0.1
    allowed[:, 0] = True
    cost = jaxsched.CongestionCost(instance.linear, instance.quadratic, instance.queueing, instance.servers)
    demand, route_cost = instance.demand[..., None] * shares, instance.route_cost[..., None]
    return jaxsched.Problem(demand, route_cost, instance.capacity, cost, work=work, allowed=allowed)


def measure(instance: Instance, problem: jaxsched.Problem, repeats: int) -> dict[str, Any]:
    """Iterations, certified gap, violation of the optimality conditions, and seconds of the first and of later calls."""
    solver = jaxsched.InteriorPoint(rtol=RTOL)
    first, schedule = _seconds(problem, solver)
    return {
        "iterations": int(schedule.stats.num_steps),
        "gap": float(np.asarray(schedule.slot_gap).max()),
        "objective": float(schedule.objective),
        "bound": float(schedule.bound),
        "kkt": kkt(instance, problem, schedule),
        "violation": violation(problem, schedule),
        "first_call_seconds": first,
        "seconds": statistics.median(_seconds(problem, solver)[0] for _ in range(repeats)),
    }


def _seconds(problem: jaxsched.Problem, solver: jaxsched.InteriorPoint) -> tuple[float, jaxsched.Schedule]:
    started = time.perf_counter()
    schedule = jax.block_until_ready(jaxsched.solve(problem, solver, throw=False))
    return time.perf_counter() - started, schedule


def tight(instance: Instance, problem: jaxsched.Problem, optimum: float) -> dict[str, Any]:
    """How near to Clarabel's optimum a solve to 1e-11 comes, by the judge apart from the package."""
    schedule = jaxsched.solve(problem, jaxsched.InteriorPoint(rtol=_TIGHT), throw=False)
    cost = judge(instance, np.asarray(schedule.routing))["objective"]
    return {
        "iterations": int(schedule.stats.num_steps),
        "gap": float(schedule.gap),
        "cost_above_optimum": cost / optimum - 1.0,
        "bound_above_optimum": float(schedule.bound) / optimum - 1.0,
    }


def _with_kinds(problem: jaxsched.Problem, schedule: jaxsched.Schedule) -> np.ndarray:
    routing = np.asarray(schedule.routing)
    return routing if problem.has_kinds else routing[..., None]


def kkt(instance: Instance, problem: jaxsched.Problem, schedule: jaxsched.Schedule) -> dict[str, float]:
    """Violation of the optimality conditions at the answer, relative to its cost, by NumPy apart from the package.

    Returns:
        `routes`, what all flows pay above the cheapest route of their row at the prices; `sites`, the distance of each
        price from the marginal cost times the load, or the room, that says it should be none.
    """
    routing, prices, load = _with_kinds(problem, schedule), np.asarray(schedule.prices), np.asarray(schedule.load)
    reduced = np.asarray(problem.route_cost) + (prices[:, :, None] * np.asarray(problem.work))[:, None]
    cheapest = reduced if problem.allowed is None else np.where(np.asarray(problem.allowed), reduced, np.inf)
    routes = (routing * (reduced - cheapest.min(2, keepdims=True))).sum()
    marginal = instance.linear + 2 * instance.quadratic * load
    marginal = marginal + instance.queueing * instance.servers / (instance.servers - load) ** 2
    above = prices - marginal
    sites = np.maximum(above, 0) * (instance.capacity - load) + np.maximum(-above, 0) * load
    scale = abs(float(schedule.objective))
    return {"routes": float(routes / scale), "sites": float(sites.sum() / scale)}


def violation(problem: jaxsched.Problem, schedule: jaxsched.Schedule) -> float:
    """Largest relative error of a served demand or excess of a load, or flow that is negative or not allowed."""
    routing, demand = _with_kinds(problem, schedule), np.asarray(problem.demand)
    load = np.einsum("tijk,jk->tj", routing, np.asarray(problem.work))
    forbidden = 0.0 if problem.allowed is None else np.where(np.asarray(problem.allowed), 0.0, routing).max()
    missed = np.abs(routing.sum(2) / demand - 1.0).max()
    return float(max(missed, (load / np.asarray(problem.capacity) - 1.0).max(), -routing.min(), forbidden))


def failures(case: dict[str, Any]) -> list[str]:
    """What a case misses of what is required."""
    most = {
        "gap": RTOL,
        "iterations": MOST_ITERATIONS[case["variant"]],
        "routes": _MOST_KKT,
        "sites": _MOST_KKT,
        "violation": _ROUNDINGS * float(np.finfo(float).eps),
    }
    found = {**case, **case["kkt"]}
    if case.get("reference"):
        best, near = case["reference"]["objective"], case["tight"]
        found["cost above optimum"], most["cost above optimum"] = case["objective"] / best - 1.0, RTOL + _ORACLE
        found["bound above optimum"], most["bound above optimum"] = case["bound"] / best - 1.0, _ORACLE
        found["distance at 1e-11"], most["distance at 1e-11"] = abs(near["cost_above_optimum"]), _ORACLE
    name = f"{case['size']} {case['variant']}, {case['classes']} classes, {case['slots']} slots"
    return [
        f"{name}: {key} is {found[key]:.1e}, {limit:.1e} is allowed"
        for key, limit in most.items()
        if not found[key] <= limit
    ]


def single_slots(sizes: list[str], repeats: int) -> list[dict[str, Any]]:
    """Every size and variant with one class, which Clarabel judges, and with three."""
    cases = []
    for size in sizes:
        for variant in VARIANTS:
            instance = busiest_slot(generate(*SIZES[size], variant))
            for classes in (1, _CLASSES):
                problem = as_problem(instance) if classes == 1 else with_classes(instance)
                case = {"size": size, "variant": variant, "classes": classes, "slots": 1}
                case |= measure(instance, problem, repeats)
                case["reference"] = reference(size, variant, instance) if classes == 1 else None
                if case["reference"]:
                    case["tight"] = tight(instance, problem, case["reference"]["objective"])
                _say(case)
                cases.append(case)
    return cases


def days(sizes: list[str], repeats: int) -> list[dict[str, Any]]:
    """A day of slots in one vmapped call, each stopped by its own gap."""
    cases = []
    for size in [s for s in ("50x100", _BATCH) if s in sizes]:
        instance = generate(*SIZES[size], "queueing")
        case = {"size": size, "variant": "queueing", "classes": 1, "slots": SLOTS}
        cases.append(case | measure(instance, as_problem(instance), repeats))
        _say(cases[-1])
    return cases


def _say(case: dict[str, Any]) -> None:
    name = f"{case['size']} {case['variant']}, {case['classes']} classes, {case['slots']} slots"
    found = f"gap {case['gap']:.1e} after {case['iterations']} iterations in {case['seconds']:.3f} s"
    print(f"{name}: {found}", file=sys.stderr, flush=True)


def main() -> int:
    """Measure, record, and with --check say whether the requirements are met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--name", default="exact", help="name of the result file")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the result file")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a requirement is missed")
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    content = {"cases": single_slots(options.sizes, options.repeats), "days": days(options.sizes, options.repeats)}
    path = write_result(options.name, content, options.out)
    print(f"written: {path.name}", file=sys.stderr)
    missed = [sentence for case in (*content["cases"], *content["days"]) for sentence in failures(case)]
    for sentence in missed:
        print(sentence, file=sys.stderr)
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
