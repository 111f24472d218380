"""Aligning parameters of a site with arrays of slots and sites."""

from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Tree = TypeVar("Tree")


def align(value: Float[Array, "..."], rank: int) -> Float[Array, "..."]:
    """Prepend axes of length one until `value` has `rank` axes; a scalar stays a scalar.

    A parameter [site] thus broadcasts against an array [slot, site] without implicit rank promotion.
    """
    missing = rank - value.ndim
    if value.ndim == 0 or missing <= 0:
        return value
    return jnp.reshape(value, (1,) * missing + value.shape)


def align_tree(tree: Tree, rank: int) -> Tree:
    """Apply `align` to every array of a pytree, for example to every parameter of a model."""
    return jax.tree.map(lambda leaf: align(leaf, rank), tree)


def raise_rank(tree: Tree, rank: int) -> Tree:
    """As `align_tree`, scalars included: they get axes of length one too."""
    return jax.tree.map(lambda leaf: jnp.reshape(leaf, (1,) * (rank - leaf.ndim) + leaf.shape), tree)


def rank_of(*trees: Any) -> int:
    """The largest number of axes among the arrays of some pytrees."""
    return max((jnp.ndim(leaf) for leaf in jax.tree.leaves(trees)), default=0)
