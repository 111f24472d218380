"""Held-out predictions of the serving benchmark know nothing of what they predict, and find laws that are there."""

import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks._held_out import scored, unseen
from benchmarks._serving_times import call, columns, profiles, title
from benchmarks.calibration_serving import round_trip_case, summary
from jaxsched.models import FlooredPrefill, InterTokenLatency

NAMES = ("fixed", "per_sequence", "per_context")


def decode_times(noise=0.0):
    """Times per token of a known law at settings that are repeated three times."""
    batch, context = (np.repeat(a.ravel(), 3) for a in np.meshgrid([1.0, 4.0, 16.0, 64.0], [200.0, 2000.0, 8000.0]))
    true = 0.02 + 2e-4 * batch + 3e-8 * batch * context
    return batch, context, true * np.exp(noise * np.random.default_rng(0).normal(size=true.size))


def predictions(observed, batch, context):
    start = InterTokenLatency(per_context=jnp.asarray(1e-8))
    features = {"batch": batch, "context": batch * context}
    return unseen(start, call, (batch, context), observed, batch, NAMES, features)


def test_a_law_that_is_there_is_found_at_batches_that_were_held_out():
    batch, context, seconds = decode_times(noise=0.01)
    found = scored(seconds, predictions(seconds, batch, context))
    # Noise of 1 % has a median size of 0.7 %.
    assert found["calibrated"]["median_relative_error"] < 0.015
    assert found["calibrated"]["median_relative_error"] < 0.1 * found["default"]["median_relative_error"]
    assert found["calibrated"]["count"] == seconds.size


def test_what_is_held_out_has_no_part_in_its_own_prediction():
    batch, context, seconds = decode_times(noise=0.01)
    held = batch == 16.0
    before, after = (predictions(np.where(held, seconds * factor, seconds), batch, context) for factor in (1.0, 5.0))
    for name in ("calibrated", "polynomial"):
        # The scale of the residuals, which only the robust loss's width depends on, is that of all rows.
        np.testing.assert_allclose(after[name][held], before[name][held], rtol=2e-3)
        assert (np.abs(after[name][~held] / before[name][~held] - 1.0).max()) > 0.1


def test_one_wild_setting_hardly_moves_the_predictions_of_the_others():
    batch, context, seconds = decode_times(noise=0.01)
    wild = (batch == 64.0) & (context == 8000.0)
    found = predictions(np.where(wild, 0.1 * seconds, seconds), batch, context)["calibrated"]
    others = batch < 64.0
    assert np.median(np.abs(found[others] / seconds[others] - 1.0)) < 0.05


def test_the_ranges_of_a_summary_part_the_values():
    batch, _, seconds = decode_times()
    guess = {"calibrated": seconds, "default": 1.1 * seconds, "polynomial": seconds}
    found = summary([{"case": "a", "observed": seconds, "at": batch, "predictions": guess}], (0.0, 1.0, 16.0, 64.0))
    assert [one["scores"]["default"]["count"] for one in found["ranges"]] == [9, 18, 9]
    assert found["scores"]["default"]["median_relative_error"] == pytest.approx(0.1)


@pytest.mark.slow
def test_prefill_of_real_gpus_is_predicted_at_settings_that_no_fit_has_seen(shared_data):
    assert shared_data.is_dir()
    rows = next(rows for _, _, rows in profiles() if title(rows) == "llama2-70b, 4 x h100-80gb")
    prompt, batch, seconds = columns(rows, "prompt_size", "batch_size", "prompt_time")
    inputs = prompt * batch, prompt**2 * batch
    law, names = FlooredPrefill(), ("floor", "linear", "quadratic", "sharpness")
    features = {"tokens": inputs[0], "squares": inputs[1]}
    found = scored(seconds, unseen(law, call, inputs, seconds, prompt * 1e4 + batch, names, features, robust=False))
    assert found["calibrated"]["median_relative_error"] < 0.08
    assert found["calibrated"]["median_relative_error"] < found["polynomial"]["median_relative_error"]


@pytest.mark.slow
def test_round_trips_between_unseen_cities_are_predicted_and_their_band_holds(shared_data):
    assert shared_data.is_dir()
    case = round_trip_case(every=20)
    errors = {
        name: value["median_relative_error"] for name, value in scored(case["observed"], case["predictions"]).items()
    }
    assert errors["calibrated"] < min(errors["default"], errors["polynomial"])
    assert case["share_between_10_and_90_percent"] == pytest.approx(0.8, abs=0.05)
