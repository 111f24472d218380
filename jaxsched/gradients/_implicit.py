"""Derivative of the schedule by the implicit function theorem: one factorisation, never through the iterations."""

from collections.abc import Callable
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float

from jaxsched._devices import on_devices
from jaxsched._layout import with_arrays
from jaxsched._map_slots import map_slots
from jaxsched._parameters import is_concrete
from jaxsched._schedule import Schedule
from jaxsched.gradients._envelope import along, period_costs
from jaxsched.problem import AbstractProblem, Problem, SlotProblem
from jaxsched.problem._coupled import CoupledProblem, restrict_routes
from jaxsched.problem._scales import cost_scale, price_scale
from jaxsched.solvers import PrimalDualPoint, answered, by_slot
from jaxsched.solvers.optimality import Linearised, Residuals, residuals

# Barrier at which derivatives are taken, in powers 2/3 of the rounding error: relative to demand times the scale of cost for
# a route, to capacity times that of prices for a site (1.5e-11 in float64). Smoothing errs in proportion to the barrier,
# rounding by the square of the rounding error over it (a small crowded problem: 2e-7 of smoothing here; an eighth of the
# barrier brings fifty times the rounding).
_BARRIER = 0.4


# What of a schedule has the derivative of the optimum, beside the jobs.
_OF_SLOTS = ("routing", "load", "prices", "demand_price", "capacity_price")

Tree = TypeVar("Tree")


def with_derivatives(
    problem: Problem | CoupledProblem,
    schedule: Schedule,
    primal_dual_point: Callable[[Any], PrimalDualPoint],
    mesh: Mesh | None = None,
) -> Schedule:
    """A schedule that varies with its problem, at no cost unless it is differentiated.

    Routing, load and all prices get the derivative of the optimum (`follow`), objective and bound that of the optimal cost
    (`optimal_cost`). No value changes.

    Arguments:
        problem: What was solved.
        schedule: Its schedule, a constant.
        primal_dual_point: Finds a strictly interior point near the optimum; called only where derivatives are asked for.
        mesh: Devices over which its slots are divided.
    """
    names = (*_OF_SLOTS, "deferred", "deferred_price") if isinstance(problem, CoupledProblem) else _OF_SLOTS
    answer = {name: getattr(schedule, name) for name in names}
    schedule = with_arrays(schedule, _varying(problem, primal_dual_point, answer, schedule.sites, mesh))
    cost = period_costs(problem, schedule)
    bound = period_costs(problem, eqx.tree_at(lambda s: s.slot_objective, schedule, schedule.slot_bound))
    return eqx.tree_at(lambda s: (s.slot_objective, s.slot_bound), schedule, (cost, bound))


@eqx.filter_custom_jvp
def _varying(
    problem: Problem | CoupledProblem,
    primal_dual_point: Callable[[Any], PrimalDualPoint],
    answer: dict[str, Array],
    sites: Array | None,
    mesh: Mesh | None,
) -> dict[str, Array]:
    return answer


