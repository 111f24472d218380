"""A log of times to first token gives back the site that made it, and says what the site does at higher loads."""

import ciw
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from jaxsched.calibrate import CalibrationError, fit_latency
from jaxsched.models import ServingSite
from jaxsched.scenarios.readers import RequestLog, read
from jaxsched.simulation import simulate

MOST_SERVERS, REQUESTS, NOISE = 8, 1450, 0.05
TRUTH = {"token_time": 9e-4, "servers": 3.0, "arrival_cv2": 2.0}
READING = (0.0357, 6.04e-5, 7.3e-9)


def lengths(number=REQUESTS, seed=0):
    draw = np.random.default_rng(seed)
    prompt, answer = (np.clip(draw.lognormal(mean, 0.9, number).round(), 1, 6000) for mean in (6.3, 5.0))
    return prompt, answer


def write_log(path, arrived, prompt, answer, ttft, seed=1):
    """A user's file: times to first token measured with noise, one of them missing."""
    draw = np.random.default_rng(seed)
    table = pd.DataFrame({"arrival": arrived, "prompt_tokens": prompt, "output_tokens": answer})
    table["ttft_s"] = ttft * np.exp(NOISE * draw.normal(size=len(ttft)))
    table.loc[7, "ttft_s"] = np.nan
    table.to_csv(path, index=False)
    return read(path)


def rate_at(utilisation):
    prompt, answer = lengths()
    service = READING[0] + READING[1] * prompt + READING[2] * prompt**2 + TRUTH["token_time"] * answer
    return utilisation * TRUTH["servers"] / service.mean()


def queue_of_ciw(rate, requests, seed):
    """Arrivals, lengths and TTFT from ciw, with service times in NumPy; the same lengths in another order."""
    order = np.random.default_rng(seed).permutation(np.arange(requests + 50) % REQUESTS)
    prompt, answer = (tokens[order] for tokens in lengths())
    reading = READING[0] + READING[1] * prompt + READING[2] * prompt**2
    service = reading + TRUTH["token_time"] * answer
    ciw.seed(seed)
    cv2 = TRUTH["arrival_cv2"]
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Gamma(1.0 / cv2, cv2 / rate)],
        service_distributions=[ciw.dists.Sequential(service.tolist())],
        number_of_servers=[int(TRUTH["servers"])],
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_customers(requests + 50, method="Arrive")
    done = sorted(simulation.get_all_records(), key=lambda record: record.id_number)[:requests]
    at = np.array([record.id_number - 1 for record in done])
    wait = np.array([record.waiting_time for record in done])
    return np.array([record.arrival_date for record in done]), prompt[at], answer[at], wait + reading[at]


@pytest.fixture(scope="module")
def by_ciw(tmp_path_factory):
    log = write_log(tmp_path_factory.mktemp("log") / "served.csv", *queue_of_ciw(rate_at(0.45), REQUESTS, 3))
    return fit_latency(log, most_servers=MOST_SERVERS)


def test_a_log_of_ciw_gives_back_servers_token_time_and_prefill(by_ciw):
    assert by_ciw.site.servers == TRUTH["servers"]
    assert by_ciw.servers.index[by_ciw.servers["plausible"]].tolist() == [3]
    table = by_ciw.fit.parameters
    truth = [*READING, TRUTH["token_time"]]
    # Four standard errors; the noise of 5 % makes them a few percent or less.
    assert (np.abs(table["estimate"] - truth) <= 4 * table["standard_error"]).all()
    assert (table["standard_error"] <= 0.05 * np.array(truth)).all()
    assert not by_ciw.warnings


def test_the_burstiness_is_recovered_within_its_error(by_ciw):
    assert abs(float(by_ciw.site.arrival_cv2) - TRUTH["arrival_cv2"]) <= 4 * by_ciw.arrival_cv2_error
    assert by_ciw.arrival_cv2_error <= 0.25 * TRUTH["arrival_cv2"]


