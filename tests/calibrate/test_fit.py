"""A fit finds the truth, says how sure it is, and never looks at what it is scored on."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import curve_fit

from jaxsched import models
from jaxsched._parameters import parameter
from jaxsched.calibrate import (
    AbstractMethod,
    CalibrationError,
    Cauchy,
    Descent,
    LeastSquares,
    Observations,
    Squared,
    fit,
    last_part,
    parameter_names,
)
from tests.calibrate.conftest import RATED_KW, TRUTH, measure, predict

# Standard errors of two implementations of one formula: finite differences in SciPy.
COVARIANCE_RTOL = 1e-4
# A standard deviation of 300 bootstrap samples of 400 rows errs by about 5 %.
BOOTSTRAP_RTOL = 0.25
NAMES = list(TRUTH)
QUICK = {"parameters": NAMES, "predict": predict, "starts": 3, "folds": 0}


class GaussNewton(AbstractMethod):
    """A method of one's own: full steps of Gauss and Newton."""

    steps: int = eqx.field(default=20, static=True)

    def minimise(self, misfit, start):
        def step(_, free):
            return free - jnp.linalg.lstsq(jax.jacfwd(misfit.residuals)(free), misfit.residuals(free))[0]

        return jax.lax.fori_loop(0, self.steps, step, start), jnp.asarray(True)

    def value(self, misfit, free):
        return LeastSquares().value(misfit, free)

    def sandwich(self, near):
        return LeastSquares().sandwich(near)

    @property
    def is_gaussian(self):
        return True


def test_a_method_of_ones_own_finds_the_same_minimum(known, plain_fit):
    found = fit(models.DirectExpansion(), known, **{**QUICK, "starts": 1}, method=GaussNewton())
    for name in ("estimate", "standard_error"):
        np.testing.assert_allclose(found.parameters[name], plain_fit.parameters[name], rtol=1e-5)
    with pytest.raises(TypeError, match="abstract"):
        AbstractMethod()


def error_in_standard_errors(found):
    table = found.parameters.loc[NAMES]
    return np.abs(table["estimate"] - np.array(list(TRUTH.values()))) / table["standard_error"]


def test_the_truth_is_within_three_standard_errors(plain_fit):
    assert plain_fit.converged
    assert (error_in_standard_errors(plain_fit) < 3.0).all()
    assert isinstance(plain_fit.model, models.DirectExpansion)
    assert float(plain_fit.model.chiller.sensitivity) == plain_fit.parameters.loc[NAMES[1], "estimate"]
    assert float(plain_fit.model.fans.rated_share) == float(models.Fans().rated_share)


def test_standard_errors_and_correlations_are_those_of_curve_fit(known, plain_fit):
    def law(inputs, ratio, sensitivity):
        heat, air = inputs
        part = models.PartLoad().curve()(jnp.asarray(heat / RATED_KW))
        return RATED_KW * ratio * np.exp(sensitivity * (air - 35.0)) * np.asarray(part)

    values, covariance = curve_fit(law, known.inputs, known.observed, p0=(0.3, 0.02))
    np.testing.assert_allclose(plain_fit.parameters["estimate"], values, rtol=1e-6)
    np.testing.assert_allclose(plain_fit.covariance, covariance, rtol=COVARIANCE_RTOL)
    expected = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    assert plain_fit.correlations.iloc[0, 1] == pytest.approx(expected, rel=COVARIANCE_RTOL)


def test_the_bootstrap_agrees_with_the_covariance_on_independent_noise(known):
    found = fit(models.DirectExpansion(), known, **QUICK, bootstrap=300, block_hours=0.5)
    table = found.parameters
    np.testing.assert_allclose(table["bootstrap_error"], table["standard_error"], rtol=BOOTSTRAP_RTOL)


def test_the_bootstrap_shows_noise_that_is_correlated_in_time(known):
    # One reading error for each day instead of each half hour: 48 rows hold the information of one.
    random = np.random.default_rng(1)
    drift = np.repeat(random.normal(0.0, 20.0, 9), 48)[: len(known.observed)]
    found = fit(
        models.DirectExpansion(), dataclasses.replace(known, observed=known.observed + drift), **QUICK, bootstrap=60
    )
    assert (found.parameters["bootstrap_error"] > 1.5 * found.parameters["standard_error"]).any()
    assert any("correlated in time" in sentence for sentence in found.warnings)


def test_missing_values_have_no_influence(known):
    observed, heat = known.observed.copy(), known.inputs[0].copy()
    observed[::7], heat[3::11] = np.nan, np.nan
    gaps = dataclasses.replace(known, observed=observed, inputs=(heat, known.inputs[1]))
    kept = np.isfinite(observed) & np.isfinite(heat)
    dropped = Observations((known.inputs[0][kept], known.inputs[1][kept]), known.observed[kept])
    found, expected = (fit(models.DirectExpansion(), data, **QUICK) for data in (gaps, dropped))
    assert found.observations.used.sum() == kept.sum()
    np.testing.assert_allclose(found.parameters["estimate"], expected.parameters["estimate"], rtol=1e-7)
    np.testing.assert_allclose(found.covariance, expected.covariance, rtol=1e-6)


