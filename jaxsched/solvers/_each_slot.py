"""One function for every slot, on one device or on several."""

from collections.abc import Callable
from typing import Any

import jax
from jax.sharding import PartitionSpec

from jaxsched._devices import SLOTS


def each_slot(function: Callable[..., Any], axes: tuple[Any, ...]) -> Callable[..., Any]:
    """`jax.vmap` over slots, in which each part of a mesh goes at its own pace.

    Loops inside end when the slots of the own part are done: without this, every pass would ask all devices. Origins stay
    with the compiler, which adds up what their devices hold.

    Arguments:
        function: Of arrays of one slot.
        axes: Axis of the slot in each of them, 0 or None, as for `jax.vmap`.
    """
    over_slots = jax.vmap(function, in_axes=axes)
    if SLOTS not in jax.sharding.get_abstract_mesh().axis_names:
        return over_slots
    by_slot = PartitionSpec(SLOTS)
    specs = jax.tree.map(lambda axis: PartitionSpec() if axis is None else by_slot, axes, is_leaf=lambda a: a is None)
    return jax.shard_map(over_slots, in_specs=specs, out_specs=by_slot, axis_names={SLOTS}, check_vma=False)
