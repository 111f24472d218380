"""What a site pays for a kilowatt-hour."""

from types import MappingProxyType

from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel, parameter, soft_clamp


class EnergyPrice(AbstractModel):
    """Delivered price: the wholesale price plus network and market charges.

        p = (wholesale + network_adder) / 1000

    Prices are used as they are: negative prices and prices at the cap survive. Units say AUD for the currency of the
    scenario, whatever that is.

    Attributes:
        network_adder: Network, environmental and market charges, scalar or [site] [AUD/MWh].
    Valid for:
        wholesale in [-1000, 20300] AUD/MWh, floor and cap of the NEM in 2025-26.
    Source:
        Default: middle of 50 to 60 AUD/MWh, an assumption for high-voltage customers.
    """

    domain = MappingProxyType({"wholesale": (-1000.0, 20_300.0)})

    network_adder: Float[Array, "..."] = parameter(55.0, unit="AUD/MWh", valid=(0.0, 1000.0))

    def __call__(self, wholesale: Float[Array, "..."]) -> Float[Array, "..."]:
        """Delivered price [currency/kWh] from the wholesale price [currency/MWh]."""
        return (wholesale + self.network_adder) / 1000.0


class SmoothWinsorisation(AbstractModel):
    """A wholesale price with its extremes softly limited, for studies of ordinary days. Never applied by
    default.

        p' = low + sp(p - low) - sp(p - high),    sp(v) = width log(1 + exp(v / width))

    Apply it to the price before the model and say so in the report.

    Attributes:
        low: Lower limit [AUD/MWh].
        high: Upper limit [AUD/MWh].
        width: Width of the two corners [AUD/MWh].
    Valid for:
        Every price; the result stays inside [low, high].
    Source:
        Derived: brings the mean of hourly NSW prices of 2024 from 131 to about 97 AUD/MWh, near their mean
        capped at 300.
    """

    low: Float[Array, "..."] = parameter(-100.0, unit="AUD/MWh", valid=(-1000.0, 20300.0))
    high: Float[Array, "..."] = parameter(300.0, unit="AUD/MWh", valid=(-1000.0, 20300.0))
    width: Float[Array, "..."] = parameter(20.0, unit="AUD/MWh", valid=(0.1, 1000.0))

    def __call__(self, wholesale: Float[Array, "..."]) -> Float[Array, "..."]:
        """Limited price [currency/MWh] from the wholesale price [currency/MWh]."""
        return soft_clamp(wholesale, self.low, self.high, self.width)
