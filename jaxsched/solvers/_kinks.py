"""Marginal costs that jump, or whose slope does: in their place a smooth curve that sharpens with the barrier."""

from collections.abc import Callable
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxsched.problem import SlotProblem
from jaxsched.problem._scales import price_scale
from jaxsched.solvers._point import PrimalDualPoint, complementarity
from jaxsched.solvers._proximal_step import proximal_step

# A price scale below this share of the prices would stretch the curve without need: where no route costs anything, prices
# hardly differ, and with the spread alone the iterations come to rest at 1e-2.
_LEAST_SPREAD = 0.3
# Where the average is taken, in barrier widths on both sides; what lies beyond has less than 1e-4 of the weight.
_NODES = (0.0, 0.5, 1.5, 4.0, 12.0, 36.0, 100.0)
# A marginal cost jumps where it changes by so many times what the larger curvature at both ends of the step says.
_SHARP = 4.0
# A step is halved, at most to this share, until less than this part of the distance from the graphs is left, or until it is
# small beside the products. Without it one in twenty kinked problems comes to rest.
_LEAST_SHARE, _LESS_OFF = 1e-2, 0.9

Value = TypeVar("Value")


class Curve(eqx.Module):
    """What stands for the marginal costs of the sites near a point.

    Attributes:
        marginal: Value of the line at the load of each site.
        slope: Its slope, >= 0.
        off: Distance of the point from the marginal costs as a product of loads and prices, where they are smoothed.
        price_residual: Cost of the distance of all prices from them: above them times the room, below them times the load.
    """

    marginal: Float[Array, " site"]
    slope: Float[Array, " site"]
    off: Float[Array, ""]
    price_residual: Float[Array, ""]


def tangents(problem: SlotProblem, point: PrimalDualPoint) -> Curve:
    """The marginal costs themselves, with their derivatives."""
    _, marginal, slope = problem.site_cost.derivatives(point.load)
    return Curve(marginal, slope, jnp.zeros((), slope.dtype), _price_residual(problem, point, marginal))


def smoothed(problem: SlotProblem, point: PrimalDualPoint, product: Float[Array, ""]) -> Curve:
    """Tangents of the smoothed graphs of the marginal costs next to a point.

    The graph {(L, q): q in f'(L)} may have vertical parts. In the coordinate v = L + tau q it is a function u(v) of slope 0
    (vertical) to 1 (level). Its average with the weights of Chen, Harker, Kanzow and Smale makes of each corner the hyperbola
    (a - L) (q - c) = product, which is the central path of a linear program that knew the corner.

        u_s(v) = mean of u(v + width t),    width^2 = tau product,    weights 2 / (t^2 + 4)^(3/2)

    Source:
        Chen and Mangasarian, "A class of smoothing functions for nonlinear and mixed complementarity problems" (1996).
    """
    spread = jnp.maximum(price_scale(problem, point.prices), _LEAST_SPREAD * jnp.abs(point.prices).mean())
    tau = jnp.where(problem.capacity > 0, problem.capacity, 1.0) / spread
    width = jnp.sqrt(tau * product)
    place = point.load + tau * (point.prices - point.capacity_dual)
    nodes = jnp.asarray([*(-t for t in reversed(_NODES)), *_NODES[1:]], width.dtype)
    loads, prices = jax.vmap(lambda node: _nearest(problem, place + node * width, tau, point.load))(nodes)
    # Straight between the nodes: each part counts with the weight of its interval.
    share = nodes / jnp.sqrt(nodes**2 + 4.0)
    weight = (jnp.diff(share) / (share[-1] - share[0]))[:, None]
    steepness = (weight * jnp.diff(loads, axis=0) / (jnp.diff(nodes)[:, None] * width[None])).sum(0)
    steepness = jnp.clip(steepness, jnp.finfo(width.dtype).eps, 1.0)
    load = (weight * 0.5 * (loads[1:] + loads[:-1])).sum(0)
    slope = (1.0 - steepness) / (tau * steepness)
    middle = len(_NODES) - 1
    off = jnp.where(problem.reached(problem.usable_routes()), (point.load - loads[middle]) ** 2 / tau, 0.0)
    marginal = (place - load) / tau + slope * (point.load - load)
    return Curve(marginal, slope, off.sum(), _price_residual(problem, point, prices[middle]))


def settled(
    problem: SlotProblem,
    point: PrimalDualPoint,
    before: Curve,
    new: PrimalDualPoint,
    products: tuple[Float[Array, ""], Float[Array, ""]],
    kinked: Bool[Array, ""],
) -> tuple[PrimalDualPoint, Curve]:
    """Where a step leads, and the marginal costs there.

    Where costs are kinked they are smoothed, and the step is its half, quarter and so on if it leads too far off them.

    Arguments:
        problem: One slot.
        point: Where the step starts.
        before: The marginal costs there.
        new: Where it ends.
        products: Sum and number of the complementarity products at the start.
        kinked: Whether costs are kinked.
    """
    total, count = products
    most = _LESS_OFF * before.off + total / count * len(problem.capacity)

    def too_far(state):
        share, _, curve = state
        return kinked & (share > _LEAST_SHARE) & (curve.off > most)

    def shorter(state):
        share = 0.5 * state[0]
        there = jax.tree.map(lambda a, b: a + share * (b - a), point, new)
        return share, there, smoothed(problem, there, (complementarity(there) + before.off) / count)

    curve = tangents(problem, new)
    unknown = eqx.tree_at(lambda c: c.off, curve, jnp.where(kinked, jnp.inf, curve.off))
    return jax.lax.while_loop(too_far, shorter, (jnp.full_like(most, 2.0), new, unknown))[1:]


def jumps(before: Curve, after: Curve, moved: Float[Array, " site"], product: Float[Array, ""]) -> Bool[Array, ""]:
    """Whether loads that moved crossed a kink that matters: a mistake of more than a complementarity product."""
    expected = _SHARP * jnp.maximum(before.slope, after.slope) * jnp.abs(moved)
    mistake = jnp.abs(after.marginal - before.marginal) - expected
    return jnp.any(mistake * jnp.abs(moved) > product)


def only_if(wanted: Bool[Array, ""], function: Callable[[Value], Value], value: Value) -> Value:
    """The function of a value where it is wanted, or else the value.

    A loop of one pass at most: under `vmap` a `cond` would work out both branches for every slot.
    """
    done = jax.lax.while_loop(lambda s: s[0], lambda s: (jnp.zeros_like(s[0]), function(s[1])), (wanted, value))
    return done[1]


def _price_residual(problem: SlotProblem, point: PrimalDualPoint, marginal: Float[Array, " site"]) -> Float[Array, ""]:
    above = point.prices - marginal
    slack = jnp.maximum(problem.capacity - point.load, 0.0)
    return (jnp.maximum(above, 0.0) * slack + jnp.maximum(-above, 0.0) * point.load).sum()


def _nearest(
    problem: SlotProblem, place: Float[Array, " site"], tau: Float[Array, " site"], start: Float[Array, " site"]
) -> tuple[Float[Array, " site"], Float[Array, " site"]]:
    """Load and price on the graph with load + tau price = place. Beyond both ends it goes on level: bounds are not its."""
    price = proximal_step(problem.site_cost, problem.capacity, place, tau, start)[1]
    ends = jnp.stack([jnp.zeros_like(start), problem.capacity])
    first, last = jax.vmap(lambda at: jax.jvp(problem.site_cost, (at,), (jnp.ones_like(at),))[1])(ends)
    price = jnp.clip(price, first, last)
    return place - tau * price, price
