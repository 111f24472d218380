"""A cooling plant with the water that it uses, as one object, and a mixture of plants over the sites."""

import abc
import dataclasses
import operator
from collections.abc import Callable
from functools import reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel, is_concrete, parameter
from jaxsched.models._axes import align
from jaxsched.models.cooling import AbstractCooling, CoolingCurves
from jaxsched.models.water import AbstractWater, WaterFactors
from jaxsched.models.wetting import Wetting


class PlantCurves(NamedTuple):
    """What a plant does at known weather: power as curves of the load fraction [kW], litres per kWh of each flow."""

    cooling: CoolingCurves
    water: WaterFactors


class AbstractPlant(AbstractModel):
    """The plants of all sites."""

    @abc.abstractmethod
    def curves(
        self,
        rated_it_power: Float[Array, "..."],
        rated_heat: Float[Array, "..."],
        dry_bulb: Float[Array, "..."],
        wet_bulb: Float[Array, "..."],
    ) -> PlantCurves:
        """Power and water at given weather; arguments as those of `AbstractCooling.curves`."""

    @abc.abstractmethod
    def replaced(self, change: "Callable[[Plant], Plant]", rows: np.ndarray) -> "AbstractPlant":
        """The same with changed plants at some sites, given as flags [site]; others keep theirs."""


class Plant(AbstractPlant):
    """One kind of plant: how it cools, the water that it uses, and when it is wetted.

    The laws may be taken from anywhere, also from a fit. Where both ask for a `Wetting` it is the same, and stands in the
    plant alone: `laws` puts it into them.

    Attributes:
        cooling: Power of the plant.
        water: Water on site.
        wetting: When it uses water, for laws that ask; that of `cooling`, else of `water`, where not given.
    Valid for:
        Where its laws are.
    Source:
        Composition; see the laws.
    """

    cooling: AbstractCooling
    water: AbstractWater
    wetting: Wetting | None

    def __init__(self, cooling: AbstractCooling, water: AbstractWater, wetting: Wetting | None = None):
        parts: list[Any] = [part for part in (cooling, water) if hasattr(part, "wetting")]
        own = [part.wetting for part in parts if part.wetting is not None]
        if wetting is None and own:
            wetting = own[0]
            if len(own) == 2 and not _agree(*own):
                raise ValueError(
                    f"{type(cooling).__name__} and {type(water).__name__} are wetted at different temperatures; a plant is "
                    "wetted once: give Plant(cooling, water, wetting)."
                )
        self.wetting = wetting if parts else None
        self.cooling, self.water = _with_wetting(cooling, None), _with_wetting(water, None)

    @property
    def label(self) -> str:
        """What it is called among others: the class of its cooling."""
        return type(self.cooling).__name__

    def with_law(self, law: AbstractCooling | AbstractWater) -> "Plant":
        """The plant with another law of cooling or of water; where that brings a wetting it is the plant's, for both laws."""
        wetting = getattr(law, "wetting", None)
        wetting = self.wetting if wetting is None else wetting
        if isinstance(law, AbstractWater):
            return Plant(self.cooling, law, wetting)
        return Plant(law, self.water, wetting)

    def laws(self) -> tuple[AbstractCooling, AbstractWater]:
        """Cooling and water, each with the wetting of the plant, to be called, fitted or saved alone."""
        return _with_wetting(self.cooling, self.wetting), _with_wetting(self.water, self.wetting)

    def replaced(self, change: "Callable[[Plant], Plant]", rows: np.ndarray) -> AbstractPlant:
        return change(self) if rows.all() else MixedPlants((self,), jnp.ones((1, len(rows)))).replaced(change, rows)

    def curves(
        self,
        rated_it_power: Float[Array, "..."],
        rated_heat: Float[Array, "..."],
        dry_bulb: Float[Array, "..."],
        wet_bulb: Float[Array, "..."],
    ) -> PlantCurves:
        cooling, water = self.laws()
        power = cooling.curves(rated_it_power, rated_heat, dry_bulb, wet_bulb)
        return PlantCurves(power, water.factors(dry_bulb, wet_bulb))


class MixedPlants(AbstractPlant):
    """Different plants at different sites, in one call.

        power[site] = sum over plants of membership[plant, site] power_plant[site],    and water alike

    Attributes:
        plants: The kinds of plant.
        membership: Share of each plant at each site, 0 or 1 where a site has one plant [plant, site] [1].
    Valid for:
        Where every member is.
    Source:
        Definition.
    """

    plants: tuple[Plant, ...]
    membership: Float[Array, "plant site"] = parameter(unit="1", valid=(0.0, 1.0))

    def __check_init__(self) -> None:
        shape = getattr(self.membership, "shape", None)
        if shape is not None and (len(shape) != 2 or shape[0] != len(self.plants)):
            raise ValueError(
                f"MixedPlants.membership has shape {shape}, but {len(self.plants)} members need one row each: "
                f"give an array [{len(self.plants)}, number of sites]."
            )

    def replaced(self, change: Callable[[Plant], Plant], rows: np.ndarray) -> "MixedPlants":
        plants, shares = [], []
        for plant, share in zip(self.plants, self.membership, strict=True):
            here = (np.asarray(share) > 0) & rows
            if not here.any():
                plants, shares = [*plants, plant], [*shares, share]
                continue
            if ((np.asarray(share) > 0) & ~rows).any():
                plants, shares = [*plants, plant], [*shares, jnp.where(rows, 0.0, share)]
            plants, shares = [*plants, change(plant)], [*shares, jnp.where(rows, share, 0.0)]
        return MixedPlants(tuple(plants), jnp.stack(shares))

    def curves(
        self,
        rated_it_power: Float[Array, "..."],
        rated_heat: Float[Array, "..."],
        dry_bulb: Float[Array, "..."],
        wet_bulb: Float[Array, "..."],
    ) -> PlantCurves:
        power, water = [], []
        for plant, share in zip(self.plants, self.membership, strict=True):
            weight = align(share, dry_bulb.ndim)
            cooling, factors = plant.curves(rated_it_power, rated_heat, dry_bulb, wet_bulb)
            power.append([curve.scaled(weight) for curve in (cooling.compressor, cooling.fan, cooling.pump)])
            water.append([weight * factor for factor in factors])
        return PlantCurves(CoolingCurves(*_sums(power)), WaterFactors(*_sums(water)))


def _sums(rows: list[list[Any]]) -> list[Any]:
    return [reduce(operator.add, column) for column in zip(*rows, strict=True)]


def _with_wetting(law: Any, wetting: Wetting | None) -> Any:
    return dataclasses.replace(law, wetting=wetting) if hasattr(law, "wetting") else law


def _agree(one: Wetting, other: Wetting) -> bool:
    """Whether two are the same as far as they are known."""
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs if is_concrete(a) and is_concrete(b))
