"""What became of a solve is said in a value and in a sentence that names the place and the remedy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxsched
from jaxsched import ADMM, RESULTS, CongestionCost, InfeasibleError, Problem, SolveError, solve
from tests.oracles import assert_feasible, plain_problem, random_problem


class Broken(jaxsched.AbstractSiteCost):
    scale: jax.Array

    def __call__(self, load):
        return self.scale * jnp.sqrt(load - 100.0)


class TestVerdict:
    def test_too_few_steps_raise_and_say_what_to_change(self):
        problem = random_problem(9)
        with pytest.raises(SolveError, match="raise `max_steps` or `rtol`"):
            solve(problem, ADMM(rtol=1e-9, max_steps=50))
        schedule = solve(problem, ADMM(rtol=1e-9, max_steps=50), throw=False)
        assert schedule.result == RESULTS.max_steps
        assert_feasible(problem, schedule)

    def test_work_above_capacity_is_named_with_slot_and_shortfall(self):
        demand = np.ones((2, 3))
        demand[1] = 4.0
        problem = plain_problem(
            demand=demand, capacity=np.array([5.0, 3.0]), route_cost=0.0, site_cost=CongestionCost(1.0)
        )
        with pytest.raises(InfeasibleError, match=r"Slot 1: the requests need a load of 12 .* offer 8, 4 short"):
            solve(problem)
        schedule = solve(problem, throw=False)
        assert schedule.result == RESULTS.infeasible
        assert np.isposinf(schedule.objective)

    def test_an_origin_without_a_route_is_named(self):
        allowed = np.ones((4, 3), bool)
        allowed[2] = False
        with pytest.raises(InfeasibleError, match=r"Slot 0, origin 2, class 0: .* no allowed route"):
            solve(plain_problem(allowed=allowed))

    def test_an_infinite_route_cost_removes_the_route(self):
        route_cost = np.zeros((4, 3))
        route_cost[:, 1] = np.inf
        schedule = solve(plain_problem(route_cost=route_cost))
        assert (np.asarray(schedule.routing)[:, :, 1] == 0).all()
        assert np.isfinite(schedule.objective)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_routes_that_cannot_carry_the_work_are_proved_infeasible_by_the_prices(self, dtype):
        # Plenty of capacity in all, but only site 0 may serve origins 0 and 1.
        allowed = np.ones((4, 3), bool)
        allowed[:2, 1:] = False
        problem = plain_problem(dtype, allowed=allowed, demand=np.ones((3, 4)), capacity=np.array([1.9, 9.0, 9.0]))
        schedule = solve(problem, ADMM(max_steps=5000), throw=False)
        assert schedule.result == RESULTS.infeasible
        prices = np.asarray(schedule.prices, float)[np.isposinf(schedule.slot_bound)][0]
        assert 2.0 * prices[0] + 2.0 * prices.min() > prices @ [1.9, 9.0, 9.0]
        with pytest.raises(InfeasibleError, match="Slots"):
            solve(problem, ADMM(max_steps=5000))

    def test_a_cost_that_is_not_a_number_is_a_verdict_not_an_answer(self):
        # Seen at once where the numbers are known; inside `jit` they are not.
        schedule = jax.jit(lambda scale: solve(plain_problem(site_cost=Broken(scale)), throw=False))(1.0)
        assert schedule.result == RESULTS.nonfinite

    def test_a_fit_too_tight_to_find_is_said_so(self):
        # Two origins that must fill two sites exactly and share a third that has no spare room.
        allowed = np.array([[True, True, False], [False, True, True], [True, False, True]])
        problem = Problem(
            np.array([[1.0, 2.0, 1.5]]),
            np.zeros((3, 3)),
            np.array([1.5, 1.5, 1.5]),
            CongestionCost(np.array([1.0, 2.0, 3.0])),
            allowed=allowed,
        )
        schedule = solve(problem, ADMM(max_steps=1, check_every=1), throw=False)
        assert schedule.result in (RESULTS.no_routing, RESULTS.max_steps)

    def test_every_verdict_is_a_sentence(self):
        assert all(RESULTS[member].endswith(".") for member in RESULTS._name_to_item.values())


class TestInsideJit:
    SHORT = ADMM(rtol=1e-9, max_steps=10)

    def test_a_tolerance_that_is_not_reached_raises_when_the_program_runs(self):
        problem = plain_problem()
        program = eqx.filter_jit(lambda p, throw: solve(p, self.SHORT, throw=throw).routing)
        with pytest.raises(RuntimeError, match="did not reach the tolerance"):
            jax.block_until_ready(program(problem, True))
        assert np.isfinite(program(problem, False)).all()

    def test_so_does_one_of_a_batch_and_a_gradient_that_needs_no_value(self):
        problem = plain_problem()

        def cost(scale, solver):
            return solve(eqx.tree_at(lambda p: p.demand, problem, scale * problem.demand), solver).objective

        with pytest.raises(RuntimeError, match="did not reach the tolerance"):
            jax.block_until_ready(jax.vmap(lambda s: cost(s, self.SHORT))(jnp.array([0.9, 1.0])))
        with pytest.raises(RuntimeError, match="did not reach the tolerance"):
            jax.block_until_ready(eqx.filter_jit(jax.grad(lambda s: cost(s, self.SHORT)))(1.0))
        assert float(eqx.filter_jit(jax.grad(lambda s: cost(s, ADMM())))(1.0)) > 0


class TestAdvice:
    def test_float64_is_advised_where_it_is_not_yet_there_and_nowhere_else(self):
        with pytest.raises(SolveError, match="solve in float64"):
            solve(plain_problem(np.float32), ADMM(rtol=1e-9))
        with pytest.raises(SolveError) as raised:
            solve(plain_problem(), ADMM(rtol=1e-9, max_steps=5, check_every=5))
        assert "float64" not in str(raised.value)

    def test_more_steps_are_not_all_that_is_advised_where_they_bring_nothing(self):
        with pytest.raises(SolveError, match="hardly shrinks any more"):
            solve(plain_problem(np.float32), ADMM(rtol=1e-9))


class TestFirstErrors:
    @pytest.mark.parametrize(
        ("call", "words"),
        [
            (lambda p: solve(p, "ipm"), r"solver is 'ipm'; give ADMM\(\), InteriorPoint\(\), Candidates"),
            (lambda p: solve(p, ADMM), "solver is the class ADMM; give ADMM"),
            (lambda p: solve(p, rtol=1e-3), r"solve takes no 'rtol'.* solve\(problem, ADMM\(rtol"),
            (lambda p: solve((p,)), "problem is a tuple; give a Problem"),
        ],
    )
    def test_what_is_no_solver_problem_or_setting_is_named_with_the_mend(self, call, words):
        with pytest.raises(TypeError, match=words):
            call(plain_problem())


class TestProgress:
    def test_progress_tells_steps_objective_and_bound_after_every_check(self):
        told = []
        schedule = solve(random_problem(0), ADMM(rtol=1e-6, max_steps=1000), progress=lambda *now: told.append(now))
        assert [steps for steps, _, _ in told] == schedule.stats.history.step.tolist()
        assert told[-1][1] == float(schedule.objective)
        assert told[-1][2] == float(schedule.bound)

    def test_progress_does_not_change_the_answer(self):
        problem = random_problem(0)
        quiet, told = solve(problem), solve(problem, progress=lambda *_: None)
        np.testing.assert_array_equal(quiet.routing, told.routing)

    def test_an_interrupt_in_the_callback_ends_the_solve(self):
        def interrupt(*_):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            solve(random_problem(0), progress=interrupt)
