"""One function for every slot, on one device or on several."""

import os
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec

from jaxsched._devices import ORIGINS, SLOTS

# Bytes of one array that a core of a CPU works on at a time: with what belongs to it, it stays in the core's own cache.
_CACHED = 2**19


def map_slots(
    function: Callable[..., Any], axes: tuple[Any, ...], size: int, factors: bool = False
) -> Callable[..., Any]:
    """`jax.vmap` over slots, in which each part of a mesh goes at its own pace, and a CPU takes a few slots at a time.

    Loops inside end when the slots of the own part are done: without this, every pass would ask all devices. Origins stay
    with the compiler, which adds up what their devices hold. An accelerator takes all slots at once, and so do devices that
    share the origins, which talk once for all of them; other CPUs take as many as their caches hold.

    Arguments:
        function: Of arrays of one slot.
        axes: Axis of the slot in each of them, 0 or None, as for `jax.vmap`.
        size: Bytes of the largest array of one slot.
        factors: Whether the function factors a matrix. Several devices of one CPU then take one slot at a time, because
            batches of factors wait for one another's threads for ever (jaxlib 0.10).
    """
    parts = jax.sharding.get_abstract_mesh().shape
    over_slots = jax.vmap(function, in_axes=axes)
    one_by_one = factors and SLOTS in parts
    if jax.default_backend() == "cpu" and (one_by_one or parts.get(ORIGINS, 1) == 1):
        over_slots = _in_groups(function, axes, 1 if one_by_one else _fitting(size))
    if SLOTS not in parts:
        return over_slots
    by_slot = PartitionSpec(SLOTS)
    specs = jax.tree.map(lambda axis: PartitionSpec() if axis is None else by_slot, axes, is_leaf=_none)
    return jax.shard_map(over_slots, in_specs=specs, out_specs=by_slot, axis_names={SLOTS}, check_vma=False)


def _fitting(size: int) -> int:
    """Slots whose arrays fit into the caches of the cores of a device."""
    cores = max((os.cpu_count() or 1) // jax.local_device_count(), 1)
    return max(int(_CACHED * cores / max(size, 1)), 1)


def _in_groups(function: Callable[..., Any], axes: tuple[Any, ...], most: int) -> Callable[..., Any]:
    """One group of slots after the other, groups of one size."""

    def apply(*arguments: Any) -> Any:
        divided = jax.tree.map(
            lambda axis, part: jax.tree.map(lambda _: axis is not None, part), axes, arguments, is_leaf=_none
        )
        own, shared = eqx.partition(arguments, divided)
        slots = len(jax.tree.leaves(own)[0])
        together = jax.vmap(function, in_axes=axes)
        if slots <= most and most > 1:
            return together(*arguments)
        groups = -(-slots // most)
        each = -(-slots // groups)
        # Filled up with the last slot.
        spare = groups * each - slots
        own = jax.tree.map(lambda leaf: jnp.concatenate([leaf, *[leaf[-1:]] * spare]) if spare else leaf, own)
        if each == 1:
            return jax.lax.map(lambda leaves: function(*eqx.combine(leaves, shared)), own)
        own = jax.tree.map(lambda leaf: leaf.reshape(groups, each, *leaf.shape[1:]), own)
        results = jax.lax.map(lambda leaves: together(*eqx.combine(leaves, shared)), own)
        return jax.tree.map(lambda leaf: leaf.reshape(groups * each, *leaf.shape[2:])[:slots], results)

    return apply


def _none(axis: Any) -> bool:
    return axis is None
