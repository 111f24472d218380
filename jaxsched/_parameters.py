"""How a model declares its parameters: an array with a unit, a valid range and a source.

A Python float in a module would be static to JAX: no gradient and one compilation per value. Every
parameter is therefore converted once, here, to a strongly typed array.
"""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float


def is_concrete(value: Any) -> bool:
    """Whether a value is known now, not only inside a transformation."""
    return not isinstance(value, Tracer)


def as_array(value: Any) -> Any:
    """Convert a number or array to a strongly typed floating-point JAX array.

    Floating arrays keep their precision; anything else becomes JAX's default float. Whatever offers `__array__`, such as a
    table of pandas, is taken as its array. Values that are not numeric (the placeholders which JAX puts into a tree while
    it transforms it) pass unchanged.

    Raises:
        ValueError: If entries are masked, or are no real numbers.
    """
    if isinstance(value, jax.Array):
        dtype = value.dtype if jnp.issubdtype(value.dtype, jnp.floating) else float
        return jnp.asarray(value, dtype=jax.dtypes.canonicalize_dtype(dtype))
    if isinstance(value, (bool, int, float, list, tuple)) or hasattr(value, "__array__"):
        array = _real(value)
        dtype = (
            array.dtype
            if hasattr(value, "dtype") and array.dtype.kind == "f" and not isinstance(value, np.generic)
            else float
        )
        return jnp.asarray(array, dtype=jax.dtypes.canonicalize_dtype(dtype))
    return value


def _real(value: Any) -> np.ndarray:
    """An array of real numbers from what NumPy can read."""
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError(
            f"a masked array has {np.ma.count_masked(value)} masked entries, of which no one knows what they are; fill them "
            "first (`.filled(...)`)."
        )
    array = np.asarray(value)
    if array.dtype.kind in "biuf":
        return array
    if array.dtype.kind != "O":
        raise ValueError(f"an array of {array.dtype} holds no real numbers; give floats.")
    try:
        return array.astype(float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"an array of objects holds one that is no number ({error}).") from error


def parameter(
    default: Any = dataclasses.MISSING,
    *,
    unit: str,
    valid: tuple[float, float] = (-np.inf, np.inf),
    about: str = "",
) -> Any:
    """A field of a model: converted to an array, with its unit and valid range in the metadata."""
    metadata = {"unit": unit, "valid": valid, "about": about}
    if default is dataclasses.MISSING:
        return eqx.field(converter=as_array, metadata=metadata)
    return eqx.field(converter=as_array, metadata=metadata, default_factory=lambda: as_array(default))


class AbstractModel(eqx.Module):
    """A physical law: a pytree of named parameters that is called with arrays and returns arrays.

    Parameters are checked against their declared range once, when the model is built on the host;
    traced values (inside `jit` or `grad`) are not checked.

    `domain` holds what "Valid for" of its documentation says in numbers: the range of an argument, by its name, in which the
    law is known to hold (`load fraction`: IT power over its rating). Nothing is refused beyond; a fit warns.
    """

    domain: ClassVar[Mapping[str, tuple[float, float]]] = MappingProxyType({})

    def __check_init__(self) -> None:
        for field in dataclasses.fields(self):
            if "unit" in field.metadata:
                _check_range(type(self).__name__, field, getattr(self, field.name))


def _check_range(owner: str, field: dataclasses.Field, value: Any) -> None:
    check_range(f"{owner}.{field.name}", value, unit=field.metadata["unit"], valid=field.metadata["valid"])


def check_range(name: str, value: Any, *, unit: str, valid: tuple[float, float]) -> None:
    """Raise a ValueError that names the first value outside `valid`; NaN is outside, traced values pass."""
    if not isinstance(value, (jax.Array, np.ndarray, float, int)) or not is_concrete(value):
        return
    low, high = valid
    numbers = np.asarray(value)
    bad = ~((numbers >= low) & (numbers <= high))
    if bad.any():
        shown = "" if unit == "1" else f" {unit}"
        raise ValueError(
            f"{name} is {numbers[bad].ravel()[0]:g}{shown}, outside its valid "
            f"range [{low:g}, {high:g}]; give a value inside it."
        )


def soft_clamp(value: Float[Array, "..."], low: Any, high: Any, width: Any) -> Float[Array, "..."]:
    """Smooth clamp of `value` to [low, high] whose corners are `width` wide.

        low + sp(value - low) - sp(value - high),    sp(v) = width log(1 + exp(v / width))

    Increasing and infinitely differentiable, so that no gradient dies outside the range.
    """
    return low + width * (jax.nn.softplus((value - low) / width) - jax.nn.softplus((value - high) / width))
