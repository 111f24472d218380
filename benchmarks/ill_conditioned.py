"""Do prohibitive costs, vast or tight capacities, unlike demands and work, ties and infinite curvature cost iterations beside a
well-scaled twin?"""

import argparse
import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import jaxsched
from benchmarks import harness
from benchmarks._markdown import Record, Table
from benchmarks.harness import option, told
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


# An ill-conditioned problem and its well-scaled twin.
Pair = tuple[jaxsched.Problem, jaxsched.Problem]
Arrays = dict[str, np.ndarray]


def base(seed: int) -> Arrays:
    """Arrays of the well-scaled problem that every case starts from: one slot, capacity 1.6 times the demand."""
    random = np.random.default_rng(seed)
    demand, servers = random.lognormal(0.0, 0.8, (1, _ORIGINS)), random.lognormal(0.0, 0.6, _SITES)
    return {
        "demand": demand,
        "route_cost": random.uniform(0.0, 1.0, (_ORIGINS, _SITES)),
        "capacity": shared(servers, demand),
        "linear": random.uniform(0.35, 2.0, (1, _SITES)),
    }


def shared(servers: np.ndarray, demand: np.ndarray, spare: float = 1.6) -> np.ndarray:
    """Capacities in proportion to the servers, together so many times the demand."""
    return servers * spare * demand.sum() / servers.sum()


def posed(arrays: Arrays, changed: Arrays, cost: Any = None, **more: Any) -> jaxsched.Problem:
    """A problem of such arrays, its site cost linear and quadratic where no other is given."""
    arrays = arrays | changed
    if cost is None:
        # A tenth of the price of load more at a full site of ordinary size.
        cost = jaxsched.CongestionCost(linear=arrays["linear"], quadratic=0.1 / np.median(arrays["capacity"]))
    return jaxsched.Problem(arrays["demand"], arrays["route_cost"], arrays["capacity"], cost, **more)


def with_entry(array: np.ndarray, place: Any, value: float) -> np.ndarray:
    """A copy with one entry changed."""
    copy = array.copy()
    copy[place] = value
    return copy


def penalties(seed: int, share: float, size: float) -> Pair:
    """Routes forbidden by a penalty; the twin forbids them by an infinite cost."""
    arrays = base(seed)
    barred = np.random.default_rng(100 + seed).uniform(size=arrays["route_cost"].shape) < share
    hard, twin = (posed(arrays, {"route_cost": np.where(barred, p, arrays["route_cost"])}) for p in (size, np.inf))
    return hard, twin


def dear_site(seed: int, size: float) -> Pair:
    """One site of a linear cost that nobody would pay; the twin closes it."""
    arrays = base(seed)
    dear, closed = with_entry(arrays["linear"], (0, 3), size), with_entry(arrays["capacity"], 3, 0.0)
    return posed(arrays, {"linear": dear}), posed(arrays, {"capacity": closed})


def vast_site(seed: int, size: float) -> Pair:
    """One site of practically unlimited capacity; that of the twin holds all demand."""
    arrays = base(seed)
    cost = jaxsched.CongestionCost(linear=arrays["linear"], quadratic=0.1 / np.median(arrays["capacity"]))
    rooms = (with_entry(arrays["capacity"], 5, room) for room in (size, arrays["demand"].sum()))
    hard, twin = (posed(arrays, {"capacity": room}, cost) for room in rooms)
    return hard, twin


def capacities(seed: int, decades: float) -> Pair:
    """Capacities over many decades; those of the twin are over one."""
    arrays, draws = base(seed), np.random.default_rng(200 + seed).uniform(-1.0, 0.0, _SITES)

    def over(width: float) -> jaxsched.Problem:
        capacity = shared(10.0 ** (width * draws), arrays["demand"])
        cost = jaxsched.CongestionCost(linear=arrays["linear"], quadratic=0.1 / capacity[None])
        return posed(arrays, {"capacity": capacity}, cost)

    return over(decades), over(1.0)


def costs(seed: int, decades: float) -> Pair:
    """Costs of routes and of load over many decades; those of the twin are over one."""
    arrays, random = base(seed), np.random.default_rng(300 + seed)
    draws = {name: random.uniform(-1.0, 0.0, arrays[name].shape) for name in ("route_cost", "linear")}
    hard, twin = (posed(arrays, {n: 10.0 ** (width * d) for n, d in draws.items()}) for width in (decades, 1.0))
    return hard, twin


