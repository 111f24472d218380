"""The waiting law against the exact M/M/c queue and a discrete-event simulation."""

import ciw
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import poisson

from jaxsched import models

# Largest absolute error of the mean wait, in service times, published for M/M/c by number of servers.
PUBLISHED_ERROR = {1: 1e-12, 2: 0.034, 4: 0.0284, 8: 0.0185, 16: 0.0113, 64: 0.0095, 256: 0.006}


def erlang_c_wait(servers: int, utilisation: np.ndarray) -> np.ndarray:
    """Exact mean wait of M/M/c in service times: C(c, rho) / (c (1 - rho))."""
    offered = servers * utilisation
    blocking = poisson.pmf(servers, offered) / poisson.cdf(servers, offered)
    waiting = blocking / (1.0 - utilisation * (1.0 - blocking))
    return waiting / (servers * (1.0 - utilisation))


def approximate_wait(servers, utilisation, variability=1.0):
    law = models.SakasegawaWait(variability=variability)
    one = jnp.asarray(1.0)
    return np.asarray(law.wait(jnp.asarray(utilisation), one, jnp.asarray(float(servers)), one))


@pytest.mark.parametrize("servers", list(PUBLISHED_ERROR))
def test_the_wait_is_within_the_published_error_of_erlang_c(servers):
    utilisation = np.linspace(0.01, 0.979, 300)
    error = np.abs(approximate_wait(servers, utilisation) - erlang_c_wait(servers, utilisation))
    assert error.max() <= PUBLISHED_ERROR[servers]


@pytest.mark.parametrize("servers", [1, 2, 4, 8, 16])
def test_the_wait_is_within_two_percent_of_erlang_c_at_high_load(servers):
    utilisation = np.linspace(0.9, 0.979, 80)
    exact = erlang_c_wait(servers, utilisation)
    assert (np.abs(approximate_wait(servers, utilisation) - exact) / exact).max() <= 0.02


@pytest.mark.slow
@pytest.mark.parametrize(
    ("service", "variability"),
    [(ciw.dists.Exponential(rate=1.0), 1.0), (ciw.dists.Deterministic(value=1.0), 0.5)],
    ids=["exponential", "constant"],
)
def test_the_wait_agrees_with_a_simulated_queue(service, variability):
    servers, utilisation, horizon, warm_up = 4, 0.8, 1500.0, 200.0
    means = []
    for seed in range(6):
        ciw.seed(seed)
        network = ciw.create_network(
            arrival_distributions=[ciw.dists.Exponential(rate=servers * utilisation)],
            service_distributions=[service],
            number_of_servers=[servers],
        )
        simulation = ciw.Simulation(network)
        simulation.simulate_until_max_time(horizon)
        means.append(np.mean([r.waiting_time for r in simulation.get_all_records() if r.arrival_date > warm_up]))
    sampling_error = np.std(means, ddof=1) / np.sqrt(len(means))
    expected = approximate_wait(servers, utilisation, variability)
    # Three standard errors of the simulation and the published error of the law.
    assert abs(np.mean(means) - expected) <= 3.0 * sampling_error + PUBLISHED_ERROR[servers]
    # The simulation itself must be sharp enough to mean something.
    assert sampling_error <= 0.15 * expected


def test_number_waiting_is_arrival_rate_times_wait():
    law = models.SakasegawaWait()
    load, gpus, replicas, service_time = (jnp.asarray(v) for v in (50.0, 64.0, 16.0, 0.3))
    arrival_rate = replicas * (load / gpus) / service_time
    wait = law.wait(load, gpus, replicas, service_time)
    np.testing.assert_allclose(law(load, gpus, replicas), arrival_rate * wait, rtol=1e-13)


@pytest.mark.parametrize("servers", [1.0, 1.7, 16.0, 300.0])
def test_the_number_waiting_is_convex_and_increasing_far_beyond_capacity(servers):
    law = models.SakasegawaWait()
    utilisation = jnp.linspace(-0.2, 3.0, 3201)
    number = np.asarray(law(utilisation, jnp.asarray(1.0), jnp.asarray(servers)))
    assert np.isfinite(number).all()
    assert (np.diff(number) >= 0.0).all()
    # Rounding of a second difference is a few units in the last place of the values.
    assert (np.diff(number, 2) >= -1e-15 * number[2:] * 8.0).all()


@pytest.mark.parametrize("servers", [1.0, 4.0, 64.0])
def test_value_slope_and_curvature_are_continuous_at_the_switch(servers):
    law = models.SakasegawaWait()

    def number(rho):
        return law(rho, jnp.asarray(1.0), jnp.asarray(servers))

    for derivative in (number, jax.grad(number), jax.grad(jax.grad(number))):
        below, above = (float(derivative(jnp.asarray(0.98 + e))) for e in (-1e-9, 1e-9))
        # A step of 2e-9 moves the curvature by its own slope, 3 / (1 - rho) relative, times the step.
        assert below == pytest.approx(above, rel=1e-6)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_no_derivative_is_nan_from_below_zero_to_beyond_capacity(dtype):
    loads = jnp.array([-1, -1e-30, 0, 1e-30, 1e-20, 1e-9, 1.1e-9, 0.5, 0.98, 0.999999, 1, 1.5], dtype)
    one, servers, variability = (jnp.asarray(v, dtype) for v in (1.0, 1.3, 1.1))

    def number(rho, servers, variability):
        return models.SakasegawaWait(variability, jnp.asarray(0.98, dtype))(rho, one, servers)

    def wait(rho, servers, variability):
        return models.SakasegawaWait(variability, jnp.asarray(0.98, dtype)).wait(rho, one, servers, one)

    for law in (number, wait):
        for argument in range(3):
            first = jax.grad(law, argnums=argument)
            second = jax.grad(first)
            for derivative in (first, second):
                values = jax.vmap(derivative, in_axes=(0, None, None))(loads, servers, variability)
                assert jnp.isfinite(values).all()
