"""Bounds of parameters, kept by a bijection between the numbers inside them and all real numbers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsched.calibrate._names import Named, per_entry
from jaxsched.calibrate._observations import CalibrationError

# A ratio of bounds above which the logarithm is spread evenly instead of the number.
_WIDE = 100.0
# A start on a bound, where nothing moves, is put this share of the range inside it.
_INSIDE, _ON_BOUND = 0.05, 1e-6


class Bijection(eqx.Module):
    """One-to-one map of all real numbers onto the numbers within bounds, entry by entry.

        low + (high - low) logistic(u)             both bounds
        exp of the same of the logarithms          both bounds, 0 < low < high / 100
        low + scale softplus(u)                    a lower bound only; mirrored for an upper one
        centre + scale u                           none

    Attributes:
        low: Lower bounds, -inf where there is none [entry].
        high: Upper bounds, inf where there is none [entry].
        centre: Where the unbounded ones are 0 [entry].
        scale: Unit of those without two bounds [entry].
    """

    low: Float[Array, " entry"]
    high: Float[Array, " entry"]
    centre: Float[Array, " entry"]
    scale: Float[Array, " entry"]

    def __call__(self, free: Float[Array, " entry"]) -> Float[Array, " entry"]:
        """Numbers within the bounds, from any."""
        has_low, has_high = jnp.isfinite(self.low), jnp.isfinite(self.high)
        low, high = jnp.where(has_low, self.low, 0.0), jnp.where(has_high, self.high, 1.0)
        share = jax.nn.sigmoid(free)
        wide = self._wide()
        log_low, log_high = jnp.log(jnp.where(wide, low, 1.0)), jnp.log(jnp.where(wide, high, 1.0))
        both = jnp.where(wide, jnp.exp(log_low + (log_high - log_low) * share), low + (high - low) * share)
        above = low + self.scale * jax.nn.softplus(free)
        below = high - self.scale * jax.nn.softplus(free)
        one = jnp.where(has_low, above, jnp.where(has_high, below, self.centre + self.scale * free))
        return jnp.where(has_low & has_high, both, one)

    def _wide(self) -> Array:
        finite = jnp.isfinite(self.low) & jnp.isfinite(self.high)
        return finite & (self.low > 0.0) & (self.high > _WIDE * self.low)

    def inverse(self, inside: np.ndarray) -> np.ndarray:
        """The real numbers that map to these; what lies on a bound is first moved a little inside."""
        low, high, centre, scale = (np.asarray(a, float) for a in (self.low, self.high, self.centre, self.scale))
        wide = np.asarray(self._wide())
        free = np.zeros(len(inside))
        for n, value in enumerate(np.asarray(inside, float)):
            if np.isfinite(low[n]) and np.isfinite(high[n]):
                ends = np.log([low[n], high[n]]) if wide[n] else np.array([low[n], high[n]])
                share = ((np.log(value) if wide[n] else value) - ends[0]) / (ends[1] - ends[0])
                share = _INSIDE if share < _ON_BOUND else 1.0 - _INSIDE if share > 1.0 - _ON_BOUND else share
                free[n] = np.log(share / (1.0 - share))
            elif np.isfinite(low[n]) or np.isfinite(high[n]):
                above = (value - low[n] if np.isfinite(low[n]) else high[n] - value) / scale[n]
                free[n] = np.log(np.expm1(max(above, _INSIDE)))
            else:
                free[n] = (value - centre[n]) / scale[n]
        return free


def bijection(parameters: Sequence[Named], bounds: Mapping[str, Any] | None) -> Bijection:
    """The bijection of these parameters: their declared valid ranges, and what is given instead.

    Raises:
        CalibrationError: If bounds are empty, leave the valid range, or do not hold the start.
    """
    given = per_entry(parameters, bounds, "bounds")
    low, high, start = [], [], []
    for named in parameters:
        for entry, value in zip(named.entries, named.value.ravel(), strict=True):
            ends = _checked(entry, given.get(entry, named.valid), named)
            if not ends[0] <= value <= ends[1]:
                room = named.valid[0] <= value <= named.valid[1]
                raise CalibrationError(
                    f"{entry} starts at {value:g}, outside its bounds [{ends[0]:g}, {ends[1]:g}]; start inside"
                    f"{' or widen them' if room else ''}."
                )
            low.append(ends[0])
            high.append(ends[1])
            start.append(value)
    start = np.array(start)
    reach = np.abs(start - np.where(np.isfinite(low), low, np.where(np.isfinite(high), high, 0.0)))
    return Bijection(*(jnp.asarray(a, float) for a in (low, high, start, np.where(reach > 0, reach, 1.0))))


def _checked(entry: str, ends: Any, named: Named) -> tuple[float, float]:
    try:
        low, high = (float(end) for end in ends)
    except (TypeError, ValueError):
        raise CalibrationError(f"bounds of {entry} are {ends!r}; give a pair (low, high).") from None
    # Without limit is as far as the law goes.
    low, high = (named.valid[0] if low == -math.inf else low), (named.valid[1] if high == math.inf else high)
    if not low < high:
        raise CalibrationError(f"bounds of {entry} are [{low:g}, {high:g}]; the first must be below the second.")
    if low < named.valid[0] or high > named.valid[1]:
        raise CalibrationError(
            f"bounds of {entry} are [{low:g}, {high:g}], beyond its valid range [{named.valid[0]:g}, {named.valid[1]:g}]."
        )
    return low, high
