"""A plant is one object: its cooling and its water are wetted at one temperature, whatever is fitted or put in."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsched._names import leaves
from jaxsched.models import (
    PLANTS,
    DirectExpansion,
    DryWater,
    EvaporativeWater,
    IndirectEvaporative,
    Plant,
    TowerWater,
    Wetting,
)

RATED, DRY, WET = jnp.asarray(100.0), jnp.linspace(15.0, 40.0, 26), jnp.linspace(12.0, 22.0, 26)


def litres(plant):
    return np.asarray(plant.curves(RATED, RATED, DRY, WET).water.heat)


def compressor(plant):
    return np.asarray(plant.curves(RATED, RATED, DRY, WET).cooling.compressor(jnp.asarray(0.6)))


def test_a_plant_has_one_wetting_and_both_laws_follow_it():
    plant = PLANTS["indirect_evaporative"]()
    thresholds = [leaf.name for leaf in leaves(plant) if leaf.name.endswith("threshold")]
    assert thresholds == ["wetting.threshold"]
    later = Plant(plant.cooling, plant.water, Wetting(threshold=33.0))
    assert (litres(later) < litres(plant)).all()
    assert (compressor(later) >= compressor(plant)).all()
    assert (
        compressor(later).max() > 1.001 * compressor(plant).max() or compressor(later).sum() > compressor(plant).sum()
    )
    for law, name in zip(later.laws(), ("cooling", "water"), strict=True):
        assert float(law.wetting.threshold) == 33.0, name


@pytest.mark.parametrize("law", [IndirectEvaporative, EvaporativeWater])
def test_a_law_that_is_put_in_brings_its_wetting_to_both(law):
    found = PLANTS["indirect_evaporative"]().with_law(law(wetting=Wetting(threshold=31.0, width=2.0)))
    expected = Plant(IndirectEvaporative(), EvaporativeWater(), Wetting(threshold=31.0, width=2.0))
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_wetting_goes_with_the_last_law_that_asks_for_it():
    airside = PLANTS["airside"]()
    assert float(airside.wetting.threshold) == 27.0
    dry = airside.with_law(DryWater())
    assert dry.wetting is None
    assert not [leaf.name for leaf in leaves(dry) if "wetting" in leaf.name and leaf.value is not None]


def test_laws_that_disagree_are_no_plant():
    with pytest.raises(ValueError, match="wetted at different temperatures"):
        Plant(IndirectEvaporative(), EvaporativeWater(wetting=Wetting(threshold=20.0)))
    with pytest.raises(ValueError, match=r"take it from `Plant.laws\(\)`"):
        PLANTS["airside"]().water.factors(DRY, WET)


def test_a_change_at_some_sites_leaves_the_others_their_plants():
    both = Plant(DirectExpansion(), DryWater()).replaced(
        lambda plant: plant.with_law(TowerWater()), np.array([False, True])
    )
    assert [plant.label for plant in both.plants] == ["DirectExpansion", "DirectExpansion"]
    np.testing.assert_array_equal(both.membership, np.eye(2))
    again = both.replaced(lambda plant: plant.with_law(DryWater()), np.array([False, True]))
    np.testing.assert_array_equal(again.membership, np.eye(2))
    np.testing.assert_allclose(again.plants[1].water.per_heat, DryWater().per_heat)
