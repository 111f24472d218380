"""Cooling and electrical losses against published tables and annual figures."""

import hypothesis.strategies as st
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from jaxsched import models
from jaxsched._parameters import soft_clamp
from jaxsched.models.site_curves import SiteCurves

# Published figures have three digits after the point; half a unit of the last, and rounding of inputs.
PRINTED = 1e-3
# What the comparison with published annual means may differ by, hours of the year chosen included.
ANNUAL = 0.01


def power_usage_effectiveness(plant, fraction, dry_bulb, wet_bulb):
    curves = SiteCurves.at(
        jnp.asarray(1000.0), models.ComponentElectrical(), models.Plant(plant, models.DryWater()), dry_bulb, wet_bulb
    )
    x = jnp.asarray(fraction)
    return float(jnp.mean(curves.facility(x) / curves.it(x)))


def test_polynomial_partial_pue_meets_the_manufacturer_table():
    # Xu, Feng and Li (2013), table 1: outdoor temperature and pPUE. Largest residual of their own fit: 0.022.
    table = {35.0: 1.30, 21.1: 1.21, 15.6: 1.17, 10.0: 1.10, -3.9: 1.05}
    plant = models.PolynomialPartialPUE()
    for temperature, published in table.items():
        assert abs(float(plant.partial_pue(jnp.asarray(temperature))) - published) <= 0.0225


@pytest.mark.parametrize(
    ("plant", "sydney", "melbourne"),
    [
        ("dx", 1.293, 1.282),
        ("airside", 1.157, 1.143),
        ("waterside", 1.186, 1.160),
        ("indirect_evaporative", 1.133, 1.125),
    ],
)
def test_annual_pue_of_2024_is_reproduced(weather, plants, plant, sydney, melbourne):
    assert abs(power_usage_effectiveness(plants[plant], 0.6, *weather("AU-NSW", 2024)) - sydney) <= ANNUAL
    assert abs(power_usage_effectiveness(plants[plant], 0.6, *weather("AU-VIC", 2024)) - melbourne) <= ANNUAL


def test_annual_mean_of_the_polynomial_partial_pue_is_reproduced(weather):
    plant = models.PolynomialPartialPUE()
    assert abs(float(plant.partial_pue(weather("AU-NSW", 2024)[0]).mean()) - 1.171) <= ANNUAL
    assert abs(float(plant.partial_pue(weather("AU-VIC", 2024)[0]).mean()) - 1.155) <= ANNUAL


def test_pue_depends_on_load_as_published(weather):
    published = {0.1: 1.549, 0.3: 1.324, 0.6: 1.293, 1.0: 1.317}
    hours = weather("AU-NSW", 2024)
    for fraction, value in published.items():
        found = power_usage_effectiveness(models.DirectExpansion(), fraction, *hours)
        assert abs(found - value) <= PRINTED


def test_air_cooled_cop_matches_the_chiller_it_was_fitted_to():
    # York YCAL0033EE at 10 degC leaving water, reference COP 3.1; stated error of the surrogate 0.5 %.
    a = (0.1807017787, 0.0271530312, -0.0004553574, 0.0188175079, 0.0002623276, -0.0012881189)
    condenser = np.linspace(15.0, 45.0, 31)
    water = 10.0
    ratio = a[0] + a[1] * water + a[2] * water**2 + (a[3] + a[5] * water) * condenser + a[4] * condenser**2
    chiller = models.AirCooledChiller()
    assert np.abs(np.asarray(chiller(jnp.asarray(condenser))) / (ratio / 3.1) - 1.0).max() <= 0.0055


def test_water_cooled_cop_matches_the_chiller_it_was_fitted_to():
    # Carrier 19XR with variable speed at 10 degC leaving water, reference COP 6.04; stated error 0.5 %.
    a = (1.026340, -1.612819e-2, -1.092591e-3, -1.784393e-2, 7.961842e-4, -9.586049e-5)
    condenser = np.linspace(12.8, 32.2, 31)
    water = 10.0
    ratio = a[0] + a[1] * water + a[2] * water**2 + (a[3] + a[5] * water) * condenser + a[4] * condenser**2
    found = models.WaterCooledChiller().at_condenser(jnp.asarray(condenser))
    assert np.abs(np.asarray(found) / (ratio / 6.04) - 1.0).max() <= 0.0055


