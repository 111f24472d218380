"""Do prohibitive costs, vast or tight capacities, unlike demands and work, ties and infinite curvature cost iterations beside a
well-scaled twin?

A route, a site or a demand that hardly matters must not set the pace of the whole. Each case changes one thing of a
problem of the same size; its twin has the same structure without the extreme numbers.
"""

import argparse
import dataclasses
import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import jaxsched
from benchmarks import harness
from benchmarks._markdown import fill, tabulate, with_sentence
from benchmarks.harness import Record, option, told
from jaxsched.solvers import AbstractSolver

RTOL = 1e-3
# Iterations that an ill-conditioned problem may take, in units of those of its twin.
ALLOWED = 3.0
# What a solve gets at most; a case that needs more has failed.
MOST = 2000
SEEDS = (0, 1, 2)
SOLVERS = ("ADMM", "Candidates")
WIDTH = 12
_ORIGINS, _SITES = 50, 40


class PowerCost(jaxsched.AbstractSiteCost):
    """Cost `scale L^exponent`: at an exponent of 1.5 its curvature is infinite at no load."""

    scale: jax.Array
    exponent: float = eqx.field(static=True)

    def __call__(self, load):
        return self.scale * load**self.exponent


@dataclasses.dataclass(frozen=True)
class Pair:
    """An ill-conditioned problem and its well-scaled twin."""

    hard: jaxsched.Problem
    twin: jaxsched.Problem


def base(seed: int, origins: int = _ORIGINS, sites: int = _SITES) -> dict[str, np.ndarray]:
    """Arrays of the well-scaled problem that every case starts from: one slot, capacity 1.6 times the demand."""
    random = np.random.default_rng(seed)
    demand = random.lognormal(0.0, 0.8, (1, origins))
    servers = random.lognormal(0.0, 0.6, sites)
    return {
        "demand": demand,
        "route_cost": random.uniform(0.0, 1.0, (origins, sites)),
        "capacity": servers * 1.6 * demand.sum() / servers.sum(),
        "linear": random.uniform(0.35, 2.0, (1, sites)),
    }


def posed(arrays: dict[str, np.ndarray], cost: Any = None, **more: Any) -> jaxsched.Problem:
    """A problem of such arrays, its site cost linear and quadratic where no other is given."""
    capacity = arrays["capacity"]
    if cost is None:
        # A tenth of the price of load more at a full site of ordinary size.
        cost = jaxsched.CongestionCost(linear=arrays["linear"], quadratic=0.1 / np.median(capacity))
    return jaxsched.Problem(arrays["demand"], arrays["route_cost"], capacity, cost, **more)


def penalties(seed: int, share: float, size: float) -> Pair:
    """Routes forbidden by a penalty; the twin forbids them by an infinite cost."""
    arrays = base(seed)
    barred = np.random.default_rng(100 + seed).uniform(size=arrays["route_cost"].shape) < share
    costs = [np.where(barred, price, arrays["route_cost"]) for price in (size, np.inf)]
    return Pair(*(posed(arrays | {"route_cost": cost}) for cost in costs))


def dear_site(seed: int, size: float) -> Pair:
    """One site of a linear cost that nobody would pay; the twin closes it."""
    arrays = base(seed)
    linear, capacity = arrays["linear"].copy(), arrays["capacity"].copy()
    linear[0, 3] = size
    capacity[3] = 0.0
    return Pair(posed(arrays | {"linear": linear}), posed(arrays | {"capacity": capacity}))


def vast_site(seed: int, size: float) -> Pair:
    """One site of practically unlimited capacity; that of the twin holds all demand."""
    arrays = base(seed)
    cost = jaxsched.CongestionCost(linear=arrays["linear"], quadratic=0.1 / np.median(arrays["capacity"]))
    capacities = [arrays["capacity"].copy() for _ in range(2)]
    capacities[0][5], capacities[1][5] = size, arrays["demand"].sum()
    return Pair(*(posed(arrays | {"capacity": capacity}, cost) for capacity in capacities))


