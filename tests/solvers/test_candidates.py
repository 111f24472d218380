"""Candidate routes: answers proved against every route, from either solver, in chunks of slots or not."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.family import SIZES, as_problem, busiest_slot, generate
from jaxsched import ADMM, RESULTS, Candidates, InteriorPoint, Proportional, solve
from jaxsched.solvers._groups import members
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


def test_several_kinds_and_forbidden_routes_are_kept_apart():
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


def test_a_budget_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="memory"):
        solve(oracles.random_problem(3), memory=0.0)


def test_groups_hold_origins_alike_and_no_more_than_asked(problem):
    group_of, count = members(problem, 8)
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
