"""The law of waits against the exact queues and a request-level simulation; the quantiles of TTFT against SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import poisson

from jaxsched.models import ExponentialWait, SakasegawaWait, ServingSite
from jaxsched.simulation import gamma_arrivals
from jaxsched.simulation._queue import fcfs_waits

ONE = jnp.asarray(1.0)
# How far the probability of waiting may lie from Erlang's, as the class says.
STATED_EXCESS, STATED_SHORTFALL = 0.06, 0.02


def test_the_wait_of_one_exponential_server_is_exact():
    times, rho = jnp.linspace(0.0, 20.0, 30), jnp.asarray(0.7)
    found = ExponentialWait(SakasegawaWait(1.0)).exceeding(times, rho, ONE, ONE, ONE)
    np.testing.assert_allclose(found, 0.7 * np.exp(-0.3 * np.asarray(times)), rtol=1e-12)


@pytest.mark.parametrize("servers", [2, 4, 16, 64, 256])
def test_the_probability_of_waiting_is_near_erlangs_c(servers):
    rho = np.linspace(0.05, 0.979, 200)
    offered = servers * rho
    blocking = poisson.pmf(servers, offered) / poisson.cdf(servers, offered)
    exact = blocking / (1.0 - rho * (1.0 - blocking))
    excess = np.asarray(ExponentialWait().probability(jnp.asarray(rho), ONE, jnp.asarray(float(servers)))) - exact
    assert excess.min() >= -STATED_SHORTFALL
    assert excess.max() <= STATED_EXCESS


def test_the_distribution_has_the_mean_of_its_law():
    at = (jnp.asarray(0.8), ONE, jnp.asarray(4.0), jnp.asarray(0.5))
    law = ExponentialWait()
    times = jnp.linspace(0.0, 60.0, 60_001)
    area = jnp.trapezoid(law.exceeding(times, *at), times)
    np.testing.assert_allclose(area, law.mean.wait(*at), rtol=1e-6)


@pytest.mark.parametrize(("servers", "utilisation"), [(1, 0.85), (4, 0.7), (16, 0.85)])
def test_the_99th_percentile_is_within_a_quarter_of_simulation(servers, utilisation):
    arrival_cv2, service_cv2 = 1.2, 0.8
    spread = np.sqrt(np.log1p(service_cv2))

    def one(key):
        arrivals, services = jax.random.split(key)
        between = gamma_arrivals(arrivals, 40_000, jnp.asarray(servers * utilisation), jnp.asarray(arrival_cv2))
        service = jnp.exp(spread * jax.random.normal(services, (40_000,)) - spread**2 / 2)
        return fcfs_waits(between, service, jnp.asarray(float(servers)), 16)[2000:]

    simulated = np.quantile(jax.vmap(one)(jax.random.split(jax.random.key(1), 4)), 0.99)
    law = ExponentialWait(SakasegawaWait(0.5 * (arrival_cv2 + service_cv2)))
    tail = float(law.exceeding(jnp.asarray(simulated), jnp.asarray(utilisation), ONE, jnp.asarray(float(servers)), ONE))
    scale = float(law.scale(jnp.asarray(utilisation), ONE, jnp.asarray(float(servers)), ONE))
    predicted = simulated + scale * np.log(tail / 0.01)
    assert predicted == pytest.approx(simulated, rel=0.25)


def test_the_quantiles_of_ttft_are_the_roots_that_scipy_finds():
    draw = np.random.default_rng(0)
    prompts, answers = (draw.lognormal(mean, 0.9, 300) for mean in (6.5, 5.0))
    site = ServingSite(servers=3.0, network=0.02)
    rate = 0.8 * 3.0 / float(site.service_time(jnp.asarray(prompts), jnp.asarray(answers)).mean())
    lengths = jnp.asarray(prompts), jnp.asarray(answers)
    shares = jnp.asarray([[0.05, 0.5], [0.9, 0.99]])
    found = site.first_token_quantile(jnp.asarray(rate), shares, *lengths)
    service = np.asarray(site.service_time(*lengths))
    base = 0.02 + np.asarray(site.prompt_time(lengths[0]))
    chance = 0.8 ** (np.sqrt(8.0) - 1.0)
    scale = 0.5 * (1.2 + service.var() / service.mean() ** 2) * service.mean() / (3.0 * 0.2)

    def above(time):
        return np.where(time < base, 1.0, chance * np.exp(-np.maximum(time - base, 0.0) / scale)).mean()

    for share, time in zip(np.ravel(shares), np.ravel(found), strict=True):
        root = brentq(lambda t, s=share: above(t) - (1.0 - s), 0.0, 100.0, xtol=1e-13)
        assert time == pytest.approx(root, rel=1e-9)
    mean = site.mean_first_token(jnp.asarray(rate), *lengths)
    assert float(mean) == pytest.approx(base.mean() + chance * scale, rel=1e-12)