def test_a_weight_of_two_counts_as_two_rows(known):
    weights = np.where(np.arange(len(known.observed)) < 100, 2.0, 1.0)
    twice = [np.concatenate([a, a[:100]]) for a in (*known.inputs, known.observed)]
    found = fit(models.DirectExpansion(), dataclasses.replace(known, weights=weights), **QUICK)
    expected = fit(models.DirectExpansion(), Observations((twice[0], twice[1]), twice[2]), **QUICK)
    np.testing.assert_allclose(found.parameters["estimate"], expected.parameters["estimate"], rtol=1e-7)


def test_bounds_hold_and_a_parameter_on_its_bound_is_named(known):
    found = fit(models.DirectExpansion(), known, **QUICK, bounds={NAMES[1]: (0.0, 0.028)})
    row = found.parameters.loc[NAMES[1]]
    assert 0.0 <= row["estimate"] <= 0.028
    assert row["at_bound"]
    assert np.isnan(row["standard_error"])
    assert any(NAMES[1] in sentence and "bound" in sentence for sentence in found.warnings)


def test_a_prior_pulls_and_narrows(known, plain_fit):
    found = fit(models.DirectExpansion(), known, **QUICK, priors={NAMES[1]: (0.02, 1e-4)})
    row = found.parameters.loc[NAMES[1]]
    assert 0.02 < row["estimate"] < plain_fit.parameters.loc[NAMES[1], "estimate"]
    assert row["standard_error"] < 1e-4


def test_supply_temperature_is_not_identifiable_when_it_was_never_cold():
    random = np.random.default_rng(2)
    heat, air = random.uniform(200.0, 1000.0, 200), random.uniform(42.0, 45.0, 200)
    power = np.asarray(predict(models.AirsideEconomiser(), (jnp.asarray(heat), jnp.asarray(air))))
    data = Observations((heat, air), power + random.normal(0.0, 3.0, 200), unit="kW")
    names = [name for name in parameter_names(models.AirsideEconomiser()) if name.startswith("free_cooling.")]
    found = fit(models.AirsideEconomiser(), data, **{**QUICK, "parameters": [names[0], NAMES[0]]})
    low, high = found.parameters.loc[names[0], ["low", "high"]]
    error = found.parameters.loc[names[0], "standard_error"]
    assert np.isnan(error) or error > 0.5 * (high - low)
    assert any(names[0] in s and ("no effect" in s or "cannot be told" in s) for s in found.warnings)
    assert found.parameters.loc[NAMES[0], "standard_error"] > 0.0


def test_a_parameter_that_is_not_in_the_data_stays_where_it_was(known):
    found = fit(models.DirectExpansion(), known, **{**QUICK, "parameters": [*NAMES, "fans.rated_share"]})
    row = found.parameters.loc["fans.rated_share"]
    assert row["no_effect"]
    assert np.isnan(row["standard_error"])
    assert row["estimate"] == pytest.approx(row["start"])
    assert any("fans.rated_share has no effect" in sentence for sentence in found.warnings)


def test_two_parameters_that_only_multiply_are_named_together(known):
    class Product(eqx.Module):
        one: object = parameter(1.0, unit="1")
        two: object = parameter(2.0, unit="1")

        def __call__(self, x):
            return self.one * self.two * x

    x = np.linspace(1.0, 2.0, 50)
    noise = np.random.default_rng(0).normal(0.0, 0.1, 50)
    found = fit(Product(), Observations((x,), 3.0 * x + noise), parameters=["one", "two"], folds=0, starts=1)
    assert any("combination of one, two" in sentence for sentence in found.warnings)


def test_held_out_rows_do_not_touch_the_fit(known):
    mask = last_part(known.times)
    changed = dataclasses.replace(known, observed=np.where(mask, 1e4, known.observed))
    first, second = (fit(models.DirectExpansion(), data, **QUICK, held_out=mask) for data in (known, changed))
    np.testing.assert_allclose(first.parameters["estimate"], second.parameters["estimate"], rtol=1e-12)
    assert first.scores["held_out"].count == mask.sum()
    assert second.scores["held_out"].nmbe > 0.5


def test_each_block_of_time_is_scored_by_a_fit_to_the_others(known, plain_fit):
    # The first block alone is spoiled: predictions for it come from the others and do not move.
    spoiled = np.where(np.arange(len(known.observed)) < 100, 0.0, known.observed)
    found = fit(models.DirectExpansion(), dataclasses.replace(known, observed=spoiled), **{**QUICK, "folds": 4})
    np.testing.assert_allclose(found.held_out_predicted[:100], plain_fit.held_out_predicted[:100], rtol=1e-6)
    assert not np.allclose(found.held_out_predicted[100:], plain_fit.held_out_predicted[100:], rtol=1e-2)


