"""Problems whose numbers differ by many orders of magnitude, each beside a well-scaled twin: iterations to a certified gap.

    python -m benchmarks.ill_conditioned [--check]

A route, a site or a demand that hardly matters must not set the pace of the whole. Each case changes one thing of a
problem of the same size; its twin has the same structure without the extreme numbers.
"""

import argparse
import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import jaxsched
from benchmarks._record import RESULTS, write_result
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


def penalties(share: float, size: float) -> Callable[[int], Pair]:
    """Routes forbidden by a penalty; the twin forbids them by an infinite cost."""

    def make(seed: int) -> Pair:
        arrays = base(seed)
        barred = np.random.default_rng(100 + seed).uniform(size=arrays["route_cost"].shape) < share
        costs = [np.where(barred, price, arrays["route_cost"]) for price in (size, np.inf)]
        return Pair(*(posed(arrays | {"route_cost": cost}) for cost in costs))

    return make


def dear_site(size: float) -> Callable[[int], Pair]:
    """One site of a linear cost that nobody would pay; the twin closes it."""

    def make(seed: int) -> Pair:
        arrays = base(seed)
        linear, capacity = arrays["linear"].copy(), arrays["capacity"].copy()
        linear[0, 3] = size
        capacity[3] = 0.0
        return Pair(posed(arrays | {"linear": linear}), posed(arrays | {"capacity": capacity}))

    return make


def vast_site(size: float) -> Callable[[int], Pair]:
    """One site of practically unlimited capacity; that of the twin holds all demand."""

    def make(seed: int) -> Pair:
        arrays = base(seed)
        cost = jaxsched.CongestionCost(linear=arrays["linear"], quadratic=0.1 / np.median(arrays["capacity"]))
        capacities = [arrays["capacity"].copy() for _ in range(2)]
        capacities[0][5], capacities[1][5] = size, arrays["demand"].sum()
        return Pair(*(posed(arrays | {"capacity": capacity}, cost) for capacity in capacities))

    return make


def capacities(decades: float) -> Callable[[int], Pair]:
    """Capacities over many decades; those of the twin are over one."""

    def make(seed: int) -> Pair:
        arrays = base(seed)
        draws = np.random.default_rng(200 + seed).uniform(-1.0, 0.0, _SITES)
        pair = []
        for width in (decades, 1.0):
            servers = 10.0 ** (width * draws)
            capacity = servers * 1.6 * arrays["demand"].sum() / servers.sum()
            cost = jaxsched.CongestionCost(linear=arrays["linear"], quadratic=0.1 / capacity[None])
            pair.append(posed(arrays | {"capacity": capacity}, cost))
        return Pair(*pair)

    return make


def costs(decades: float) -> Callable[[int], Pair]:
    """Costs of routes and of load over many decades; those of the twin are over one."""

    def make(seed: int) -> Pair:
        arrays = base(seed)
        random = np.random.default_rng(300 + seed)
        draws = random.uniform(-1.0, 0.0, arrays["route_cost"].shape), random.uniform(-1.0, 0.0, (1, _SITES))
        pair = []
        for width in (decades, 1.0):
            route_cost, linear = (10.0 ** (width * draw) for draw in draws)
            pair.append(posed(arrays | {"route_cost": route_cost, "linear": linear}))
        return Pair(*pair)

    return make


def huge_origin(times: float) -> Callable[[int], Pair]:
    """One origin with many times the demand of the others, half of which have none; the twin has all origins alike."""

    def make(seed: int) -> Pair:
        arrays = base(seed)
        demand = arrays["demand"].copy()
        demand[0, ::2] = 0.0
        demand[0, 7] = times * np.median(arrays["demand"])
        demand *= arrays["demand"].sum() / demand.sum()
        return Pair(posed(arrays | {"demand": demand}), posed(arrays))

    return make


def ties(seed: int) -> Pair:
    """Every route and site alike; the twin has the ordinary differences."""
    arrays = base(seed)
    even = {name: np.full_like(arrays[name], arrays[name].mean()) for name in ("route_cost", "linear", "capacity")}
    return Pair(posed(arrays | even), posed(arrays))


