"""The parameters that a fit varies: their dotted names, their bounds and their priors."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsched._names import at, did_you_mean, leaves
from jaxsched.calibrate._observations import CalibrationError

Layout = tuple[tuple[str, tuple[int, ...]], ...]
# A ratio of bounds above which the logarithm is spread evenly instead of the number.
_WIDE = 100.0
# A start on a bound, where nothing moves, is put this share of the range inside it.
_INSIDE, _ON_BOUND = 0.05, 1e-6


@dataclasses.dataclass(frozen=True)
class Named:
    """One array of a model: its dotted name, value, unit and bounds."""

    name: str
    value: np.ndarray
    unit: str
    valid: tuple[float, float]

    @property
    def entries(self) -> list[str]:
        """Names of its numbers: the name itself, or with an index for each number of an array."""
        if self.value.ndim == 0:
            return [self.name]
        return [f"{self.name}[{','.join(map(str, index))}]" for index in np.ndindex(self.value.shape)]


def parameter_names(model: Any) -> list[str]:
    """Dotted names of all parameters of a model, array fields of the parts included."""
    return [named.name for named in _every(model)]


def named_parameters(model: Any, names: Sequence[str]) -> list[Named]:
    """The parameters of these names, in this order.

    Raises:
        CalibrationError: If a name is unknown, comes twice, or there is none.
    """
    known = {named.name: named for named in _every(model)}
    if isinstance(names, str) or not names:
        raise CalibrationError("parameters must list one name or more, for instance ['chiller.sensitivity'].")
    for name in names:
        if name not in known:
            raise CalibrationError(f"{type(model).__name__} has no parameter {name!r}; {did_you_mean(name, known)}")
        if list(names).count(name) > 1:
            raise CalibrationError(f"parameter {name!r} is listed twice; list it once.")
    return [known[name] for name in names]


def layout_of(parameters: Sequence[Named]) -> Layout:
    """Names and shapes of parameters, end to end."""
    return tuple((named.name, named.value.shape) for named in parameters)


def replaced(model: Any, layout: Layout, values: Float[Array, " entry"]) -> Any:
    """The model with these numbers, end to end, in the place of the parameters."""
    sizes = [math.prod(shape) for _, shape in layout]
    parts = jnp.split(values, list(np.cumsum(sizes)[:-1]))
    named = {leaf.name: leaf for leaf in leaves(model)}
    old = [named[name] for name, _ in layout]
    arrays = [
        part.reshape(shape).astype(leaf.value.dtype) for leaf, (_, shape), part in zip(old, layout, parts, strict=True)
    ]
    return eqx.tree_at(lambda tree: [at(tree, leaf.path) for leaf in old], model, arrays)


def per_entry(parameters: Sequence[Named], given: Mapping[str, Any] | None, what: str) -> dict[str, Any]:
    """What was given by name of a parameter or of one of its numbers, by name of the numbers.

    Raises:
        CalibrationError: If a name is of no parameter of the fit.
    """
    found, left = {}, dict(given or {})
    for named in parameters:
        whole = left.pop(named.name, None)
        for entry in named.entries:
            value = left.pop(entry, whole)
            if value is not None:
                found[entry] = value
    if left:
        raise CalibrationError(f"{what} name {next(iter(left))!r}, which is not among the parameters of the fit.")
    return found


def _every(model: Any) -> list[Named]:
    found = []
    for leaf in leaves(model):
        if isinstance(leaf.value, jax.Array | np.ndarray) and jnp.issubdtype(leaf.value.dtype, jnp.floating):
            valid = leaf.metadata.get("valid", (-np.inf, np.inf))
            found.append(Named(leaf.name, np.asarray(leaf.value, float), leaf.metadata.get("unit", ""), valid))
    return found


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
                widens = named.valid[0] <= value <= named.valid[1]
                raise CalibrationError(
                    f"{entry} starts at {value:g}, outside its bounds [{ends[0]:g}, {ends[1]:g}]; start inside"
                    f"{' or widen them' if widens else ''}."
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


@dataclasses.dataclass(frozen=True)
class FreeParameters:
    """The parameters of a fit, checked.

    Attributes:
        named: Name, value, unit and valid range of each.
        bijection: Their bounds.
        prior_mean: Means of normal priors, 0 without one [entry].
        prior_precision: 1 / standard deviation of the priors, 0 without one [entry].
    """

    named: list[Named]
    bijection: Bijection
    prior_mean: Float[Array, " entry"]
    prior_precision: Float[Array, " entry"]

    @classmethod
    def of(
        cls, model: Any, names: Sequence[str], bounds: Mapping[str, Any] | None, priors: Mapping[str, Any] | None
    ) -> "FreeParameters":
        """The parameters of these names; bounds and priors by name as in `fit`.

        Raises:
            CalibrationError: If a name is unknown, or bounds or a prior cannot be used.
        """
        named = named_parameters(model, names)
        entries = [entry for one in named for entry in one.entries]
        given = per_entry(named, priors, "priors")
        for entry, prior in given.items():
            if np.shape(prior) != (2,) or not prior[1] > 0:
                raise CalibrationError(f"the prior of {entry} is {prior!r}; give (mean, standard deviation > 0).")
        deviation = [given[entry][1] if entry in given else np.inf for entry in entries]
        return cls(
            named,
            bijection(named, bounds),
            prior_mean=jnp.asarray([given[entry][0] if entry in given else 0.0 for entry in entries], float),
            prior_precision=jnp.asarray(1.0 / np.asarray(deviation), float),
        )
