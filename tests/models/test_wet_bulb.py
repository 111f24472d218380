"""Stull's wet bulb against psychrometrics."""

import jax
import jax.numpy as jnp
import numpy as np
import psychrolib
import pytest

from jaxsched import models

# Published error of the regression, over its whole range: -1 to +0.65 K, mean absolute error below 0.3 K.
# Against the bisection of psychrolib on a uniform grid of 0 to 47 degC and 5 to 99 % (dry corners weigh more
# than in the paper): -1.16 to +1.33 K, mean absolute error 0.33 K.
LOWEST, HIGHEST, MEAN_ABSOLUTE = -1.17, 1.34, 0.34


@pytest.fixture(scope="module")
def grid():
    psychrolib.SetUnitSystem(psychrolib.SI)
    dry_bulb, humidity = np.meshgrid(np.arange(0.0, 48.0, 2.0), np.r_[5.0, np.arange(10.0, 100.0, 5.0), 99.0])
    exact = np.vectorize(lambda t, r: psychrolib.GetTWetBulbFromRelHum(t, r / 100.0, 101_325.0))(dry_bulb, humidity)
    found = np.asarray(models.stull_wet_bulb(jnp.asarray(dry_bulb), jnp.asarray(humidity)))
    return dry_bulb, humidity, found - exact


def test_wet_bulb_is_within_the_stated_error(grid):
    error = grid[2]
    assert error.min() >= LOWEST
    assert error.max() <= HIGHEST
    assert np.abs(error).mean() <= MEAN_ABSOLUTE


def test_wet_bulb_is_within_the_published_error_for_common_weather(grid):
    dry_bulb, humidity, error = grid
    common = (dry_bulb >= 10.0) & (dry_bulb <= 34.0) & (humidity >= 20.0)
    assert error[common].min() >= -1.0
    assert error[common].max() <= 0.65


def test_saturated_air_has_the_wet_bulb_of_its_temperature():
    temperature = jnp.linspace(0.0, 45.0, 46)
    # 0.19 K measured; 0.2 K leaves room for rounding.
    assert jnp.abs(models.stull_wet_bulb(temperature, jnp.full_like(temperature, 100.0)) - temperature).max() < 0.2


def test_wet_bulb_grows_with_humidity_and_has_a_gradient():
    humidity = jnp.linspace(5.0, 100.0, 96)
    slope = jax.vmap(jax.grad(models.stull_wet_bulb, argnums=1))(jnp.full_like(humidity, 30.0), humidity)
    assert (slope > 0.0).all()


def test_humidity_outside_its_range_is_refused():
    with pytest.raises(ValueError, match=r"relative_humidity is 104 %, outside its valid range \[1, 100\]"):
        models.stull_wet_bulb(jnp.asarray(20.0), jnp.asarray(104.0))
    with pytest.raises(ValueError, match=r"relative_humidity is 0.5 %"):
        models.stull_wet_bulb(jnp.asarray(20.0), jnp.asarray(0.5))