def test_cop_values_of_the_surrogate_are_as_printed():
    printed = {0.0: 8.3, 10.0: 6.4, 20.0: 4.9, 30.0: 3.78, 35.0: 3.32, 40.0: 2.91, 45.0: 2.56}
    chiller = models.AirCooledChiller()
    for temperature, cop in printed.items():
        # Two or three printed digits.
        assert abs(1.0 / float(chiller(jnp.asarray(temperature))) - cop) <= 0.05


def test_ups_efficiency_is_as_printed():
    for fraction, efficiency in {0.25: 0.913, 0.5: 0.943, 0.75: 0.951, 1.0: 0.952}.items():
        it_power = jnp.asarray(fraction)
        ups = models.ComponentElectrical()(it_power, jnp.asarray(1.0), jnp.asarray(0.0)).ups
        assert abs(float(it_power / (it_power + ups)) - efficiency) <= PRINTED


def test_proportional_losses_multiply_it_and_cooling_power():
    it_power, cooling = jnp.asarray(80.0), jnp.asarray(13.0)
    losses = models.ProportionalElectrical()(it_power, jnp.asarray(100.0), cooling)
    np.testing.assert_allclose(it_power + cooling + sum(losses), 1.069 * (it_power + cooling), rtol=1e-12)


def test_a_mixture_equals_the_plant_of_each_site(plants):
    members = tuple(plants.values())
    mixture = models.MixedPlants(tuple(models.Plant(one, models.DryWater()) for one in members), np.eye(len(members)))
    shape = (9, len(members))
    dry_bulb = jnp.broadcast_to(jnp.linspace(-5.0, 45.0, 9)[:, None], shape)
    arguments = (
        jnp.full(shape, 70.0),
        jnp.full(shape, 100.0),
        jnp.full(shape, 102.5),
        dry_bulb,
        dry_bulb - 6.0,
    )
    it_power, rated, *others = arguments
    curves = mixture.curves(rated, *others).cooling
    mixed = [curve(it_power / rated) for curve in (curves.compressor, curves.fan, curves.pump)]
    for column, plant in enumerate(members):
        alone = plant(*(a[:, column] for a in arguments))
        for together, single in zip(mixed, alone, strict=True):
            together = np.broadcast_to(together, shape)[:, column]
            np.testing.assert_allclose(together, np.broadcast_to(single, (9,)), rtol=1e-12)


def test_a_mixture_with_a_missing_row_is_refused(plants):
    with pytest.raises(ValueError, match=r"2 members need one row each"):
        models.MixedPlants(
            tuple(models.Plant(plants[name], models.DryWater()) for name in ("dx", "airside")), np.ones((1, 4))
        )


def test_compressors_work_harder_when_it_is_hotter(plants):
    temperature = jnp.linspace(-5.0, 45.0, 201)
    for name, plant in plants.items():
        power = plant(jnp.asarray(60.0), jnp.asarray(100.0), jnp.asarray(102.5), temperature, temperature - 4.0)
        step = np.diff(np.broadcast_to(power.compressor, temperature.shape))
        assert (step > 0.0).all() or (name == "constant" and (step == 0.0).all()), name


def test_part_load_is_one_at_full_load():
    assert float(models.PartLoad().curve()(jnp.asarray(1.0))) == pytest.approx(1.0, abs=1e-15)


@settings(max_examples=200, deadline=None)
@given(
    value=st.floats(-1e6, 1e6),
    low=st.floats(-1e3, 1e3),
    span=st.floats(1e-2, 1e3),
    width=st.floats(1e-2, 50.0),
)
def test_a_soft_clamp_never_leaves_its_range(value, low, span, width):
    clamped = float(soft_clamp(jnp.asarray(value), low, low + span, width))
    # Two numbers of the size of `value` are subtracted.
    rounding = 1e-15 * (abs(value) + abs(low) + span) * 4.0
    assert low - rounding <= clamped <= low + span + rounding


@settings(max_examples=100, deadline=None)
@given(temperature=st.floats(-60.0, 80.0))
def test_the_mechanical_share_stays_between_nothing_and_all(temperature):
    share = float(models.FreeCooling()(jnp.asarray(temperature)))
    assert -1e-15 <= share <= 1.0 + 1e-14


@settings(max_examples=100, deadline=None)
@given(temperature=st.floats(-60.0, 80.0))
def test_the_partial_pue_stays_between_its_values_at_the_limits(temperature):
    plant = models.PolynomialPartialPUE()
    ends = [1.0743 + 0.0041 * t + 7.1705e-5 * t * t for t in (-5.0, 40.0)]
    assert ends[0] - 1e-12 <= float(plant.partial_pue(jnp.asarray(temperature))) <= ends[1] + 1e-12
