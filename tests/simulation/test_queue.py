"""The request-level simulation against an independent simulator and the exact formulas of queueing theory."""

import ciw
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsched.models import HARDWARE, ServingSite
from jaxsched.models.hardware import work_per_request
from jaxsched.models.serving_site import replica_site
from jaxsched.simulation import gamma_arrivals, replay, simulate
from jaxsched.simulation._queue import fcfs_waits
from tests.models.test_queueing import erlang_c_wait

PLACES = 6
# Requests that are left out, and standard errors of the replications that are allowed.
WARM_UP, STANDARD_ERRORS = 2000, 4.0


def ciw_waits(between, service_time, servers):
    """Waits of the same requests in ciw."""
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Sequential([*between.tolist(), 1e9])],
        service_distributions=[ciw.dists.Sequential(service_time.tolist())],
        number_of_servers=[servers],
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_customers(len(between), method="Finish")
    records = sorted(simulation.get_all_records(), key=lambda record: record.id_number)
    return np.array([record.waiting_time for record in records])[: len(between)]


@pytest.mark.parametrize("servers", [1, 2, 6])
def test_every_wait_is_that_of_ciw(servers):
    draw = np.random.default_rng(servers)
    between = draw.gamma(0.4, 2.5 / (0.9 * servers), 400)
    service_time = draw.lognormal(-0.5, 1.0, 400)
    waits = fcfs_waits(jnp.asarray(between), jnp.asarray(service_time), jnp.asarray(float(servers)), PLACES)
    theirs = ciw_waits(between, service_time, servers)
    assert theirs.max() > 1.0
    # Both add up a few hundred times of order one.
    np.testing.assert_allclose(waits, theirs, atol=1e-11)


def mean_waits(service, arrival_cv2, servers, utilisation, requests=40_000, replications=8):
    """Mean wait of each replication at a mean service time of one."""

    def one(key):
        arrivals, services = jax.random.split(key)
        rate = jnp.asarray(servers * utilisation)
        between = gamma_arrivals(arrivals, requests, rate, jnp.asarray(arrival_cv2))
        return fcfs_waits(between, service(services, requests), jnp.asarray(float(servers)), PLACES)[WARM_UP:].mean()

    return np.asarray(jax.vmap(one)(jax.random.split(jax.random.key(5), replications)))


def exponential(key, requests):
    return jax.random.exponential(key, (requests,))


def log_normal(key, requests):
    """Mean one and squared coefficient of variation e - 1."""
    return jnp.exp(jax.random.normal(key, (requests,)) - 0.5)


@pytest.mark.parametrize(("service", "cv2"), [(exponential, 1.0), (log_normal, np.e - 1.0)], ids=["M/M/1", "M/G/1"])
def test_the_mean_wait_at_one_server_is_pollaczek_and_khinchines(service, cv2):
    utilisation = 0.6
    exact = utilisation * (1.0 + cv2) / (2.0 * (1.0 - utilisation))
    found = mean_waits(service, 1.0, 1, utilisation)
    error = found.std(ddof=1) / np.sqrt(found.size)
    assert abs(found.mean() - exact) <= STANDARD_ERRORS * error
    assert error <= 0.03 * exact


@pytest.mark.parametrize("servers", [2, 6])
def test_the_mean_wait_at_several_servers_is_erlangs(servers):
    exact = float(erlang_c_wait(servers, np.array(0.8)))
    found = mean_waits(exponential, 1.0, servers, 0.8)
    error = found.std(ddof=1) / np.sqrt(found.size)
    assert abs(found.mean() - exact) <= STANDARD_ERRORS * error
    assert error <= 0.03 * exact


@pytest.mark.parametrize("cv2", [0.25, 1.0, 8.0])
def test_arrivals_have_the_rate_and_the_burstiness_asked_for(cv2):
    between = np.asarray(gamma_arrivals(jax.random.key(1), 200_000, jnp.asarray(3.0), jnp.asarray(cv2)))
    # Standard error of the mean is 0.6 % at the largest variation; of the variance, 1.1 %.
    assert between.mean() == pytest.approx(1.0 / 3.0, rel=0.03)
    assert between.var() / between.mean() ** 2 == pytest.approx(cv2, rel=0.05)


LENGTHS = jnp.asarray([200.0, 500.0, 900.0, 4000.0]), jnp.asarray([50.0, 400.0, 20.0, 150.0])


