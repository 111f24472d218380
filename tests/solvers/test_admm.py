"""The iteration: what a reset keeps, what the metric is worth, and how many iterations the benchmark family takes."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.family import SIZES, as_problem, busiest_slot, generate
from jaxsched import ADMM, RESULTS, solve
from jaxsched._layout import with_arrays
from jaxsched.problem._scales import cost_scale, dearest_ordinary
from jaxsched.solvers import FlowMetric, UniformMetric
from tests import oracles

# The family at two sizes; the larger ones are in benchmarks/admm_gap.py.
SMALL = ("20x20", "50x100")


def instance_of(size, variant):
    return busiest_slot(generate(*SIZES[size], variant))


def instance(size, variant, dtype=np.float64):
    return as_problem(instance_of(size, variant), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("variant", ["linear", "quadratic", "queueing"])
@pytest.mark.parametrize("size", SMALL)
def test_the_family_is_solved_in_few_iterations(size, variant, dtype):
    problem = instance(size, variant, dtype)
    assert float(solve(problem, ADMM(rtol=1e-3, max_steps=200)).gap) <= 1e-3
    schedule = solve(problem, ADMM(rtol=3e-4, max_steps=500))
    assert float(schedule.gap) <= 3e-4
    oracles.assert_feasible(problem, schedule)
    optimum = oracles.clarabel_optimum(problem)[0]
    off = oracles.cost_of(problem, schedule)[0] - optimum
    assert -oracles.ORACLE_RTOL * optimum <= off <= float(schedule.gap) * optimum * (1 + 1e-3)


def first_state(problem, steps=0):
    solver = ADMM(rtol=1e-30, max_steps=20_000)
    state = solver.init(problem, None)
    for _ in range(steps):
        state = eqx.filter_jit(solver.step)(problem, state)
    return state


class ShiftedMetric(FlowMetric):
    """The flow metric times a random factor for each route, and none of what it says."""

    def __call__(self, problem, routing, prices):
        (usual,) = super().__call__(problem, routing, prices)
        return (usual * jnp.asarray(np.random.default_rng(0).lognormal(0.0, 1.0, usual.shape)),)


def test_a_new_metric_rescales_the_dual_so_that_neither_prices_nor_routing_jump():
    problem = instance("20x20", "queueing")
    state = first_state(problem, steps=18)  # 4,850 iterations: at the optimum to rounding
    other = ADMM(rtol=1e-30, max_steps=1, metric=ShiftedMetric())
    moved = other.step(problem, state).slots
    np.testing.assert_allclose(moved.prices, state.slots.prices, rtol=1e-6)
    np.testing.assert_allclose(moved.routing[0], state.slots.routing[0], atol=1e-6)
    # From other prices the same step goes elsewhere: the test can fail.
    stale = eqx.tree_at(lambda s: s.slots.prices, state, 0.9 * state.slots.prices)
    assert np.abs(other.step(problem, stale).slots.prices / state.slots.prices - 1).max() > 1e-2


def test_each_check_leaves_the_last_prices_where_they_were():
    problem = instance("20x20", "queueing")
    before, after = first_state(problem, steps=18), first_state(problem, steps=19)
    np.testing.assert_allclose(after.slots.prices, before.slots.prices, rtol=1e-4)


def test_the_optimum_is_a_fixed_point():
    problem = instance("20x20", "quadratic")
    exact = solve(problem, ADMM(rtol=1e-12, max_steps=20000), throw=False)
    again = solve(problem, ADMM(rtol=1e-12, max_steps=50), warm_start=exact, throw=False)
    np.testing.assert_allclose(again.objective, exact.objective, rtol=1e-9)
    np.testing.assert_allclose(again.load, exact.load, atol=1e-4 * float(exact.load.max()))


def test_the_flow_metric_beats_the_uniform_one_by_far():
    problem = instance("50x100", "queueing")
    gaps = {
        metric: float(solve(problem, ADMM(rtol=1e-30, max_steps=200, metric=metric()), throw=False).gap)
        for metric in (FlowMetric, UniformMetric)
    }
    assert gaps[FlowMetric] < 1e-3 < gaps[UniformMetric]


@pytest.mark.parametrize("metric", [FlowMetric(), UniformMetric()])
def test_either_metric_leads_to_the_optimum(metric):
    problem = oracles.random_problem(3)
    schedule = solve(problem, ADMM(rtol=1e-6, max_steps=20000, metric=metric))
    np.testing.assert_allclose(schedule.slot_objective, oracles.clarabel_optimum(problem), rtol=2e-6)


@pytest.mark.parametrize("relaxation", [0.7, 1.0, 1.9])
def test_every_relaxation_leads_to_the_optimum(relaxation):
    problem = oracles.random_problem(4)
    schedule = solve(problem, ADMM(rtol=1e-6, max_steps=20000, relaxation=relaxation))
    assert schedule.result == RESULTS.successful


@pytest.mark.parametrize(
    ("check_every", "steps"),
    [
        (1, [1, 2, 4, 6, 8, 10, 14, 18, 22, 26, 34, 35]),
        (7, [7, 14, 28, 35]),
        (50, [35]),
    ],
)
def test_epochs_grow_and_max_steps_is_kept(check_every, steps):
    schedule = solve(oracles.random_problem(0), ADMM(rtol=1e-30, max_steps=35, check_every=check_every), throw=False)
    assert schedule.stats.history.step.tolist() == steps
    assert int(schedule.stats.num_steps) == 35
    assert np.all(np.diff(schedule.stats.history.gap) <= 0)


def test_the_last_epoch_ends_where_max_steps_says():
    problem = oracles.random_problem(0)
    cut = solve(problem, ADMM(rtol=1e-30, max_steps=35), throw=False)
    whole = solve(problem, ADMM(rtol=1e-30, max_steps=50), throw=False)
    ten = solve(problem, ADMM(rtol=1e-30, max_steps=10), throw=False)
    assert float(whole.stats.history.gap[-1]) < float(cut.stats.history.gap[-1]) < float(ten.stats.history.gap[-1])


def test_the_spread_is_that_of_the_costs_over_the_sites_weighted_by_demand():
    problem = oracles.random_problem(0, slots=1, classes=1, forbidden=0.0)
    slots, _ = problem.slots()
    prices = jnp.asarray(np.random.default_rng(0).uniform(0, 1, 5))
    block = slots.blocks[0]
    demand = np.asarray(block.demand)[0, 0]
    cost = np.asarray(block.route_cost)[0] + np.asarray(block.work)[0] * np.asarray(prices)
    expected = np.average(cost.std(-1), weights=demand)
    one = eqx.tree_at(lambda s: s.blocks[0].demand, slots, block.demand[0])
    assert cost_scale(one, prices)[0].item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("field", "value"), [("rtol", 0.0), ("rtol", -1.0), ("relaxation", 2.0), ("max_steps", 0), ("check_every", 0)]
)
def test_an_impossible_setting_is_refused_by_name(field, value):
    with pytest.raises(ValueError, match=field):
        ADMM(**{field: value})


def test_an_absolute_tolerance_ends_a_solve_whose_costs_cancel():
    problem = oracles.random_problem(0)
    nothing = eqx.tree_at(lambda p: p.demand, problem, 0 * problem.demand)
    assert float(solve(nothing).gap) == 0.0
    exact = solve(problem, ADMM(rtol=1e-30, atol=1e-3, max_steps=2000))
    assert exact.result == RESULTS.successful
    assert float(exact.objective - exact.bound) <= 1e-3


@pytest.mark.parametrize("change", [1.02, 1.3, 0.7])
@pytest.mark.parametrize("variant", ["linear", "queueing"])
def test_a_warm_start_takes_no_more_iterations_than_a_cold_one(variant, change):
    roomy = dataclasses.replace(instance_of("50x100", variant), servers=1.4 * instance_of("50x100", variant).servers)
    solver = ADMM(rtol=1e-3)
    start = solve(as_problem(roomy), solver)
    other = as_problem(dataclasses.replace(roomy, demand=change * roomy.demand))
    warm, cold = solve(other, solver, warm_start=start), solve(other, solver)
    assert int(warm.stats.num_steps) <= int(cold.stats.num_steps)


def test_a_far_start_leaves_its_proof_and_begins_anew():
    near, far = instance("20x20", "linear"), instance("20x20", "linear")
    far = eqx.tree_at(lambda p: p.route_cost, far, far.route_cost[:, ::-1])
    solver = ADMM(rtol=1e-4)
    begun = solver.init(far, solve(near, solver)).slots
    np.testing.assert_array_equal(begun.routing, solver.init(far, None).slots.routing)
    assert np.isfinite(begun.best.objective).all()
    assert np.isfinite(begun.best.bound).all()


def test_a_step_that_is_far_too_small_is_found_out():
    problem = instance("20x20", "quadratic")
    schedule = solve(problem, ADMM(rtol=1e-3, metric=FlowMetric(step=4e-6)), throw=False)
    assert float(schedule.gap) <= 1e-3


def test_a_penalty_is_no_ordinary_cost():
    cost = jnp.asarray(np.random.default_rng(0).uniform(1.0, 2.0, (3, 40)))
    usable = jnp.ones_like(cost, bool)
    even = dearest_ordinary(cost, usable)
    assert (even > cost.max()).all()
    barred = jnp.asarray(np.random.default_rng(1).uniform(size=cost.shape) < 0.7)
    for penalty in (1e3, 1e8, 1e30):
        with_penalty = dearest_ordinary(jnp.where(barred, penalty, cost), usable)
        assert ((with_penalty < 1e3) & (with_penalty > 1.0)).all()
    np.testing.assert_array_equal(dearest_ordinary(jnp.ones((1, 4)), jnp.ones((1, 4), bool)), [[np.inf]])


def test_the_spread_of_a_class_is_in_units_of_its_own_work():
    problem = oracles.random_problem(0, slots=1, classes=2, forbidden=0.0)
    slot = problem.slot(0)
    prices = jnp.ones_like(slot.capacity)
    block = slot.blocks[0]
    scaled = {"demand": 1e3, "route_cost": 1e-3, "work": 1e-3}
    smaller = eqx.tree_at(
        lambda s: s.blocks[0],
        slot,
        with_arrays(block, {name: getattr(block, name).at[0].multiply(factor) for name, factor in scaled.items()}),
    )
    ratio = cost_scale(smaller, prices)[0] / cost_scale(slot, prices)[0]
    np.testing.assert_allclose(ratio, [1e-3, 1.0], rtol=1e-9)
