"""Gradient of the optimal cost by the envelope theorem: one pass over the routes, no solve."""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsched._schedule import Schedule
from jaxsched.problem import AbstractDemand, AbstractProblem, Problem, SlotProblem
from jaxsched.problem._coupled import CoupledProblem, arrangement, in_periods
from jaxsched.problem._demand import Demands, Routes
from jaxsched.problem._slot import summed
from jaxsched.solvers import class_first, laid_out


def optimal_cost(problem: Problem, schedule: Schedule) -> Float[Array, ""]:
    """Cost of all slots of a schedule, whose derivative is that of the optimal cost.

    The value is `schedule.objective`. Its derivative is that of the Lagrangian in the problem, routing x, loads L and
    prices p of the schedule being held:

        d cost = sum x dc + sum df(L) + sum y dD - sum w dcapacity + sum p x dg
        y = min_j (c + g p),    w = max(0, p - f'(capacity))

    for the routes that may be used. It is exact at the optimum, whichever solver found it; of a schedule with a relative
    gap e it errs by about sqrt(e) at worst, mostly by far less. It costs one pass over the routes. Where sites tie, the
    shares of the schedule decide; at a kink of the optimal cost it is one of the subgradients. At a demand of zero and at
    a site without capacity it is the derivative to the right. Works in forward and reverse mode, under `jit` and `vmap`.
    Second derivatives need a schedule that itself was differentiated, that is `solve(problem, ...)` in the same function.

    Arguments:
        problem: What was solved; differentiate with respect to any array in it.
        schedule: Its schedule. Derivatives of it are not needed and not used.

    Returns:
        Cost [unit of cost of the problem].

    Raises:
        ValueError: If the schedule has another shape than the problem.

    Source:
        Milgrom and Segal, "Envelope theorems for arbitrary choice sets" (2002).
    """
    return slot_costs(problem, schedule).sum()


def slot_costs(problem: Problem, schedule: Schedule) -> Float[Array, " slot"]:
    """As `optimal_cost`, slot by slot; slots that windows of work join share theirs by their costs."""
    if schedule.shape != problem.routing_shape:
        raise ValueError(
            f"the schedule has a routing of shape {schedule.shape}; the problem needs {problem.routing_shape}."
        )
    jobs, routed = problem.deferrable, schedule.deferred
    if (0 if jobs is None else len(jobs.volume)) != (0 if routed is None else routed.shape[1]):
        raise ValueError("the schedule and the problem have other deferrable jobs; take the schedule of this problem.")
    _, slots, is_real = arrangement(problem)
    if is_real.all():
        return period_costs(in_periods(problem), schedule)
    costs = period_costs(in_periods(problem), schedule.select(slots).kept(is_real))
    return costs[np.flatnonzero(is_real)]


def period_costs(problem: Problem | CoupledProblem, schedule: Schedule) -> Float[Array, " slot"]:
    """As `slot_costs`, of a problem whose slots lie in periods and of a schedule of it."""
    return _with_envelope(problem, schedule.to_dense(), schedule.deferred, schedule.prices, schedule.slot_objective)


@eqx.filter_custom_jvp
def _with_envelope(
    problem: Problem | CoupledProblem, routing: Array, deferred: Array | None, prices: Array, value: Array
) -> Array:
    return value


@_with_envelope.def_jvp
def _(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Array, Array | None]:
    problem, routing, deferred, prices, value = primals
    # Applied again, so that second derivatives see a value that varies; they take routing and prices as they vary too.
    value = _with_envelope(problem, routing, deferred, prices, value)
    if not jax.tree.leaves(tangents[0]):
        return value, None
    held = laid_out(problem, class_first(problem, routing), deferred, prices)
    change = _change(problem, tangents[0], *held)
    return value, change if problem.period == 1 else _shared_out(change, value, problem.period)


def _shared_out(change: Float[Array, " period"], value: Float[Array, " slot"], length: int) -> Float[Array, " slot"]:
    """What periods have together as that of their slots, in proportion to what these cost; slots that fill up cost nothing."""
    size = jnp.abs(jax.lax.stop_gradient(value)).reshape(-1, length)
    size = jnp.where(jnp.isfinite(size), size, 0.0)
    total = size.sum(-1, keepdims=True)
    first = (jnp.arange(length) == 0).astype(size.dtype)[None, :]
    share = jnp.where(total > 0, size / jnp.where(total > 0, total, 1.0), first)
    return (share * change[:, None]).reshape(-1)


