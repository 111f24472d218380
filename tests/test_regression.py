"""Solvers need no more iterations and no more traces than the recorded benchmarks; seconds are never compared here."""

import dataclasses

import jax
import numpy as np
import pytest

from benchmarks._record import read_result
from benchmarks.exact import RTOL
from benchmarks.family import VARIANTS, as_problem, busiest_slot, generate
from jaxsched import ADMM, InteriorPoint, solve

SIZES = {"20x20": (20, 20), "50x100": (50, 100)}
# Sums of other processors round otherwise: one more check of the ADMM, two more steps of the interior point.
ADMM_SLACK, INTERIOR_POINT_SLACK = 50, 2
STEPS = 500


def recorded(name: str, **wanted: object) -> dict:
    (case,) = [c for c in read_result(name)["cases"] if all(c[key] == value for key, value in wanted.items())]
    return case


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("size", SIZES)
def test_admm_takes_no_more_iterations_than_recorded(size, variant, dtype):
    case = recorded("admm_gap", size=size, variant=variant, dtype=np.dtype(dtype).name)
    problem = as_problem(busiest_slot(generate(*SIZES[size], variant)), dtype)
    history = solve(problem, ADMM(rtol=1e-30, max_steps=STEPS), throw=False).stats.history
    gaps = dict(zip(history.step.tolist(), np.asarray(history.gap, float).tolist(), strict=True))
    for gap, steps in case["iterations_to"].items():
        if steps is not None and steps + ADMM_SLACK <= STEPS:
            last = max(step for step in gaps if step <= steps + ADMM_SLACK)
            assert gaps[last] <= float(gap), f"{gap} took {steps} iterations"


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("size", SIZES)
def test_the_interior_point_takes_no_more_iterations_than_recorded(size, variant):
    case = recorded("exact", size=size, variant=variant, classes=1, slots=1)
    problem = as_problem(busiest_slot(generate(*SIZES[size], variant)), np.float64)
    schedule = solve(problem, InteriorPoint(rtol=RTOL))
    assert int(schedule.stats.num_steps) <= case["iterations"] + INTERIOR_POINT_SLACK


@pytest.mark.parametrize("solver", [ADMM(rtol=1e-3), InteriorPoint()], ids=["ADMM", "InteriorPoint"])
def test_other_numbers_of_one_shape_compile_nothing_new(solver):
    instance = busiest_slot(generate(20, 20, "queueing"))
    problem = as_problem(instance, np.float64)
    solve(problem, solver)
    changed = dataclasses.replace(instance, demand=0.99 * instance.demand, linear=1.01 * instance.linear)
    other = as_problem(changed, np.float64)
    assert compilations(lambda: solve(problem, type(solver)(rtol=1e-2, max_steps=7), throw=False)) > 0, (
        "nothing is counted"
    )
    assert compilations(lambda: solve(other, solver)) == 0


def compilations(call) -> int:
    """How many programs a call compiles."""
    count = 0

    def listen(event: str, duration: float, **kwargs: object) -> None:
        nonlocal count
        count += event == "/jax/core/compile/backend_compile_duration"

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        jax.block_until_ready(call())
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    return count
