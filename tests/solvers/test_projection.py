"""The origin step: a weighted projection onto the routings that serve each demand."""

import cvxpy as cp
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

from jaxsched.solvers._projection import project


def draw(seed, classes=2, origins=4, sites=6):
    random = np.random.default_rng(seed)
    target = random.normal(0.0, 1.0, (classes, origins, sites))
    metric = random.lognormal(0.0, 1.0, (classes, origins, sites))
    return target, metric, random.uniform(0.1, 3.0, (classes, origins))


def settled(target, metric, demand, multiplier=None):
    """A few warm starts, as in the ADMM, until the multiplier no longer moves."""
    multiplier = jnp.zeros(demand.shape) if multiplier is None else multiplier
    for _ in range(4):
        routing, multiplier = project(jnp.asarray(target), jnp.asarray(metric), jnp.asarray(demand), multiplier)
    return np.asarray(routing), np.asarray(multiplier)


@pytest.mark.parametrize("seed", range(5))
def test_the_multiplier_is_the_root_that_scipy_finds(seed):
    target, metric, demand = draw(seed)
    routing, multiplier = settled(target, metric, demand)
    for row in np.ndindex(demand.shape):
        root = brentq(
            lambda m, r=row: np.maximum(target[r] - metric[r] * m, 0).sum() - demand[r], -1e3, 1e3, xtol=1e-13
        )
        assert multiplier[row] == pytest.approx(root, abs=1e-9)
        np.testing.assert_allclose(routing[row], np.maximum(target[row] - metric[row] * root, 0), atol=1e-8)


def test_it_is_the_nearest_routing_in_the_metric():
    target, metric, demand = (array[0, 0] for array in draw(7))
    routing, _ = settled(target[None, None], metric[None, None], demand[None, None])
    x = cp.Variable(6, nonneg=True)
    distance = cp.sum(cp.multiply(1 / metric, cp.square(x - target)))
    tight = {"tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12}
    cp.Problem(cp.Minimize(distance), [cp.sum(x) == demand]).solve(solver=cp.CLARABEL, **tight)
    np.testing.assert_allclose(routing[0, 0], x.value, atol=1e-6)


@pytest.mark.parametrize("start", [-1e6, 0.0, 1e6])
def test_rows_serve_the_demand_from_any_multiplier(start):
    target, metric, demand = draw(3)
    multiplier = jnp.full(demand.shape, start)
    routing, _ = project(jnp.asarray(target), jnp.asarray(metric), jnp.asarray(demand), multiplier)
    np.testing.assert_allclose(np.asarray(routing).sum(-1), demand, rtol=1e-14)
    assert (np.asarray(routing) >= 0).all()


def test_a_route_with_metric_zero_carries_nothing():
    target, metric, demand = draw(4)
    target[..., 2], metric[..., 2] = 0.0, 0.0
    routing, _ = settled(target, metric, demand)
    assert (routing[..., 2] == 0).all()
    np.testing.assert_allclose(routing.sum(-1), demand, rtol=1e-14)


def test_a_demand_of_zero_is_served_by_nothing():
    target, metric, demand = draw(5)
    routing, _ = settled(target, metric, 0 * demand)
    assert (routing == 0).all()
