"""Prices of demand and of capacity are the duals that Clarabel finds, whichever solver, and go wherever the schedule goes."""

import cvxpy as cp
import equinox as eqx
import jax
import numpy as np
import pytest

from jaxsched import (
    ADMM,
    Candidates,
    CongestionCost,
    InteriorPoint,
    Problem,
    Proportional,
    device_mesh,
    grad_check,
    solve,
)

SLOTS, ORIGINS, SITES, CLASSES = 2, 5, 4, 2


def problem_of(scale=1.0):
    """Strictly convex, some sites full, a forbidden route: the duals are unique."""
    draw = np.random.default_rng(4)
    allowed = np.ones((ORIGINS, SITES, CLASSES), bool)
    allowed[0, 1] = False
    return Problem(
        scale * draw.uniform(0.5, 1.5, (SLOTS, ORIGINS, CLASSES)),
        draw.uniform(0.0, 1.0, (ORIGINS, SITES, CLASSES)),
        np.array([2.0, 3.0, 4.0, 20.0]),
        CongestionCost(draw.uniform(0.5, 1.0, (SLOTS, SITES)), 0.1),
        work=draw.uniform(0.7, 1.3, (SITES, CLASSES)),
        allowed=allowed,
    )


@pytest.fixture(scope="module")
def duals():
    problem = problem_of()
    cost, work = jax.tree.map(np.asarray, problem.site_cost), np.asarray(problem.work)
    demands, capacities = [], []
    for slot in range(SLOTS):
        flows = [cp.Variable((ORIGINS, SITES), nonneg=True) for _ in range(CLASSES)]
        load = sum(cp.sum(flows[k], axis=0) @ np.diag(work[:, k]) for k in range(CLASSES))
        total = cost.linear[slot] @ load + 0.1 * cp.sum_squares(load)
        total += sum(cp.sum(cp.multiply(np.asarray(problem.route_cost)[0, :, :, k], flows[k])) for k in range(CLASSES))
        served = [cp.sum(flows[k], axis=1) == np.asarray(problem.demand)[slot, :, k] for k in range(CLASSES)]
        fits = load <= np.asarray(problem.capacity)[0]
        masks = [cp.multiply(flows[k], ~np.asarray(problem.allowed)[0, :, :, k]) == 0 for k in range(CLASSES)]
        settings = {"tol_gap_abs": 1e-11, "tol_gap_rel": 1e-11, "tol_feas": 1e-11}
        cp.Problem(cp.Minimize(total), [*served, fits, *masks]).solve(solver=cp.CLARABEL, **settings)
        # CVXPY's dual of an equality is that of minus its sides.
        demands.append(np.stack([-row.dual_value for row in served], -1))
        capacities.append(fits.dual_value)
    return np.stack(demands), np.stack(capacities)


@pytest.fixture(scope="module")
def exact():
    return solve(problem_of(), InteriorPoint(rtol=1e-10))


# Duals are as good as the square root of a gap, so ADMM's are a hundred times rougher.
@pytest.mark.parametrize(
    ("solver", "atol"), [(InteriorPoint(rtol=1e-10), 1e-6), (ADMM(rtol=1e-8, max_steps=5000), 1e-3)]
)
def test_both_solvers_find_the_duals_of_clarabel(solver, atol, duals):
    schedule = solve(problem_of(), solver)
    np.testing.assert_allclose(schedule.demand_price, duals[0], atol=atol)
    np.testing.assert_allclose(schedule.capacity_price, duals[1], atol=atol)
    assert 0 < (duals[1] > 1e-3).sum() < duals[1].size, "some sites must be full, some not"


def test_a_schedule_of_candidates_has_the_prices_of_all_routes(exact):
    schedule = solve(problem_of(), Candidates(ADMM(rtol=1e-8, max_steps=5000), width=3, group=1))
    np.testing.assert_allclose(schedule.demand_price, exact.demand_price, atol=1e-3)
    np.testing.assert_allclose(schedule.capacity_price, exact.capacity_price, atol=1e-3)


def test_prices_are_cut_and_joined_with_the_slots(exact):
    part = exact.select(slice(1, 2))
    np.testing.assert_array_equal(part.demand_price, exact.demand_price[1:])
    np.testing.assert_array_equal(part.capacity_price, exact.capacity_price[1:])
    slot_by_slot = solve(problem_of(), InteriorPoint(rtol=1e-10), memory=1.0)
    np.testing.assert_allclose(slot_by_slot.demand_price, exact.demand_price, atol=1e-6)
    over_devices = solve(problem_of(), InteriorPoint(rtol=1e-10), mesh=device_mesh())
    np.testing.assert_allclose(over_devices.demand_price, exact.demand_price, atol=1e-6)
    np.testing.assert_allclose(over_devices.capacity_price, exact.capacity_price, atol=1e-6)


def test_one_class_needs_no_axis_and_the_proportional_routing_has_prices_too():
    draw = np.random.default_rng(0)
    problem = Problem(draw.uniform(size=(2, 3)), draw.uniform(size=(3, 2)), np.full(2, 9.0), CongestionCost(1.0, 0.1))
    schedule = solve(problem, Proportional())
    assert schedule.demand_price.shape == (2, 3)
    cheapest = (np.asarray(problem.route_cost)[..., 0] + np.asarray(schedule.prices)[:, None]).min(-1)
    np.testing.assert_allclose(schedule.demand_price, cheapest)
    np.testing.assert_array_equal(schedule.capacity_price, np.zeros((2, 2)))


def test_a_site_that_no_demand_can_fill_has_a_price_of_its_load_and_none_of_its_capacity():
    problem = Problem(np.ones((1, 2)), 0.0, np.array([50.0]), CongestionCost(1.0, 0.5))
    schedule = solve(problem)
    # f'(2) = 1 + 2 * 0.5 * 2, whatever price proved the bound.
    np.testing.assert_allclose(schedule.demand_price, 3.0, rtol=1e-6)
    assert float(schedule.capacity_price[0, 0]) == 0.0


def test_prices_have_the_derivative_of_the_optimum():
    weights = np.random.default_rng(0).normal(size=(SLOTS, ORIGINS, CLASSES))

    def priced(demand):
        schedule = solve(eqx.tree_at(lambda p: p.demand, problem_of(), demand), InteriorPoint(rtol=1e-12), throw=False)
        return (weights * schedule.demand_price).sum() + (weights[:, 0, :1] * schedule.capacity_price).sum()

    # Smoothed by the barrier, as the derivatives of loads and prices are.
    assert grad_check(priced, problem_of().demand, rtol=1e-4, directions=2).agrees
