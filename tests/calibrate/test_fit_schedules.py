"""Prices and a cooling parameter from the schedules of an operator who has others."""

import functools

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsched import CongestionCost, InteriorPoint, Problem, solve
from jaxsched.calibrate import CalibrationError, fit_schedules
from jaxsched.scenarios import australia
from jaxsched.study import build_problem, build_study

# An operator of its own: sites whose power rises with the weather, and what it pays for energy and carbon.
_RANDOM = np.random.default_rng(0)
DEMAND, DISTANCE = _RANDOM.uniform(5, 10, (6, 8)), _RANDOM.uniform(0, 1, (8, 6))
PRICE, CARBON = _RANDOM.uniform(0.05, 0.25, (6, 6)), _RANDOM.uniform(0.1, 0.9, (6, 6))
OUTDOORS = _RANDOM.uniform(10, 40, (6, 6))
NAMES = ("carbon", "per_degree")
TRUTH, START = np.array([0.30, 0.020]), {"carbon": jnp.asarray(0.05), "per_degree": jnp.asarray(0.010)}
BOUNDS = {"carbon": (0.0, 2.0), "per_degree": (0.0, 0.1)}
NOISE, DRAWS = 0.2, 60
# The schedules of a gap of 1e-10 are right to about its root.
RECOVERED_RTOL, COVARIANCE_RTOL, STEP = 1e-4, 0.02, 1e-3

STUDY_NAMES = ("site_model.weights.carbon", "site_model.plants.DirectExpansion.cooling.chiller.reference_ratio")
STUDY_TRUTH = np.array([160.0, 0.36])


def posed(operator):
    power = 1 + operator["per_degree"] * (OUTDOORS - 10)
    cost = power * (PRICE + operator["carbon"] * CARBON)
    return Problem(DEMAND, DISTANCE, np.full(6, 30.0), CongestionCost(cost, 0.01))


def loads_at(values):
    return np.asarray(solve(posed(dict(zip(NAMES, map(jnp.asarray, values), strict=True))), InteriorPoint()).load)


def fitted(observed, **options):
    return fit_schedules(START, posed, observed, parameters=NAMES, bounds=BOUNDS, **options)


@pytest.fixture(scope="module")
def load():
    return loads_at(TRUTH)


@pytest.fixture(scope="module")
def noisy(load):
    """Fits to the loads with noise of known size, one a draw, and the first of the noisy loads."""
    drawn = [load + NOISE * np.random.default_rng(seed).normal(size=load.shape) for seed in range(DRAWS)]
    return [fitted(one) for one in drawn], drawn[0]


def test_exact_loads_give_the_parameters_back(load):
    known = load.copy()
    known[2, 3] = np.nan
    found = fitted(known)
    assert found.converged
    np.testing.assert_allclose(found.parameters["estimate"], TRUTH, rtol=RECOVERED_RTOL)
    assert not found.parameters["at_bound"].any()


def test_standard_errors_are_those_of_fits_to_other_noise(noisy):
    fits, _ = noisy
    estimate = np.array([found.parameters["estimate"] for found in fits])
    error = np.array([found.parameters["standard_error"] for found in fits])
    score = (estimate - TRUTH) / error
    # A standard deviation of 60 draws has an error of 9 %, their mean one of 13 %.
    np.testing.assert_allclose(score.std(0, ddof=1), 1.0, atol=0.3)
    np.testing.assert_allclose(score.mean(0), 0.0, atol=0.4)


def test_the_covariance_follows_from_differences_of_re_solves(noisy):
    (found, *_), observed = noisy
    estimate, error = (found.parameters[name].to_numpy() for name in ("estimate", "standard_error"))
    moves = STEP * np.diag(estimate)
    slopes = [(loads_at(estimate + move) - loads_at(estimate - move)).ravel() / (2 * move.sum()) for move in moves]
    slopes = np.array(slopes).T
    variance = ((observed - found.predicted) ** 2).sum() / (observed.size - len(NAMES))
    scale = np.outer(error, error)
    expected = variance * np.linalg.inv(slopes.T @ slopes)
    np.testing.assert_allclose(found.covariance / scale, expected / scale, atol=COVARIANCE_RTOL)


def test_a_study_gives_carbon_weight_and_chiller_back():
    study = build_study(australia(sites=6, origins=8, slots=4, start="2024-01-15T00:00"))
    inputs, problem, solver = study.inputs, functools.partial(build_problem, study), InteriorPoint(rtol=1e-10)

    def varied(i):
        return [i.site_model.weights.carbon, i.site_model.plants.plants[0].cooling.chiller.reference_ratio]

    operator = eqx.tree_at(varied, inputs, [jnp.asarray(value) for value in STUDY_TRUTH])
    load = np.asarray(solve(problem(operator), solver).load)
    assert np.abs(np.array([float(v) for v in varied(inputs)]) / STUDY_TRUTH - 1).min() > 0.05
    found = fit_schedules(inputs, problem, load, parameters=STUDY_NAMES, solver=solver)
    np.testing.assert_allclose(found.parameters["estimate"], STUDY_TRUTH, rtol=RECOVERED_RTOL)


def test_where_every_grid_is_as_clean_a_carbon_price_cannot_be_told_from_a_tariff():
    def even(operator):
        cost = PRICE + operator["tariff"] + 0.5 * operator["carbon"]
        return Problem(DEMAND, DISTANCE, np.full(6, 30.0), CongestionCost((1 + 0.02 * OUTDOORS) * cost, 0.01))

    truth = {"carbon": jnp.asarray(0.30), "tariff": jnp.asarray(0.05)}
    start = {"carbon": jnp.asarray(0.10), "tariff": jnp.asarray(0.10)}
    observed = np.asarray(solve(even(truth), InteriorPoint()).load)
    found = fit_schedules(start, even, observed, parameters=("carbon", "tariff"))
    told = " ".join(found.warnings)
    assert "only a combination of carbon, tariff" in told


def test_what_cannot_be_used_is_told_in_a_sentence(load):
    with pytest.raises(CalibrationError, match=r"the load here is \[slot, site\] = \(6, 6\)"):
        fitted(load[1:])
    with pytest.raises(CalibrationError, match=r"\[slot, origin, site\]"):
        fitted(load, quantity="routing")
    with pytest.raises(CalibrationError, match="give 'load' or 'routing'"):
        fitted(load, quantity="prices")
    with pytest.raises(CalibrationError, match="infinite"):
        fitted(load + np.inf)
    with pytest.raises(CalibrationError, match="nothing to fit to"):
        fitted(load * np.nan)
