"""Several devices, of one process or of several: slots over some of them, origins over the others."""

import zlib
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array

from jaxsched._layout import ORIGIN, ROUTE, SLOT, Axes, HasArrays, axes_of, cut, map_arrays, with_arrays
from jaxsched._parameters import is_concrete
from jaxsched._schedule import Schedule
from jaxsched.problem import Problem
from jaxsched.problem._coupled import CoupledProblem

SLOTS, ORIGINS = "slots", "origins"


def device_mesh(slots: int | None = None, origins: int = 1, devices: Sequence[Any] | None = None) -> Mesh:
    """Devices for `solve(mesh=...)`: a mesh with the axes "slots" and "origins".

    Arguments:
        slots: Number of parts into which slots are divided, > 0; as many as there are devices for, where not given.
        origins: Number of parts into which the origins of each slot are divided, > 0. Slots need no exchange in each
            iteration; divide origins where there are fewer slots than devices, or where one slot does not fit on a device.
        devices: The devices, of all processes; all there are, where not given.

    Raises:
        ValueError: If slots times origins is not the number of devices.
    """
    devices = jax.devices() if devices is None else list(devices)
    if origins < 1 or (slots is not None and slots < 1):
        raise ValueError(f"device_mesh got slots {slots} and origins {origins}; each must be at least 1.")
    slots = len(devices) // origins if slots is None else slots
    if slots * origins != len(devices):
        raise ValueError(
            f"{slots} parts of slots times {origins} of origins need {slots * origins} devices, there are {len(devices)}."
        )
    return jax.make_mesh((slots, origins), (SLOTS, ORIGINS), _automatic(2), devices=devices)


def checked_mesh(mesh: Mesh) -> Mesh:
    """The mesh with both axes, on which the compiler divides what the arrays do not say."""
    unknown = [name for name in mesh.axis_names if name not in (SLOTS, ORIGINS)]
    if unknown:
        raise ValueError(
            f"mesh has an axis {unknown[0]!r}; its axes must be {SLOTS!r} and {ORIGINS!r} (see jaxsched.device_mesh)."
        )
    devices, names = mesh.devices, mesh.axis_names
    for name in (SLOTS, ORIGINS):
        if name not in names:
            devices, names = devices[..., None], (*names, name)
    return Mesh(devices, names, axis_types=_automatic(2))


def parts(mesh: Mesh | None) -> tuple[int, int]:
    """Into how many parts slots and origins are divided."""
    return (1, 1) if mesh is None else (mesh.shape[SLOTS], mesh.shape[ORIGINS])


def on_devices(mesh: Mesh | None) -> AbstractContextManager[Any]:
    """Where solvers find the mesh (`map_slots`) while they are traced."""
    return nullcontext() if mesh is None else jax.sharding.use_abstract_mesh(mesh.abstract_mesh)


def check_same(tree: Any, mesh: Mesh) -> None:
    """Raise a ValueError where the processes of a mesh hold unlike values: each would solve a part of another problem."""
    if jax.process_count() == 1 or not mesh.is_multi_process:
        return
    sums = [_checksum(leaf) for leaf in jax.tree.leaves(tree) if is_concrete(leaf)]
    known = np.asarray([zlib.crc32(repr(sums).encode())], np.uint32)
    everywhere = NamedSharding(mesh, PartitionSpec(mesh.axis_names))
    with jax.ensure_compile_time_eval():  # also while `solve` is differentiated
        of_devices = jax.make_array_from_callback((mesh.size,), everywhere, lambda _: known)
        same = jax.jit(lambda sums: sums.min() == sums.max(), out_shardings=NamedSharding(mesh, PartitionSpec()))
        agreed = bool(same(of_devices))
    if not agreed:
        raise ValueError(
            "the processes gave unlike problems, solvers or warm starts; every process must call solve with the same ones."
        )


def _checksum(leaf: Any) -> tuple[Any, ...]:
    if isinstance(leaf, jax.Array) and not (leaf.is_fully_addressable or leaf.is_fully_replicated):
        return leaf.shape, str(leaf.dtype)
    array = np.asarray(leaf)
    return array.shape, str(array.dtype), zlib.crc32(array.tobytes())


