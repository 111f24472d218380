"""Hardware table, prompt lengths, prefill, IT power."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from jaxsched import models
from jaxsched.models.hardware import REFERENCE_BATCH, mean_prefill_seconds, work_per_request
from jaxsched.models.prefill import log_normal_moments


def test_it_power_is_affine_between_idle_and_active():
    law = models.ITPower(idle_power=0.1, active_power=0.5, server_power=0.15)
    gpus = jnp.asarray(8.0)
    np.testing.assert_allclose(law(gpus, jnp.asarray(0.0)), 8 * 0.25, rtol=1e-12)
    np.testing.assert_allclose(law(gpus, gpus), 8 * 0.65, rtol=1e-12)
    np.testing.assert_allclose(law(gpus, jnp.asarray(3.0)), 8 * 0.25 + 3 * 0.4, rtol=1e-12)


def test_work_of_a_request_is_prefill_and_share_of_decode():
    # Worked out by hand from the measured coefficients: 8B on one H100, 70B on four.
    small = 0.010 + 3.6e-5 * 1000.0 + 200.0 * (6.20e-3 + 0.081e-3 * 64) / 64
    assert work_per_request(models.HARDWARE["h100"], "llama-8b", 1000.0, 2e6, 200.0) == pytest.approx(small)
    large = 4 * (0.0357 + 6.04e-5 * 1000.0 + 7.3e-9 * 2e6 + 200.0 * (15.28e-3 + 0.107e-3 * 32) / 32)
    assert work_per_request(models.HARDWARE["h100"], "llama-70b", 1000.0, 2e6, 200.0) == pytest.approx(large)


def test_spread_of_prompt_lengths_adds_work():
    steady = work_per_request(models.HARDWARE["a100"], "llama-70b", 2000.0, 2000.0**2, 100.0)
    spread = work_per_request(models.HARDWARE["a100"], "llama-70b", 2000.0, 2.0 * 2000.0**2, 100.0)
    assert spread - steady == pytest.approx(4 * 1.459e-8 * 2000.0**2)


@pytest.mark.parametrize("gpu", list(models.HARDWARE))
def test_powers_and_throughputs_are_possible(gpu):
    hardware = models.HARDWARE[gpu]
    for profile in hardware.profiles.values():
        assert hardware.idle_power < profile.gpu_power <= hardware.tdp
    for model, limit in {"llama-8b": 9800.0, "llama-70b": 6800.0}.items():
        # The largest measured token rates of one replica, on H100.
        profile = models.HARDWARE["h100"].profiles[model]
        assert profile.batch / profile.inter_token_latency <= limit


def test_slower_hardware_takes_more_time():
    def work(gpu, model):
        return work_per_request(models.HARDWARE[gpu], model, 1155.0, 2.6e6, 211.0)

    for model in REFERENCE_BATCH:
        assert work("h200", model) < work("h100", model) < work("a100", model) < work("l40s", model)


def test_unknown_models_and_impossible_moments_are_refused():
    hardware = models.HARDWARE["h100"]
    with pytest.raises(ValueError, match="no serving profile of model 'gpt'; known models: llama-70b, llama-8b"):
        mean_prefill_seconds(hardware, "gpt", 1.0, 1.0)
    with pytest.raises(ValueError, match=r"below the square of the mean"):
        mean_prefill_seconds(hardware, "llama-8b", 100.0, 500.0)


def test_prefill_model_and_hardware_table_agree():
    profile = models.HARDWARE["a100"].profiles["llama-70b"]
    law = models.Prefill(profile.prefill_fixed, profile.prefill_linear, profile.prefill_quadratic)
    expected = mean_prefill_seconds(models.HARDWARE["a100"], "llama-70b", 900.0, 1.5e6)
    np.testing.assert_allclose(law(jnp.asarray(900.0), jnp.asarray(1.5e6)), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("mu", "sigma", "mean", "tolerance"),
    [
        # Azure 2023 traces: the log-normal misses the true mean by these shares, which is known.
        pytest.param(6.63, 0.99, 1155.0, 0.08, id="conversation input"),
        pytest.param(5.02, 0.86, 211.0, 0.05, id="conversation output"),
        pytest.param(7.00, 1.36, 2048.0, 0.36, id="code input"),
        pytest.param(2.79, 0.85, 28.0, 0.17, id="code output"),
    ],
)
def test_log_normal_mean_is_as_near_the_traces_as_stated(mu, sigma, mean, tolerance):
    found = float(log_normal_moments(jnp.asarray(mu), jnp.asarray(sigma))[0])
    assert abs(found / mean - 1.0) <= tolerance


def test_log_normal_moments_match_a_large_sample():
    random = np.random.default_rng(3)
    sample = random.lognormal(5.0, 0.5, 400_000)
    mean, mean_square = log_normal_moments(jnp.asarray(5.0), jnp.asarray(0.5))
    # Three standard errors: the coefficient of variation is 0.53 for n and 1.3 for n^2.
    assert abs(float(mean) / sample.mean() - 1.0) < 3 * 0.54 / np.sqrt(sample.size)
    assert abs(float(mean_square) / (sample**2).mean() - 1.0) < 3 * 1.4 / np.sqrt(sample.size)


def test_table_of_trace_moments_is_that_of_the_trace(shared_data):
    trace = pd.read_csv(shared_data / "llm_traces" / "AzureLLMInferenceTrace_conv.csv")
    logs = np.log(trace.ContextTokens)
    # Two printed digits.
    assert abs(logs.mean() - 6.63) <= 0.006
    assert abs(logs.std() - 0.99) <= 0.006
    assert abs(trace.ContextTokens.mean() - 1155.0) <= 0.5
    mean_square = float(log_normal_moments(jnp.asarray(logs.mean()), jnp.asarray(logs.std()))[1])
    # The trace ends at the longest context, the log-normal does not: its mean square is 1.57 times too large.
    assert 1.5 <= mean_square / (trace.ContextTokens.astype(float) ** 2).mean() <= 1.65


def test_the_latency_of_a_profile_is_that_of_the_model():
    for hardware in models.HARDWARE.values():
        for profile in hardware.profiles.values():
            law = models.InterTokenLatency(profile.token_fixed, profile.token_per_sequence)
            assert float(law(jnp.asarray(float(profile.batch)), jnp.asarray(900.0))) == pytest.approx(
                profile.inter_token_latency, rel=1e-12
            )


def test_each_token_in_the_cache_of_each_sequence_costs_its_time():
    law = models.InterTokenLatency(0.02, 1e-4, 3e-8)
    batch, context = jnp.asarray([1.0, 8.0, 8.0]), jnp.asarray([0.0, 0.0, 1000.0])
    np.testing.assert_allclose(law(batch, context), [0.0201, 0.0208, 0.0208 + 8 * 1000 * 3e-8], rtol=1e-12)


def test_the_floored_prefill_is_the_greater_of_its_limits_at_both_ends_and_above_them_between():
    law = models.FlooredPrefill(0.05, 1e-4, 0.0, 4.0)
    tokens = jnp.asarray([10.0, 500.0, 50_000.0])
    found = np.asarray(law(tokens, tokens * tokens))
    np.testing.assert_allclose(found, [0.05, 0.05 * 2**0.25, 5.0], rtol=1e-6)
    slopes = jax.vmap(jax.grad(lambda n: law(n, n * n)))(jnp.linspace(1.0, 9000.0, 200))
    assert (np.diff(np.asarray(slopes)) > 0).all()
