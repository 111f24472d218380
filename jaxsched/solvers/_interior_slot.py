"""One slot of the interior-point method: where it stands, and an iteration with its certificate."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxsched.problem import SlotProblem
from jaxsched.solvers._central_path import advance
from jaxsched.solvers._certificate import improve, reassess
from jaxsched.solvers._point import (
    Point,
    entered,
    number_of_products,
    off_prices,
    sum_of_products,
    warm_start,
)
from jaxsched.solvers._repair import proportional

# Least relative progress that counts.
_PROGRESS = 0.9
# The certified gap is no larger than about the sum of the complementarity products, unless rounding keeps it up.
_ROUNDED = 0.1
# A factorisation that fails is tried again with the diagonal raised by this factor more, from one rounding error on.
_FIRM, _RELAX = 100.0, 0.1


class SlotState(eqx.Module):
    """Where the iteration of one slot stands, and the best that its certificate has seen.

    Attributes:
        point: Primal and dual unknowns, strictly inside.
        total: Sum of its complementarity products.
        count: Their number.
        regularisation: Relative increase of the diagonal of the reduced system.
        best_routing: Cheapest feasible routing found.
        best_prices: Prices of the highest bound found.
        objective: Its cost, infinite before the first.
        bound: That bound, minus infinity before the first.
        infeasible: Whether prices have proved that the work cannot fit.
        away: Cost of the prices' distance from the marginal costs at the point.
        idle: Iterations since the last progress.
        difference: Objective minus bound at the last progress.
        products: Sum of complementarity products at the last progress.
    """

    point: Point
    total: Float[Array, ""]
    count: Float[Array, ""]
    regularisation: Float[Array, ""]
    best_routing: Float[Array, "kind origin route"]
    best_prices: Float[Array, " site"]
    objective: Float[Array, ""]
    bound: Float[Array, ""]
    infeasible: Bool[Array, ""]
    away: Float[Array, ""]
    idle: Int[Array, ""]
    difference: Float[Array, ""]
    products: Float[Array, ""]


def first_state(problem: SlotProblem, point: Point) -> SlotState:
    zero = jnp.zeros((), point.routing.dtype)
    return SlotState(
        point=point,
        total=sum_of_products(point),
        count=number_of_products(problem),
        regularisation=zero,
        best_routing=proportional(problem),
        best_prices=point.prices,
        objective=zero + jnp.inf,
        bound=zero - jnp.inf,
        infeasible=jnp.asarray(False),
        away=zero + jnp.inf,
        idle=jnp.asarray(0),
        difference=zero + jnp.inf,
        products=zero + jnp.inf,
    )


def warm_state(
    problem: SlotProblem, routing: Float[Array, "kind origin route"], prices: Float[Array, " site"]
) -> SlotState:
    return first_state(problem, warm_start(problem, routing, prices))


def iterate(problem: SlotProblem, state: SlotState) -> SlotState:
    """One iteration, the certificate of its point, and whether it was worth it."""
    trial = advance(problem, state.point, state.regularisation, state.total, state.count)
    # One broken factor spoils every unknown, and a sum keeps any NaN. What sites are left with tells of all their routes.
    sound = jnp.isfinite(trial.prices.sum() + trial.load.sum() + trial.multiplier.sum())
    point = jax.tree.map(lambda new, old: jnp.where(sound, new, old), trial, state.point)
    eps = jnp.finfo(trial.prices.dtype).eps
    firmer = jnp.maximum(_FIRM * state.regularisation, eps)
    softer = jnp.where(state.regularisation > eps, _RELAX * state.regularisation, 0.0)
    served = point.routing.sum(-1)
    scale = jnp.where(served > 0, problem.demand / jnp.where(served > 0, served, 1.0), 1.0)
    state = improve(problem, state, point.routing * scale[..., None], (point.prices,))
    difference, total = state.objective - state.bound, sum_of_products(point)
    closer = difference < _PROGRESS * state.difference
    known = jnp.where(jnp.isfinite(difference), difference, 0.0)
    nearer = sound & (total < _PROGRESS * state.products) & (total > _ROUNDED * known)
    return eqx.tree_at(
        lambda s: (s.point, s.total, s.regularisation, s.away, s.idle, s.difference, s.products),
        state,
        (
            point,
            total,
            jnp.where(sound, softer, firmer),
            off_prices(problem, point),
            jnp.where(closer | nearer, 0, state.idle + 1),
            jnp.where(closer, difference, state.difference),
            jnp.where(nearer, total, state.products),
        ),
    )


def on_new_routes(problem: SlotProblem, state: SlotState) -> SlotState:
    """The point with new routes entered, and what its best routing costs on them."""
    point = entered(problem, state.point)
    return eqx.tree_at(
        lambda s: (s.point, s.total, s.count),
        reassess(problem, state),
        (point, sum_of_products(point), number_of_products(problem)),
    )