def tight(spare: float) -> Callable[[int], Pair]:
    """Hardly more capacity than work; the twin has the ordinary spare capacity."""

    def make(seed: int) -> Pair:
        arrays = base(seed)
        capacity = arrays["capacity"] * (1.0 + spare) * arrays["demand"].sum() / arrays["capacity"].sum()
        return Pair(posed(arrays | {"capacity": capacity}), posed(arrays))

    return make


def works(decades: float) -> Callable[[int], Pair]:
    """Three classes whose requests ask for work that differs by decades; in the twin they ask for about the same."""

    def make(seed: int) -> Pair:
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

    return make


def power(exponent: float) -> Callable[[int], Pair]:
    """A cost whose curvature is infinite at no load; that of the twin is quadratic, with the same price at a full site."""

    def make(seed: int) -> Pair:
        arrays = base(seed)
        full = arrays["linear"]
        pair = []
        for power in (exponent, 2.0):
            scale = full / (power * arrays["capacity"] ** (power - 1.0))
            pair.append(posed(arrays, PowerCost(jnp.asarray(scale), power)))
        return Pair(*pair)

    return make


CASES: dict[str, Callable[[int], Pair]] = {
    **{
        f"{share:.0%} of routes at {size:.0e}": penalties(share, size)
        for share in (0.1, 0.5, 0.7)
        for size in (1e2, 1e4, 1e8)
    },
    **{f"a site at {size:.0e}": dear_site(size) for size in (1e2, 1e5, 1e8)},
    **{f"a site of capacity {size:.0e}": vast_site(size) for size in (1e6, 1e30)},
    "capacities over nine decades": capacities(9.0),
    "costs over nine decades": costs(9.0),
    "an origin of 1e+03 times the demand, half without": huge_origin(1e3),
    "an origin of 1e+06 times the demand, half without": huge_origin(1e6),
    "ties": ties,
    "capacity 1 % above the work": tight(1e-2),
    "capacity 0.1 % above the work": tight(1e-3),
    "three classes, work over three decades": works(3.0),
    "L^1.5": power(1.5),
}


def solver(name: str) -> AbstractSolver:
    """A solver by its name in the results."""
    inner = jaxsched.ADMM(rtol=RTOL, max_steps=MOST)
    return inner if name == "ADMM" else jaxsched.Candidates(inner, width=WIDTH)  # pyright: ignore[reportCallIssue]


def steps(problem: jaxsched.Problem, name: str) -> dict[str, Any]:
    """Iterations and certified gap of one solve."""
    answer = jaxsched.solve(problem, solver(name), throw=False)
    return {"steps": int(answer.stats.num_steps), "gap": float(answer.gap)}


def measure(cases: list[str], names: list[str]) -> Iterator[dict[str, Any]]:
    """Each case with each solver and seed, beside its twin."""
    for case in cases:
        for name in names:
            for seed in SEEDS:
                pair = CASES[case](seed)
                hard, twin = steps(pair.hard, name), steps(pair.twin, name)
                yield {"case": case, "solver": name, "seed": seed, "hard": hard, "twin": twin}


def missed(row: dict[str, Any]) -> str | None:
    """Why a row fails, or None."""
    hard, twin = row["hard"], row["twin"]
    where = f"{row['case']}, {row['solver']}, seed {row['seed']}"
    if not hard["gap"] <= RTOL:
        return f"{where}: gap {hard['gap']:.1e} after {hard['steps']} iterations (twin: {twin['steps']})"
    if hard["steps"] > ALLOWED * twin["steps"]:
        return f"{where}: {hard['steps']} iterations where its twin takes {twin['steps']}"
    return None


def main() -> int:
    """Measure, record, and with --check say whether every case keeps the pace of its twin."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", nargs="+", default=list(CASES), help="names of cases")
    parser.add_argument("--solvers", nargs="+", default=list(SOLVERS), choices=SOLVERS)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the result file")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a case is missed")
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    rows = []
    for row in measure(options.cases, options.solvers):
        rows.append(row)
        print(f"{row['case']}, {row['solver']}, {row['seed']}: {row['hard']} beside {row['twin']}", file=sys.stderr)
    path = write_result(
        "ill_conditioned", {"dtype": "float64", "rtol": RTOL, "width": WIDTH, "rows": rows}, options.out
    )
    print(f"written: {path.name}", file=sys.stderr)
    sentences = [sentence for sentence in map(missed, rows) if sentence is not None]
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    return 1 if options.check and sentences else 0


if __name__ == "__main__":
    raise SystemExit(main())
