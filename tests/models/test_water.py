"""Water use against annual figures of Australian sites and the formulas of the literature."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxsched import models
from jaxsched.models.water import source_water

# Published means have two or three digits; the year may start an hour earlier or later.
PRINTED = 1e-3


@pytest.mark.parametrize(
    ("zone", "year", "published"),
    [("AU-NSW", 2023, 0.072), ("AU-NSW", 2024, 0.080), ("AU-VIC", 2023, 0.056), ("AU-VIC", 2024, 0.080)],
)
def test_annual_evaporative_water_is_reproduced(weather, zone, year, published):
    factors = models.EvaporativeWater().factors(*weather(zone, year))
    assert abs(float(factors.heat.mean()) - published) <= PRINTED


@pytest.mark.parametrize(
    ("zone", "year", "lowest", "highest"),
    [("AU-NSW", 2023, 3.6, 3.7), ("AU-NSW", 2024, 3.6, 3.7), ("AU-VIC", 2024, 3.25, 3.35)],
)
def test_annual_tower_upper_bound_is_reproduced(weather, zone, year, lowest, highest):
    mean = float(models.RenWater().factors(*weather(zone, year)).it.mean())
    assert lowest <= mean <= highest


def test_the_tower_cubic_reads_degrees_fahrenheit():
    # 15 degC is 59 degF: 6/5 (6e-5 59^3 - 0.01 59^2 + 0.61 59 - 10.4), worked out by hand.
    expected = 1.2 * (12.32274 - 34.81 + 35.99 - 10.4)
    found = models.RenWater().factors(jnp.asarray(20.0), jnp.asarray(15.0)).it
    # The soft floor at 0.05 L/kWh is invisible this far above it.
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_water_grows_with_wet_bulb():
    wet_bulb = jnp.linspace(-2.0, 35.0, 100)
    assert (jnp.diff(models.RenWater().factors(wet_bulb, wet_bulb).it) > 0.0).all()


def test_make_up_water_is_evaporation_plus_blow_down():
    arguments = (
        jnp.asarray(100.0),
        jnp.asarray(102.0),
        jnp.asarray(20.0),
        jnp.asarray(60.0),
        jnp.asarray(25.0),
    )
    # 60 degC: the gate is fully open, so evaporation is of all the heat.
    np.testing.assert_allclose(models.EvaporativeWater()(*arguments), 1.47 * 1.25 * 102.0, rtol=1e-12)
    np.testing.assert_allclose(models.TowerWater()(*arguments), 1.47 * 1.25 * 122.0, rtol=1e-12)
    np.testing.assert_allclose(models.DryWater()(*arguments), 0.02 * 102.0, rtol=1e-12)


def test_a_mixture_equals_the_kind_of_each_site():
    kinds = (models.DryWater(), models.TowerWater(), models.EvaporativeWater(), models.RenWater())
    shape = (5, 4)
    dry_bulb = jnp.broadcast_to(jnp.linspace(0.0, 45.0, 5)[:, None], shape)
    arguments = jnp.full(shape, 90.0), jnp.full(shape, 92.0), jnp.full(shape, 15.0), dry_bulb, dry_bulb - 5.0
    mixture = models.MixedPlants(tuple(models.Plant(models.DirectExpansion(), kind) for kind in kinds), np.eye(4))
    it_power, heat, compressor, *weather = arguments
    factors = mixture.curves(it_power, heat, *weather).water
    mixed = factors.it * it_power + factors.heat * heat + factors.compressor * compressor
    for column, kind in enumerate(kinds):
        np.testing.assert_allclose(mixed[:, column], kind(*(a[:, column] for a in arguments)), rtol=1e-12)


def test_source_water_is_proportional_to_energy():
    np.testing.assert_allclose(source_water(jnp.asarray(1.23), jnp.asarray(200.0)), 246.0, rtol=1e-12)