@eqx.filter_jit
def _change(problem: AbstractProblem, dot: AbstractProblem, routing: Routes, prices: Array) -> Array:
    """Derivative of the Lagrangian of each slot, or period, along a change of the problem."""
    slots, axes = problem.slots()
    held = jax.vmap(_multipliers, in_axes=(axes, 0))(slots, prices)

    def values(problem):
        slots, axes = problem.slots()
        return jax.vmap(_lagrangian, in_axes=(axes, 0, 0, 0, 0))(slots, routing, *held)

    # The loads at which the site costs are taken are held too.
    loads = jax.vmap(SlotProblem.load, in_axes=(axes, 0))(slots, routing)

    def site_costs(problem):
        slots, axes = problem.slots()
        return jax.vmap(lambda slot, load: slot.site_cost(load).sum(), in_axes=(axes, 0))(slots, loads)

    return along(lambda p: values(p) + site_costs(p), problem, dot)


def along(function: Callable[[Any], Any], problem: AbstractProblem, dot: AbstractProblem) -> Any:
    """Derivative of a function of the problem along a change of it, which is None at arrays that do not change."""
    moves = jax.tree.map(lambda change: change is not None, dot, is_leaf=lambda change: change is None)
    moving, rest = eqx.partition(problem, moves)
    return jax.jvp(lambda part: function(eqx.combine(part, rest)), (moving,), (dot,))[1]


def _lagrangian(
    problem: SlotProblem,
    routing: Routes,
    multiplier: Demands,
    capacity_dual: Float[Array, " site"],
    prices: Float[Array, " site"],
) -> Float[Array, ""]:
    """The Lagrangian but for the cost of the sites, up to a constant of what is held."""
    routes = summed(problem.each(lambda block, flow: (block.route_cost * flow).sum(), routing))
    routes = routes + (problem.load(routing) * prices).sum()
    served = summed((demand * price).sum() for demand, price in zip(problem.demand, multiplier, strict=True))
    return routes + served - (problem.capacity * capacity_dual).sum()


def _multipliers(
    problem: SlotProblem, prices: Float[Array, " site"]
) -> tuple[Demands, Float[Array, " site"], Float[Array, " site"]]:
    """What one more request of each demand costs, what one more unit of capacity saves, and prices at every site."""

    def of_demand(block: AbstractDemand) -> Float[Array, "*demand"]:
        least = _smallest(jnp.where(block.open_routes(problem.capacity), block.priced(prices), jnp.inf))
        return jnp.where(jnp.isfinite(least), least, 0.0)

    multiplier = problem.each(of_demand)
    # A site without capacity is worth what the best of its routes would save.
    most = functools.reduce(jnp.maximum, problem.each(_most_saved, multiplier))
    closed = (problem.capacity <= 0) & jnp.isfinite(most)
    prices = jnp.where(closed, most, prices)
    capacity_dual = jnp.maximum(prices - problem.site_cost.derivatives(problem.capacity)[1], 0.0)
    return multiplier, jnp.where(closed | (problem.capacity > 0), capacity_dual, 0.0), prices


def _most_saved(block: AbstractDemand, multiplier: Float[Array, "*demand"]) -> Float[Array, " site"]:
    """What a unit of capacity of each site would save at most, if it took over a demand; minus infinity where none may come."""
    saved = (multiplier[..., None] - block.route_cost) / block.work_at_routes()
    wanted = (block.demand > 0)[..., None]
    wanted = wanted if block.allowed is None else wanted & block.allowed
    return -_smallest(block.by_site(jnp.where(wanted, -saved, jnp.inf)))


@jax.custom_jvp
def _smallest(values: Float[Array, "*rows n"]) -> Float[Array, "*rows"]:
    """The least of each row, differentiable once more.

    The rule of `min` compares its answer with a second evaluation of its argument, and where the compiler rounds that
    differently it finds no least entry at all. Where it is not differentiated it is still `min`, which takes a tenth of the
    time of `argmin` on a CPU.
    """
    return values.min(-1)


@_smallest.defjvp
def _(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (values,), (change,) = primals, tangents
    return _smallest(values), jnp.take_along_axis(change, values.argmin(-1)[..., None], -1)[..., 0]
