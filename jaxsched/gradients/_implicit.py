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
from jaxsched._parameters import is_concrete
from jaxsched._schedule import Schedule
from jaxsched.gradients._envelope import along, slot_costs
from jaxsched.problem import AbstractProblem, Problem, SlotProblem, restrict_routes
from jaxsched.solvers import PrimalDualPoint, demand_last, kind_last
from jaxsched.solvers._central_path import Linearised, Residuals, residuals
from jaxsched.solvers._map_slots import map_slots
from jaxsched.solvers._metric import cost_scale, price_scale
from jaxsched.solvers._point import usable_routes
from jaxsched.solvers._proximal_step import derivatives

# Barrier at which derivatives are taken, in powers 2/3 of the rounding error: relative to demand times the scale of cost for
# a route, to capacity times that of prices for a site (1.5e-11 in float64). Smoothing errs in proportion to the barrier,
# rounding by the square of the rounding error over it (a small crowded problem: 2e-7 of smoothing here; an eighth of the
# barrier brings fifty times the rounding).
_BARRIER = 0.4


Tree = TypeVar("Tree")


def with_derivatives(
    problem: Problem,
    schedule: Schedule,
    primal_dual_point: Callable[[Problem], PrimalDualPoint],
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
    names = ("routing", "load", "prices", "demand_price", "capacity_price")
    answer = tuple(getattr(schedule, name) for name in names)
    varying = _varying(problem, primal_dual_point, answer, schedule.sites, mesh)
    schedule = with_arrays(schedule, dict(zip(names, varying, strict=True)))
    cost = slot_costs(problem, schedule)
    bound = slot_costs(problem, eqx.tree_at(lambda s: s.slot_objective, schedule, schedule.slot_bound))
    return eqx.tree_at(lambda s: (s.slot_objective, s.slot_bound), schedule, (cost, bound))


@eqx.filter_custom_jvp
def _varying(
    problem: Problem,
    primal_dual_point: Callable[[Problem], PrimalDualPoint],
    answer: tuple[Array, ...],
    sites: Array | None,
    mesh: Mesh | None,
) -> tuple[Array, ...]:
    return answer


@_varying.def_jvp
def _(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    problem, primal_dual_point, answer, sites, mesh = primals
    # Values that are differentiated again must vary again: here and below, a rule applies its own function.
    answer = _varying(problem, primal_dual_point, answer, sites, mesh)
    if not jax.tree.leaves(tangents[0]):
        return answer, (None,) * len(answer)
    point = jax.lax.stop_gradient(primal_dual_point(constant(problem)))
    move = along(lambda p: follow(restrict_routes(p, sites, certified=False), point, mesh), problem, tangents[0])
    routing, of_demand = kind_last(problem, move.routing), demand_last(problem, move.multiplier)
    return answer, (routing, move.load, move.prices, of_demand, move.capacity_dual)


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
        one_slot = map_slots(_one_slot, (axes, 0, 0), points.routing[0].nbytes, factors=True)
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
    stiffness = jnp.where(here.usable, point.reduced_cost / jnp.where(here.usable, point.routing, 1.0), 0.0)
    barrier_curvature = point.capacity_dual / point.slack
    slope = derivatives(problem.site_cost, point.load)[2] + barrier_curvature
    masks = (here.usable, here.is_open, here.usable.any(-1), here.is_open)

    at = here.point
    is_full = at.capacity_dual * problem.capacity > at.slack * price_scale(problem, at.prices)

    def matrix(vector):
        routing, load, multiplier, prices = _parts(masks, vector)
        reduced = stiffness * routing - multiplier[..., None] + problem.priced_work(prices)
        return _packed(masks, reduced, slope * load - prices, -routing.sum(-1), problem.load(routing) - load)

    def solve(_, right):
        reduced, price, demand, balance = _parts(masks, right)
        left = Residuals(-reduced, -demand, balance, jnp.zeros_like(balance), price)
        step = here.newton((zero, zero), left, refinements=1)
        # A full site hardly moves: only its price tells by how little, and reverse mode multiplies that by w / s.
        load = jnp.where(is_full, here.inverse_curvature * (price + step.prices), step.load)
        return _packed(masks, step.routing, load, step.multiplier, step.prices)

    right = (-change.reduced_cost, change.price + barrier_curvature * change.capacity, -change.demand, change.balance)
    routing, load, multiplier, prices = _parts(
        masks, jax.lax.custom_linear_solve(matrix, _packed(masks, *right), solve, symmetric=True)
    )
    slack = jnp.where(here.is_open, change.capacity - load, 0.0)
    return PrimalDualPoint(routing, -stiffness * routing, multiplier, load, slack, -barrier_curvature * slack, prices)


def _packed(masks: tuple[Array, ...], *parts: Array) -> Array:
    """One vector of what the masks keep: a transposed solve needs all of its right-hand side to vary."""
    return jnp.concatenate([jnp.ravel(jnp.where(mask, part, 0.0)) for mask, part in zip(masks, parts, strict=True)])


def _parts(masks: tuple[Array, ...], vector: Array) -> tuple[Array, ...]:
    """The parts of a packed vector."""
    cuts = jnp.split(vector, np.cumsum([mask.size for mask in masks])[:-1])
    return tuple(jnp.where(mask, cut.reshape(mask.shape), 0.0) for mask, cut in zip(masks, cuts, strict=True))


def _smoothed(problem: SlotProblem, point: PrimalDualPoint) -> PrimalDualPoint:
    """The point with every complementarity product at the barrier, whatever the solver left of it.

    Smaller products would multiply the rounding of prices by x / z, larger ones would smooth too much. The linear
    conditions then hold to about the barrier, which is as good as the derivative is.
    """
    usable = usable_routes(problem)
    is_open = problem.reached(usable)
    barrier = jnp.asarray(_BARRIER * float(jnp.finfo(point.load.dtype).eps) ** (2.0 / 3.0), point.load.dtype)
    scale = cost_scale(problem, point.prices)[:, None, None]
    demand = jnp.where(problem.demand > 0, problem.demand, 1.0)[..., None]
    routing, reduced = _at_product(point.routing, point.reduced_cost, demand, scale, barrier)
    capacity = jnp.where(problem.capacity > 0, problem.capacity, 1.0)
    slack, capacity_dual = _at_product(
        point.slack, point.capacity_dual, capacity, price_scale(problem, point.prices), barrier
    )
    return PrimalDualPoint(
        routing=jnp.where(usable, routing, 0.0),
        reduced_cost=jnp.where(usable, reduced, 1.0),
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
