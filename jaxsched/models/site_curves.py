"""Everything a site draws as curves of its load fraction, and the inverse of the facility power."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsched.models.cooling import CoolingCurves
from jaxsched.models.electrical import AbstractElectrical, ElectricalCurves
from jaxsched.models.load_curve import LoadCurve
from jaxsched.models.plant import AbstractPlant

# Newton's method from the right on an increasing convex cubic converges monotonically; IT power makes the
# linear term dominant, so that 6 steps reach rounding, and 20 leave a wide margin.
_NEWTON_STEPS = 20


class SiteCurves(eqx.Module):
    """Power [kW] and water [L/h] of sites at known weather, as curves of the load fraction."""

    it: LoadCurve
    electrical: ElectricalCurves
    cooling: CoolingCurves
    facility: LoadCurve
    site_water: LoadCurve

    @classmethod
    def at(
        cls,
        rated_it_power: Float[Array, "..."],
        electrical: AbstractElectrical,
        plants: AbstractPlant,
        dry_bulb: Float[Array, "..."],
        wet_bulb: Float[Array, "..."],
    ) -> "SiteCurves":
        """Work out the curves at given weather [degC]."""
        it = LoadCurve(linear=rated_it_power)
        heat = electrical.heat(rated_it_power)
        # Curves are functions of x = 1 at rated power.
        rated_heat = heat(jnp.ones_like(rated_it_power))
        plant, litres = plants.curves(rated_it_power, rated_heat, dry_bulb, wet_bulb)
        losses = electrical.curves(rated_it_power, plant.total())
        used = it.scaled(litres.it) + heat.scaled(litres.heat) + plant.compressor.scaled(litres.compressor)
        return cls(it, losses, plant, it + losses.total() + plant.total(), used)

    def powers(self, fraction: Float[Array, "..."]) -> dict[str, Float[Array, "..."]]:
        """Every component of the facility power by name [kW]."""
        return {
            "it_power": self.it(fraction),
            "ups": self.electrical.ups(fraction),
            "pdu": self.electrical.pdu(fraction),
            "misc": self.electrical.misc(fraction),
            "fan": self.cooling.fan(fraction),
            "pump": self.cooling.pump(fraction),
            "compressor": self.cooling.compressor(fraction),
            "cooling": self.cooling.total()(fraction),
            "facility_power": self.facility(fraction),
        }


def largest_fraction(
    facility: LoadCurve,
    limit: Float[Array, "..."],
    idle: Float[Array, "..."],
    full: Float[Array, "..."],
) -> Float[Array, "..."]:
    """Largest load fraction in [idle, full] whose facility power is within a limit; `idle` if none is.

    Arguments:
        facility: Increasing convex curve [kW].
        limit: Largest facility power [kW].
        idle: Load fraction without load.
        full: Largest load fraction allowed otherwise.

    Returns:
        Load fraction; differentiable in everything, also where the power limit binds.
    """

    def newton(_: int, fraction: Float[Array, "..."]) -> Float[Array, "..."]:
        step = (facility(fraction) - limit) / facility.slope(fraction)
        return jnp.clip(fraction - step, idle, full)

    shape = jnp.broadcast_shapes(*(jnp.shape(a) for a in (facility(full), limit, idle, full)))
    start = jnp.broadcast_to(full, shape)
    root = jax.lax.stop_gradient(jax.lax.fori_loop(0, _NEWTON_STEPS, newton, start))
    # The root carries no gradient; one more step from it does, and does not move it.
    exact = root - (facility(root) - limit) / facility.slope(root)
    unlimited = facility(full) <= limit
    return jnp.where(unlimited, full, jnp.where(facility(idle) >= limit, idle, exact))