def test_percentiles_at_a_higher_load_are_predicted(by_ciw):
    # The simulation, of which other tests show that it is ciw's: ciw takes minutes for percentiles as sharp as these.
    rate, site, pool = rate_at(0.75), ServingSite(**TRUTH), [jnp.asarray(tokens) for tokens in lengths()]
    ttft = np.asarray(simulate(site, jax.random.key(9), jnp.asarray(rate), *pool, requests=100_000).ttft)[1000:]
    simulated = np.asarray(by_ciw.simulate(rate, requests=100_000, extrapolate=True).ttft)[1000:]
    law = by_ciw.predict(rate, extrapolate=True)
    for share, key in ((0.5, "p50_s"), (0.99, "p99_s")):
        observed = np.quantile(ttft, share)
        # The burstiness is known to 6 %, and the 99th percentiles of 100,000 such requests to about 5 % each.
        assert np.quantile(simulated, share) == pytest.approx(observed, rel=0.15)
        # The law of the wait is an approximation, whose probability of waiting is too low for bursts.
        assert law[key] == pytest.approx(observed, rel=0.35)
        before = np.quantile(np.exp(by_ciw.fit.observations.observed[by_ciw.fit.observations.row_used]), share)
        assert abs(np.quantile(simulated, share) - observed) < 0.5 * abs(before - observed)


def test_the_packages_own_simulation_is_recovered_from_missing_times_and_the_same_seed_gives_the_same(tmp_path):
    prompt, answer = (jnp.asarray(tokens) for tokens in lengths())
    site = ServingSite(token_time=5e-4, servers=5.0)
    done = simulate(site, jax.random.key(4), jnp.asarray(22.0), prompt, answer, requests=REQUESTS)
    log = write_log(tmp_path / "own.csv", done.arrived, done.prompt_tokens, done.answer_tokens, np.asarray(done.ttft))
    first, again = (fit_latency(log, most_servers=MOST_SERVERS) for _ in range(2))
    assert first.site.servers == 5.0
    assert float(first.site.token_time) == pytest.approx(5e-4, rel=0.03)
    pd.testing.assert_frame_equal(first.fit.parameters, again.fit.parameters)
    assert first.arrival_cv2_error == again.arrival_cv2_error


def test_the_replay_of_the_log_at_its_own_rate_is_the_log(by_ciw):
    replayed = np.log(np.asarray(by_ciw.replay(by_ciw.rate).ttft))
    np.testing.assert_allclose(replayed, by_ciw.fit.predicted, atol=1e-9)


def test_a_log_without_waits_warns_that_servers_cannot_be_told(tmp_path):
    prompt, answer = (jnp.asarray(tokens) for tokens in lengths())
    done = simulate(ServingSite(servers=6.0), jax.random.key(4), jnp.asarray(0.05), prompt, answer, requests=REQUESTS)
    assert float(done.wait.max()) == 0.0
    log = write_log(tmp_path / "idle.csv", done.arrived, done.prompt_tokens, done.answer_tokens, np.asarray(done.ttft))
    found = fit_latency(log, most_servers=MOST_SERVERS)
    assert any("cannot tell the number of servers (at least" in sentence for sentence in found.warnings)
    assert not found.identified


def correlated_log(servers, load, seed, noise=0.2, requests=1500):
    """A log of the package's simulation whose TTFT is off by heavy-tailed errors that last (correlation 0.9), and its waits."""
    prompt, answer = (jnp.asarray(tokens) for tokens in lengths(seed=seed))
    site = ServingSite(servers=jnp.asarray(float(servers)), token_time=jnp.asarray(8e-3), arrival_cv2=jnp.asarray(1.2))
    rate = load / float(site.utilisation(jnp.asarray(1.0), prompt, answer))
    done = simulate(site, jax.random.key(seed), jnp.asarray(rate), prompt, answer, requests=requests)
    shocks = np.random.default_rng(seed).standard_t(3, requests)
    error = np.zeros(requests)
    for n in range(1, requests):
        error[n] = 0.9 * error[n - 1] + np.sqrt(1 - 0.9**2) * shocks[n]
    columns = {"arrived": pd.Timestamp("2024-01-15") + pd.to_timedelta(done.arrived, unit="s")}
    columns |= {"prompt_tokens": done.prompt_tokens, "answer_tokens": done.answer_tokens, "request_class": "all"}
    table = pd.DataFrame({**columns, "ttft_s": np.asarray(done.ttft) * np.exp(noise * error)})
    return RequestLog("request_log", table, "UTC", True, "made.csv"), float((np.asarray(done.wait) > 0).mean())


