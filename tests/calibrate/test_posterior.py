"""Draws from the posterior agree with the fit where both are right, and say more where it is not normal."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsched.calibrate import CalibrationError, Descent, Observations, fit, posterior

DRAWS = 500


@pytest.fixture(autouse=True)
def _settings_of_numpyro():
    # numpyro mixes ranks and dtypes, which the tests forbid to the package.
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def line(model, x):
    return model["offset"] + model["slope"] * x


def measured(number=80, noise=0.5):
    random = np.random.default_rng(1)
    x = random.uniform(0.0, 10.0, number)
    return Observations(x, 1.0 + 2.0 * x + random.normal(0.0, noise, number), unit="kW")


START = {"offset": jnp.asarray(0.5), "slope": jnp.asarray(1.0)}


@pytest.fixture(scope="module")
def drawn():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        found = fit(START, measured(), parameters=["offset", "slope"], predict=line, folds=0, starts=1)
        return found, posterior(found, samples=DRAWS, warmup=300, chains=2, seed=3)


def test_a_line_has_the_posterior_of_least_squares(drawn):
    found, draws = drawn
    table = draws.table.loc[["offset", "slope"]]
    error = found.parameters["standard_error"]
    # The mean of 1000 draws has an error of about a twentieth of their spread, that spread of a fortieth.
    assert (abs(table["mean"] - found.parameters["estimate"]) < 0.2 * error).all()
    np.testing.assert_allclose(table["standard_deviation"], error, rtol=0.15)
    correlation = np.corrcoef(draws.samples[..., 0].ravel(), draws.samples[..., 1].ravel())[0, 1]
    assert correlation == pytest.approx(found.correlations.iloc[0, 1], abs=0.1)
    assert draws.table.loc["noise", "mean"] == pytest.approx(0.5, rel=0.2)
    assert draws.table["unit"].tolist() == ["", "", "kW"]
    assert draws.samples.shape == (2, DRAWS, 3)
    assert draws.warnings == ()
    low, middle, high = np.asarray(draws.table[["q05", "mean", "q95"]], float).T
    assert (low < middle).all()
    assert (middle < high).all()


def test_the_same_seed_draws_the_same(drawn):
    found, draws = drawn
    again = posterior(found, samples=DRAWS, warmup=300, chains=2, seed=3)
    np.testing.assert_array_equal(again.samples, draws.samples)


def test_a_bound_cuts_the_posterior_and_a_prior_draws_it():
    found = fit(
        START,
        measured(),
        parameters=["offset", "slope"],
        predict=line,
        bounds={"offset": (0.0, 0.7)},
        priors={"slope": (2.5, 0.01)},
        folds=0,
        starts=1,
    )
    table = posterior(found, samples=100, warmup=100, chains=1).table
    low, high = np.asarray(table.loc["offset", ["q05", "q95"]], float)
    assert 0.0 < low < high < 0.7
    assert table.loc["slope", "mean"] == pytest.approx(2.5, abs=0.1)
    assert table.loc["slope", "standard_deviation"] < 0.02


def test_what_has_no_posterior_is_said(drawn, monkeypatch):
    found, _ = drawn
    with pytest.raises(CalibrationError, match="give samples and warmup >= 10, chains >= 1"):
        posterior(found, chains=0)
    idle = fit(
        {**START, "idle": jnp.asarray(1.0)},
        measured(),
        parameters=["slope", "idle"],
        predict=lambda m, x: line(m, x) + 0.0 * m["idle"],
        folds=0,
        starts=1,
    )
    with pytest.raises(CalibrationError, match="idle has no effect on these data"):
        posterior(idle)
    robust = fit(START, measured(), parameters=["slope"], predict=line, method=Descent(), folds=0, starts=1)
    with pytest.raises(CalibrationError, match="fit by least squares"):
        posterior(robust)