@_varying.def_jvp
def _(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    problem, primal_dual_point, answer, sites, mesh = primals
    # Values that are differentiated again must vary again: here and below, a rule applies its own function.
    answer = _varying(problem, primal_dual_point, answer, sites, mesh)
    if not jax.tree.leaves(tangents[0]):
        return answer, dict.fromkeys(answer)
    point = jax.lax.stop_gradient(primal_dual_point(constant(problem)))
    move = along(lambda p: follow(restrict_routes(p, sites, certified=False), point, mesh), problem, tangents[0])
    change = answered(problem, move.routing, move.multiplier)
    of_sites = {"load": move.load, "prices": move.prices, "capacity_price": move.capacity_dual}
    change |= {name: by_slot(problem, values) for name, values in of_sites.items()}
    return answer, {name: change[name] for name in answer}


def constant(tree: Tree) -> Tree:
    """The same values without derivatives."""

    def held(leaf: Any) -> Any:
        # What is known already has none: dozens of leaves would be dispatched for nothing.
        return leaf if is_concrete(leaf) or not eqx.is_inexact_array(leaf) else jax.lax.stop_gradient(leaf)

    return jax.tree.map(held, tree)


@eqx.filter_custom_jvp
def follow(problem: AbstractProblem, point: PrimalDualPoint, mesh: Mesh | None = None) -> PrimalDualPoint:
    """Interior points of all slots, as the function of the problem that keeps their complementarity products.

        F(u; problem) = 0,  x z = const, s w = const    =>    du = -(dF/du)^-1 (dF/dproblem) dproblem

    F are the conditions of `Linearised`; the products are first set to a common small barrier. The derivative is that of
    the barrier-smoothed optimum: defined where the active set changes, where it lies between the one-sided derivatives.

    Source:
        Fiacco, "Introduction to sensitivity and stability analysis in nonlinear programming" (1983), section 3.
    """
    return point


@follow.def_jvp
def _(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[PrimalDualPoint, Any]:
    problem, point, mesh = primals
    here = follow(problem, point, mesh)
    return here, _move(problem, tangents[0], here, mesh)


@eqx.filter_jit
def _move(
    problem: AbstractProblem, dot: AbstractProblem, points: PrimalDualPoint, mesh: Mesh | None
) -> PrimalDualPoint:
    """Tangent of the points along a change of the problem: for each slot one factorisation, and two back-substitutions."""

    def at_points(problem):
        slots, axes = problem.slots()
        return jax.vmap(residuals, in_axes=(axes, 0))(slots, points)

    change = along(at_points, problem, dot)
    slots, axes = problem.slots()
    with on_devices(mesh):
        one_slot = map_slots(_one_slot, (axes, 0, 0), points.routing[0][0].nbytes, factors=True)
        return one_slot(slots, points, change)


def _one_slot(problem: SlotProblem, point: PrimalDualPoint, change: Residuals) -> PrimalDualPoint:
    """Step of one slot that removes a change of its residuals and keeps its products.

    With the duals of bounds eliminated the system is symmetric in (x, L, y, p); saying so makes reverse mode run this very
    solve, where the transpose of its single operations would lose the digits that the corrections save.

        (z/x) dx - dy + g dp = -r_reduced    h dL - dp = r_price + (w/s) r_capacity
        -sum_j dx = -r_demand                sum_ik g dx - dL = r_balance
    """
    point = _smoothed(problem, point)
    zero = jnp.zeros((), point.load.dtype)
    here = Linearised(problem, jax.lax.stop_gradient(point), zero)
    stiffness = tuple(
        jnp.where(usable, reduced / jnp.where(usable, flow, 1.0), 0.0)
        for usable, reduced, flow in zip(here.usable, point.reduced_cost, point.routing, strict=True)
    )
    barrier_curvature = point.capacity_dual / point.slack
    slope = problem.site_cost.derivatives(point.load)[2] + barrier_curvature
    masks = (here.usable, here.is_open, tuple(usable.any(-1) for usable in here.usable), here.is_open)

    at = here.point
    is_full = at.capacity_dual * problem.capacity > at.slack * price_scale(problem, at.prices)

    def matrix(vector):
        routing, load, multiplier, prices = _parts(masks, vector)

        def reduced(block, stiff, flow, price):
            return stiff * flow - price[..., None] + block.priced_work(prices)

        demand = tuple(-flow.sum(-1) for flow in routing)
        costs = problem.each(reduced, stiffness, routing, multiplier)
        return _packed(masks, costs, slope * load - prices, demand, problem.load(routing) - load)

    def solve(_, right):
        reduced, price, demand, balance = _parts(masks, right)
        left = Residuals(_minus(reduced), _minus(demand), balance, jnp.zeros_like(balance), price)
        nothing = tuple(zero for _ in problem.blocks)
        step = here.newton((nothing, zero), left, refinements=1)
        # A full site hardly moves: only its price tells by how little, and reverse mode multiplies that by w / s.
        load = jnp.where(is_full, here.inverse_curvature * (price + step.prices), step.load)
        return _packed(masks, step.routing, load, step.multiplier, step.prices)

    right = _packed(
        masks,
        _minus(change.reduced_cost),
        change.price + barrier_curvature * change.capacity,
        _minus(change.demand),
        change.balance,
    )
    routing, load, multiplier, prices = _parts(masks, jax.lax.custom_linear_solve(matrix, right, solve, symmetric=True))
    slack = jnp.where(here.is_open, change.capacity - load, 0.0)
    reduced_cost = tuple(-stiff * flow for stiff, flow in zip(stiffness, routing, strict=True))
    return PrimalDualPoint(routing, reduced_cost, multiplier, load, slack, -barrier_curvature * slack, prices)


def _minus(values: tuple[Array, ...]) -> tuple[Array, ...]:
    return tuple(-value for value in values)


def _packed(masks: Any, *parts: Any) -> Array:
    """One vector of what the masks keep: a transposed solve needs all of its right-hand side to vary."""
    kept = jax.tree.map(lambda mask, part: jnp.ravel(jnp.where(mask, part, 0.0)), masks, parts)
    return jnp.concatenate(jax.tree.leaves(kept))


def _parts(masks: Any, vector: Array) -> Any:
    """The parts of a packed vector."""
    leaves, structure = jax.tree.flatten(masks)
    cuts = jnp.split(vector, np.cumsum([mask.size for mask in leaves])[:-1])
    return structure.unflatten(
        [jnp.where(mask, part.reshape(mask.shape), 0.0) for mask, part in zip(leaves, cuts, strict=True)]
    )


def _smoothed(problem: SlotProblem, point: PrimalDualPoint) -> PrimalDualPoint:
    """The point with every complementarity product at the barrier, whatever the solver left of it.

    Smaller products would multiply the rounding of prices by x / z, larger ones would smooth too much. The linear
    conditions then hold to about the barrier, which is as good as the derivative is.
    """
    usable = problem.usable_routes()
    is_open = problem.reached(usable)
    barrier = jnp.asarray(_BARRIER * float(jnp.finfo(point.load.dtype).eps) ** (2.0 / 3.0), point.load.dtype)

    def at_barrier(demand, scale, usable, flow, reduced):
        demand = jnp.where(demand > 0, demand, 1.0)[..., None]
        flow, reduced = _at_product(flow, reduced, demand, scale[..., None, None], barrier)
        return jnp.where(usable, flow, 0.0), jnp.where(usable, reduced, 1.0)

    scales = cost_scale(problem, point.prices)
    rows = map(at_barrier, problem.demand, scales, usable, point.routing, point.reduced_cost)
    routing, reduced = zip(*rows, strict=True)
    capacity = jnp.where(problem.capacity > 0, problem.capacity, 1.0)
    slack, capacity_dual = _at_product(
        point.slack, point.capacity_dual, capacity, price_scale(problem, point.prices), barrier
    )
    return PrimalDualPoint(
        routing=routing,
        reduced_cost=reduced,
        multiplier=point.multiplier,
        load=point.load,
        slack=jnp.where(is_open, slack, 1.0),
        capacity_dual=jnp.where(is_open, capacity_dual, 0.0),
        prices=point.prices,
    )


def _at_product(
    primal: Array, dual: Array, primal_scale: Array, dual_scale: Array, product: Float[Array, ""]
) -> tuple[Array, Array]:
    """The positive pair of a given product, both in units of their scales, that keeps dual - primal."""
    difference = primal / primal_scale - dual / dual_scale
    larger = 0.5 * (jnp.abs(difference) + jnp.sqrt(difference**2 + 4.0 * product))
    smaller = product / larger
    is_primal = difference > 0
    return (
        primal_scale * jnp.where(is_primal, larger, smaller),
        dual_scale * jnp.where(is_primal, smaller, larger),
    )
