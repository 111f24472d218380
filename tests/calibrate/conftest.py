"""A plant with known parameters, and what a meter would read of it."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from jaxsched import models
from jaxsched.calibrate import Observations, fit

ROWS, NOISE_KW = 400, 5.0
TRUTH = {"chiller.reference_ratio": 0.25, "chiller.sensitivity": 0.03}
RATED_KW = 1000.0


def predict(model, inputs):
    """Power of the compressors [kW] at a heat [kW] and a dry bulb [degC]."""
    heat, air = inputs
    rated = jnp.asarray(RATED_KW)
    return model(heat, rated, rated, air, air).compressor


def measure(seed: int = 0, noise: float = NOISE_KW, rows: int = ROWS) -> Observations:
    """Half-hourly readings with independent noise."""
    random = np.random.default_rng(seed)
    heat, air = random.uniform(200.0, 1000.0, rows), random.uniform(5.0, 40.0, rows)
    plant = models.DirectExpansion(chiller=models.AirCooledChiller(*map(jnp.asarray, TRUTH.values())))
    power = np.asarray(predict(plant, (jnp.asarray(heat), jnp.asarray(air))))
    times = pd.date_range("2024-01-01", periods=rows, freq="30min")
    return Observations((heat, air), power + random.normal(0.0, noise, rows), unit="kW", times=times)


@pytest.fixture(scope="session")
def known():
    return measure()


@pytest.fixture(scope="session")
def plain_fit(known):
    """The fit that most tests look at."""
    return fit(models.DirectExpansion(), known, parameters=list(TRUTH), predict=predict, starts=3, folds=4)
