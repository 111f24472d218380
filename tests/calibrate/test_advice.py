"""A fit says where it does not hold, and advises only what is possible."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from jaxsched import models
from jaxsched.calibrate import CalibrationError, Observations, Scores, fit, scores
from jaxsched.calibrate._diagnostics import agreement_warnings, bound_warnings, domain_warnings
from jaxsched.calibrate._objective import arguments_of, call_model
from jaxsched.calibrate._parameters import Named, bijection
from jaxsched.calibrate._validation import hourly_scores, proportional_prediction

GOOD = Scores(0.1, 0.0, 1.0, 0.95, 0.1, 100)


def of_constant_ratio(rows=200, noise=0.02):
    """A meter of a plant that takes a quarter of its load, whatever the weather."""
    random = np.random.default_rng(0)
    load, air = random.uniform(200.0, 900.0, rows), random.uniform(5.0, 40.0, rows)
    power = 0.25 * load * (1.0 + noise * random.normal(size=rows))
    inputs = {"it_power": load, "rated_it_power": np.full(rows, 1000.0), "rated_heat": np.full(rows, 1000.0)}
    return Observations({**inputs, "dry_bulb": air, "wet_bulb": air - 3.0}, power, unit="kW")


class Total(models.AbstractCooling):
    """The sum of what a plant takes, fixed in its weather, for a quick fit."""

    share: jnp.ndarray

    def curves(self, rated_it_power, rated_heat, dry_bulb, wet_bulb):
        raise NotImplementedError

    def __call__(self, it_power, rated_it_power, rated_heat, dry_bulb, wet_bulb):
        return self.share * dry_bulb * rated_it_power / rated_it_power * 10.0


def test_a_law_that_a_constant_ratio_beats_is_told_so_and_so_is_one_that_misses_its_own_rows():
    found = fit(Total(jnp.asarray(1.0)), of_constant_ratio(), parameters=["share"], folds=2, starts=1)
    assert found.scores["constant"].cv_rmse == pytest.approx(0.02, rel=0.3)
    told = " ".join(found.warnings)
    assert "a constant ratio to the load predicts the held-out rows better" in told
    assert "of the variance of the rows that it was fitted to" in told


def test_a_law_that_matches_is_told_neither():
    table = pd.DataFrame({"bootstrap_error": [np.nan], "standard_error": [1.0]})
    worse = dataclasses.replace(GOOD, cv_rmse=0.2)
    assert agreement_warnings(table, True, {"fitted": GOOD, "held_out": GOOD, "constant": worse}) == ()


def test_a_constant_ratio_is_fitted_where_weights_are_positive():
    driver, observed = np.array([1.0, 2.0, 10.0]), np.array([2.0, 4.0, 90.0])
    np.testing.assert_allclose(proportional_prediction(driver, observed, np.array([1.0, 1.0, 0.0])), 2.0 * driver)
    assert proportional_prediction(None, observed, np.ones(3)) is None
    with pytest.raises(CalibrationError, match=r"proportional_to has shape \(2,\), observed \(3,\)"):
        fit(
            {"a": jnp.asarray(1.0)},
            Observations(driver, observed, proportional_to=driver[:2]),
            parameters=["a"],
            predict=lambda model, x: model["a"] * x,
        )


def test_hourly_means_are_scored_where_rows_are_shorter():
    times = pd.date_range("2024-01-01", periods=36, freq="10min", tz="UTC")
    truth = np.repeat(np.arange(1.0, 7.0), 6)
    guess = truth + np.tile([1.0, -1.0], 18)
    hourly = hourly_scores(times, truth, guess, np.ones(36, bool))
    assert hourly is not None
    assert (hourly.count, hourly.cv_rmse) == (6, 0.0)
    assert scores(truth, guess).cv_rmse > 0.2
    whole = pd.date_range("2024-01-01", periods=36, freq="h", tz="UTC")
    assert hourly_scores(whole, truth, guess, np.ones(36, bool)) is None


def test_values_outside_of_where_a_law_holds_are_named():
    inputs = {"dry_bulb": np.array([20.0, 48.0, np.nan, 30.0]), "it_power": np.full(4, 600.0), "rated_it_power": 500.0}
    hot, full = domain_warnings(models.DirectExpansion(), inputs)
    assert "DirectExpansion holds for dry_bulb in [-5, 45]; 33.3% of the values lie outside, from 20 to 48" in hot
    assert "load fraction in [0, 1]; 100.0% of the values lie outside" in full
    assert domain_warnings(models.DirectExpansion(), {"dry_bulb": np.array([-5.0, 45.0])}) == ()
    assert domain_warnings({"a": 1.0}, inputs) == ()
    known = arguments_of(models.Prefill(), call_model, (np.array([9000.0]), np.array([9000.0**2])))
    assert "tokens_mean in [0, 8192]" in domain_warnings(models.Prefill(), known)[0]


@pytest.mark.parametrize(
    ("bounds", "estimate", "words", "never"),
    [
        (None, 0.0, "lies on its bound 0: the data pull it further", "widen"),
        (None, 0.1, "that is the limit of the law itself", "widen"),
        ((0.01, 0.05), 0.05, "widen the bound (the law holds in [0, 0.1])", "limit of the law"),
        ((0.0, 0.05), 0.0, "that is the limit of the law itself", "widen"),
    ],
)
def test_a_bound_is_to_be_widened_only_where_the_law_leaves_room(bounds, estimate, words, never):
    named = [Named("sensitivity", np.asarray(0.03), "1/K", (0.0, 0.1))]
    ends = bijection(named, None if bounds is None else {"sensitivity": bounds})
    (sentence,) = bound_warnings(named, np.array([estimate]), ends, np.array([True]))
    assert words in sentence
    assert never not in sentence


def test_a_start_outside_of_its_bounds_is_told_to_widen_them_only_within_the_law():
    named = [Named("sensitivity", np.asarray(0.03), "1/K", (0.0, 0.1))]
    with pytest.raises(CalibrationError, match="start inside or widen them"):
        bijection(named, {"sensitivity": (0.04, 0.05)})
    beyond = [Named("sensitivity", np.asarray(0.3), "1/K", (0.0, 0.1))]
    with pytest.raises(CalibrationError, match=r"start inside\."):
        bijection(beyond, None)
