"""Wet-bulb temperature from what weather services publish."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsched._parameters import check_range


def stull_wet_bulb(dry_bulb: Float[Array, "..."], relative_humidity: Float[Array, "..."]) -> Float[Array, "..."]:
    """Wet-bulb temperature at sea-level pressure by Stull's regression, smooth for humidity above 0.

        T_wb = T atan(0.151977 (RH + 8.313659)^(1/2)) + atan(T + RH) - atan(RH - 1.676331)
               + 0.00391838 RH^(3/2) atan(0.023101 RH) - 4.686035

    The published range of humidity ends at 99 %; saturated air (100 %), which weather files do hold, is
    accepted. Published error -1 to +0.65 K, mean below 0.3 K. Against a bisection of the psychrometric equations
    on a uniform grid of 0 to 47 degC and 5 to 99 %: -1.16 to +1.33 K, mean 0.33 K, the ends at 5 % humidity. At
    the altitude of Toowoomba (93.5 kPa) it reads about 0.2 K high.

    Arguments:
        dry_bulb: Air temperature [degC].
        relative_humidity: [%].

    Returns:
        Wet-bulb temperature [degC].

    Raises:
        ValueError: Outside the range below, for values that are not traced.

    Valid for:
        dry_bulb in [-20, 50] degC, relative_humidity in [1, 100] %; not for air both cold and very dry.

    Source:
        Stull (2011), Wet-bulb temperature from relative humidity and air temperature, J. Appl. Meteorol.
        Climatol. 50:2267, eq. 1.
    """
    check_range("dry_bulb", dry_bulb, unit="degC", valid=(-20.0, 50.0))
    check_range("relative_humidity", relative_humidity, unit="%", valid=(1.0, 100.0))
    T, RH = dry_bulb, relative_humidity
    depression = jnp.arctan(T + RH) - jnp.arctan(RH - 1.676331)
    humid = 0.00391838 * RH * jnp.sqrt(RH) * jnp.arctan(0.023101 * RH)
    return T * jnp.arctan(0.151977 * jnp.sqrt(RH + 8.313659)) + depression + humid - 4.686035
