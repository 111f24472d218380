"""A problem is checked where it is built: shapes and numbers, by name and place."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import jaxsched
from jaxsched import CongestionCost, Problem
from jaxsched.problem._candidates import CandidateProblem
from jaxsched.problem._prepared import PreparedProblem

DEMAND, ROUTES, CAPACITY = np.ones((3, 4)), np.ones((4, 2)), np.array([9.0, 9.0])


def build(demand=DEMAND, route_cost=ROUTES, capacity=CAPACITY, cost=None, **more):
    return Problem(demand, route_cost, capacity, CongestionCost(1.0) if cost is None else cost, **more)


def test_the_shape_counts_slots_origins_sites_and_classes():
    assert build().shape == (3, 4, 2, 1)
    assert build(np.ones((3, 4, 5))[..., :], np.ones((4, 2, 5))).shape == (3, 4, 2, 5)


@pytest.mark.parametrize("shape", [(), (2,), (4, 2), (1, 4, 2), (3, 4, 2), (3, 1, 2)])
def test_route_costs_broadcast_and_are_not_repeated(shape):
    problem = build(route_cost=np.full(shape, 0.5))
    assert problem.route_cost.size == max(1, int(np.prod(shape)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"demand": np.ones(4)}, "give demand as"),
        ({"demand": np.ones((0, 4))}, "each must be at least 1"),
        ({"route_cost": np.ones((5, 2))}, r"route_cost has shape \(1, 5, 2, 1\)"),
        ({"capacity": np.ones((2, 2))}, "capacity has 2 slots where demand has 3"),
        ({"work": np.ones(3)}, "work has shape"),
        ({"allowed": np.ones((4, 3), bool)}, "allowed has shape"),
        ({"cost": CongestionCost(np.ones(4))}, r"one load for each of 2 sites \(linear has shape \(4,\)\)"),
        ({"cost": CongestionCost(np.ones((5, 2)))}, r"site_cost.linear has shape \(5, 2\).* that of the slots, 3 or 1"),
        ({"cost": lambda load: (load**2).sum()}, r"of one load for each of 2 sites has shape \(\)"),
        ({"cost": lambda load: np.maximum(load, 1.0)}, r"elementwise on arrays of JAX \(jax.numpy\)"),
    ],
)
def test_a_shape_that_does_not_fit_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        build(**change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"demand": np.where(np.arange(12).reshape(3, 4) == 6, np.nan, 1.0)},
            "demand at slot 1, origin 2, class 0 is nan",
        ),
        ({"demand": -DEMAND}, "demand at slot 0, origin 0, class 0 is -1"),
        ({"demand": np.inf * DEMAND}, "is inf"),
        ({"capacity": np.array([1.0, -2.0])}, "capacity at slot 0, site 1 is -2; every entry must be a number >= 0"),
        ({"route_cost": np.nan * ROUTES}, "route_cost at .* is nan"),
        ({"route_cost": -np.inf * ROUTES}, "route_cost at .* is -inf"),
        ({"work": np.array([1.0, 0.0])}, "work at .* is 0; every entry must be a number > 0"),
        ({"cost": CongestionCost(1.0, 0.0, 1.0, CAPACITY)}, "capacity at slot 0, site 0 reaches the load"),
        (
            {"capacity": np.array([1.0, np.inf])},
            "capacity at slot 0, site 1 is inf; every entry must be a finite number",
        ),
        ({"demand": np.ma.masked_array(DEMAND, DEMAND > 0)}, "demand: a masked array has 12 masked entries"),
        ({"allowed": np.ma.masked_array(ROUTES, ROUTES > 0)}, "allowed: a masked array has 8 masked entries"),
        ({"allowed": 0.5 * ROUTES}, "allowed holds an entry that is neither true nor false"),
        ({"demand": "many"}, "demand is a str; give an array of numbers"),
        ({"route_cost": np.full((4, 2), "free")}, "route_cost: an array of <U4 holds no real numbers"),
        ({"dtype": int}, "give a floating-point type"),
        ({"cost": lambda load: jnp.sqrt(load - 1.0)}, "site_cost at slot 0, site 0 is nan at a load of 0"),
        ({"cost": lambda load: jnp.sqrt(load)}, r"slot 0, site 0 is not convex: near a load of 0.25 its slope falls"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused_with_its_place(change, words):
    with pytest.raises(ValueError, match=words):
        build(**change)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "cost",
    [
        lambda load: load**1.5,
        lambda load: jnp.maximum(load - 1.0, 0.0),
        lambda load: 0.0 * load,
        lambda load: 1e6 + 0.1 * load,
        lambda load: -jnp.log1p(load),
    ],
)
def test_convex_functions_are_taken_as_they_are(cost, dtype):
    assert build(cost=cost, dtype=dtype).site_cost(jnp.ones(2, dtype)).shape == (2,)


def test_a_concave_cost_is_refused_in_the_slot_and_at_the_site_where_it_is():
    class Bent(jaxsched.AbstractSiteCost):
        bend: jax.Array

        def __call__(self, load):
            return load + self.bend * load**2

    with pytest.raises(ValueError, match=r"site_cost at slot 2, site 1 is not convex"):
        build(cost=Bent(jnp.array([[0.1, 0.1], [0.1, 0.1], [0.1, -0.01]])))


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (CongestionCost, "the class CongestionCost; give an instance"),
        (2.0, "site_cost is a float; give CongestionCost"),
    ],
)
def test_what_is_no_cost_is_named(cost, words):
    with pytest.raises(TypeError, match=words):
        Problem(DEMAND, ROUTES, CAPACITY, cost)


def test_tables_are_taken_as_their_arrays():
    tables = build(pd.DataFrame(DEMAND), pd.DataFrame(ROUTES), pd.Series(CAPACITY), CongestionCost(pd.Series([1, 2])))
    assert eqx.tree_equal(tables, build(cost=CongestionCost(np.array([1.0, 2.0]))))


def test_a_capacity_that_nothing_can_fill_is_no_obstacle():
    assert build(capacity=1e30 * CAPACITY, cost=CongestionCost(1.0, 1.0), dtype=np.float32).shape == (3, 4, 2, 1)


@pytest.mark.parametrize("name", ["quadratic", "queueing", "servers"])
def test_a_cost_that_is_not_convex_is_refused(name):
    with pytest.raises(ValueError, match=f"CongestionCost.{name} holds -1"):
        CongestionCost(**{"linear": 1.0, name: -1.0})


def test_a_cost_that_is_not_a_number_is_refused():
    with pytest.raises(ValueError, match=r"CongestionCost.linear holds .* NaN"):
        CongestionCost(np.array([1.0, np.nan]))
    with pytest.raises(ValueError, match=r"CongestionCost.linear holds an infinite entry"):
        CongestionCost(np.inf)
    with pytest.raises(ValueError, match=r"a masked array has 1 masked entries"):
        CongestionCost(np.ma.masked_array([1.0, 2.0], [False, True]))


def test_the_cost_is_its_formula():
    cost = CongestionCost(np.array([2.0]), np.array([0.5]), np.array([0.1]), np.array([4.0]))
    assert float(cost(jnp.array([3.0]))[0]) == pytest.approx(2 * 3 + 0.5 * 9 + 0.1 * 3 / 1)


def test_a_cost_without_queue_has_finite_derivatives_everywhere():
    cost = CongestionCost(2.0, 0.5, 0.0, 1.0)
    slope = jax.grad(lambda load: cost(load).sum())(jnp.array([0.0, 1.0, 5.0]))
    np.testing.assert_allclose(slope, [2.0, 3.0, 7.0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_precision_holds_everywhere(dtype):
    problem = build(dtype=dtype, cost=CongestionCost(np.float64(1.0), np.ones(2, np.float32)))
    leaves = [leaf for leaf in jax.tree.leaves(problem) if eqx.is_inexact_array(leaf)]
    assert {leaf.dtype for leaf in leaves} == {np.dtype(dtype)}


def test_float32_inputs_stay_float32():
    problem = Problem(*(a.astype(np.float32) for a in (DEMAND, ROUTES, CAPACITY)), CongestionCost(1.0))
    assert problem.demand.dtype == problem.site_cost.linear.dtype == np.float32


def test_a_problem_is_a_pytree_that_survives_transformations():
    problem = build(cost=CongestionCost(np.ones((3, 2)), 0.1))
    doubled = jax.tree.map(lambda a: 2 * a, problem)
    assert isinstance(doubled, Problem)
    assert float(doubled.demand.sum()) == 24.0
    assert eqx.filter_jit(lambda p: p.demand.sum())(problem) == 12.0


def test_leaves_that_all_slots_share_have_no_slot_axis():
    problem = build(cost=CongestionCost(np.ones((3, 2)), np.ones(2)))
    values, axes = problem.slots()
    assert axes.blocks[0].route_cost is None
    assert axes.site_cost.linear == 0
    assert axes.site_cost.quadratic is None
    assert values.blocks[0].route_cost.shape == (1, 4, 2)


@pytest.mark.parametrize("listed", [False, True])
def test_a_prepared_problem_answers_as_the_problem_does(listed):
    random = np.random.default_rng(1)
    whole = build(
        random.uniform(size=(3, 4, 2)),
        random.uniform(size=(3, 4, 2, 1)),
        random.uniform(1.0, 2.0, (3, 2)),
        CongestionCost(random.uniform(size=(3, 2)), 0.1),
        work=random.uniform(0.5, 1.0, (2, 2)),
        allowed=random.uniform(size=(4, 2, 2)) > 0.2,
    )
    posed = CandidateProblem(whole, jnp.asarray(random.integers(0, 2, (3, 2, 4, 1)))) if listed else whole
    prepared = PreparedProblem(posed)
    assert prepared.shape == whole.shape
    assert prepared.has_classes
    # But for the most that each site can be asked to carry, which it knows already.
    known, known_axes = prepared.slots()
    place = (lambda s: s.whole.most) if listed else (lambda s: s.most)
    forgotten = (eqx.tree_at(place, tree, None) for tree in (known, known_axes))
    assert eqx.tree_equal(tuple(forgotten), posed.slots())
    assert place(known_axes) == 0
    for index in range(3):
        slot = PreparedProblem(whole).slot(jnp.asarray(index))
        assert eqx.tree_equal(eqx.tree_at(lambda s: s.most, slot, None), whole.slot(index))
        np.testing.assert_allclose(slot.most, whole.slot(index).most_load(), rtol=1e-15)
        np.testing.assert_array_equal(slot.most, place(known)[index])
