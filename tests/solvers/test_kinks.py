"""Costs with kinks, and with slopes that have: certified by both solvers, optimal by Clarabel."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxsched import ADMM, RESULTS, Candidates, InteriorPoint, Problem, solve
from tests.kinked import Kinked, kinked_optimum
from tests.oracles import ORACLE_RTOL, assert_feasible

ORIGINS, SITES, PIECES = 12, 8, 9
# One slot each: two kinks at every site, the same where no route costs anything, nothing up to a load, level up to a load and
# then a parabola, steeper, nine kinks, kinks and a parabola, and a kink that is nearly a wall.
SLOTS = ("pieces", "no routes", "hinge", "envelope", "steep envelope", "nine pieces", "pieces and a parabola", "wall")


def kinked_problem(dtype=np.float64):
    draw = np.random.default_rng(1)
    count = len(SLOTS)
    demand = np.broadcast_to(draw.lognormal(0.0, 0.8, ORIGINS), (count, ORIGINS))
    capacity = draw.lognormal(0.0, 0.6, SITES)
    capacity *= 1.6 * demand.sum(1).max() / capacity.sum()
    route_cost = np.broadcast_to(draw.uniform(0.0, 1.0, (ORIGINS, SITES)), (count, ORIGINS, SITES)).copy()
    route_cost[1] = 0.0
    base = np.broadcast_to(draw.uniform(0.35, 2.0, SITES), (count, SITES)).copy()
    base[2] = 0.0
    knots = np.ones((count, PIECES, SITES)) * capacity
    jumps, bend, start = np.zeros_like(knots), np.zeros((count, SITES)), np.zeros((count, SITES))
    for slot in (0, 1, 6):
        knots[slot, :2], jumps[slot, :2] = np.array([[0.3], [0.6]]) * capacity, draw.uniform(0.2, 1.0, (2, SITES))
    knots[2, 0], jumps[2, 0] = 0.4 * capacity, 1.0
    knots[5], jumps[5] = np.linspace(0.1, 0.9, PIECES)[:, None] * capacity, draw.uniform(0.05, 0.3, (PIECES, SITES))
    knots[7, 0], jumps[7, 0] = 0.7 * capacity, 1e3
    for slot, share, steepness in ((3, 0.5, 1.0), (4, 0.3, 30.0), (6, 0.5, 1.0)):
        start[slot], bend[slot] = share * capacity, steepness / capacity
    cost = Kinked(*map(jnp.asarray, (base, knots, jumps, bend, start)))
    return Problem(demand, route_cost, capacity, cost, dtype=dtype)


@pytest.fixture(scope="module")
def optima():
    return kinked_optimum(kinked_problem())


def assert_optimal(problem, schedule, optima, rtol):
    """Within the tolerance of the optimum, in every slot, by a bound that is one."""
    slack = ORACLE_RTOL * np.abs(optima)
    assert_feasible(problem, schedule)
    assert (np.asarray(schedule.slot_bound, float) <= optima + slack).all()
    objective = np.asarray(schedule.slot_objective, float)
    assert (optima <= objective + slack).all()
    assert (objective <= optima + slack + rtol * np.abs(optima).sum()).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_distributed_solver_certifies_a_ten_thousandth(dtype, optima):
    problem = kinked_problem(dtype)
    schedule = solve(problem, ADMM(rtol=1e-4))
    assert float(schedule.gap) <= 1e-4
    assert_optimal(problem, schedule, optima, 1e-4 + ORACLE_RTOL)


def test_the_exact_solver_certifies_every_slot_to_1e_8_in_few_iterations(optima):
    problem = kinked_problem()
    schedule = solve(problem, InteriorPoint())
    assert (np.asarray(schedule.slot_gap) <= 1e-8).all()
    # Found: 18 for the slowest slot. Without the smoothed curve they come to rest at up to 2e-1.
    assert int(schedule.stats.num_steps) <= 30
    assert_optimal(problem, schedule, optima, 1e-8)


def test_candidates_certify_kinked_costs_too(optima):
    schedule = solve(kinked_problem(), Candidates(InteriorPoint(rtol=1e-6), width=7, group=1))
    assert schedule.result == RESULTS.successful
    np.testing.assert_allclose(schedule.slot_objective, optima, rtol=2e-6)


@pytest.mark.parametrize("solver", [ADMM(), InteriorPoint()], ids=["ADMM", "InteriorPoint"])
def test_what_costs_nothing_is_solved(solver):
    # No cost at all in the first slot, and none up to a load in the second.
    jumps = jnp.array([0.0, 1.5])[:, None, None]
    cost = Kinked(jnp.zeros(4), jnp.full((1, 1, 4), 1.5), jumps, jnp.zeros(4), jnp.zeros(4))
    schedule = solve(Problem(np.ones((2, 5)), 0.0, np.full(4, 2.0), cost), solver)
    assert float(schedule.objective) == float(schedule.bound) == float(schedule.gap) == 0.0
