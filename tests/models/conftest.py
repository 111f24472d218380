"""Shared material of the model tests: hourly weather of two cities, and a site model with every kind of plant."""

from collections.abc import Callable
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from jaxsched import models


@pytest.fixture(scope="session")
def weather(shared_data: Path) -> Callable:
    """Dry and wet bulb of every hour of a year: `weather("AU-NSW", 2024)`.

    Only Sydney and Melbourne are among the data; Perth, Kalgoorlie and Port Hedland, which the
    published comparison has too, are not checked here.
    """
    table = pd.read_parquet(shared_data / "weather" / "greendcc_openmeteo_hourly_2020_2024.parquet")

    def of(zone: str, year: int):
        # The source stamps both cities at UTC+11 all the year.
        local = table.datetime_utc + pd.Timedelta(hours=11)
        hours = table[(table.zone == zone) & (local.dt.year == year)]
        assert len(hours) == (8784 if year % 4 == 0 else 8760)
        dry_bulb = jnp.asarray(hours.temp_c.to_numpy(float))
        return dry_bulb, models.stull_wet_bulb(dry_bulb, jnp.asarray(hours.rh_pct.to_numpy(float)))

    return of


PLANTS = {
    "dx": models.DirectExpansion,
    "airside": models.AirsideEconomiser,
    "waterside": models.WatersideEconomiser,
    "indirect_evaporative": models.IndirectEvaporative,
    "polynomial": models.PolynomialPartialPUE,
    "constant": models.ConstantPartialPUE,
}
WATER = (models.DryWater, models.TowerWater, models.EvaporativeWater, models.RenWater)
# Which of them each plant of `PLANTS` uses.
KINDS = (0, 2, 1, 2, 3, 0)


def build_site(electrical: models.AbstractElectrical | None = None) -> models.SiteModel:
    """Six sites, one with each plant of `PLANTS`, and among them each kind of water use."""
    number = len(PLANTS)
    gpus = np.array([64.0, 128.0, 256.0, 32.0, 512.0, 96.0])
    it_power = models.ITPower()
    return models.SiteModel(
        weights=models.Weights(carbon=75.0, water=3.0, waiting=1e-3),
        it_power=it_power,
        electrical=electrical or models.ComponentElectrical(),
        plants=models.MixedPlants(
            tuple(models.Plant(plant(), WATER[kind]()) for plant, kind in zip(PLANTS.values(), KINDS, strict=True)),
            np.eye(number),
        ),
        carbon=models.Carbon(scope3=40.0, embodied=0.033),
        gpus=gpus,
        replicas=gpus / 4.0,
        rated_it_power=it_power(jnp.asarray(gpus), jnp.asarray(gpus)),
    )


def build_conditions(slots: int = 40, negative_prices: bool = True, seed: int = 7) -> models.Conditions:
    """Random weather and signals at the six sites of `build_site`."""
    random = np.random.default_rng(seed)
    shape = (slots, len(PLANTS))
    dry_bulb = random.uniform(-5.0, 45.0, shape)
    return models.Conditions(
        dry_bulb=dry_bulb,
        # No place on earth is wetter than about 35 degC.
        wet_bulb=np.minimum(dry_bulb - random.uniform(0.0, 12.0, shape), 33.0),
        price=random.uniform(-600.0 if negative_prices else 0.0, 500.0, shape),
        carbon_intensity=random.uniform(50.0, 900.0, shape),
        source_water=random.uniform(0.2, 1.3, len(PLANTS)),
    )


@pytest.fixture(scope="session")
def site() -> models.SiteModel:
    return build_site()


@pytest.fixture(scope="session")
def make_site() -> Callable:
    return build_site


@pytest.fixture(scope="session")
def make_conditions() -> Callable:
    return build_conditions


@pytest.fixture(scope="session")
def conditions() -> models.Conditions:
    return build_conditions()


@pytest.fixture(scope="session")
def plants() -> dict:
    return {name: plant() for name, plant in PLANTS.items()}
