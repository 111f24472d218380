"""The public way to solve a problem: right against Clarabel, honest in its verdict, one trace for one shape."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxsched
from jaxsched import ADMM, RESULTS, CongestionCost, Problem, Proportional, solve
from tests.oracles import ORACLE_RTOL, assert_feasible, clarabel_optimum, cost_of, plain_problem, random_problem

EXACT = ADMM(rtol=1e-8, max_steps=5000)


class TestAgainstClarabel:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("classes", [1, 3])
    @pytest.mark.parametrize(("quadratic", "queueing"), [(False, False), (True, False), (True, True)])
    def test_the_optimum_lies_between_bound_and_objective(self, classes, quadratic, queueing, dtype):
        problem = random_problem(11, classes=classes, quadratic=quadratic, queueing=queueing, dtype=dtype)
        schedule = solve(problem, ADMM(rtol=1e-5, max_steps=5000))
        optimum = clarabel_optimum(problem)
        slack = ORACLE_RTOL * np.abs(optimum)
        assert_feasible(problem, schedule)
        assert (np.asarray(schedule.slot_bound, float) <= optimum + slack).all()
        assert (optimum <= cost_of(problem, schedule) + slack).all()
        assert float(schedule.gap) <= 1e-5

    @pytest.mark.parametrize("seed", range(4))
    def test_float64_finds_the_optimum_to_the_oracle_s_own_tolerance(self, seed):
        problem = random_problem(seed)
        schedule = solve(problem, EXACT)
        np.testing.assert_allclose(schedule.slot_objective, clarabel_optimum(problem), rtol=ORACLE_RTOL)

    def test_negative_linear_cost_is_no_obstacle(self):
        problem = plain_problem(site_cost=CongestionCost(linear=np.array([[-2.0, 0.3, -0.1]]), quadratic=0.2))
        schedule = solve(problem, EXACT)
        np.testing.assert_allclose(schedule.slot_objective, clarabel_optimum(problem), rtol=ORACLE_RTOL)
        assert_feasible(problem, schedule)

    def test_a_site_cost_written_by_the_user_is_solved(self):
        class Exponential(jaxsched.AbstractSiteCost):
            """scale (exp(L / scale) - 1): convex, with nothing in common with the built-in cost."""

            scale: jax.Array

            def __call__(self, load):
                return self.scale * (jnp.exp(load / self.scale) - 1.0)

        import cvxpy as cp

        problem = plain_problem(site_cost=Exponential(jnp.array([2.0, 3.0, 4.0])))
        schedule = solve(problem, EXACT)
        for slot in range(3):
            routing = cp.Variable((4, 3), nonneg=True)
            load, scale = cp.sum(routing, axis=0), np.array([2.0, 3.0, 4.0])
            cost = cp.sum(cp.multiply(np.asarray(problem.route_cost)[0, :, :, 0], routing))
            cost += scale @ (cp.exp(cp.multiply(1 / scale, load)) - 1)
            limits = [cp.sum(routing, axis=1) == np.asarray(problem.demand)[slot, :, 0], load <= [3.0, 4.0, 5.0]]
            optimum = cp.Problem(cp.Minimize(cost), limits).solve(solver=cp.CLARABEL)
            np.testing.assert_allclose(schedule.slot_objective[slot], optimum, rtol=ORACLE_RTOL)

    def test_used_routes_are_the_cheapest_at_the_prices_and_prices_are_marginal_costs(self):
        problem = random_problem(3, forbidden=0.0)
        schedule = solve(problem, ADMM(rtol=1e-12, max_steps=20000), throw=False)
        prices, work = np.asarray(schedule.prices), np.asarray(problem.work)
        reduced = np.asarray(problem.route_cost) + (prices[:, :, None] * work)[:, None]
        above = reduced - reduced.min(2, keepdims=True)
        # Stationarity and complementarity; the square root of the gap is what a gap promises of prices.
        tolerance = 1e-4
        assert above[np.asarray(schedule.routing) > 1e-3].max() < tolerance
        load, capacity = np.asarray(schedule.load), np.asarray(problem.capacity)
        inside = (load > 1e-3) & (load < capacity - 1e-3)
        cost = jax.tree.map(np.asarray, problem.site_cost)
        marginal = cost.linear + 2 * cost.quadratic * load + cost.queueing * cost.servers / (cost.servers - load) ** 2
        assert np.abs(marginal - prices)[inside].max() < tolerance
        assert inside.any()


class TestSurface:
    def test_the_names_that_scripts_rely_on(self):
        schedule = solve(plain_problem(), ADMM(rtol=1e-3, max_steps=500), throw=False)
        assert schedule.routing.shape == (3, 4, 3)
        assert schedule.load.shape == schedule.prices.shape == (3, 3)
        assert schedule.slot_gap.shape == (3,)
        assert float(schedule.bound) <= float(schedule.objective)
        assert float(schedule.gap) <= 1e-3
        assert schedule.result == RESULTS.successful
        history = schedule.stats.history
        assert history.step[-1] == schedule.stats.num_steps
        assert float(history.gap[-1]) == float(schedule.gap)
        assert "certified gap" in repr(schedule)

    def test_classes_add_an_axis_to_the_routing(self):
        assert solve(random_problem(0)).routing.shape == (2, 6, 5, 3)

    def test_the_certificate_never_gets_worse(self):
        history = solve(random_problem(7), ADMM(rtol=1e-10, check_every=10), throw=False).stats.history
        assert len(history.step) > 2
        assert (np.diff(history.objective) <= 0).all()
        assert (np.diff(history.bound) >= 0).all()

    def test_the_default_solver_needs_no_argument(self):
        assert float(solve(plain_problem()).gap) <= 1e-3

    def test_the_answer_is_the_same_every_time(self):
        problem = random_problem(1)
        first, second = (np.asarray(solve(problem).routing) for _ in range(2))
        np.testing.assert_array_equal(first, second)

    def test_the_gap_of_the_total_is_not_above_the_worst_slot(self):
        schedule = solve(random_problem(2))
        assert float(schedule.gap) <= float(schedule.slot_gap.max())

    def test_float32_stays_float32_even_where_float64_is_enabled(self):
        schedule = solve(random_problem(0, dtype=np.float32))
        floating = [leaf.dtype for leaf in jax.tree.leaves(schedule) if jnp.issubdtype(leaf.dtype, jnp.floating)]
        assert set(floating) == {np.dtype(np.float32)}

    def test_proportional_is_feasible_and_says_how_far_from_optimal_it_is(self):
        problem = random_problem(4)
        schedule, best = solve(problem, Proportional()), solve(problem, EXACT)
        assert_feasible(problem, schedule)
        assert float(schedule.bound) <= float(best.objective) <= float(schedule.objective)


class TestTransformations:
    def test_slots_solved_together_are_slots_solved_alone(self):
        problem = random_problem(8, slots=3)
        solver = ADMM(rtol=1e-30, max_steps=200)
        together = solve(problem, solver, throw=False)
        cost = problem.site_cost
        for slot in range(3):
            alone = Problem(
                problem.demand[slot : slot + 1],
                problem.route_cost,
                problem.capacity,
                CongestionCost(
                    cost.linear[slot : slot + 1], cost.quadratic[slot : slot + 1], cost.queueing, cost.servers
                ),
                work=problem.work,
                allowed=problem.allowed,
            )
            one = solve(alone, solver, throw=False)
            # The same arithmetic in another order of summation.
            np.testing.assert_allclose(one.slot_objective[0], together.slot_objective[slot], rtol=1e-10)
            np.testing.assert_allclose(one.slot_bound[0], together.slot_bound[slot], rtol=1e-10)

    def test_many_problems_of_one_shape_share_one_trace(self):
        traces = 0

        class Counted(jaxsched.AbstractSiteCost):
            slope: jax.Array

            def __call__(self, load):
                nonlocal traces
                traces += 1
                return self.slope * load**2

        def problem(seed):
            draw = np.random.default_rng(seed)
            return plain_problem(
                demand=draw.uniform(0.5, 1.5, (3, 4)), site_cost=Counted(jnp.asarray(draw.uniform(1, 2)))
            )

        solve(problem(0), ADMM(rtol=1e-3))
        assert traces > 0
        first = traces
        for seed in range(1, 4):
            solve(problem(seed), ADMM(rtol=0.5 * 10.0**-seed))
        assert traces == first

    def test_solve_works_inside_jit(self):
        problem = random_problem(5)
        schedule = eqx.filter_jit(lambda p: solve(p, ADMM(rtol=1e-4)))(problem)
        outside = solve(problem, ADMM(rtol=1e-4))
        np.testing.assert_allclose(schedule.objective, outside.objective, rtol=1e-12)
        assert schedule.result == RESULTS.successful
        assert repr(schedule).startswith("Schedule(2 slots")

    def test_solve_can_be_vmapped_over_prices(self):
        problem = plain_problem()

        def cost_at(scale):
            dearer = eqx.tree_at(lambda p: p.site_cost.linear, problem, replace_fn=lambda a: scale * a)
            return solve(dearer, ADMM(rtol=1e-6, max_steps=2000)).objective

        scales = jnp.array([0.5, 1.0, 2.0])
        np.testing.assert_allclose(jax.vmap(cost_at)(scales), [cost_at(s) for s in scales], rtol=2e-6)

    def test_a_warm_start_from_a_near_problem_saves_iterations(self):
        problem = random_problem(6, origins=20, sites=15)
        solver = ADMM(rtol=1e-6, max_steps=5000, check_every=10)
        cold = solve(problem, solver)
        near = eqx.tree_at(lambda p: p.demand, problem, problem.demand * 1.001)
        warm, again = solve(near, solver, warm_start=cold), solve(near, solver)
        assert int(warm.stats.num_steps) < int(again.stats.num_steps)
        np.testing.assert_allclose(warm.objective, again.objective, rtol=2e-6)

    def test_a_warm_start_of_another_shape_is_refused(self):
        with pytest.raises(ValueError, match=r"warm_start has a routing of shape \(3, 4, 3\)"):
            solve(random_problem(0), warm_start=solve(plain_problem()))
