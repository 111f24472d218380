"""The package itself behind the same interface as the peers, as docs/several-devices.md says for a CPU."""

import functools
import os

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


@functools.cache
def _mesh(slots: int):
    """Several slots on as many virtual devices as there are cores: nothing of JAX may have run in this process."""
    import jaxsched

    if slots > 1:
        jax.config.update("jax_num_cpu_devices", min(os.cpu_count() or 1, slots))
    return jaxsched.device_mesh() if jax.device_count() > 1 else None


def solve(arrays: Arrays, tolerance: float, solver: str, precision: str) -> Answer:
    """Solve, after a call that stops at its first check: that one is `compile`, and holds one check of the iteration."""
    import jaxsched

    jax.config.update("jax_enable_x64", True)
    clock, mesh = Clock(), _mesh(len(arrays.demand))
    with clock("model"):
        problem = jax.block_until_ready(as_problem(arrays, np.dtype(precision).type))
        method = _solver(solver, tolerance)
    with clock("compile"):  # the tolerance is an array: another one needs no other code
        jax.block_until_ready(jaxsched.solve(problem, _solver(solver, _ANY), throw=False, mesh=mesh))
    with clock("solve"):
        schedule = jax.block_until_ready(jaxsched.solve(problem, method, throw=False, mesh=mesh))
    status = (
        f"{float(schedule.gap):.1e} after {int(schedule.stats.num_steps)} iterations on {jax.device_count()} devices"
    )
    return Answer(np.asarray(schedule.routing, np.float64), clock.seconds, status, np.asarray(schedule.prices, float))