def capacities(seed: int, decades: float) -> Pair:
    """Capacities over many decades; those of the twin are over one."""
    arrays = base(seed)
    draws = np.random.default_rng(200 + seed).uniform(-1.0, 0.0, _SITES)
    pair = []
    for width in (decades, 1.0):
        servers = 10.0 ** (width * draws)
        capacity = servers * 1.6 * arrays["demand"].sum() / servers.sum()
        cost = jaxsched.CongestionCost(linear=arrays["linear"], quadratic=0.1 / capacity[None])
        pair.append(posed(arrays | {"capacity": capacity}, cost))
    return Pair(*pair)


def costs(seed: int, decades: float) -> Pair:
    """Costs of routes and of load over many decades; those of the twin are over one."""
    arrays = base(seed)
    random = np.random.default_rng(300 + seed)
    draws = random.uniform(-1.0, 0.0, arrays["route_cost"].shape), random.uniform(-1.0, 0.0, (1, _SITES))
    names = ("route_cost", "linear")
    pair = [{n: 10.0 ** (width * draw) for n, draw in zip(names, draws, strict=True)} for width in (decades, 1.0)]
    return Pair(*(posed(arrays | changed) for changed in pair))


def huge_origin(seed: int, times: float) -> Pair:
    """One origin with many times the demand of the others, half of which have none; the twin has all origins alike."""
    arrays = base(seed)
    demand = arrays["demand"].copy()
    demand[0, ::2] = 0.0
    demand[0, 7] = times * np.median(arrays["demand"])
    demand *= arrays["demand"].sum() / demand.sum()
    return Pair(posed(arrays | {"demand": demand}), posed(arrays))


def ties(seed: int) -> Pair:
    """Every route and site alike; the twin has the ordinary differences."""
    arrays = base(seed)
    even = {name: np.full_like(arrays[name], arrays[name].mean()) for name in ("route_cost", "linear", "capacity")}
    return Pair(posed(arrays | even), posed(arrays))


def tight(seed: int, spare: float) -> Pair:
    """Hardly more capacity than work; the twin has the ordinary spare capacity."""
    arrays = base(seed)
    capacity = arrays["capacity"] * (1.0 + spare) * arrays["demand"].sum() / arrays["capacity"].sum()
    return Pair(posed(arrays | {"capacity": capacity}), posed(arrays))


def works(seed: int, decades: float) -> Pair:
    """Three classes whose requests ask for work that differs by decades; in the twin they ask for about the same."""
    arrays = base(seed)
    random = np.random.default_rng(400 + seed)
    share = random.dirichlet(np.ones(3), _ORIGINS)
    speed = random.uniform(0.7, 1.4, (_SITES, 1))
    pair = []
    for width in (decades, 0.3):
        work = 10.0 ** (width * np.linspace(-1.0, 0.0, 3))
        # As much work of each class in both.
        demand = arrays["demand"][..., None] * share / work
        route_cost = arrays["route_cost"][..., None] * work
        pair.append(posed(arrays | {"demand": demand, "route_cost": route_cost}, work=speed * work))
    return Pair(*pair)


def power(seed: int, exponent: float) -> Pair:
    """A cost whose curvature is infinite at no load; that of the twin is quadratic, with the same price at a full site."""
    arrays = base(seed)
    scales = {p: arrays["linear"] / (p * arrays["capacity"] ** (p - 1.0)) for p in (exponent, 2.0)}
    return Pair(*(posed(arrays, PowerCost(jnp.asarray(scale), p)) for p, scale in scales.items()))


CASES: dict[str, Callable[[int], Pair]] = {
    **{
        f"{share:.0%} of routes at {size:.0e}": partial(penalties, share=share, size=size)
        for share in (0.1, 0.5, 0.7)
        for size in (1e2, 1e4, 1e8)
    },
    **{f"a site at {size:.0e}": partial(dear_site, size=size) for size in (1e2, 1e5, 1e8)},
    **{f"a site of capacity {size:.0e}": partial(vast_site, size=size) for size in (1e6, 1e30)},
    "capacities over nine decades": partial(capacities, decades=9.0),
    "costs over nine decades": partial(costs, decades=9.0),
    "an origin of 1e+03 times the demand, half without": partial(huge_origin, times=1e3),
    "an origin of 1e+06 times the demand, half without": partial(huge_origin, times=1e6),
    "ties": ties,
    "capacity 1 % above the work": partial(tight, spare=1e-2),
    "capacity 0.1 % above the work": partial(tight, spare=1e-3),
    "three classes, work over three decades": partial(works, decades=3.0),
    "L^1.5": partial(power, exponent=1.5),
}