def test_the_fit_is_compared_with_the_default_and_a_polynomial(plain_fit):
    scores = plain_fit.scores
    assert scores["held_out"].cv_rmse < scores["polynomial"].cv_rmse < scores["default"].cv_rmse
    assert scores["held_out"].r2 > 0.97


def test_outliers_spoil_least_squares_and_not_a_robust_loss(known):
    spoiled = known.observed.copy()
    spoiled[::10] += 400.0
    data = dataclasses.replace(known, observed=spoiled)
    robust = fit(models.DirectExpansion(), data, **{**QUICK, "starts": 2}, method=Descent(Cauchy()))
    plain = fit(models.DirectExpansion(), data, **QUICK)
    truth = np.array(list(TRUTH.values()))
    # Outliers on one side leave a bias of their own, which the loss makes small and not zero.
    assert abs(robust.parameters["estimate"] / truth - 1).max() < 0.02
    assert (
        abs(plain.parameters["estimate"] / truth - 1).max() > 5 * abs(robust.parameters["estimate"] / truth - 1).max()
    )


def test_a_descent_takes_priors_and_rows_left_out_as_least_squares_do(known):
    held = np.arange(len(known.observed)) % 3 == 0
    given = {**QUICK, "priors": {NAMES[1]: (0.02, 1e-4)}, "held_out": held}
    found = fit(models.DirectExpansion(), known, **given)
    descended = fit(models.DirectExpansion(), known, **given, method=Descent(Squared()))
    error = np.abs(descended.parameters["estimate"] - found.parameters["estimate"])
    assert (error < 1e-3 * found.parameters["standard_error"]).all()


def test_more_steps_never_end_higher(known):
    method = [Descent(Cauchy(), steps=steps) for steps in range(1, 13)]
    misfits = [fit(models.DirectExpansion(), known, **{**QUICK, "starts": 1}, method=m).misfit[0] for m in method]
    assert (np.diff(misfits) <= 0).all()
    assert misfits[-1] < misfits[0]


def test_batches_of_rows_reach_nearly_the_least_squares(known, plain_fit):
    found = fit(
        models.DirectExpansion(), known, **{**QUICK, "starts": 1}, method=Descent(Squared(), steps=2000, batch=64)
    )
    gap = np.abs(found.parameters["estimate"] - plain_fit.parameters["estimate"])
    assert (gap < plain_fit.parameters["standard_error"]).all()


def test_the_same_seed_gives_the_same_fit(known):
    first, second = (fit(models.DirectExpansion(), known, **QUICK, bootstrap=5, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.bootstrap, second.bootstrap)
    np.testing.assert_array_equal(first.misfit, second.misfit)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"parameters": ["chiller.sensitivty"]}, "did you mean `chiller.sensitivity`"),
        ({"parameters": []}, "must list one name"),
        ({"bounds": {NAMES[1]: (0.05, 0.01)}}, "must be below"),
        ({"bounds": {NAMES[1]: (-1.0, 1.0)}}, "beyond its valid range"),
        ({"bounds": {"fans.cubic": (0.0, 1.0)}}, "not among the parameters"),
        ({"priors": {NAMES[1]: (0.02, 0.0)}}, "standard deviation > 0"),
        ({"held_out": np.ones(400, bool)}, "no usable row"),
        ({"held_out": np.arange(400)}, "one boolean"),
        ({"starts": 0}, "starts >= 1"),
        ({"predict": lambda model, inputs: inputs[0][:3]}, "must agree"),
    ],
)
def test_bad_arguments_end_in_a_sentence(known, change, words):
    with pytest.raises(CalibrationError, match=words):
        fit(models.DirectExpansion(), known, **{**QUICK, **change})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"observed": np.full(400, np.nan)}, "nothing to fit to"),
        ({"weights": np.full(400, -1.0)}, "at least 0"),
        ({"weights": np.ones(3)}, "one weight for each value"),
        ({"times": ["2024-01-01"]}, "one known time"),
        ({"observed": ["a"] * 400}, "not a number"),
    ],
)
def test_bad_observations_end_in_a_sentence(known, change, words):
    with pytest.raises(CalibrationError, match=words):
        fit(models.DirectExpansion(), dataclasses.replace(known, **change), **QUICK)


def test_a_measured_array_leaf_is_fitted_entry_by_entry():
    data = measure(rows=300)
    site = np.arange(300) % 3
    plant = models.AirCooledChiller(reference_ratio=np.full(3, 0.3))

    def of_site(model, inputs):
        return model.reference_ratio[inputs["site"]] * inputs["heat"]

    truth = np.array([0.2, 0.3, 0.4])
    heat = data.inputs[0]
    observed = truth[site] * heat + np.random.default_rng(0).normal(0.0, 1.0, 300)
    found = fit(plant, Observations({"site": site, "heat": heat}, observed), parameters=["reference_ratio"],
                predict=of_site, folds=0, starts=1)  # fmt: skip
    assert list(found.parameters.index) == [f"reference_ratio[{n}]" for n in range(3)]
    assert (np.abs(found.parameters["estimate"] - truth) < 3 * found.parameters["standard_error"]).all()
