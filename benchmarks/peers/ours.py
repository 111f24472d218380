"""The package itself behind the same interface as the peers, as docs/several-devices.md says for a CPU."""

import dataclasses
import functools
import os

import jax
import numpy as np

import jaxsched
from benchmarks.clock import Clock
from benchmarks.family import Instance, as_problem, routing_of
from benchmarks.peers.direct import Answer

_STEPS, _ANY = 5000, 1e30


@functools.cache
def _mesh(slots: int) -> jax.sharding.Mesh | None:
    """Several slots on as many virtual devices as there are cores: nothing of JAX may have run in this process."""
    if slots > 1:
        jax.config.update("jax_num_cpu_devices", min(os.cpu_count() or 1, slots))
    return jaxsched.device_mesh() if jax.device_count() > 1 else None


def solve(instance: Instance, tolerance: float, solver: str, precision: str) -> Answer:
    """Solve, after a call that stops at its first check: that one is `compile`, and holds one check of the iteration."""
    jax.config.update("jax_enable_x64", True)
    clock, mesh = Clock(), _mesh(instance.slots)
    method = jaxsched.InteriorPoint() if solver == "interior point" else jaxsched.ADMM(max_steps=_STEPS)
    loose, method = (dataclasses.replace(method, rtol=rtol) for rtol in (_ANY, tolerance))
    with clock("model"):
        problem = jax.block_until_ready(as_problem(instance, np.dtype(precision).type))
    with clock("compile"):  # the tolerance is an array: another one needs no other code
        jax.block_until_ready(jaxsched.solve(problem, loose, throw=False, mesh=mesh))
    with clock("solve"):
        schedule = jax.block_until_ready(jaxsched.solve(problem, method, throw=False, mesh=mesh))
    status = (
        f"{float(schedule.gap):.1e} after {int(schedule.stats.num_steps)} iterations on {jax.device_count()} devices"
    )
    return Answer(routing_of(schedule), clock.seconds, status, np.asarray(schedule.prices, float))
