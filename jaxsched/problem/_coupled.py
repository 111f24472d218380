"""A problem with work that may wait, in which the slots of a period are decided together."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxsched._layout import SLOT, filled, map_arrays, with_arrays
from jaxsched.problem._abstract import AbstractProblem, AbstractView
from jaxsched.problem._candidates import CandidateProblem
from jaxsched.problem._deferrable import Deferrable
from jaxsched.problem._demand import FixedDemand, SlottedDemand
from jaxsched.problem._periods import arranged_slots
from jaxsched.problem._prepared import PreparedProblem
from jaxsched.problem._problem import Problem
from jaxsched.problem._site_cost import CostOfSlots, RealSlots
from jaxsched.problem._slot import SlotProblem


class CoupledProblem(AbstractView):
    """Slots in periods of one length, for the solvers a problem of periods in place of slots.

    The sites of all slots of a period are the sites of one `SlotProblem`: its fixed demand goes to those of its own slot,
    and each job to those of the slots of its window. Whatever holds of one slot holds of a period.

    Attributes:
        problem: The demand that is served in its own slot, of all periods, each filled up to their length.
        jobs: The jobs of each period: each as a request class with one origin, whose routes lead to every site of every slot.
        order: Number of each job among all of the problem; past the last where a period has fewer than others.
        length: Slots of a period.
        count: Number of jobs.
        most: Load that each site can be asked to carry at most, where it has been worked out already.
    """

    problem: Any
    jobs: FixedDemand
    order: Int[Array, "period place"]
    length: int = eqx.field(static=True)
    count: int = eqx.field(static=True)
    most: Float[Array, "period site"] | None = None

    @property
    def period(self) -> int:
        return self.length

    def slots(self) -> tuple[SlotProblem, SlotProblem]:
        """The problem in the layout of one period, and the axis of the period in each of its leaves."""
        values, axes = self.problem.slots()
        together = self._together(values, axes)
        if self.most is None:
            return together
        place = (lambda s: s.most) if values.whole is None else (lambda s: s.whole.most)
        values, axes = (
            eqx.tree_at(place, tree, most, is_leaf=lambda leaf: leaf is None)
            for tree, most in zip(together, (self.most, 0), strict=True)
        )
        return values, axes

    def slot(self, index: Any) -> SlotProblem:
        """The fixed demand of one slot in the layout of the solvers; the index may be traced."""
        return self.problem.slot(index)

    def _together(self, values: SlotProblem, axes: Any) -> tuple[SlotProblem, Any]:
        """The slots of a period as one, with its jobs."""
        own = jax.tree.map(
            lambda axis, leaf: leaf if axis is None else self.by_period(leaf), axes, values, is_leaf=_none
        )
        blocks = tuple(
            (SlottedDemand(block, of_block, self.length), SlottedDemand(of_block, of_block, self.length))
            for block, of_block in zip(own.blocks, axes.blocks, strict=True)
        )
        shared = axes.capacity is None
        capacity = jnp.tile(own.capacity, self.length) if shared else own.capacity.reshape(len(own.capacity), -1)
        costs = (CostOfSlots(cost, axes.site_cost, self.length) for cost in (own.site_cost, axes.site_cost))
        wholes = (None, None) if values.whole is None else self._together(values.whole, axes.whole)
        jobs = (self.jobs, jax.tree.map(lambda _: 0, self.jobs))
        parts = zip(zip(*blocks, strict=True), jobs, (capacity, axes.capacity), costs, wholes, strict=True)
        period, of_period = (
            SlotProblem((*fixed, waiting), limit, cost, whole) for fixed, waiting, limit, cost, whole in parts
        )
        return period, of_period

    def by_period(self, values: Float[Array, "slot *rest"]) -> Float[Array, "period slot *rest"]:
        """Values of all slots, those of each period together."""
        return values.reshape(-1, self.length, *values.shape[1:])

    def to_jobs(self, values: Float[Array, "slot job site"]) -> Float[Array, "period place 1 site"]:
        """Values of all jobs in all slots, as those of the jobs of each period at all of its sites; 0 where it has fewer."""
        period = jnp.arange(len(self.order))[:, None]
        own = self.by_period(values).swapaxes(1, 2).at[period, self.order].get(mode="fill", fill_value=0)
        return own.reshape(*self.order.shape, 1, -1)

    def from_jobs(self, values: Float[Array, "period place 1 site"]) -> Float[Array, "slot job site"]:
        """Values of the jobs of each period at all of its sites, as those of all jobs in all slots; 0 outside the period."""
        period = jnp.arange(len(self.order))[:, None]
        own = values.reshape(*self.order.shape, self.length, -1)
        every = jnp.zeros((len(own), self.count, *own.shape[2:]), own.dtype)
        every = every.at[period, self.order].set(own, mode="drop")
        return every.swapaxes(1, 2).reshape(-1, self.count, own.shape[-1])

    def of_jobs(self, values: Float[Array, "period place 1"]) -> Float[Array, " job"]:
        """Values of the jobs of each period, as those of all jobs; 0 of those of other periods."""
        return jnp.zeros(self.count, values.dtype).at[self.order].set(values[..., 0], mode="drop")

    def select(self, slots: slice) -> "CoupledProblem":
        """The problem of some whole periods; the jobs of others are still counted."""
        periods = slice(slots.start // self.length, slots.stop // self.length)
        return self._with(self.problem.select(slots), lambda array: array[periods])

    def filled(self, slots: int, origins: int) -> "CoupledProblem":
        """The problem with so many more slots, of whole periods, and origins, which have no demand and cost nothing."""
        more = {SLOT: slots // self.length}

        def fill(array: Array) -> Array:
            return filled(array, (SLOT, *(None,) * (array.ndim - 1)), more, "constant")

        part = self._with(self.problem.filled(slots, origins), fill)
        real = len(self.order)
        # No job, and no work that would divide by 0.
        work = part.jobs.work.at[real:].set(1.0)
        part = eqx.tree_at(lambda p: p.jobs.work, part, work)
        return eqx.tree_at(lambda p: p.order, part, part.order.at[real:].set(self.count))

    def map_arrays(self, function: Any) -> "CoupledProblem":
        """The problem with other arrays, each made of one of its own and its axes, of which periods count as slots."""
        return self._with(
            map_arrays(function, self.problem), lambda array: function(array, (SLOT, *(None,) * (array.ndim - 1)))
        )

    def _with(self, problem: Any, function: Any) -> "CoupledProblem":
        jobs, order = jax.tree.map(function, (self.jobs, self.order))
        return dataclasses.replace(self, problem=problem, jobs=jobs, order=order)


def _none(axis: Any) -> bool:
    return axis is None


def arrangement(problem: Problem) -> tuple[int, np.ndarray, np.ndarray]:
    """Slots of a period; the slot at each place of `in_periods`; and whether it is one, or only fills up its period."""
    if problem.windows is None:
        slots = problem.shape[0]
        return 1, np.arange(slots), np.ones(slots, bool)
    return arranged_slots(problem.windows.periods)[:3]


def in_periods(problem: Problem) -> Problem | CoupledProblem:
    """The problem with the slots of each period together, where work may wait; a function of its arrays."""
    if problem.deferrable is None or problem.windows is None:
        return problem
    length, slots, is_real, shift = arranged_slots(problem.windows.periods)
    plain = problem.without_deferrable()
    if not is_real.all():
        plain = plain.select(jnp.asarray(slots))
        demand = jnp.where(is_real[:, None, None], plain.demand, 0.0)
        cost = RealSlots(plain.site_cost, is_real, demand.dtype)
        plain = with_arrays(plain, {"demand": demand, "site_cost": cost})
    order = problem.windows.order
    jobs = _jobs(plain, problem.deferrable, order, jnp.asarray(shift, jnp.int32), length)
    return CoupledProblem(plain, jobs, order, length, len(problem.deferrable.volume))


def _jobs(plain: Problem, jobs: Deferrable, order: Array, shift: Array, length: int) -> FixedDemand:
    """The jobs of each period, with their routes to every site of every slot of it."""
    periods, places = order.shape
    _, _, sites, _ = plain.shape

    def of_place(values: Array, none: Any) -> Array:
        return values.at[order].get(mode="fill", fill_value=none)

    origin, request_class = of_place(jobs.origin, 0), of_place(jobs.kind, 0)
    assert jobs.deadline is not None
    # The windows in slots of the period; where there is no job it is empty.
    release = (of_place(jobs.release, 0) + shift[:, None]) % length
    deadline = jnp.where(order < len(jobs.volume), release + of_place(jobs.deadline - jobs.release, 0), -1)
    slot = jnp.arange(length, dtype=jnp.int32)[None, None, :]
    allowed = ((slot >= release[..., None]) & (slot <= deadline[..., None]))[..., None]
    at = (
        jnp.arange(periods, dtype=jnp.int32)[:, None, None] * length + slot,
        origin[..., None],
        request_class[..., None],
    )
    if plain.allowed is not None:
        allowed = allowed & _of_origin(plain.allowed, *at)
    if jobs.route_cost is None:
        cost = _of_origin(plain.route_cost, *at)
    else:
        given = jnp.broadcast_to(jobs.route_cost, (len(jobs.volume), jobs.route_cost.shape[1]))
        given = of_place(given, 0.0)[:, :, None, :]
        allowed = allowed & (given < jnp.inf)
        cost = jnp.where(given < jnp.inf, given, 0.0)
    shape = (periods, places, length, sites)
    work = jnp.broadcast_to(plain.work.T[request_class][:, :, None, :], shape)
    flat = (periods, places, 1, length * sites)
    return FixedDemand(
        demand=of_place(jobs.volume, 0.0)[..., None],
        route_cost=jnp.broadcast_to(cost, shape).reshape(flat),
        work=work.reshape(periods, places, -1),
        allowed=jnp.broadcast_to(allowed, shape).reshape(flat),
        one_scale=True,
    )


def _of_origin(
    table: Array, slot: Array, origin: Array, request_class: Array
) -> Float[Array, "period place slot #site"]:
    """Entries [slot, origin, site, class] of a table of routes, each axis of which may be shared."""
    slots, origins, _, classes = table.shape
    return table[slot % slots, origin % origins, :, request_class % classes]


def prepared(problem: AbstractProblem) -> AbstractProblem:
    """The problem with its arrays in the layout of the solvers, for a loop that asks for them every time."""
    if not isinstance(problem, CoupledProblem):
        return PreparedProblem(problem)
    laid_out = dataclasses.replace(problem, problem=PreparedProblem(problem.problem))
    values, axes = laid_out.slots()
    most = jax.vmap(lambda period: (period.whole or period).most_load(), in_axes=(axes,))(values)
    return dataclasses.replace(laid_out, most=most)


def list_routes(
    problem: AbstractProblem, sites: Int[Array, "slot class origin route"], certified: bool = True
) -> AbstractProblem:
    """The problem with candidates for the demand that is served in its own slot; jobs keep every route.

    Arguments:
        problem: The problem with every route.
        sites: Site at which each candidate ends.
        certified: Whether bounds are proved for every route, or for the candidates alone.
    """
    if not isinstance(problem, CoupledProblem):
        return CandidateProblem(problem, sites, certified)
    return dataclasses.replace(problem, problem=CandidateProblem(problem.problem, sites, certified))


def restrict_routes(problem: AbstractProblem, sites: Array | None, certified: bool = True) -> AbstractProblem:
    """The problem with the routes of a schedule: all, or the candidates at some sites [slot, origin, route(, class)]."""
    if sites is None:
        return problem
    sites = sites if problem.has_classes else sites[..., None]
    return list_routes(problem, jnp.transpose(sites, (0, 3, 1, 2)), certified)
