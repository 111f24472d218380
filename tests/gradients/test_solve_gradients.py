"""Derivatives of `solve`: by the envelope, by implicit differentiation, by differences and by the unrolled loop."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxsched
from jaxsched import ADMM, CongestionCost, InteriorPoint, Proportional, grad_check, optimal_cost, solve
from tests import oracles

# Nearly all that float64 can show: a re-solve that stops an iteration earlier than its neighbour moves the differences.
TIGHT = InteriorPoint(rtol=3e-14)
# Central differences err by the square of their step, and by the gap (costs) or its root (schedules) over the step. With
# these steps neither is more than 3e-8 of any derivative of a cost, 5e-6 of one of a schedule.
COST_STEP, ENVELOPE_RTOL = 3e-5, 1e-7
SCHEDULE_STEP, IMPLICIT_RTOL = 1e-4, 1e-5

FIELDS = {
    "demand": lambda p: p.demand,
    "route_cost": lambda p: p.route_cost,
    "capacity": lambda p: p.capacity,
    "work": lambda p: p.work,
    "linear": lambda p: p.site_cost.linear,
    "quadratic": lambda p: p.site_cost.quadratic,
    "queueing": lambda p: p.site_cost.queueing,
    "servers": lambda p: p.site_cost.servers,
}


def crowded(seed=3):
    """Some sites at their capacity, several classes, forbidden routes."""
    problem = oracles.random_problem(seed, spare=1.15)
    capacity = problem.capacity * jnp.array([[1.0, 0.5, 1.0, 0.7, 1.0]])
    return eqx.tree_at(lambda p: p.capacity, problem, capacity)


def replacing(problem, where):
    return lambda value: eqx.tree_at(where, problem, value)


def relative(found, wanted):
    return float(jnp.linalg.norm(jnp.ravel(found - wanted)) / jnp.linalg.norm(jnp.ravel(wanted)))


def test_the_problem_that_is_differentiated_has_sites_at_their_capacity():
    problem = crowded()
    load = solve(problem, TIGHT).load
    assert 0 < int((load > 0.999999 * problem.capacity).sum()) < load.size


@pytest.mark.parametrize("field", FIELDS)
class TestEveryArray:
    def test_the_cost_has_the_derivative_of_re_solves(self, field):
        put, at = replacing(crowded(), FIELDS[field]), FIELDS[field](crowded())
        check = grad_check(lambda v: solve(put(v), TIGHT).objective, at, step=COST_STEP, rtol=ENVELOPE_RTOL)
        assert np.abs(check.finite).min() > 1e-6
        grad_check(lambda v: solve(put(v), TIGHT).bound, at, step=COST_STEP, rtol=ENVELOPE_RTOL, directions=1)

    def test_the_schedule_has_the_derivative_of_re_solves(self, field):
        put, at = replacing(crowded(), FIELDS[field]), FIELDS[field](crowded())
        for output in ("load", "routing", "prices"):

            def answer(value, output=output):
                return getattr(solve(put(value), TIGHT), output)

            grad_check(answer, at, step=SCHEDULE_STEP, rtol=IMPLICIT_RTOL, directions=2)

    def test_a_given_schedule_is_enough_for_the_derivative_of_the_cost(self, field):
        problem = crowded()
        put, at = replacing(problem, FIELDS[field]), FIELDS[field](problem)
        schedule = solve(problem, TIGHT)
        cost, gradient = jax.value_and_grad(lambda v: optimal_cost(put(v), schedule))(at)
        assert float(cost) == float(schedule.objective)
        wanted = jax.grad(lambda v: solve(put(v), TIGHT).objective)(at)
        np.testing.assert_allclose(gradient, wanted, rtol=1e-12, atol=1e-12)


class TestOtherSolvers:
    def test_the_cost_after_directions_has_nearly_the_same_gradient(self):
        problem = crowded()
        exact = eqx.filter_grad(lambda p: solve(p, TIGHT).objective)(problem)
        # The gap of a cost is the square of what its schedule is off: 1e-3, and more for single routes.
        rough = eqx.filter_grad(lambda p: solve(p, ADMM(rtol=1e-6, max_steps=20000)).objective)(problem)
        for field in ("demand", "route_cost", "work", "linear", "quadratic", "servers", "capacity"):
            assert relative(FIELDS[field](rough), FIELDS[field](exact)) < 3e-2, field

    def test_the_schedule_after_directions_is_differentiated_at_the_optimum(self):
        problem = crowded()

        def spread(solver):
            return eqx.filter_grad(lambda p: (solve(p, solver).load ** 2).sum() / 2)(problem).demand

        # The loads that the rule is pulled back from differ by what a gap of 1e-5 leaves.
        assert relative(spread(ADMM(rtol=1e-5, max_steps=20000)), spread(TIGHT)) < 1e-2

    def test_a_routing_that_is_not_optimal_is_refused(self):
        with pytest.raises(ValueError, match="Proportional does not look for the optimum"):
            eqx.filter_grad(lambda p: solve(p, Proportional()).objective)(crowded())


class TestTransformations:
    def test_the_unrolled_loop_has_the_same_derivative(self):
        problem = crowded()
        solver = InteriorPoint(rtol=1e-10, max_steps=20)
        steps = int(solve(problem, solver).stats.num_steps)

        def unrolled(demand):
            varied = eqx.tree_at(lambda p: p.demand, problem, demand)
            start = solver.init(varied, None)
            state = jax.lax.scan(lambda s, _: (solver.step(varied, s), None), start, None, length=steps)[0]
            return state.slots.point.load, state.slots.point.prices

        def implicit(demand):
            schedule = solve(eqx.tree_at(lambda p: p.demand, problem, demand), solver)
            return schedule.load, schedule.prices

        move = jnp.asarray(np.random.default_rng(0).normal(size=problem.demand.shape)) * problem.demand
        pairs = (jax.jvp(f, (problem.demand,), (move,))[1] for f in (unrolled, implicit))
        for loop, rule in zip(*pairs, strict=True):
            assert relative(rule, loop) < IMPLICIT_RTOL

    def test_jit_and_vmap_change_nothing(self):
        problem = crowded()

        def cost(scale):
            schedule = solve(eqx.tree_at(lambda p: p.demand, problem, scale * problem.demand), TIGHT)
            return (schedule.load**2).sum() + schedule.objective

        scales = jnp.array([0.8, 0.9, 1.0])
        wanted = jnp.stack([jax.grad(cost)(s) for s in scales])
        for transformed in (jax.vmap(jax.grad(cost)), jax.jit(jax.vmap(jax.grad(cost))), jax.vmap(jax.jacfwd(cost))):
            np.testing.assert_allclose(transformed(scales), wanted, rtol=1e-6)

    def test_second_derivatives_are_those_of_the_first(self):
        problem = crowded()
        at = problem.demand
        move = jnp.asarray(np.random.default_rng(0).normal(size=at.shape)) * at
        put = replacing(problem, lambda p: p.demand)
        for output in (lambda s: s.objective, lambda s: (s.load**2).sum()):
            gradient = jax.grad(lambda v, o=output: o(solve(put(v), TIGHT)))
            difference = (gradient(at + 1e-5 * move) - gradient(at - 1e-5 * move)) / 2e-5
            assert relative(jax.jvp(gradient, (at,), (move,))[1], difference) < 1e-4
            assert relative(jax.grad(lambda v, g=gradient: (g(v) * move).sum())(at), difference) < 1e-4

    def test_values_and_verdicts_are_those_of_a_plain_solve(self):
        problem = crowded()
        plain = solve(problem, TIGHT)
        value, _ = jax.value_and_grad(lambda d: solve(replacing(problem, FIELDS["demand"])(d), TIGHT).objective)(
            problem.demand
        )
        assert float(value) == float(plain.objective)
        with pytest.raises(jaxsched.SolveError):
            eqx.filter_grad(lambda p: solve(p, InteriorPoint(max_steps=2)).objective)(problem)
        with pytest.raises(jaxsched.InfeasibleError):
            jax.grad(lambda d: solve(replacing(problem, FIELDS["demand"])(d), TIGHT).objective)(10 * problem.demand)

    def test_single_precision_has_a_gradient_to_a_few_digits(self):
        gradients = [
            eqx.filter_grad(lambda p: (solve(p, InteriorPoint(rtol=1e-4)).load ** 2).sum())(
                oracles.random_problem(3, dtype=dtype)
            )
            for dtype in (np.float32, np.float64)
        ]
        assert gradients[0].demand.dtype == np.float32
        assert relative(gradients[0].demand.astype(np.float64), gradients[1].demand) < 2e-2


class TestEdges:
    def assert_finite(self, problem, solver=TIGHT):
        def mixed(problem):
            schedule = solve(problem, solver)
            return schedule.objective + (schedule.load**2).sum() + (schedule.routing**2).sum() + schedule.prices.sum()

        gradient = eqx.filter_grad(mixed)(problem)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
        return gradient

    @pytest.mark.parametrize("seed", [2, 3])
    def test_iterations_past_what_the_precision_can_show_leave_the_derivative_alone(self, seed):
        problem = crowded(seed) if seed == 3 else oracles.random_problem(seed, spare=1.15)

        def spread(solver):
            return eqx.filter_grad(lambda p: (solve(p, solver, throw=False).load ** 2).sum())(problem)

        spent, exact = spread(InteriorPoint(rtol=1e-16)), spread(InteriorPoint(rtol=1e-11))
        for field in ("demand", "capacity", "linear"):
            assert relative(FIELDS[field](spent), FIELDS[field](exact)) < 1e-6, field

    def test_a_site_without_capacity_is_worth_what_opening_it_saves(self):
        problem = oracles.plain_problem(capacity=np.array([3.0, 0.0, 5.0]))
        self.assert_finite(problem)
        worth = eqx.filter_grad(lambda p: solve(p, TIGHT).objective)(problem).capacity[0, 1]
        opened = oracles.plain_problem(capacity=np.array([3.0, 1e-4, 5.0]))
        saved = (solve(opened, TIGHT).objective - solve(problem, TIGHT).objective) / 1e-4
        # The cost of load is quadratic: a step of 1e-4 is off by about as much.
        assert float(worth) == pytest.approx(float(saved), rel=1e-3)
        assert float(worth) < 0

    def test_a_demand_of_zero_costs_what_its_first_request_would(self):
        plain = oracles.plain_problem()
        problem = eqx.tree_at(lambda p: p.demand, plain, plain.demand.at[:, 0].set(0.0).at[1].set(0.0))
        gradient = self.assert_finite(problem)
        assert (np.asarray(gradient.demand)[:, 0] != 0).all()
        first = eqx.filter_grad(lambda p: solve(p, TIGHT).objective)(problem).demand[0, 0, 0]
        served = eqx.tree_at(lambda p: p.demand, problem, problem.demand.at[0, 0].set(1e-4))
        cost = (solve(served, TIGHT).objective - solve(problem, TIGHT).objective) / 1e-4
        assert float(first) == pytest.approx(float(cost), rel=1e-3)

    def test_forbidden_routes_and_routes_of_infinite_cost_have_no_gradient(self):
        problem = oracles.random_problem(2)
        gradient = self.assert_finite(problem)
        forbidden = ~np.broadcast_to(np.asarray(problem.allowed), gradient.route_cost.shape)
        assert (np.asarray(gradient.route_cost)[forbidden] == 0).all()

    def test_where_a_site_just_reaches_its_capacity_the_derivative_lies_between_the_two_sides(self):
        cost = CongestionCost(np.array([[0.5, 1.0]]), 0.1)
        free = oracles.plain_problem(demand=np.ones((1, 2)), route_cost=0.0, capacity=np.full(2, 9.0), site_cost=cost)
        # The cheap site takes both requests until its marginal cost 0.5 + 0.2 L is 1, or its capacity 2 is full.
        edge = eqx.tree_at(lambda p: p.capacity, free, jnp.array([[2.0, 9.0]]))
        # A capacity that is full and worth nothing leaves its room and its price at the root of the gap: where rounding of
        # these stops the gap, between 1e-14 and 1e-11, is chance.
        solver = InteriorPoint(rtol=1e-10)
        self.assert_finite(edge, solver)
        slope = jax.grad(lambda c: solve(replacing(edge, lambda p: p.capacity)(c), solver).load[0, 0])(edge.capacity)
        assert -1e-6 <= float(slope[0, 0]) <= 1.0 + 1e-6

    def test_a_linear_cost_makes_routing_jump_and_shows_no_slope_between_jumps(self):
        problem = oracles.plain_problem(site_cost=CongestionCost(np.array([[0.5, 0.9, 0.7]])))
        gradient = eqx.filter_grad(lambda p: (solve(p, TIGHT).load ** 2).sum())(problem)
        np.testing.assert_allclose(gradient.site_cost.linear, 0.0, atol=1e-4)
        assert np.isfinite(np.asarray(gradient.route_cost)).all()

    def test_a_schedule_of_another_shape_is_refused(self):
        with pytest.raises(ValueError, match="routing of shape"):
            optimal_cost(oracles.plain_problem(), solve(crowded()))
