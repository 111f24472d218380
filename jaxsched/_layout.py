"""Axes of arrays, declared once in the type of each field: what cuts, fills up, divides and lays out arrays reads them.

A field `route_cost: Float[Array, "#slot #origin #site #class"]` declares four axes, each of which may have length 1 where all
share one value; a `*class` at the end may be missing.
"""

import dataclasses
import functools
import typing
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

SLOT, ORIGIN, SITE, ROUTE, CLASS, JOB = "slot", "origin", "site", "route", "class", "job"

# For each axis of an array its name, or None where all share one value or nothing is declared.
Axes = tuple[str | None, ...]
Module = TypeVar("Module", bound=eqx.Module)


class Axis(NamedTuple):
    """A declared axis: its name, and whether all may share one entry."""

    name: str
    shared: bool


@runtime_checkable
class HasArrays(Protocol):
    """A field that knows the axes of its own arrays."""

    def map_arrays(self, function: Callable[[Array, Axes], Array]) -> Any:
        """The same with other arrays, each made of one of its own and its axes."""
        ...


@functools.cache
def declared(cls: type) -> dict[str, tuple[Axis, ...]]:
    """Axes of the fields of a module that are declared, by name, in their order."""
    found = {}
    for field in dataclasses.fields(cls):
        types = typing.get_args(field.type) or (field.type,)
        texts = [str(getattr(kind, "dim_str")) for kind in types if hasattr(kind, "dim_str")]  # noqa: B009
        if texts:
            found[field.name] = tuple(Axis(text.lstrip("#*"), text.startswith("#")) for text in texts[0].split())
    return found


def axes_of(module: eqx.Module, name: str) -> Axes:
    """Axes of the array under a name; None where all share one value."""
    shape = getattr(module, name).shape
    axes = declared(type(module))[name][: len(shape)]
    return tuple(None if axis.shared and length == 1 else axis.name for axis, length in zip(axes, shape, strict=True))


def map_arrays(function: Callable[[Array, Axes], Array], module: Module) -> Module:
    """The module with other arrays, each made of one of its own and its axes; what is None stays so."""
    names = [field.name for field in dataclasses.fields(module)]
    given = {name: value for name in names if (value := getattr(module, name)) is not None}
    axes = declared(type(module))
    new = {name: function(value, axes_of(module, name)) for name, value in given.items() if name in axes}
    new |= {name: value.map_arrays(function) for name, value in given.items() if isinstance(value, HasArrays)}
    return with_arrays(module, new)


def with_arrays(module: Module, arrays: Mapping[str, Any]) -> Module:
    """The module with other values under some names."""
    return eqx.tree_at(
        lambda m: [getattr(m, name) for name in arrays], module, list(arrays.values()), is_leaf=lambda x: x is None
    )


def cut(array: Array, axes: Axes, entries: Mapping[str, Any]) -> Array:
    """The entries of an array along named axes, each a slice or indices; what all share stays as it is."""
    for place, axis in enumerate(axes):
        if axis is not None and axis in entries:
            array = array[(slice(None),) * place + (entries[axis],)]
    return array


def filled(array: Array, axes: Axes, more: Mapping[str, int], mode: str) -> Array:
    """An array with more entries at the end of named axes: copies of the last ("edge") or zeros ("constant")."""
    width = [(0, 0 if axis is None else more.get(axis, 0)) for axis in axes]
    return jnp.pad(array, width, mode=mode) if any(count for _, count in width) else array


def reordered(array: Array, axes: tuple[str, ...], wanted: tuple[str, ...]) -> Array:
    """An array with its axes in another order; one that it lacks is put in with length 1, one that is not wanted goes.

    What goes must have length 1.
    """
    missing = tuple(axis for axis in wanted if axis not in axes)
    extra = [axes.index(axis) for axis in axes if axis not in wanted]
    if extra:
        array, axes = jnp.squeeze(array, extra), tuple(axis for axis in axes if axis in wanted)
    array = array.reshape(*array.shape, *(1 for _ in missing))
    axes = axes + missing
    return jnp.transpose(array, [axes.index(axis) for axis in wanted])