def huge_origin(seed: int, times: float) -> Pair:
    """One origin with many times the demand of the others, half of which have none; the twin has all origins alike."""
    arrays = base(seed)
    demand = with_entry(arrays["demand"], (0, slice(None, None, 2)), 0.0)
    demand = with_entry(demand, (0, 7), times * np.median(arrays["demand"]))
    return posed(arrays, {"demand": demand * (arrays["demand"].sum() / demand.sum())}), posed(arrays, {})


def ties(seed: int) -> Pair:
    """Every route and site alike; the twin has the ordinary differences."""
    arrays = base(seed)
    even = {name: np.full_like(arrays[name], arrays[name].mean()) for name in ("route_cost", "linear", "capacity")}
    return posed(arrays, even), posed(arrays, {})


def tight(seed: int, spare: float) -> Pair:
    """Hardly more capacity than work; the twin has the ordinary spare capacity."""
    arrays = base(seed)
    capacity = shared(arrays["capacity"], arrays["demand"], 1.0 + spare)
    return posed(arrays, {"capacity": capacity}), posed(arrays, {})


def works(seed: int, decades: float) -> Pair:
    """Three classes whose requests ask for work that differs by decades; in the twin they ask for about the same."""
    arrays, random = base(seed), np.random.default_rng(400 + seed)
    share, speed = random.dirichlet(np.ones(3), _ORIGINS), random.uniform(0.7, 1.4, (_SITES, 1))

    def over(width: float) -> jaxsched.Problem:
        work = 10.0 ** (width * np.linspace(-1.0, 0.0, 3))
        # As much work of each class in both.
        demand, route_cost = arrays["demand"][..., None] * share / work, arrays["route_cost"][..., None] * work
        return posed(arrays, {"demand": demand, "route_cost": route_cost}, work=speed * work)

    return over(decades), over(0.3)


def power(seed: int, exponent: float) -> Pair:
    """A cost whose curvature is infinite at no load; that of the twin is quadratic, with the same price at a full site."""
    arrays = base(seed)
    scale = lambda p: jnp.asarray(arrays["linear"] / (p * arrays["capacity"] ** (p - 1.0)))  # noqa: E731
    hard, twin = (posed(arrays, {}, PowerCost(scale(p), p)) for p in (exponent, 2.0))
    return hard, twin


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
    **{f"an origin of {n:.0e} times the demand, half without": partial(huge_origin, times=n) for n in (1e3, 1e6)},
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
    hard, twin = (steps(problem, name) for problem in CASES[case](seed))
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


def _solvers(record: Record) -> list[str]:
    return list(dict.fromkeys(row["solver"] for row in record["rows"]))


def _columns(record: Record) -> str:
    of_one = (
        "{0}: iterations = {{{0}/hard}} | {0}: its twin = {{{0}/twin:.0f}} | {0}: largest ratio = {{{0}/ratio:.2g}}"
    )
    return " | ".join(["changed = {case}", *map(of_one.format, _solvers(record))])


def _rows(record: Record) -> Iterator[dict[str, Any]]:
    for case in dict.fromkeys(row["case"] for row in record["rows"]):
        yield {"case": case, **{name: _over_seeds(record, case, name) for name in _solvers(record)}}


def _over_seeds(record: Record, case: str, name: str) -> dict[str, Any]:
    rows = [row for row in record["rows"] if (row["case"], row["solver"]) == (case, name)]
    hard, twin = (np.array([row[kind]["steps"] for row in rows]) for kind in ("hard", "twin"))
    reached = all(row["hard"]["gap"] <= record["rtol"] for row in rows)
    median = f"{np.median(hard):.0f}" if reached else "not reached"
    return {"hard": median, "twin": np.median(twin), "ratio": (hard / twin).max()}


def _slow(record: Record) -> list[str]:
    missed = "; ".join(BENCHMARK.failures(record))
    return [f"Beyond three times its twin: {missed}." if missed else "None takes more than three times its twin."]


table = Table(
    _columns,
    left=1,
    rows=_rows,
    notes=(
        "To a certified {rtol:g} in {dtype}, one slot of 50 x 40, medians over three seeds; candidates of width {width}, which "
        "`solve` raises where a demand fills more sites or little capacity is spare.",
        _slow,
    ),
    listed=False,
)
BENCHMARK = harness.Benchmark(
    "ill_conditioned",
    __doc__,
    run,
    harness.of_cases(failures, "rows"),
    table,
    options=(
        option("--cases", nargs="+", default=list(CASES), help="names of cases"),
        option("--solvers", nargs="+", default=list(SOLVERS), choices=SOLVERS),
    ),
)
