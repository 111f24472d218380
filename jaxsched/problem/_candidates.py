"""A problem with a list of candidate routes for each demand in place of every route."""

import dataclasses
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from jaxsched._layout import with_arrays
from jaxsched.problem._abstract import AbstractProblem, AbstractView
from jaxsched.problem._demand import FixedDemand
from jaxsched.problem._slot import SlotProblem


class CandidateProblem(AbstractView):
    """The routes of a problem that end at listed sites, for the solvers what a `Problem` is.

    Attributes:
        problem: The problem with every route.
        sites: Site at which each candidate ends; no site twice in a row. A listed route that is not allowed stays so.
        certified: Whether bounds are proved for every route, or for the candidates alone.
    """

    problem: AbstractProblem
    sites: Int[Array, "slot class origin route"]
    certified: bool = eqx.field(static=True, default=True)

    def slots(self) -> tuple[SlotProblem, SlotProblem]:
        whole, axes = self.problem.slots()
        fixed, fixed_axes = cast(FixedDemand, whole.blocks[0]), cast(FixedDemand, axes.blocks[0])
        route_cost, allowed = jax.vmap(_listed, in_axes=(fixed_axes, 0))(fixed, self.sites)
        # Also where all slots share an array, each lists its own entries of it.
        listed = {"route_cost": route_cost, "allowed": allowed, "sites": self.sites}
        listed_axes: dict[str, Any] = dict.fromkeys((name for name in listed if listed[name] is not None), 0)
        values = _with_fixed(whole, with_arrays(fixed, listed))
        axes_of_listed = _with_fixed(axes, with_arrays(fixed_axes, listed_axes))
        if self.certified:
            return with_arrays(values, {"whole": whole}), with_arrays(axes_of_listed, {"whole": axes})
        return values, axes_of_listed


def _with_fixed(slot: SlotProblem, fixed: FixedDemand) -> SlotProblem:
    return dataclasses.replace(slot, blocks=(fixed, *slot.blocks[1:]))


def is_none(leaf: Any) -> bool:
    return leaf is None


def _listed(whole: FixedDemand, sites: Int[Array, "class origin route"]) -> tuple[Array, Array | None]:
    """Cost and permission of each candidate."""

    classes, origins, _ = sites.shape

    def pick(table: Array) -> Array:
        request_class = jnp.arange(classes) % table.shape[0]
        origin = jnp.arange(origins) % table.shape[1]
        site = sites if table.shape[2] > 1 else jnp.zeros_like(sites)
        return table[request_class[:, None, None], origin[None, :, None], site]

    return pick(whole.route_cost), None if whole.allowed is None else pick(whole.allowed)
