"""The package itself behind the same interface as the peers."""

import jax
import numpy as np

from benchmarks.peers.clock import Clock
from benchmarks.peers.direct import Answer
from benchmarks.peers.judge import Arrays

_STEPS, _ANY = 5000, 1e30


def as_problem(arrays: Arrays, dtype: type = np.float64):
    """The problem as a user of the package would pose it."""
    import jaxsched

    cost = jaxsched.CongestionCost(arrays.linear, arrays.quadratic, arrays.queueing, arrays.servers)
    allowed = None if arrays.allowed.all() else arrays.allowed
    route_cost = arrays.route_cost[..., None]
    return jaxsched.Problem(
        arrays.demand, route_cost, arrays.capacity, cost, work=arrays.work, allowed=allowed, dtype=dtype
    )


def _solver(name: str, tolerance: float):
    import jaxsched

    if name == "interior point":
        return jaxsched.InteriorPoint(rtol=tolerance)
    return jaxsched.ADMM(rtol=tolerance, max_steps=_STEPS)


def solve(arrays: Arrays, tolerance: float, solver: str, precision: str) -> Answer:
    """Solve, after a call that stops at its first check: that one is `compile`, and holds one check of the iteration."""
    import jaxsched

    jax.config.update("jax_enable_x64", True)
    clock = Clock()
    with clock("model"):
        problem = jax.block_until_ready(as_problem(arrays, np.dtype(precision).type))
        method = _solver(solver, tolerance)
    with clock("compile"):  # the tolerance is an array: another one needs no other code
        jax.block_until_ready(jaxsched.solve(problem, _solver(solver, _ANY), throw=False))
    with clock("solve"):
        schedule = jax.block_until_ready(jaxsched.solve(problem, method, throw=False))
    status = f"{float(schedule.gap):.1e} after {int(schedule.stats.num_steps)} iterations"
    return Answer(np.asarray(schedule.routing, np.float64), clock.seconds, status, np.asarray(schedule.prices, float))
