"""The proof: a bound for any prices, a routing for any flow, infeasibility only where it is true."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linprog

import jaxsched
from jaxsched import ADMM, CongestionCost, Problem, solve
from jaxsched.solvers._certificate import cost_of, dual_bound, feasible_cost, proves_infeasible
from jaxsched.solvers._repair import proportional, repair
from tests import oracles

_dual_bound = eqx.filter_jit(dual_bound)


def first_slot(problem):
    """The problem of the first slot in the solvers' layout, by the batching rule that they use."""
    values, axes = problem.slots()
    leaves, structure = jax.tree.flatten(values, is_leaf=lambda node: node is None)
    places = jax.tree.leaves(axes, is_leaf=lambda node: node is None)
    return structure.unflatten([a if place is None else a[0] for a, place in zip(leaves, places, strict=True)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(5))
def test_any_prices_bound_the_optimum_from_below(seed, dtype):
    problem = oracles.random_problem(seed, slots=1, dtype=dtype)
    optimum = oracles.clarabel_optimum(problem)[0]
    slot = first_slot(problem)
    best = np.asarray(solve(problem, ADMM(rtol=1e-5, max_steps=2000)).prices[0])
    draw = np.random.default_rng(seed)
    candidates = [best, 0 * best, -best, 1e3 * best, *(draw.normal(1.0, 2.0, best.shape) for _ in range(20))]
    bounds = [float(_dual_bound(slot, jnp.asarray(prices, dtype))) for prices in candidates]
    assert max(bounds) <= optimum * (1 + 1e-9)  # Clarabel's own tolerance, far below float32
    assert bounds[0] == max(bounds)


def test_repair_keeps_a_routing_that_fits():
    problem = oracles.random_problem(0, slots=1)
    routing = (jnp.moveaxis(solve(problem, ADMM(rtol=1e-4)).routing[0], -1, 0),)
    slot = first_slot(problem)
    repaired, fits = repair(slot, routing, jnp.zeros_like(slot.capacity))
    assert bool(fits)
    np.testing.assert_allclose(repaired[0], routing[0], atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_repair_brings_an_overloaded_routing_within_capacity_and_serves_every_demand(seed):
    problem = oracles.random_problem(seed, slots=1)
    slot = first_slot(problem)
    block = slot.blocks[0]
    share = np.where(np.asarray(block.allowed), np.asarray(slot.capacity) ** -8.0, 0.0)
    routing = (jnp.asarray(np.asarray(block.demand)[..., None] * share / share.sum(-1, keepdims=True)),)
    assert (np.asarray(slot.load(routing)) > np.asarray(slot.capacity)).any()
    repaired, fits = repair(slot, routing, jnp.zeros_like(slot.capacity))
    assert bool(fits)
    assert (np.asarray(slot.load(repaired)) <= np.asarray(slot.capacity)).all()
    np.testing.assert_allclose(repaired[0].sum(-1), block.demand, rtol=1e-12)
    assert (np.asarray(repaired[0])[~np.asarray(block.allowed)] == 0).all()


def test_repair_leaves_a_prohibitive_route_alone_while_others_have_room():
    """Blind to cost it put a millionth of the flow there, which at a cost of 1e8 was more than all the rest."""
    cost = np.tile([0.1, 0.2, 0.3, 1e8], (6, 1))
    problem = Problem(np.ones((1, 6)), cost, np.array([2.0, 2.5, 3.0, 50.0]), CongestionCost(np.ones((1, 4))))
    slot = first_slot(problem)
    routing = jnp.broadcast_to(jnp.asarray([0.9, 0.1, 0.0, 0.0]), (1, 6, 4))
    (repaired,), fits = repair(slot, (routing,), jnp.ones(4))
    assert bool(fits)
    np.testing.assert_allclose(repaired.sum(-1), slot.demand[0], rtol=1e-12)
    assert float(repaired[..., 3].sum()) * 1e8 < 1e-6


def test_repair_uses_a_prohibitive_route_where_nothing_else_has_room():
    cost = np.array([[0.1, 1e8]])
    problem = Problem(np.ones((1, 1)), cost, np.array([0.25, 2.0]), CongestionCost(np.ones((1, 2))))
    slot = first_slot(problem)
    (repaired,), fits = repair(slot, (jnp.asarray([[[1.0, 0.0]]]),), jnp.ones(2))
    assert bool(fits)
    np.testing.assert_allclose(repaired[0, 0], [0.25, 0.75], rtol=1e-12)


def test_repair_takes_the_excess_from_those_who_can_go_elsewhere():
    """Where each gave up the same share, half the excess of a demand that has no other site was left after all rounds."""
    allowed = np.array([[True, False], [True, True]])
    problem = Problem(np.array([[0.9, 0.2]]), 0.0, np.array([1.0, 1.0]), CongestionCost(1.0), allowed=allowed)
    (repaired,), fits = repair(first_slot(problem), (jnp.asarray([[[0.9, 0.0], [0.2, 0.0]]]),), jnp.ones(2))
    assert bool(fits)
    np.testing.assert_allclose(repaired[0], [[0.9, 0.0], [0.1, 0.1]], rtol=1e-12)


def test_repair_says_when_it_did_not_fit_and_the_cost_is_infinite():
    problem = Problem(np.ones((1, 2)), 0.0, np.array([0.5, 0.5]), CongestionCost(1.0))
    slot = first_slot(problem)
    cost, (repaired,) = feasible_cost(slot, proportional(slot), jnp.zeros_like(slot.capacity))
    assert np.isposinf(cost)
    np.testing.assert_allclose(repaired.sum(-1), slot.demand[0])


def test_the_cost_of_a_routing_is_that_of_numpy():
    problem = oracles.random_problem(2, slots=1)
    schedule = solve(problem)
    np.testing.assert_allclose(schedule.slot_objective, oracles.cost_of(problem, schedule), rtol=1e-12)
    slot = first_slot(problem)
    np.testing.assert_allclose(cost_of(slot, (jnp.moveaxis(schedule.routing[0], -1, 0),)), schedule.slot_objective[0])


def routes_and_limits(seed):
    """A small problem whose routes may or may not be able to carry its work, and the verdict of a linear program."""
    draw = np.random.default_rng(seed)
    origins, sites = 5, 4
    allowed = draw.uniform(size=(origins, sites)) < 0.5
    allowed[np.arange(origins), draw.integers(0, sites, origins)] = True
    demand, work = draw.uniform(0.5, 1.5, (1, origins)), draw.uniform(0.5, 1.5, sites)
    capacity = draw.dirichlet(np.ones(sites)) * demand.sum() * 2.0
    problem = Problem(
        demand, draw.uniform(0, 1, (origins, sites)), capacity, CongestionCost(1.0), work=work, allowed=allowed
    )
    rows = np.kron(np.eye(origins), np.ones(sites))
    loads = np.kron(np.ones(origins), np.diag(work))
    upper = np.where(allowed.ravel(), np.inf, 0.0)
    truth = linprog(
        np.zeros(origins * sites),
        loads,
        capacity,
        rows,
        demand[0],
        np.stack([np.zeros_like(upper), upper], 1),
        method="highs",
    )
    assert truth.status in (0, 2)
    return problem, truth.status == 0


def test_infeasibility_is_proved_exactly_where_a_linear_program_finds_no_routing():
    verdicts = []
    for seed in range(60):
        problem, can_be_served = routes_and_limits(seed)
        schedule = solve(problem, ADMM(rtol=1e-3, max_steps=20000), throw=False)
        wanted = jaxsched.RESULTS.successful if can_be_served else jaxsched.RESULTS.infeasible
        assert schedule.result == wanted, seed
        if can_be_served:
            oracles.assert_feasible(problem, schedule)
        verdicts.append(can_be_served)
    assert 10 < sum(verdicts) < 50


def test_prices_of_a_feasible_problem_never_prove_it_infeasible():
    for seed in range(10):
        slot = first_slot(oracles.random_problem(seed, slots=1))
        draw = np.random.default_rng(seed)
        for _ in range(50):
            prices = jnp.asarray(draw.lognormal(0.0, 2.0, slot.capacity.shape) * draw.choice([-1.0, 1.0]))
            assert not bool(proves_infeasible(slot, prices))