def test_the_same_key_gives_the_same_requests_and_another_key_others():
    site = ServingSite(servers=2.0)
    first, again, other = (
        simulate(site, jax.random.key(seed), jnp.asarray(5.0), *LENGTHS, requests=50).between for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (np.asarray(first) != np.asarray(other)).all()


def test_ttft_is_network_wait_and_prefill_and_pairs_of_lengths_stay_together():
    site = ServingSite(servers=1.0, network=0.03)
    done = simulate(site, jax.random.key(3), jnp.asarray(4.0), *LENGTHS, requests=60)
    n = np.asarray(done.prompt_tokens)
    prefill = 0.0357 + 6.04e-5 * n + 7.3e-9 * n**2
    np.testing.assert_allclose(done.ttft, 0.03 + np.asarray(done.wait) + prefill, rtol=1e-12)
    assert set(zip(n.tolist(), np.asarray(done.answer_tokens).tolist(), strict=True)) <= set(
        zip(*(lengths.tolist() for lengths in LENGTHS), strict=True)
    )
    assert (np.diff(done.arrived) >= 0).all()


def test_one_call_serves_replications_loads_and_numbers_of_servers():
    site = ServingSite()
    keys, rates, servers = jax.random.split(jax.random.key(0), 3), jnp.asarray([1.0, 8.0]), jnp.asarray([1.0, 3.0])

    def run(key, rate, number):
        held = ServingSite(site.prefill, site.token_time, number, site.arrival_cv2, site.network)
        return simulate(held, key, rate, *LENGTHS, requests=40, places=4).wait.mean()

    over_servers = jax.vmap(run, in_axes=(None, None, 0))
    waits = jax.vmap(jax.vmap(over_servers, in_axes=(None, 0, None)), in_axes=(0, None, None))(keys, rates, servers)
    assert waits.shape == (3, 2, 2)
    alone = simulate(ServingSite(servers=3.0), keys[1], rates[1], *LENGTHS, requests=40).wait.mean()
    np.testing.assert_allclose(waits[1, 1, 1], alone, rtol=1e-12)
    assert (waits[:, 0] < waits[:, 1]).all()
    assert (waits[:, 1, 1] < waits[:, 1, 0]).all()


def test_the_derivative_of_waits_is_that_of_central_differences():
    draw = np.random.default_rng(2)
    between = jnp.asarray(draw.exponential(0.25, 80))
    tokens, answers = (jnp.asarray(draw.integers(20, 2000, 80).astype(float)) for _ in range(2))

    def mean_ttft(token_time):
        return replay(ServingSite(token_time=token_time, servers=2.0), between, tokens, answers).ttft.mean()

    at, step = jnp.asarray(6e-4), 1e-9
    difference = (mean_ttft(at + step) - mean_ttft(at - step)) / (2 * step)
    assert float(difference) > 0
    # Times of order 1 s rounded at 1e-16 over a step of 1e-9, relative to a slope of hundreds of tokens.
    np.testing.assert_allclose(jax.grad(mean_ttft)(at), difference, rtol=1e-6)


def test_a_number_of_servers_that_is_not_whole_or_too_large_is_refused():
    once = jnp.asarray([1.0])
    with pytest.raises(ValueError, match=r"servers is 1\.5; a simulation needs a whole number"):
        replay(ServingSite(servers=1.5), once, once, once)
    with pytest.raises(ValueError, match=r"servers is 5, above places \(4\); raise places"):
        replay(ServingSite(servers=5.0), once, once, once, places=4)
    with pytest.raises(ValueError, match="traced; give places"):
        jax.vmap(lambda c: replay(ServingSite(servers=c), once, once, once))(jnp.asarray([1.0, 2.0]))
    with pytest.raises(ValueError, match="requests is 0; simulate at least one"):
        simulate(ServingSite(), jax.random.key(0), jnp.asarray(1.0), once, once, requests=0)


def test_a_request_holds_a_replica_for_its_work_over_the_gpus_of_a_replica():
    hardware = HARDWARE["h100"]
    site = replica_site(hardware.profiles["llama-70b"], 8.0, arrival_cv2=2.0)
    held = site.service_time(jnp.asarray(800.0), jnp.asarray(211.0))
    work = work_per_request(hardware, "llama-70b", 800.0, 800.0**2, 211.0)
    assert float(held) == pytest.approx(work / hardware.profiles["llama-70b"].gpus_per_replica, rel=1e-12)
