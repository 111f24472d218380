"""Weights and a cooling parameter from the schedules of an operator who has others."""

import functools

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsched import InteriorPoint, solve
from jaxsched.calibrate import CalibrationError, fit_schedules
from jaxsched.scenarios import australia
from jaxsched.study import build, inputs_of, pose

NAMES = (
    "site_model.weights.carbon",
    "site_model.price.network_adder",
    "site_model.cooling.plants.0.chiller.reference_ratio",
)
TRUTH = np.array([160.0, 70.0, 0.36])
# The schedules of a gap of 1e-10 are right to about its root.
SOLVER = InteriorPoint(rtol=1e-10)
RECOVERED_RTOL = 1e-4


def varied(inputs):
    model = inputs.site_model
    return [model.weights.carbon, model.price.network_adder, model.cooling.plants[0].chiller.reference_ratio]


def at(inputs, values):
    return eqx.tree_at(varied, inputs, [jnp.asarray(v) for v in values])


@pytest.fixture(scope="module")
def setting():
    """Inputs of a study, the function that poses its problem, and the loads of an operator with other parameters."""
    study = build(australia(sites=6, origins=8, slots=6, start="2024-01-15T00:00"))
    inputs, problem = inputs_of(study), functools.partial(pose, study)
    return inputs, problem, np.asarray(solve(problem(at(inputs, TRUTH)), SOLVER).load)


def recover(inputs, problem, observed):
    return fit_schedules(inputs, problem, observed, parameters=NAMES, solver=SOLVER)


def test_exact_loads_give_the_parameters_back(setting):
    inputs, problem, load = setting
    load = load.copy()
    load[2, 3] = np.nan
    found = recover(inputs, problem, load)
    assert found.converged
    assert np.abs(np.array([float(v) for v in varied(inputs)]) / TRUTH - 1).min() > 0.1
    np.testing.assert_allclose(found.parameters["estimate"], TRUTH, rtol=RECOVERED_RTOL)
    assert not found.parameters["at_bound"].any()


def test_where_every_grid_is_as_clean_a_carbon_price_cannot_be_told_from_a_tariff(setting):
    inputs, problem, _ = setting
    even = eqx.tree_at(lambda i: i.conditions.carbon_intensity, inputs, replace_fn=lambda c: jnp.full_like(c, 500.0))
    found = recover(even, problem, np.asarray(solve(problem(at(even, TRUTH)), SOLVER).load))
    told = " ".join(found.warnings)
    assert "only a combination of site_model.weights.carbon, site_model.price.network_adder" in told


def test_what_cannot_be_used_is_told_in_a_sentence(setting):
    inputs, problem, load = setting
    with pytest.raises(CalibrationError, match=r"the load here is \[slot, site\] = \(6, 6\)"):
        fit_schedules(inputs, problem, load[1:], parameters=NAMES)
    with pytest.raises(CalibrationError, match=r"\[slot, origin, site, kind\]"):
        fit_schedules(inputs, problem, load, parameters=NAMES, quantity="routing")
    with pytest.raises(CalibrationError, match="give 'load' or 'routing'"):
        fit_schedules(inputs, problem, load, parameters=NAMES, quantity="prices")  # pyright: ignore[reportArgumentType]
    with pytest.raises(CalibrationError, match="infinite"):
        fit_schedules(inputs, problem, load + np.inf, parameters=NAMES)
    with pytest.raises(CalibrationError, match="nothing to fit to"):
        fit_schedules(inputs, problem, load * np.nan, parameters=NAMES)
