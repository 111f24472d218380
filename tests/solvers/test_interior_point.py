"""The exact solver: certified to 1e-8, optimal by Clarabel and by its own conditions, at ease with every edge."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxsched
from benchmarks.family import SIZES, as_problem, busiest_slot, generate
from jaxsched import ADMM, RESULTS, CongestionCost, InteriorPoint, Problem, SolveError, solve
from jaxsched.problem import SlotProblem
from jaxsched.problem._demand import FixedDemand
from jaxsched.scenarios import australia
from jaxsched.solvers._newton import Reduced, sum_of_others
from jaxsched.study import build_study
from tests import oracles
from tests.solvers.test_certificate import routes_and_limits

# What the solver certifies by default.
RTOL = 1e-8
# Clarabel stops at 1e-10 of its own measures; on these small problems its value was found to err by less than this.
CLARABEL_RTOL = 3e-9
# The gap sees the distance of a price from the marginal cost squared, complementarity sees it as it is.
KKT_RTOL = 10 * RTOL


def assert_certified(problem, schedule, rtol=RTOL):
    assert schedule.result == RESULTS.successful
    assert (np.asarray(schedule.slot_gap) <= rtol).all()
    oracles.assert_feasible(problem, schedule)


def kkt_residuals(problem, schedule):
    """Largest violation of complementarity, relative to the cost of its slot: of routes, and of each site's price.

    For prices p: every flow pays c + g p - min over its row; a load that is not full has p <= f'(L), one that is not
    empty has p >= f'(L).
    """
    prices, load = np.asarray(schedule.prices), np.asarray(schedule.load)
    routing = oracles.host_routing(problem, schedule)
    reduced = np.asarray(problem.route_cost) + (prices[:, :, None] * np.asarray(problem.work))[:, None]
    if problem.allowed is not None:
        reduced = np.where(np.asarray(problem.allowed), reduced, np.inf)
    above = reduced - reduced.min(2, keepdims=True)
    paid = np.where(routing > 0, routing * np.where(np.isfinite(above), above, 0.0), 0.0).sum((1, 2, 3))
    cost = jax.tree.map(np.asarray, problem.site_cost)
    slack = np.where(cost.queueing > 0, cost.servers - load, 1.0)
    marginal = cost.linear + 2 * cost.quadratic * load
    marginal = marginal + np.where(cost.queueing > 0, cost.queueing * cost.servers / slack**2, 0.0)
    capacity_dual, capacity = prices - marginal, np.broadcast_to(np.asarray(problem.capacity), load.shape)
    at_sites = np.maximum(capacity_dual, 0) * (capacity - load) + np.maximum(-capacity_dual, 0) * load
    scale = np.abs(np.asarray(schedule.slot_objective))
    return float((paid / scale).max()), float((at_sites.sum(1) / scale).max())


class TestOptimum:
    @pytest.mark.parametrize("classes", [1, 3])
    @pytest.mark.parametrize(("quadratic", "queueing"), [(False, False), (True, False), (True, True)])
    def test_random_problems_with_masks_agree_with_clarabel(self, classes, quadratic, queueing):
        for seed in range(3):
            problem = oracles.random_problem(seed, classes=classes, quadratic=quadratic, queueing=queueing)
            schedule = solve(problem, InteriorPoint(rtol=1e-10))
            assert_certified(problem, schedule, 1e-10)
            optimum = oracles.clarabel_optimum(problem)
            np.testing.assert_allclose(schedule.slot_objective, optimum, rtol=CLARABEL_RTOL)
            np.testing.assert_allclose(schedule.slot_objective, oracles.cost_of(problem, schedule), rtol=1e-13)

    @pytest.mark.parametrize("variant", ["linear", "quadratic", "queueing"])
    @pytest.mark.parametrize("size", ["20x20", "50x100", "200x500"])
    def test_the_family_is_certified_within_the_iterations_allowed(self, size, variant):
        problem = as_problem(busiest_slot(generate(*SIZES[size], variant)))
        schedule = solve(problem, InteriorPoint())
        assert_certified(problem, schedule)
        assert int(schedule.stats.num_steps) <= (100 if variant == "linear" else 60)
        assert max(kkt_residuals(problem, schedule)) <= KKT_RTOL

    @pytest.mark.parametrize("classes", [1, 3])
    def test_the_optimality_conditions_hold_with_masks(self, classes):
        problem = oracles.random_problem(2, classes=classes, origins=12, sites=9)
        schedule = solve(problem, InteriorPoint())
        assert max(kkt_residuals(problem, schedule)) <= KKT_RTOL
        # The check can fail: the prices of a rough answer break it.
        rough = solve(problem, ADMM(rtol=1e-2), throw=False)
        assert max(kkt_residuals(problem, rough)) > 100 * KKT_RTOL

    @pytest.mark.parametrize("rtol", [1e-4, 1e-5, 1e-8])
    def test_prices_are_marginal_costs_to_ten_times_the_tolerance(self, rtol):
        # The gap sees only the square of their distance: with it alone, a slot stops at up to 37 times the tolerance here.
        problem = as_problem(generate(*SIZES["20x20"], "queueing", 24))
        assert max(kkt_residuals(problem, solve(problem, InteriorPoint(rtol=rtol)))) <= 10 * rtol

    def test_the_physical_sites_are_solved_to_the_same_optimum_as_by_directions(self):
        problem = build_study(australia(sites=8, origins=10, slots=4), dtype=np.float64).problem
        schedule = solve(problem, InteriorPoint())
        assert_certified(problem, schedule)
        other = solve(problem, ADMM(rtol=1e-5, max_steps=20000))
        assert float(other.bound) <= float(schedule.objective) <= float(other.objective) * (1 + RTOL)
        assert float(other.objective) <= float(schedule.bound) * (1 + 2e-5)

    def test_slots_that_are_done_stay_while_others_go_on(self):
        problem = oracles.random_problem(4, slots=6)
        together = solve(problem, InteriorPoint())
        assert_certified(problem, together)
        cost = problem.site_cost
        for slot in range(6):
            one = slice(slot, slot + 1)
            terms = (cost.linear[one], cost.quadratic[one], cost.queueing, cost.servers)
            site_cost, work, allowed = CongestionCost(*terms), problem.work, problem.allowed
            alone = Problem(
                problem.demand[one], problem.route_cost, problem.capacity, site_cost, work=work, allowed=allowed
            )
            # Each stops where it would stop alone, far coarser than the rounding of another order of summation.
            expected = solve(alone, InteriorPoint()).slot_objective[0]
            np.testing.assert_allclose(together.slot_objective[slot], expected, rtol=1e-12)


class TestEdges:
    @pytest.mark.parametrize("spare", [1e-2, 1e-4, 1e-6])
    @pytest.mark.parametrize("quadratic", [0.0, 0.1])
    def test_capacity_that_is_nearly_used_up(self, spare, quadratic):
        plain = oracles.plain_problem()
        demand = np.asarray(plain.demand)[..., 0]
        demand = demand / demand.sum(1, keepdims=True)
        cost = CongestionCost(np.array([[0.5, 0.9, 0.7]]), quadratic)
        problem = oracles.plain_problem(demand=demand, capacity=np.array([0.2, 0.3, 0.5]) * (1 + spare), site_cost=cost)
        schedule = solve(problem, InteriorPoint())
        assert_certified(problem, schedule)
        np.testing.assert_allclose(schedule.slot_objective, oracles.clarabel_optimum(problem), rtol=2e-8)

    @pytest.mark.parametrize("classes", [1, 3])
    def test_origins_without_demand_and_slots_without_any(self, classes):
        problem = oracles.random_problem(5, slots=3, classes=classes)
        demand = problem.demand.at[0, :2].set(0.0).at[1].set(0.0)
        problem = eqx.tree_at(lambda p: p.demand, problem, demand)
        schedule = solve(problem, InteriorPoint())
        assert_certified(problem, schedule)
        assert float(schedule.slot_objective[1]) == float(schedule.slot_gap[1]) == 0.0
        np.testing.assert_allclose(schedule.slot_objective, oracles.clarabel_optimum(problem), rtol=2e-8, atol=1e-7)

    def test_sites_without_capacity_and_sites_that_nobody_may_use(self):
        allowed = np.ones((4, 3), bool)
        allowed[:, 1] = False
        for changes in ({"allowed": allowed}, {"capacity": np.array([3.0, 0.0, 5.0])}):
            problem = oracles.plain_problem(**changes)
            schedule = solve(problem, InteriorPoint())
            assert_certified(problem, schedule)
            assert (np.asarray(schedule.load)[:, 1] == 0).all()

    @pytest.mark.parametrize(("origins", "sites"), [(1, 1), (1, 7), (7, 1), (9, 2), (2, 9)])
    @pytest.mark.parametrize("classes", [1, 3])
    def test_any_number_of_origins_and_sites(self, origins, sites, classes):
        problem = oracles.random_problem(6, origins=origins, sites=sites, classes=classes)
        schedule = solve(problem, InteriorPoint())
        assert_certified(problem, schedule)
        np.testing.assert_allclose(schedule.slot_objective, oracles.clarabel_optimum(problem), rtol=2e-8)

    @pytest.mark.parametrize("quadratic", [0.0, 0.2])
    def test_costs_below_zero(self, quadratic):
        problem = oracles.plain_problem(site_cost=CongestionCost(np.array([[-2.0, 0.3, -0.1]]), quadratic))
        schedule = solve(problem, InteriorPoint())
        assert_certified(problem, schedule)
        np.testing.assert_allclose(schedule.slot_objective, oracles.clarabel_optimum(problem), rtol=2e-8)

    def test_units_do_not_matter(self):
        problem = oracles.random_problem(7)
        steps = {int(solve(problem, InteriorPoint()).stats.num_steps)}
        for requests, money in ((1e6, 1e-3), (1e-4, 1e5)):
            cost = problem.site_cost
            terms = (cost.linear, cost.quadratic / requests, cost.queueing * requests, cost.servers * requests)
            scaled = Problem(
                problem.demand * requests,
                problem.route_cost * money,
                problem.capacity * requests,
                CongestionCost(*(money * term for term in terms[:3]), terms[3]),
                work=problem.work,
                allowed=problem.allowed,
            )
            schedule = solve(scaled, InteriorPoint())
            assert_certified(scaled, schedule)
            steps.add(int(schedule.stats.num_steps))
        assert max(steps) <= min(steps) + 1


class TestVerdict:
    def test_single_precision_says_that_it_cannot_reach_the_tolerance(self):
        problem = oracles.random_problem(0, dtype=np.float32)
        schedule = solve(problem, InteriorPoint(), throw=False)
        assert schedule.result == RESULTS.precision
        assert int(schedule.stats.num_steps) < 60
        assert float(schedule.gap) <= 1e-4
        oracles.assert_feasible(problem, schedule)
        with pytest.raises(SolveError, match="float64"):
            solve(problem, InteriorPoint())

    def test_single_precision_succeeds_where_it_can(self):
        problem = oracles.random_problem(0, dtype=np.float32)
        schedule = solve(problem, InteriorPoint(rtol=1e-4))
        assert_certified(problem, schedule, 1e-4)

    def test_the_limit_on_iterations_is_kept_and_said(self):
        problem = oracles.random_problem(1)
        schedule = solve(problem, InteriorPoint(max_steps=3), throw=False)
        assert schedule.result == RESULTS.max_steps
        assert int(schedule.stats.num_steps) == len(schedule.stats.history.step) == 3
        oracles.assert_feasible(problem, schedule)

    def test_work_that_the_routes_cannot_carry_is_proved_infeasible(self):
        allowed = np.ones((4, 3), bool)
        allowed[:2, 1:] = False
        capacity = np.array([1.9, 9.0, 9.0])
        problem = oracles.plain_problem(allowed=allowed, demand=np.ones((3, 4)), capacity=capacity)
        assert solve(problem, InteriorPoint(), throw=False).result == RESULTS.infeasible

    def test_infeasibility_is_proved_exactly_where_a_linear_program_finds_no_routing(self):
        verdicts = []
        for seed in range(60):
            problem, can_be_served = routes_and_limits(seed)
            schedule = solve(problem, InteriorPoint(), throw=False)
            assert schedule.result == (RESULTS.successful if can_be_served else RESULTS.infeasible), seed
            verdicts.append(can_be_served)
        assert 10 < sum(verdicts) < 50

    def test_a_slot_whose_costs_cancel_does_not_spoil_the_total(self):
        # Slot 0 costs 1 on the way and -1 at any site: nothing but rounding is left, and no relative gap of it is small.
        linear = np.array([[-1.0, -1.0, -1.0], [0.5, 0.9, 0.7], [0.6, 0.4, 0.8]])
        problem = oracles.plain_problem(route_cost=1.0, site_cost=CongestionCost(linear))
        schedule = solve(problem, InteriorPoint())
        assert schedule.result == RESULTS.successful
        assert float(schedule.slot_gap[0]) > RTOL >= float(schedule.slot_gap[1:].max())
        assert float(schedule.gap) <= RTOL
        absolute = solve(problem, InteriorPoint(atol=1e-6))
        assert int(absolute.stats.num_steps) < int(schedule.stats.num_steps)
        assert float(absolute.objective - absolute.bound) <= 1e-6

    def test_a_cost_that_is_not_a_number_is_a_verdict(self):
        class Broken(jaxsched.AbstractSiteCost):
            scale: jax.Array

            def __call__(self, load):
                return self.scale * jnp.sqrt(load - 100.0)

        # Inside `jit` the numbers are not known, or the problem would be refused.
        schedule = jax.jit(
            lambda scale: solve(oracles.plain_problem(site_cost=Broken(scale)), InteriorPoint(), throw=False)
        )(1.0)
        assert schedule.result == RESULTS.nonfinite

    @pytest.mark.parametrize(("field", "value"), [("rtol", 0.0), ("atol", -1.0), ("max_steps", 0)])
    def test_an_impossible_setting_is_refused_by_name(self, field, value):
        with pytest.raises(ValueError, match=field):
            InteriorPoint(**{field: value})


class TestTransformations:
    def test_it_works_inside_jit_and_vmap(self):
        problem = oracles.random_problem(3)
        outside = solve(problem, InteriorPoint())
        inside = eqx.filter_jit(lambda p: solve(p, InteriorPoint()))(problem)
        np.testing.assert_allclose(inside.objective, outside.objective, rtol=1e-12)

        def cost_at(scale):
            return solve(eqx.tree_at(lambda p: p.demand, problem, scale * problem.demand), InteriorPoint()).objective

        scales = jnp.array([0.8, 1.0])
        np.testing.assert_allclose(jax.vmap(cost_at)(scales), [cost_at(s) for s in scales], rtol=2 * RTOL)

    def test_a_warm_start_leads_to_the_same_optimum(self):
        problem = oracles.random_problem(3)
        near = eqx.tree_at(lambda p: p.demand, problem, problem.demand * 1.01)
        cold = solve(near, InteriorPoint())
        warm = solve(near, InteriorPoint(), warm_start=solve(problem, ADMM(rtol=1e-3)))
        assert_certified(near, warm)
        np.testing.assert_allclose(warm.slot_objective, cold.slot_objective, rtol=2 * RTOL)

    @pytest.mark.parametrize("change", [0.01, 0.1, 0.6])
    def test_a_warm_start_takes_no_more_iterations_than_a_cold_one(self, change):
        """Found: 15 in the place of 9 where demands changed by more than a tenth."""
        problem = as_problem(generate(20, 20, "linear", 2))
        draw = np.random.default_rng(1).uniform(-1.0, 1.0, problem.demand.shape)
        other = eqx.tree_at(lambda p: p.demand, problem, problem.demand * (1 + 0.9 * change * draw))
        solver = InteriorPoint(rtol=1e-4)
        warm, cold = solve(other, solver, warm_start=solve(problem, solver)), solve(other, solver)
        assert int(warm.stats.num_steps) <= int(cold.stats.num_steps)
        assert (int(warm.stats.num_steps) < int(cold.stats.num_steps)) == (change < 0.1)


class TestReducedSystem:
    def test_the_sum_of_others_keeps_its_digits_beside_a_giant(self):
        others = np.asarray(sum_of_others(jnp.array([1e-9, 1e12, 3e-9, 0.0])))
        np.testing.assert_allclose(others, [1e12, 4e-9, 1e12, 1e12], rtol=1e-15)

    def test_the_sum_of_others_counts_equal_values(self):
        np.testing.assert_array_equal(sum_of_others(jnp.array([[2.0, 1.0, 2.0], [0.0, 0.0, 0.0]]))[0], [3, 4, 3])

    @pytest.mark.parametrize("routes", [None, 3])
    @pytest.mark.parametrize(("classes", "origins", "sites"), [(3, 5, 4), (1, 3, 8)])
    def test_both_eliminations_solve_the_full_system(self, classes, origins, sites, routes):
        draw = np.random.default_rng(0)
        theta, work = draw.lognormal(0, 2, (classes, origins, sites)), draw.uniform(0.5, 2, (classes, sites))
        inverse_curvature, a, b = (
            draw.lognormal(0, 2, sites),
            draw.normal(size=(classes, origins)),
            draw.normal(size=sites),
        )
        chosen = None if routes is None else draw.permuted(np.tile(np.arange(sites), (classes, origins, 1)), axis=-1)
        chosen = None if chosen is None else chosen[..., :routes].astype(np.int32)
        listed = theta if chosen is None else np.take_along_axis(theta, chosen, -1)
        theta = theta if chosen is None else np.zeros_like(theta)
        if chosen is not None:
            np.put_along_axis(theta, chosen, listed, -1)
        routes = None if chosen is None else jnp.asarray(chosen)
        block = FixedDemand(jnp.ones((classes, origins)), jnp.zeros_like(listed), jnp.asarray(work), None, routes)
        slot = SlotProblem((block,), jnp.ones(sites), CongestionCost(1.0))
        system = Reduced(slot, (jnp.asarray(listed),), jnp.asarray(inverse_curvature), jnp.zeros(()))
        assert len(system.factor) == min(sites, classes * origins)
        (multiplier,), prices = jax.tree.map(np.asarray, system.solve((jnp.asarray(a),), jnp.asarray(b)))
        rows = (theta * (multiplier[..., None] - work[:, None] * prices)).sum(-1)
        columns = (theta * work[:, None] * (work[:, None] * prices - multiplier[..., None])).sum((0, 1))
        np.testing.assert_allclose(rows, a, rtol=1e-10)
        np.testing.assert_allclose(columns + inverse_curvature * prices, b, rtol=1e-10)
