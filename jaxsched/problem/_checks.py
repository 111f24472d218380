"""What is checked of the arrays of a problem, once and on the host."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxsched._parameters import as_array, is_concrete


def given_array(value: Any, name: str) -> Array:
    """A floating-point array of what was given, from anything that NumPy can read.

    Raises:
        ValueError: If entries are masked or are no numbers, or if it is no array at all.
    """
    try:
        array = as_array(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if not isinstance(array, jax.Array):
        raise ValueError(f"{name} is a {type(value).__name__}; give an array of numbers.")
    return array


def given_indices(value: Any, name: str, count: int) -> Array:
    """So many whole numbers, from as many or from one for all.

    Raises:
        ValueError: As `given_array`, or if a number is not whole, or there are neither one nor so many.
    """
    numbers = given_array(value, name)
    if numbers.ndim > 1 or numbers.size not in (1, count):
        raise ValueError(f"{name} has shape {numbers.shape}; give one whole number, or one for each of {count} jobs.")
    if is_concrete(numbers) and not (np.asarray(numbers) == np.round(np.asarray(numbers))).all():
        raise ValueError(f"{name} holds a number that is not whole, or none at all.")
    return jnp.broadcast_to(numbers.reshape(-1), (count,)).astype(jnp.int32)


def given_flags(value: Any, name: str) -> Array:
    """An array of booleans, from booleans or from 0 and 1.

    Raises:
        ValueError: As `given_array`, or if an entry is neither true nor false.
    """
    flags = given_array(value, name)
    if is_concrete(flags) and not np.isin(np.asarray(flags), (0.0, 1.0)).all():
        raise ValueError(f"{name} holds an entry that is neither true nor false (1 or 0).")
    return flags.astype(bool)


def checked_dtype(dtype: Any) -> Any:
    """A floating-point type."""
    if not jnp.issubdtype(jnp.dtype(dtype), jnp.floating):
        raise ValueError(f"dtype is {jnp.dtype(dtype)}; give a floating-point type such as float or 'float32'.")
    return dtype


def forbid_infinite(allowed: Array | None, route_cost: Array) -> tuple[Array | None, Array]:
    """Turn routes of infinite cost into forbidden ones: an infinity would make NaN of a zero flow."""
    if not is_concrete(route_cost) or not np.isposinf(np.asarray(route_cost)).any():
        return allowed, route_cost
    finite = route_cost < jnp.inf
    return finite if allowed is None else allowed & finite, jnp.where(finite, route_cost, 0.0)


def check_broadcast(array: Array, sizes: tuple[int, ...], name: str, meaning: str) -> None:
    """Raise a ValueError unless an array broadcasts to some sizes."""
    fits = array.ndim == len(sizes) and all(a in (1, n) for a, n in zip(array.shape, sizes, strict=True))
    if not fits:
        raise ValueError(f"{name} has shape {array.shape}, which does not broadcast to {meaning} = {sizes}.")


def check_numbers(array: Array, name: str, axes: tuple[str, ...], lowest: float = 0.0, positive: bool = False) -> None:
    """Raise a ValueError that says where an array holds a number that it must not hold."""
    if not is_concrete(array):
        return
    numbers = np.asarray(array)
    bad = ~(np.isfinite(numbers) & (numbers > 0 if positive else numbers >= lowest))
    if bad.any():
        index = np.argwhere(bad)[0]
        where = ", ".join(f"{axis} {i}" for axis, i in zip(axes, index.tolist(), strict=True))
        wanted = "number > 0" if positive else ("number >= 0" if lowest == 0 else "number")
        finite = "" if np.isfinite(numbers[tuple(index)]) else "finite "
        raise ValueError(f"{name} at {where} is {numbers[tuple(index)]:g}; every entry must be a {finite}{wanted}.")


def check_below_limit(capacity: np.ndarray, limit: np.ndarray) -> None:
    """Raise a ValueError where capacity reaches the load at which a cost becomes infinite."""
    over = capacity >= limit
    if over.any():
        slot, site = np.argwhere(np.atleast_2d(over))[0].tolist()
        raise ValueError(
            f"capacity at slot {slot}, site {site} reaches the load at which the site cost becomes infinite; keep it "
            "below (0.95 of the servers, say)."
        )
