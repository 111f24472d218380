"""What `test_devices.py` runs in processes of its own, which JAX needs for a number of devices of its own.

python -m tests.several_devices                        # one process, of eight devices
python -m tests.several_devices PORT PROCESSES INDEX   # one of several processes
"""

import json
import sys
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils

from jaxsched import ADMM, Candidates, InteriorPoint, Problem, Schedule, device_mesh, solve
from tests.deferred import waiting_problem
from tests.oracles import random_problem

# Six slots do not divide by four, and five origins not by two.
SIZES: dict[str, Any] = {"slots": 6, "origins": 5, "sites": 4, "classes": 2}
# Large enough that factors and eigenvalues of several slots or groups are shared out over the threads of the CPU.
LARGE: dict[str, Any] = {"slots": 8, "origins": 60, "sites": 60}
# Together with the chunks on (2, 1) and the processes on (2, 2): 1, 2, 4 and 8 devices.
MESHES = {
    "ADMM": [None, (4, 2)],
    "InteriorPoint": [None, (2, 1)],
    "Candidates": [(2, 1)],
}


def solvers() -> dict[str, Any]:
    """One of each; a solver holds arrays, and the first array of a process fixes its devices."""
    admm = ADMM(rtol=1e-6, max_steps=1000)
    return {"ADMM": admm, "InteriorPoint": InteriorPoint(), "Candidates": Candidates(admm, width=3, group=1)}


def mesh_of(sizes: tuple[int, int] | None):
    """The first devices as a mesh."""
    return None if sizes is None else device_mesh(*sizes, devices=jax.devices()[: sizes[0] * sizes[1]])


def facts(schedule: Schedule, routing: Any) -> dict[str, Any]:
    """What must be the same everywhere."""
    return {
        "iterations": int(schedule.stats.num_steps),
        "objective": float(schedule.objective),
        "bound": float(schedule.bound),
        "gap": float(schedule.gap),
        "load": np.asarray(schedule.load).tolist(),
        "routing": np.asarray(routing).tolist(),
    }


def scaled(problem: Problem, scale: Any) -> Problem:
    """A problem that depends on a number in its demand, its route costs and its site costs."""
    return eqx.tree_at(
        lambda p: (p.demand, p.route_cost, p.site_cost.linear),
        problem,
        (scale * problem.demand, scale * problem.route_cost, (2 - scale) * problem.site_cost.linear),
    )


def gradient(problem: Problem, sizes: tuple[int, int] | None) -> float:
    """Of the cost, by the envelope theorem, and of loads, implicitly."""

    def of_solve(scale):
        schedule = solve(scaled(problem, scale), InteriorPoint(), mesh=mesh_of(sizes))
        return schedule.objective + (schedule.load**2).sum()

    return float(jax.grad(of_solve)(jnp.asarray(1.0)))


def large() -> dict[str, Any]:
    """What waited for ever once: factors of several slots, and eigenvalues of several groups, on two devices of one CPU."""
    problem, mesh = random_problem(3, **LARGE), mesh_of((2, 1))
    short = solve(problem, Candidates(ADMM(rtol=1e-2), width=30, group=2), mesh=mesh)
    return {"gradient": gradient(problem, (2, 1)), "gap": float(short.gap)}


def waiting() -> dict[str, Any]:
    """Work that may wait, in two periods, on 1, 2 and 4 devices, and its derivative on two."""
    problem = waiting_problem(5, sizes=(6, 5, 3), jobs=5, day=3)
    found = [
        facts(schedule, np.asarray(schedule.deferred))
        | {"deferred_price": np.asarray(schedule.deferred_price).tolist()}
        for schedule in (solve(problem, InteriorPoint(), mesh=mesh_of(sizes)) for sizes in (None, (2, 1), (2, 2)))
    ]

    def of_solve(scale, sizes):
        moved = eqx.tree_at(lambda p: p.deferrable.volume, problem, scale * problem.deferrable.volume)
        schedule = solve(moved, InteriorPoint(), mesh=mesh_of(sizes))
        return schedule.objective + (schedule.load**2).sum()

    return {"found": found, "gradients": [float(jax.grad(of_solve)(jnp.asarray(1.0), s)) for s in (None, (2, 1))]}


def one_process() -> dict[str, Any]:
    """All solvers on all meshes, chunks on a mesh, and gradients."""
    problem, found = random_problem(3, **SIZES), {}
    for name, solver in solvers().items():
        schedules = (solve(problem, solver, mesh=mesh_of(sizes)) for sizes in MESHES[name])
        found[name] = [facts(schedule, schedule.to_dense()) for schedule in schedules]
    admm, seen = solvers()["ADMM"], []
    chunked = solve(
        problem,
        admm,
        mesh=mesh_of((2, 1)),
        memory=admm.bytes_per_slot(problem, SIZES["sites"]),  # of one slot on each device
        progress=lambda steps, *_: seen.append(steps),
    )
    return {
        **found,
        "chunked": facts(chunked, chunked.routing),
        "chunks": seen.count(admm.check_every),
        "gradients": [gradient(problem, sizes) for sizes in (None, (2, 1))],
        "large": large(),
        "waiting": waiting(),
    }


def one_of_several(port: int, processes: int, index: int) -> dict[str, Any]:
    """The same solve in every process, and one with unlike problems."""
    jax.distributed.initialize(f"127.0.0.1:{port}", processes, index, initialization_timeout=60)
    problem = random_problem(3, **SIZES)
    schedule = solve(problem, solvers()["ADMM"], mesh=device_mesh(2, 2))
    alone = facts(schedule, np.zeros(0))
    routing = multihost_utils.process_allgather(schedule.routing, tiled=True)
    try:
        solve(random_problem(3 + index, **SIZES), mesh=device_mesh())
    except ValueError as error:
        return {**alone, "routing": routing.tolist(), "devices": jax.device_count(), "error": str(error)}
    raise AssertionError("unlike problems were solved")


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_numpy_rank_promotion", "raise")
    jax.config.update("jax_numpy_dtype_promotion", "strict")
    place = tuple(map(int, sys.argv[1:]))
    print(json.dumps(one_of_several(*place) if place else one_process()))
