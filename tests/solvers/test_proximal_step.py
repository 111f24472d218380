"""The proximal step and the conjugate: scalar roots, compared with SciPy's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

from jaxsched import CongestionCost
from jaxsched.solvers._proximal_step import conjugate, increasing_root, proximal_step

SITES = 40


def draw(seed):
    random = np.random.default_rng(seed)
    servers = random.lognormal(0.0, 1.0, SITES)
    cost = CongestionCost(
        random.normal(0.5, 1.0, SITES), random.uniform(0, 1, SITES), random.uniform(0, 0.1, SITES), servers
    )
    return random, cost, 0.98 * servers


def marginal(cost, site, load):
    value = cost.linear[site] + 2 * cost.quadratic[site] * load
    return float(value + cost.queueing[site] * cost.servers[site] / (cost.servers[site] - load) ** 2)


@pytest.mark.parametrize("seed", range(3))
def test_load_and_price_solve_the_balance_that_scipy_solves(seed):
    random, cost, capacity = draw(seed)
    offered, prox_weight = random.normal(0.0, 3.0, SITES), random.lognormal(0.0, 2.0, SITES)
    arrays = (jnp.asarray(a) for a in (capacity, offered, prox_weight, random.uniform(0, 1, SITES) * capacity))
    load, price = (np.asarray(a) for a in proximal_step(cost, *arrays))
    np.testing.assert_allclose(load + prox_weight * price, offered, atol=1e-9 * (1 + np.abs(prox_weight * price)).max())
    for site in range(SITES):

        def residual(at, site=site):
            return at + prox_weight[site] * marginal(cost, site, at) - offered[site]

        if residual(0.0) >= 0:
            assert load[site] == 0.0
            assert price[site] <= marginal(cost, site, 0.0) * (1 + 1e-12) + 1e-12
        elif residual(capacity[site]) <= 0:
            assert load[site] == capacity[site]
        else:
            assert load[site] == pytest.approx(brentq(residual, 0.0, capacity[site], xtol=1e-14), abs=1e-10)
            assert price[site] == pytest.approx(marginal(cost, site, load[site]), rel=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_root_is_found_to_rounding_wherever_it_starts(dtype):
    _, _, capacity = draw(9)
    high = jnp.asarray(capacity, dtype)
    wanted = jnp.asarray(np.linspace(0.01, 0.99, SITES) * capacity, dtype)

    def residual(load):  # steep on one side and flat on the other
        return jnp.expm1(8.0 * (load - wanted) / high), 8.0 / high * jnp.exp(8.0 * (load - wanted) / high)

    for share in (0.0, 0.5, 1.0):
        root = increasing_root(residual, share * high, high)
        np.testing.assert_allclose(root, wanted, atol=16 * np.finfo(dtype).eps * capacity.max())


@pytest.mark.parametrize(("share", "most"), [(0.0, 20), (0.5, 20), (1.0, 20), (None, 5)])
def test_a_root_takes_few_steps(share, most):
    # Sites that are done stay done: one that left its root by bisection kept all of them at it for 59 steps.
    _, cost, capacity = draw(3)
    wanted = jnp.asarray(np.linspace(0.0, 1.0, SITES) * capacity)
    prices, steps = cost.derivatives(wanted)[1], []

    def residual(load):
        jax.debug.callback(lambda: steps.append(1))
        _, first, second = cost.derivatives(load)
        return first - prices, second

    start = wanted * (1 + 1e-4) if share is None else share * jnp.asarray(capacity)
    root = increasing_root(residual, start, jnp.asarray(capacity))
    jax.effects_barrier()
    np.testing.assert_allclose(root, wanted, rtol=1e-9, atol=1e-12)
    assert 1 <= len(steps) <= most


def test_a_site_without_flow_asks_its_marginal_cost():
    cost = CongestionCost(jnp.array([0.7]), jnp.array([0.5]))
    load, price = proximal_step(cost, jnp.array([2.0]), jnp.array([1.0]), jnp.zeros(1), jnp.zeros(1))
    assert float(load[0]) == pytest.approx(1.0)
    assert float(price[0]) == pytest.approx(0.7 + 2 * 0.5)


def test_a_site_without_capacity_takes_nothing():
    cost = CongestionCost(jnp.array([0.7]))
    load, _ = proximal_step(cost, jnp.zeros(1), jnp.array([3.0]), jnp.ones(1), jnp.zeros(1))
    assert float(load[0]) == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_the_conjugate_is_the_least_value_and_never_above_it(seed):
    random, cost, capacity = draw(seed)
    prices = random.normal(1.0, 2.0, SITES)
    least, size = (np.asarray(a) for a in conjugate(cost, *map(jnp.asarray, (capacity, prices, 0.5 * capacity))))
    for site in range(SITES):

        def value(at, site=site):
            waiting = cost.queueing[site] * at / (cost.servers[site] - at)
            return float((cost.linear[site] + cost.quadratic[site] * at - prices[site]) * at + waiting)

        inner = minimize_scalar(value, bounds=(0.0, capacity[site]), method="bounded", options={"xatol": 1e-12})
        exact = min(inner.fun, value(0.0), value(capacity[site]))
        rounding = 8 * np.finfo(float).eps * size[site]
        assert least[site] <= exact + rounding
        assert least[site] == pytest.approx(exact, abs=1e-8)


def test_derivatives_are_those_of_the_formula():
    _, cost, capacity = draw(1)
    load = jnp.asarray(0.5 * capacity)
    value, first, second = cost.derivatives(load)
    slack = cost.servers - load
    np.testing.assert_allclose(value, cost(load))
    expected = cost.linear + 2 * cost.quadratic * load + cost.queueing * cost.servers / slack**2
    np.testing.assert_allclose(first, expected, rtol=1e-12)
    np.testing.assert_allclose(second, 2 * cost.quadratic + 2 * cost.queueing * cost.servers / slack**3, rtol=1e-12)
