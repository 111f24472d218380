"""Round-trip time between the people and the sites."""

from types import MappingProxyType

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel, parameter


class RoundTripTime(AbstractModel):
    """Round-trip time from distance: fibre longer than the great circle, a fixed part, and the access
    network.

        RTT = base + 2 inflation distance / fibre_speed + access

    Attributes:
        base: Least time between two places of one city [s].
        inflation: Length of the path over the great circle, called kappa: 1.75 for the public internet, 1.45
            for the best core path [1].
        access: Time in the access network of the users [s].
        fibre_speed: Speed of light in fibre [km/s].
    Valid for:
        Distances up to about 4000 km inside Australia. Residuals of the measured capitals reach 17 ms,
        because traffic takes hubs (Adelaide to Perth by way of Melbourne): use measurements where there are
        any.
    Source:
        Fit to the WonderNetwork pings of 19 and 20 July 2020 between six Australian cities
        (sm86/geo-latency-data); access time an assumption for the National Broadband Network.
    """

    domain = MappingProxyType({"distance": (0.0, 4000.0)})

    base: Float[Array, "..."] = parameter(0.0015, unit="s", valid=(0.0, 1.0))
    inflation: Float[Array, "..."] = parameter(1.75, unit="1", valid=(1.0, 5.0))
    access: Float[Array, "..."] = parameter(0.009, unit="s", valid=(0.0, 1.0))
    fibre_speed: Float[Array, "..."] = parameter(200_000.0, unit="km/s", valid=(150_000.0, 299_792.458))

    def __call__(self, distance: Float[Array, "..."]) -> Float[Array, "..."]:
        """Round-trip time [s] over a great-circle distance [km]."""
        return self.base + 2.0 * self.inflation * distance / self.fibre_speed + self.access

    def with_measured(self, distance: Float[Array, "..."], measured: Float[Array, "..."]) -> Float[Array, "..."]:
        """The measured time plus access where there is one, and the law elsewhere.

        Arguments:
            distance: Great-circle distance [km].
            measured: Round-trip time between the cores of two cities, NaN where none was measured [s].

        Returns:
            Round-trip time [s].
        """
        missing = jnp.isnan(measured)
        # The inner selection keeps NaN out of the branch which is not taken, and so out of the gradient.
        return jnp.where(missing, self(distance), jnp.where(missing, 0.0, measured) + self.access)