def test_256_servers_at_a_low_load_cannot_be_told_and_no_number_is_made_up():
    log, waited = correlated_log(256, 0.25, seed=0)
    assert waited == 0.0
    found = fit_latency(log, most_servers=48)
    assert not found.identified
    low, high = found.plausible
    assert found.verdict == f"cannot tell (at least {low})"
    assert low < high == 48
    # The site that is given is one that the log allows, and keeps the token time that it could not tell.
    assert float(found.site.token_time) == float(ServingSite().token_time)
    assert low <= found.site.servers <= 256
    assert found.waiting < 0.01
    assert "token_time" not in found.fit.parameters.index


@pytest.mark.parametrize("seed", [1, 2])
def test_servers_that_some_requests_waited_for_are_covered_whatever_the_errors_look_like(seed):
    log, waited = correlated_log(6, 0.4, seed)
    assert waited > 0.0
    found = fit_latency(log, most_servers=48)
    low, high = found.plausible
    assert found.identified
    assert low <= 6 <= high <= 12


def test_errors_that_last_make_the_standard_errors_larger(by_ciw):
    independent = by_ciw.fit.parameters
    ratio = independent["bootstrap_error"] / independent["standard_error"]
    assert ratio.between(0.5, 1.5).all()
    log, _ = correlated_log(256, 0.25, seed=5, noise=0.1)
    lasting = fit_latency(log, most_servers=4).fit.parameters
    assert (lasting["bootstrap_error"] / lasting["standard_error"]).max() > 1.0


def test_a_rate_that_the_site_cannot_keep_up_with_is_refused(by_ciw):
    with pytest.raises(ValueError, match=r"rate is 1000 requests/s; this site keeps up with rates above 0 and below"):
        by_ciw.predict(1000.0, extrapolate=True)


def test_a_rate_beyond_the_log_is_predicted_only_where_asked_for(by_ciw):
    with pytest.raises(ValueError, match=r"the busiest hour of the log has .* give extrapolate=True"):
        by_ciw.predict(1.5 * by_ciw.highest_rate)
    for way in (by_ciw.simulate, by_ciw.replay):
        with pytest.raises(ValueError, match="give extrapolate=True"):
            way(1.5 * by_ciw.highest_rate)
    assert by_ciw.predict(by_ciw.highest_rate)["p99_s"] > by_ciw.predict(0.5 * by_ciw.rate)["p99_s"]


def test_logs_that_cannot_be_fitted_are_refused_in_one_sentence():
    stamps = pd.date_range("2024", periods=60, freq="s")
    table = pd.DataFrame({"arrived": stamps, "prompt_tokens": 10.0, "answer_tokens": 5.0, "request_class": "all"})
    log = RequestLog("request_log", table, "UTC", True, "served.csv")
    with pytest.raises(CalibrationError, match=r"served\.csv: has no column 'ttft_s'; give a log with"):
        fit_latency(log)
    few = RequestLog("request_log", table.assign(ttft_s=[0.1] * 20 + [np.nan] * 40), "UTC", True, "served.csv")
    with pytest.raises(CalibrationError, match=r"served\.csv: 'ttft_s' holds 20 times; at least 50 are needed"):
        fit_latency(few)
    with pytest.raises(CalibrationError, match="most_servers is 0; try at least 1"):
        fit_latency(RequestLog("request_log", table.assign(ttft_s=0.1), "UTC", True, "served.csv"), most_servers=0)
