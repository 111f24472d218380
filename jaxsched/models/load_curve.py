"""A quantity of a site as a cubic polynomial of its load fraction."""

import equinox as eqx
from jaxtyping import Array, Float

from jaxsched._parameters import as_array


def _coefficient() -> Float[Array, ""]:
    return eqx.field(converter=as_array, default_factory=lambda: as_array(0.0))


class LoadCurve(eqx.Module):
    """A quantity that depends on the load fraction x of a site as a cubic polynomial.

        q(x) = constant + linear x + quadratic x^2 + cubic x^3,    x = IT power / rated IT power

    Electrical losses, fans and compressors are all of this form once the weather is known. With
    non-negative coefficients above the constant, q is increasing and convex for x >= 0, so convexity in
    the load can be read from the coefficients. They broadcast against [slot, site].
    """

    constant: Float[Array, "..."] = _coefficient()
    linear: Float[Array, "..."] = _coefficient()
    quadratic: Float[Array, "..."] = _coefficient()
    cubic: Float[Array, "..."] = _coefficient()

    def __call__(self, fraction: Float[Array, "..."]) -> Float[Array, "..."]:
        """The quantity at the load fraction x."""
        return self.constant + fraction * (self.linear + fraction * (self.quadratic + fraction * self.cubic))

    def slope(self, fraction: Float[Array, "..."]) -> Float[Array, "..."]:
        """dq/dx at the load fraction x."""
        return self.linear + fraction * (2.0 * self.quadratic + 3.0 * fraction * self.cubic)

    def __add__(self, other: "LoadCurve") -> "LoadCurve":
        return LoadCurve(
            self.constant + other.constant,
            self.linear + other.linear,
            self.quadratic + other.quadratic,
            self.cubic + other.cubic,
        )

    def scaled(self, factor: Float[Array, "..."]) -> "LoadCurve":
        """The curve times a factor which does not depend on the load."""
        return LoadCurve(self.constant * factor, self.linear * factor, self.quadratic * factor, self.cubic * factor)

    def chord(self, low: Float[Array, "..."], high: Float[Array, "..."]) -> "LoadCurve":
        """The straight line through the curve at two load fractions.

        The divided difference of a polynomial needs no division, so `low == high` gives the tangent:

            (q(b) - q(a)) / (b - a) = linear + quadratic (a + b) + cubic (a^2 + a b + b^2)
        """
        slope = self.linear + self.quadratic * (low + high) + self.cubic * (low * low + low * high + high * high)
        return LoadCurve(constant=self(low) - slope * low, linear=slope)