def solver(name: str) -> AbstractSolver:
    """A solver by its name in the results."""
    inner = jaxsched.ADMM(rtol=RTOL, max_steps=MOST)
    return inner if name == "ADMM" else jaxsched.Candidates(inner, width=WIDTH)  # pyright: ignore[reportCallIssue]


def steps(problem: jaxsched.Problem, name: str) -> dict[str, Any]:
    """Iterations and certified gap of one solve."""
    answer = jaxsched.solve(problem, solver(name), throw=False)
    return {"steps": int(answer.stats.num_steps), "gap": float(answer.gap)}


def measure(case: str, name: str, seed: int) -> dict[str, Any]:
    """A case with a solver, beside its twin."""
    pair = CASES[case](seed)
    hard, twin = steps(pair.hard, name), steps(pair.twin, name)
    return {"case": case, "solver": name, "seed": seed, "hard": hard, "twin": twin}


def failures(row: Record) -> list[str]:
    """Why a row fails, if it does."""
    hard, twin = row["hard"], row["twin"]
    where = f"{row['case']}, {row['solver']}, seed {row['seed']}"
    if not hard["gap"] <= RTOL:
        return [f"{where}: gap {hard['gap']:.1e} after {hard['steps']} iterations (twin: {twin['steps']})"]
    if hard["steps"] > ALLOWED * twin["steps"]:
        return [f"{where}: {hard['steps']} iterations where its twin takes {twin['steps']}"]
    return []


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Each case with each solver and seed."""
    rows = told(measure(*row) for row in itertools.product(options.cases, options.solvers, SEEDS))
    return {"dtype": "float64", "rtol": RTOL, "width": WIDTH, "rows": rows}


def table(record: Record) -> str:
    """Iterations of each case beside its twin, over the seeds, and the largest ratio of the two."""
    names = list(dict.fromkeys(row["solver"] for row in record["rows"]))
    cases = dict.fromkeys(row["case"] for row in record["rows"])
    columns = (
        "{0}: iterations = {{{0}/hard}} | {0}: its twin = {{{0}/twin:.0f}} | {0}: largest ratio = {{{0}/ratio:.2g}}"
    )
    columns = " | ".join(["changed = {case}", *map(columns.format, names)])
    found = [{"case": case, **{name: _over_seeds(record, case, name) for name in names}} for case in cases]
    note = (
        "To a certified {rtol:g} in {dtype}, one slot of 50 x 40, medians over three seeds; candidates of width {width}, which "
        "`solve` raises where a demand fills more sites or little capacity is spare."
    )
    slow = "; ".join(BENCHMARK.failures(record))
    beyond = f"Beyond three times its twin: {slow}." if slow else "None takes more than three times its twin."
    return with_sentence(record, tabulate(columns, found, left=1), fill(note, record), beyond)


def _over_seeds(record: Record, case: str, name: str) -> dict[str, Any]:
    rows = [row for row in record["rows"] if (row["case"], row["solver"]) == (case, name)]
    hard, twin = (np.array([row[kind]["steps"] for row in rows]) for kind in ("hard", "twin"))
    reached = all(row["hard"]["gap"] <= record["rtol"] for row in rows)
    median = f"{np.median(hard):.0f}" if reached else "not reached"
    return {"hard": median, "twin": np.median(twin), "ratio": (hard / twin).max()}


BENCHMARK = harness.Benchmark(
    "ill_conditioned",
    __doc__,
    run,
    failures=harness.of_cases(failures, "rows"),
    tables={"ill_conditioned": table},
    options=(
        option("--cases", nargs="+", default=list(CASES), help="names of cases"),
        option("--solvers", nargs="+", default=list(SOLVERS), choices=SOLVERS),
    ),
)

if __name__ == "__main__":
    raise SystemExit(harness.main(BENCHMARK))
