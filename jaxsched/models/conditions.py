"""What the outside world does to a site, and what its effects are worth."""

from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel, parameter


class Conditions(AbstractModel):
    """Weather and signals at the sites. Each field is a scalar, [site] or [slot, site].

    Units say AUD for the currency of the scenario, whatever that is.

    Attributes:
        dry_bulb: Outdoor air temperature [degC].
        wet_bulb: Outdoor wet-bulb temperature [degC].
        price: Wholesale energy price; may be negative [AUD/MWh].
        carbon_intensity: Emissions of electricity [g/kWh].
        source_water: Water consumed in generation [L/kWh].
    Valid for:
        The ranges of the fields, which hold every Australian record (50.7 degC) and a heat wave beyond it; the
        chillers are fitted in [-5, 45] degC and extrapolate smoothly beyond.
    Source:
        Data of a scenario.
    """

    dry_bulb: Float[Array, "..."] = parameter(unit="degC", valid=(-20.0, 55.0))
    wet_bulb: Float[Array, "..."] = parameter(unit="degC", valid=(-25.0, 40.0))
    price: Float[Array, "..."] = parameter(unit="AUD/MWh", valid=(-1000.0, 25_000.0))
    carbon_intensity: Float[Array, "..."] = parameter(unit="g/kWh", valid=(0.0, 2000.0))
    source_water: Float[Array, "..."] = parameter(unit="L/kWh", valid=(0.0, 25.0))


class Weights(AbstractModel):
    """What a unit of each effect is worth in the objective, in the currency of the scenario, for which units say AUD.

    Attributes:
        carbon: [AUD/t].
        water: [AUD/kL], on site and at the source alike.
        waiting: [AUD/request/s], of a request that waits for one second.
    Valid for:
        Non-negative weights, which keep the cost convex.
    Source:
        The study: no default, because each is a choice.
    """

    carbon: Float[Array, "..."] = parameter(unit="AUD/t", valid=(0.0, 10_000.0))
    water: Float[Array, "..."] = parameter(unit="AUD/kL", valid=(0.0, 10_000.0))
    waiting: Float[Array, "..."] = parameter(unit="AUD/request/s", valid=(0.0, 1000.0))
