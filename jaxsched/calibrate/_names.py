"""Parameters of a model by dotted name: `chiller.sensitivity`, `DirectExpansion.pump_share`."""

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
