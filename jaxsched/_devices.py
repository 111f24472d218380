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
from jaxtyping import Array, Float

from jaxsched._parameters import is_concrete
from jaxsched._schedule import Schedule
from jaxsched.problem import AbstractSiteCost, Problem

SLOTS, ORIGINS = "slots", "origins"
# Arrays of a schedule that are too large to be everywhere.
_ROUTES = ("routing", "sites")


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


class _Filled(AbstractSiteCost):
    """A cost of load, and none in slots that only fill devices, so that these add nothing to cost and bound."""

    cost: AbstractSiteCost
    is_real: Float[Array, "slot 1"]

    def __call__(self, load: Float[Array, " site"]) -> Float[Array, " site"]:
        return self.is_real * self.cost(load)

    def load_limit(self) -> np.ndarray:
        return self.cost.load_limit()


def spread_problem(problem: Problem, mesh: Mesh) -> Problem:
    """The problem over the devices of a mesh, filled up with slots and origins without demand where it does not divide."""
    slots, origins, _, _ = problem.shape
    more_slots, more_origins = -slots % mesh.shape[SLOTS], -origins % mesh.shape[ORIGINS]

    def place(leaf: Any, with_origins: bool) -> Any:
        """Fill an array up with copies of its last entries, wherever it has an axis of its own for slots or origins."""
        has_slots = leaf.ndim >= 2 and leaf.shape[0] == slots > 1
        has_origins = with_origins and leaf.shape[1] == origins > 1
        filled = _filled(leaf, more_slots * has_slots, more_origins * has_origins, "edge")
        return _placed(filled, mesh, has_slots, has_origins)

    demand = _placed(_filled(problem.demand, more_slots, more_origins, "constant"), mesh, True, True)
    site_cost = jax.tree.map(lambda leaf: place(leaf, False), problem.site_cost)
    if more_slots:
        is_real = (jnp.arange(slots + more_slots) < slots).astype(demand.dtype)[:, None]
        site_cost = _Filled(site_cost, _placed(is_real, mesh, True, False))
    allowed = None if problem.allowed is None else place(problem.allowed, True)
    return eqx.tree_at(
        lambda p: (p.demand, p.route_cost, p.work, p.capacity, p.site_cost, p.allowed),
        problem,
        (
            demand,
            place(problem.route_cost, True),
            _placed(problem.work, mesh, False, False),
            place(problem.capacity, False),
            site_cost,
            allowed,
        ),
        is_leaf=lambda leaf: leaf is None,
    )


def spread_schedule(schedule: Schedule | None, mesh: Mesh) -> Schedule | None:
    """A warm start over the devices, filled up as its problem is."""
    if schedule is None:
        return None
    slots, origins = schedule.routing.shape[:2]
    more_slots, more_origins = -slots % mesh.shape[SLOTS], -origins % mesh.shape[ORIGINS]

    def place(name: str, leaf: Any) -> Any:
        with_origins = name in Schedule.BY_ORIGIN
        # Sites that fill up must be sites.
        filled = _filled(leaf, more_slots, more_origins * with_origins, "edge" if name == "sites" else "constant")
        return _placed(filled, mesh, True, with_origins)

    return schedule.with_arrays({name: place(name, leaf) for name, leaf in schedule.arrays().items()})


def collected(schedule: Schedule, shape: tuple[int, ...], mesh: Mesh) -> Schedule:
    """The schedule without what was filled up. Routes stay where they are, everything else goes to every process."""
    schedule = _cut(schedule, (shape[0], shape[1]), mesh)
    routes, small = eqx.partition(schedule, _routes_of(schedule))
    # Ordinary arrays: in several processes, each can compute with its own alone.
    small = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)) if is_concrete(leaf) else leaf, small)
    return eqx.combine(routes, small)


def _routes_of(schedule: Schedule) -> Any:
    """A tree that is true at what a schedule holds for each route."""
    nothing = jax.tree.map(lambda _: False, schedule)
    return nothing.with_arrays({name: name in _ROUTES for name in schedule.arrays()})


@eqx.filter_jit
def _cut(schedule: Schedule, sizes: tuple[int, int], mesh: Mesh) -> Schedule:
    """The first slots and origins; routes by part where these divide, the rest as a whole on every device."""
    slots, origins = sizes
    names = [name if size % mesh.shape[name] == 0 else None for name, size in ((SLOTS, slots), (ORIGINS, origins))]

    def cut(name: str, leaf: Array) -> Array:
        leaf = leaf[:slots, :origins] if name in Schedule.BY_ORIGIN else leaf[:slots]
        return _pinned(leaf, mesh, *(names if name in _ROUTES else ()))

    arrays = {name: cut(name, leaf) for name, leaf in schedule.arrays().items()}
    others = jax.tree.map(lambda leaf: _pinned(leaf, mesh), (schedule.stats, schedule.result))
    return eqx.tree_at(lambda s: (s.stats, s.result), schedule.with_arrays(arrays), others)


def _pinned(array: Array, mesh: Mesh, *names: str | None) -> Array:
    return jax.lax.with_sharding_constraint(array, NamedSharding(mesh, PartitionSpec(*names)))


def _filled(array: Array, slots: int, origins: int, mode: str) -> Array:
    if not slots and not origins:
        return array
    width = [(0, slots), (0, origins), *((0, 0) for _ in array.shape[2:])]
    return jnp.pad(array, width[: array.ndim], mode=mode)


def _placed(array: Any, mesh: Mesh, by_slot: bool, by_origin: bool) -> Any:
    axes = [SLOTS if by_slot else None, ORIGINS if by_origin else None][: array.ndim]
    sharding = NamedSharding(mesh, PartitionSpec(*axes))
    if is_concrete(array) and not sharding.is_fully_addressable and array.is_fully_addressable:
        whole = np.asarray(array)
        return jax.make_array_from_callback(whole.shape, sharding, lambda index: whole[index])
    return jax.device_put(array, sharding)


def _automatic(axes: int) -> tuple[jax.sharding.AxisType, ...]:
    return (jax.sharding.AxisType.Auto,) * axes