def spread_problem(problem: Problem | CoupledProblem, mesh: Mesh) -> Problem | CoupledProblem:
    """The problem over the devices of a mesh, filled up with slots and origins without demand where it does not divide."""
    return _divided(problem.filled(*_missing(problem, mesh)), mesh)


def spread_schedule(schedule: Schedule | None, problem: Problem | CoupledProblem, mesh: Mesh) -> Schedule | None:
    """A warm start over the devices, filled up as its problem is."""
    return None if schedule is None else _divided(schedule.filled(*_missing(problem, mesh)), mesh)


def _missing(problem: Problem | CoupledProblem, mesh: Mesh) -> tuple[int, int]:
    """Slots, in whole periods, and origins that are missing to a multiple of the parts of the mesh."""
    slots, origins = problem.shape[:2]
    return -slots % (problem.period * mesh.shape[SLOTS]), -origins % mesh.shape[ORIGINS]


def _divided(module: Any, mesh: Mesh) -> Any:
    def place(array: Array, axes: Axes) -> Array:
        return _placed(array, NamedSharding(mesh, _divisions(axes)))

    return module.map_arrays(place) if isinstance(module, HasArrays) else map_arrays(place, module)


def _divisions(axes: Axes) -> PartitionSpec:
    """Axes of the mesh over which those of an array are divided."""
    return PartitionSpec(*({SLOT: SLOTS, ORIGIN: ORIGINS}.get(axis) if axis else None for axis in axes))


def collected(schedule: Schedule, shape: tuple[int, ...], mesh: Mesh) -> Schedule:
    """The schedule without what was filled up. Routes stay where they are, everything else goes to every process."""
    schedule = _cut(schedule, (shape[0], shape[1]), mesh)
    routes, small = eqx.partition(schedule, _routes_of(schedule))
    # Ordinary arrays: in several processes, each can compute with its own alone.
    small = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)) if is_concrete(leaf) else leaf, small)
    return eqx.combine(routes, small)


def _routes_of(schedule: Schedule) -> Any:
    """A tree that is true at what a schedule holds for each route, which is too large to be everywhere."""
    nothing = jax.tree.map(lambda _: False, schedule)
    return with_arrays(nothing, {name: ROUTE in axes_of(schedule, name) for name in schedule.arrays()})


@eqx.filter_jit
def _cut(schedule: Schedule, sizes: tuple[int, int], mesh: Mesh) -> Schedule:
    """The first slots and origins; routes by part where these divide, the rest as a whole on every device."""
    slots, origins = sizes
    parts_of = {SLOT: mesh.shape[SLOTS], ORIGIN: mesh.shape[ORIGINS]}
    even = [axis for axis, size in ((SLOT, slots), (ORIGIN, origins)) if size % parts_of[axis] == 0]

    def first(array: Array, axes: Axes) -> Array:
        array = cut(array, axes, {SLOT: slice(slots), ORIGIN: slice(origins)})
        divided = tuple(axis if axis in even else None for axis in axes) if ROUTE in axes else ()
        return jax.lax.with_sharding_constraint(array, NamedSharding(mesh, _divisions(divided)))

    everywhere = NamedSharding(mesh, PartitionSpec())
    others = jax.tree.map(
        lambda leaf: jax.lax.with_sharding_constraint(leaf, everywhere), (schedule.stats, schedule.result)
    )
    return eqx.tree_at(lambda s: (s.stats, s.result), map_arrays(first, schedule), others)


def _placed(array: Any, sharding: NamedSharding) -> Any:
    if is_concrete(array) and not sharding.is_fully_addressable and array.is_fully_addressable:
        whole = np.asarray(array)
        return jax.make_array_from_callback(whole.shape, sharding, lambda index: whole[index])
    return jax.device_put(array, sharding)


def _automatic(axes: int) -> tuple[jax.sharding.AxisType, ...]:
    return (jax.sharding.AxisType.Auto,) * axes
