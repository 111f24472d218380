"""Candidate routes: answers proved against every route, from either solver, in chunks of slots or not."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.family import SIZES, as_problem, busiest_slot, generate
from jaxsched import ADMM, RESULTS, Candidates, InteriorPoint, Proportional, SolveError, solve
from jaxsched.scenarios import australia
from jaxsched.solvers._aggregation import cluster_origins
from jaxsched.solvers._candidate_selection import select_candidates
from jaxsched.solvers._point import cold_start, enter_columns
from jaxsched.study import build_study
from tests import oracles


@pytest.fixture(scope="module")
def problem():
    return as_problem(busiest_slot(generate(*SIZES["50x100"], "queueing")), np.float64)


@pytest.fixture(scope="module")
def exact(problem):
    return solve(problem, InteriorPoint())


@pytest.mark.parametrize(
    ("solver", "rtol"),
    [(ADMM(rtol=1e-4, max_steps=1000), 1e-4), (InteriorPoint(), 1e-8)],
    ids=["ADMM", "InteriorPoint"],
)
def test_the_bound_holds_for_every_route_and_the_answer_is_the_dense_one(problem, exact, solver, rtol):
    schedule = solve(problem, Candidates(solver, width=16, group=4))
    assert float(schedule.gap) <= rtol
    assert schedule.routing.shape == (1, 50, 16)
    assert float(schedule.bound) <= float(exact.objective) * (1 + 1e-8)
    assert float(schedule.objective) >= float(exact.bound) * (1 - 1e-8)
    dense = np.asarray(schedule.to_dense())
    np.testing.assert_allclose(dense.sum(2), problem.demand[..., 0], rtol=1e-12)
    np.testing.assert_allclose(dense.sum(1), schedule.load, rtol=1e-9)
    assert (np.asarray(schedule.load) <= np.asarray(problem.capacity) * (1 + 1e-12)).all()


def test_a_gap_that_stays_may_be_for_want_of_candidates(problem):
    stopped = ADMM(rtol=1e-9, max_steps=25)
    with pytest.raises(SolveError, match=r"raise `Candidates\.width`"):
        solve(problem, Candidates(stopped, width=2))
    with pytest.raises(SolveError) as dense:
        solve(problem, stopped)
    assert "Candidates" not in str(dense.value)


def test_each_origin_alone_finds_routes_that_can_carry_the_demand(problem):
    # Chosen at prices that know nothing of others, all origins want the same sites, which cannot take them all.
    schedule = solve(problem, Candidates(ADMM(), width=16, group=1))
    assert float(schedule.gap) <= 1e-3


def test_several_classes_and_forbidden_routes_are_kept_apart():
    problem = oracles.random_problem(3)
    schedule = solve(problem, Candidates(ADMM(rtol=1e-5, max_steps=3000), width=3, group=1))
    np.testing.assert_allclose(schedule.slot_objective, oracles.clarabel_optimum(problem), rtol=2e-5)
    forbidden = np.where(np.asarray(problem.allowed), 0.0, np.asarray(schedule.to_dense()))
    assert forbidden.max() == 0.0


def test_chunks_of_slots_give_the_answer_of_all_slots_together():
    problem = oracles.random_problem(3)
    together = solve(problem, InteriorPoint(), memory=np.inf)
    apart = solve(problem, InteriorPoint(), memory=1.0)
    np.testing.assert_allclose(apart.slot_objective, together.slot_objective, rtol=2e-8)
    assert apart.routing.shape == together.routing.shape
    assert float(apart.gap) <= 1e-8
    history = np.asarray(apart.stats.history.objective)
    assert history[-1] == pytest.approx(float(apart.objective), rel=1e-12)


def test_a_schedule_of_candidates_starts_a_dense_solve(problem, exact):
    listed = solve(problem, Candidates(InteriorPoint(), width=16, group=4))
    again = solve(problem, ADMM(rtol=1e-6), warm_start=listed)
    np.testing.assert_allclose(again.objective, exact.objective, rtol=2e-6)


def test_derivatives_of_cost_and_load_are_those_of_the_dense_problem(problem):
    def answers(solver):
        def of(scale):
            changed = eqx.tree_at(lambda p: p.demand, problem, scale * problem.demand)
            schedule = solve(changed, solver)
            return jnp.append(schedule.load[0], schedule.objective)

        return np.asarray(jax.jvp(of, (jnp.ones(()),), (jnp.ones(()),))[1])

    listed, dense = (answers(s) for s in (Candidates(InteriorPoint(), width=16, group=4), InteriorPoint()))
    np.testing.assert_allclose(listed, dense, rtol=1e-5, atol=1e-5 * np.abs(dense[:-1]).max())


def test_derivatives_after_admm_leave_forbidden_candidates_alone():
    problem = oracles.random_problem(3)

    def loads(solver):
        def of(scale):
            return solve(eqx.tree_at(lambda p: p.demand, problem, scale * problem.demand), solver).load

        return np.asarray(jax.jvp(of, (jnp.ones(()),), (jnp.ones(()),))[1])

    dense = loads(InteriorPoint())
    listed = loads(Candidates(ADMM(rtol=1e-5, max_steps=3000), width=3, group=1))
    np.testing.assert_allclose(listed, dense, rtol=1e-5, atol=1e-5 * np.abs(dense).max())


@pytest.mark.parametrize("sites", [100, 150])
@pytest.mark.parametrize("start", ["2024-01-15", "2024-03-10", "2024-07-01", "2024-10-05"])
def test_the_interior_point_gets_to_the_end_where_routes_are_exchanged_on_the_way(start, sites):
    # Sites that lost their last candidate once held it up at 1e-3, flows that were given up for cheaper routes, and far
    # sites that were kept for demands which were not the readiest of all.
    study = build_study(australia(sites=sites, origins=sites, slots=1, start=start))
    schedule = solve(study.problem, Candidates(InteriorPoint(rtol=1e-7), width=16))
    assert float(schedule.gap) <= 1e-7
    assert int(schedule.stats.num_steps) < 25


def test_every_site_is_left_to_the_demand_that_gives_up_least_for_it():
    slot = oracles.random_problem(5, slots=1, origins=20, sites=12, classes=1, forbidden=0.0).slot(jnp.asarray(0))
    prices = jnp.linspace(0.0, 50.0, 12)
    flow = jnp.zeros((1, 20, 12)).at[..., 0].set(slot.demand[0])
    sites = np.asarray(select_candidates(slot, prices, flow, 8))[0]
    assert (sites == 0).any(1).all()
    assert set(sites.ravel()) == set(range(12))
    more = np.asarray(slot.priced(prices)[0])[0]
    more = more - more.min(1, keepdims=True)
    assert 11 in sites[(more / more.sum(1, keepdims=True))[:, 11].argmin()]


def test_demands_that_are_alike_take_the_cheapest_sites():
    slot = oracles.random_problem(5, slots=1, origins=6, sites=12, classes=1, forbidden=0.0).slot(jnp.asarray(0))
    slot = eqx.tree_at(lambda s: s.blocks[0].route_cost, slot, jnp.zeros_like(slot.blocks[0].route_cost))
    prices = jnp.arange(12.0)[::-1]
    sites = np.asarray(select_candidates(slot, prices, jnp.zeros((1, 6, 12)), 4))[0]
    cheapest = np.argsort(np.asarray(slot.priced(prices)[0])[0], axis=-1)[:, :4]
    assert [set(row) for row in sites.tolist()] == [set(row) for row in cheapest.tolist()]


def test_a_site_that_is_reached_anew_is_inside_and_one_without_routes_has_its_first_price():
    slot = oracles.random_problem(3, slots=1, origins=4, sites=5, classes=1, forbidden=0.0).slot(jnp.asarray(0))

    def on(sites):
        sites = jnp.broadcast_to(sites, (1, 4, 4))
        return eqx.tree_at(
            lambda s: (s.blocks[0].route_cost, s.blocks[0].sites, s.blocks[0].allowed),
            slot,
            (jnp.take_along_axis(slot.blocks[0].route_cost, sites, -1), sites, None),
            is_leaf=lambda leaf: leaf is None,
        )

    before = cold_start(on(jnp.arange(4, dtype=jnp.int32)))
    first = np.asarray(jax.jvp(slot.site_cost, (jnp.zeros(5),), (jnp.ones(5),))[1])
    assert before.capacity_dual[4] == 0
    assert before.prices[4] == pytest.approx(first[4], rel=1e-12)
    # The last site takes the place of the fourth.
    moved = eqx.tree_at(lambda p: p.routing, before, (before.routing[0].at[..., 3].set(0.0),))
    after = enter_columns(on(jnp.array([0, 1, 2, 4], jnp.int32)), moved)
    assert (after.routing[0] > 0).all()
    assert min(after.capacity_dual[4], after.load[4], after.slack[4]) > 0
    assert after.load[4] + after.slack[4] == pytest.approx(float(slot.capacity[4]), rel=1e-12)
    assert after.capacity_dual[3] == 0
    assert after.prices[3] == pytest.approx(first[3], rel=1e-12)


def test_a_budget_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="memory"):
        solve(oracles.random_problem(3), memory=0.0)


def test_groups_hold_origins_alike_and_no_more_than_asked(problem):
    group_of, count = cluster_origins(problem, 8)
    sizes = np.bincount(np.asarray(group_of), minlength=count)
    assert sizes.sum() == 50
    assert sizes.max() <= 8
    cost = np.asarray(problem.route_cost)[0, :, :, 0]
    within = np.mean([cost[np.asarray(group_of) == g].std(0).mean() for g in range(count) if sizes[g] > 0])
    assert within < 0.6 * cost.std(0).mean()


@pytest.mark.parametrize("setting", [{"width": 0}, {"group": 0}, {"solver": Proportional()}])
def test_an_impossible_setting_is_refused(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        Candidates(**setting)


def test_no_step_means_no_success(problem):
    schedule = solve(problem, Candidates(ADMM(rtol=1e-12, max_steps=50), width=8, group=4), throw=False)
    assert schedule.result != RESULTS.successful
    assert jnp.isfinite(schedule.bound).all()
