"""What is checked of a cost of load: shape wherever it is known, finite and convex where its numbers are."""

from collections.abc import Callable
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsched._parameters import as_array
from jaxsched.problem._site_cost import AbstractSiteCost, FunctionCost

# Loads at which a cost is looked at, evenly from 0 to the most that a site can be asked to carry.
_POINTS = 17
# Second differences below this share of the cost, or so many rounding errors of it, show that it is not convex.
_VISIBLE, _ROUNDINGS = 1e-6, 1e3
# Evaluations that are worth it; of more slots only every second, third, ... is looked at.
_MOST = 2**21


def given_cost(site_cost: Any) -> AbstractSiteCost:
    """A site cost with arrays for numbers, also from a plain function of the load.

    Raises:
        TypeError: If it is neither.
        ValueError: If one of its arrays holds masked entries, or something that is no number.
    """
    if isinstance(site_cost, type):
        raise TypeError(f"site_cost is the class {site_cost.__name__}; give an instance: {site_cost.__name__}(...).")
    if not isinstance(site_cost, AbstractSiteCost):
        if isinstance(site_cost, eqx.Module) or not callable(site_cost):
            raise TypeError(
                f"site_cost is a {type(site_cost).__name__}; give CongestionCost(...), an AbstractSiteCost of your own, or a "
                "function of the load [site] written with jax.numpy."
            )
        site_cost = FunctionCost(cast(Callable[[Array], Array], site_cost))
    return jax.tree_util.tree_map_with_path(_array, site_cost)


def _array(path: Any, leaf: Any) -> Any:
    try:
        return as_array(leaf)
    except ValueError as error:
        raise ValueError(f"site_cost{jax.tree_util.keystr(path)}: {error}") from error


def check_shape(site_cost: AbstractSiteCost, sizes: tuple[int, int], dtype: Any) -> None:
    """Raise a ValueError unless one load for each site costs one number for each site, in every slot.

    Arguments:
        site_cost: The cost.
        sizes: Numbers of slots and sites.
        dtype: That of the loads.
    """
    slots, sites = sizes
    for path, leaf in jax.tree_util.tree_leaves_with_path(site_cost):
        if eqx.is_array(leaf) and leaf.ndim >= 2 and leaf.shape[0] not in (1, slots):
            raise ValueError(
                f"site_cost{jax.tree_util.keystr(path)} has shape {leaf.shape}; where it has two axes or more the first is "
                f"that of the slots, {slots} or 1."
            )
    try:
        found = eqx.filter_eval_shape(_values, site_cost, jax.ShapeDtypeStruct((slots, 1, sites), dtype)).shape[2:]
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise ValueError(
            f"site_cost does not take one load for each of {sites} sites{_odd_leaves(site_cost, sites)}; it must work "
            f"elementwise on arrays of JAX (jax.numpy): {reason}"
        ) from error
    if found != (sites,):
        raise ValueError(
            f"site_cost of one load for each of {sites} sites has shape {found}{_odd_leaves(site_cost, sites)}; it must give "
            "one cost for each site."
        )


def check_values(
    site_cost: AbstractSiteCost, capacity: Float[Array, "#slot site"], most: Float[Array, "slot site"]
) -> None:
    """Raise a ValueError that says where a cost is not finite, or bends the wrong way, between no load and the most.

    Arguments:
        site_cost: The cost.
        capacity: Largest load.
        most: The load of all demand.
    """
    slots, sites = most.shape
    step = -(-slots * sites * _POINTS // _MOST)
    looked_at = np.arange(0, slots, step)

    def cut(leaf: Any) -> Any:
        return leaf[::step] if eqx.is_array(leaf) and leaf.ndim >= 2 and leaf.shape[0] == slots else leaf

    costs, top = jax.tree.map(cut, site_cost), jnp.minimum(capacity, most)[::step]
    loads, values, broken, bent = (np.asarray(a) for a in _looked_at(costs, top))
    for wrong in (broken, bent):
        if wrong.any():
            slot, point, site = np.argwhere(wrong)[0].tolist()
            found = f"site_cost at slot {looked_at[slot]}, site {site}"
            if wrong is broken:
                raise ValueError(
                    f"{found} is {values[slot, point, site]:g} at a load of {loads[slot, point, site]:g}; it must be finite "
                    "from no load to the capacity."
                )
            raise ValueError(
                f"{found} is not convex: near a load of {loads[slot, point, site]:g} its slope falls. The next unit of load "
                "must never cost less than the one before, or no bound can be proved."
            )


@eqx.filter_jit
def _values(site_cost: AbstractSiteCost, loads: Float[Array, "slot point site"]) -> Array:
    """Cost of loads, slot by slot."""
    costs, axes = site_cost.by_slot()

    def one_slot(cost: AbstractSiteCost, loads: Float[Array, "point site"]) -> Array:
        return jax.vmap(cost)(loads)

    return jax.vmap(one_slot, in_axes=(axes, 0))(costs, loads)


@eqx.filter_jit
def _looked_at(site_cost: AbstractSiteCost, most: Float[Array, "slot site"]) -> tuple[Array, Array, Array, Array]:
    """Loads, their costs, whether these are broken, and whether the cost bends the wrong way [slot, point, site] each."""
    share = jnp.linspace(0.0, 1.0, _POINTS, dtype=most.dtype)
    loads = share[None, :, None] * most[:, None, :]
    values = _values(site_cost, loads)
    second = values[:, 2:] + values[:, :-2] - 2.0 * values[:, 1:-1]
    tolerance = max(_VISIBLE, _ROUNDINGS * float(jnp.finfo(most.dtype).eps))
    bent = second < -tolerance * jnp.abs(values).max(1, keepdims=True)
    return loads, values, ~jnp.isfinite(values), jnp.pad(bent, ((0, 0), (1, 1), (0, 0)))


def _odd_leaves(site_cost: AbstractSiteCost, sites: int) -> str:
    """Names of arrays whose last axis is not that of the sites."""
    leaves = jax.tree_util.tree_leaves_with_path(site_cost)
    odd = [
        (path, leaf) for path, leaf in leaves if eqx.is_array(leaf) and leaf.ndim and leaf.shape[-1] not in (1, sites)
    ]
    named = ", ".join(f"{jax.tree_util.keystr(path).lstrip('.')} has shape {leaf.shape}" for path, leaf in odd)
    return f" ({named})" if named else ""
