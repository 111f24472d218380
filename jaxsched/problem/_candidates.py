"""A problem with a list of candidate routes for each demand in place of every route."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from jaxsched._layout import with_arrays
from jaxsched.problem._abstract import AbstractProblem, AbstractView
from jaxsched.problem._problem import Problem
from jaxsched.problem._slot import SlotProblem


class CandidateProblem(AbstractView):
    """The routes of a problem that end at listed sites, for the solvers what a `Problem` is.

    Attributes:
        problem: The problem with every route.
        sites: Site at which each candidate ends; no site twice in a row. A listed route that is not allowed stays so.
        certified: Whether bounds are proved for every route, or for the candidates alone.
    """

    problem: AbstractProblem
    sites: Int[Array, "slot kind origin route"]
    certified: bool = eqx.field(static=True, default=True)

    def slots(self) -> tuple[SlotProblem, SlotProblem]:
        whole, axes = self.problem.slots()
        route_cost, allowed = jax.vmap(_listed, in_axes=(axes, 0))(whole, self.sites)
        # Also where all slots share an array, each lists its own entries of it.
        listed = {"route_cost": route_cost, "allowed": allowed, "sites": self.sites}
        listed_axes: dict[str, Any] = dict.fromkeys((name for name in listed if listed[name] is not None), 0)
        if self.certified:
            listed, listed_axes = listed | {"whole": whole}, listed_axes | {"whole": axes}
        return with_arrays(whole, listed), with_arrays(axes, listed_axes)


def restrict_routes(problem: Problem, sites: Array | None, certified: bool = True) -> Problem | CandidateProblem:
    """The problem with the routes of a schedule: all, or the candidates at some sites [slot, origin, route(, kind)]."""
    if sites is None:
        return problem
    sites = sites if problem.has_kinds else sites[..., None]
    return CandidateProblem(problem, jnp.transpose(sites, (0, 3, 1, 2)), certified)


def is_none(leaf: Any) -> bool:
    return leaf is None


def _listed(whole: SlotProblem, sites: Int[Array, "kind origin route"]) -> tuple[Array, Array | None]:
    """Cost and permission of each candidate."""

    kinds, origins, _ = sites.shape

    def pick(table: Array) -> Array:
        kind = jnp.arange(kinds) % table.shape[0]
        origin = jnp.arange(origins) % table.shape[1]
        site = sites if table.shape[2] > 1 else jnp.zeros_like(sites)
        return table[kind[:, None, None], origin[None, :, None], site]

    return pick(whole.route_cost), None if whole.allowed is None else pick(whole.allowed)
