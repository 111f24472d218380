"""One slot of the interior-point method: where it stands, and an iteration with its certificate."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxsched._schedule import relative_gap
from jaxsched.problem import SlotProblem
from jaxsched.problem._demand import Routes
from jaxsched.problem._slot import summed
from jaxsched.solvers._central_path import advance
from jaxsched.solvers._certificate import dual_bound, feasible_cost
from jaxsched.solvers._incumbent import Incumbent
from jaxsched.solvers._kinks import Curve, jumps, only_if, settled, tangents
from jaxsched.solvers._point import (
    PrimalDualPoint,
    cold_start,
    complementarity,
    enter_columns,
    number_of_products,
    warm_start,
)
from jaxsched.solvers._repair import proportional

# Least relative progress that counts.
_PROGRESS = 0.9
# The certified gap is no larger than about the sum of the complementarity products, unless rounding keeps it up.
_ROUNDED = 0.1
# A factorisation that fails is tried again with the diagonal raised by this factor more, from one rounding error on.
_FIRM, _RELAX = 100.0, 0.1
# Iterations without progress, at a gap that rounding does not explain, after which costs are taken for kinked.
_STALLED = 5
# Certified gap up to which a start is gone on from. Nearer ones took fewer iterations than a cold start, a third of
# those beyond took more (20x20 and 50x100, three costs, to 1e-4 and 1e-8, demands changed by 0.1 to 60 %).
_NEAR = 3e-3


class SlotState(eqx.Module):
    """Where the iteration of one slot stands, and the best that its certificate has seen.

    Attributes:
        point: Primal and dual unknowns, strictly inside.
        curve: The marginal costs of the sites there.
        kinked: Whether these are smoothed, since some jump, or their slope does. Each site then counts as a product more.
        total: Sum of its complementarity products, with its distance from smoothed marginal costs.
        count: Their number.
        regularisation: Relative increase of the diagonal of the reduced system.
        best: The incumbent.
        idle: Iterations since the last progress.
        difference: Objective minus bound at the last progress.
        products: Sum of complementarity products at the last progress.
    """

    point: PrimalDualPoint
    curve: Curve
    kinked: Bool[Array, ""]
    total: Float[Array, ""]
    count: Float[Array, ""]
    regularisation: Float[Array, ""]
    best: Incumbent
    idle: Int[Array, ""]
    difference: Float[Array, ""]
    products: Float[Array, ""]


def first_state(problem: SlotProblem, point: PrimalDualPoint) -> SlotState:
    zero = jnp.zeros((), point.load.dtype)
    return SlotState(
        point=point,
        curve=eqx.tree_at(lambda c: c.price_residual, tangents(problem, point), zero + jnp.inf),
        kinked=jnp.asarray(False),
        total=complementarity(point),
        count=number_of_products(problem),
        regularisation=zero,
        best=Incumbent.first(proportional(problem), point.prices),
        idle=jnp.asarray(0),
        difference=zero + jnp.inf,
        products=zero + jnp.inf,
    )


def warm_state(problem: SlotProblem, routing: Routes, prices: Float[Array, " site"]) -> SlotState:
    """A start from the answer to a similar problem, or a cold one where that proves too little here."""
    point = warm_start(problem, routing, prices)
    # Flows on candidates come from prices that another method has found, and are no answer yet.
    if not problem.lists_routes:
        gap = relative_gap(feasible_cost(problem, routing, prices)[0], dual_bound(problem, prices))
        point = jax.tree.map(lambda warm, cold: jnp.where(gap <= _NEAR, warm, cold), point, cold_start(problem))
    return first_state(problem, point)


def iterate(problem: SlotProblem, state: SlotState) -> SlotState:
    """One iteration, the certificate of its point, and whether it was worth it."""
    products = (state.total, state.count)
    trial = advance(problem, state.point, state.curve, state.regularisation, products)
    # One broken factor spoils every unknown, and a sum keeps any NaN. What sites are left with tells of all their routes.
    sound = jnp.isfinite(trial.prices.sum() + trial.load.sum() + summed(part.sum() for part in trial.multiplier))
    trial = jax.tree.map(lambda new, old: jnp.where(sound, new, old), trial, state.point)
    point, curve = settled(problem, state.point, state.curve, trial, products, state.kinked)
    jumped = jumps(state.curve, curve, point.load - state.point.load, state.total / state.count)
    eps = jnp.finfo(trial.prices.dtype).eps
    firmer = jnp.maximum(_FIRM * state.regularisation, eps)
    softer = jnp.where(state.regularisation > eps, _RELAX * state.regularisation, 0.0)
    # The first prices prove next to nothing. Those of 0 do where nothing costs anything, which no positive ones ever show.
    prices = jnp.where(jnp.isneginf(state.best.bound), 0.0, point.prices)
    best = state.best.updated(problem, point.routing, (prices,))
    difference, total = best.difference, complementarity(point) + curve.off
    curve = eqx.tree_at(lambda c: c.price_residual, curve, jnp.where(difference <= 0, 0.0, curve.price_residual))
    closer = difference < _PROGRESS * state.difference
    known = jnp.where(jnp.isfinite(difference), difference, 0.0)
    nearer = sound & (total < _PROGRESS * state.products) & (total > _ROUNDED * known)
    state = eqx.tree_at(
        lambda s: (s.point, s.curve, s.total, s.regularisation, s.best, s.idle, s.difference, s.products),
        state,
        (
            point,
            curve,
            total,
            jnp.where(sound, softer, firmer),
            best,
            jnp.where(closer | nearer, 0, state.idle + 1),
            jnp.where(closer, difference, state.difference),
            jnp.where(nearer, total, state.products),
        ),
    )
    unexplained = jnp.isfinite(difference) & (relative_gap(best.objective, best.bound) > jnp.sqrt(eps))
    is_new = ~state.kinked & unexplained & (jumped | (state.idle >= _STALLED))
    return only_if(is_new, lambda s: _from_anew(problem, s), state)


def _from_anew(problem: SlotProblem, state: SlotState) -> SlotState:
    """A start with smoothed marginal costs, which keeps only what is proved: products that collapsed do not grow again."""
    first = first_state(problem, cold_start(problem))
    return eqx.tree_at(
        lambda s: (s.point, s.curve, s.kinked, s.total, s.count, s.regularisation, s.idle, s.products),
        state,
        (
            first.point,
            first.curve,
            ~first.kinked,
            first.total,
            first.count + _open_sites(problem),
            first.regularisation,
            first.idle,
            first.products,
        ),
    )


def _open_sites(problem: SlotProblem) -> Float[Array, ""]:
    return problem.reached(problem.usable_routes()).sum(dtype=problem.dtype)


def on_new_routes(problem: SlotProblem, state: SlotState) -> SlotState:
    """The point with new routes entered, and what its best routing costs on them."""
    point = enter_columns(problem, state.point)
    count = number_of_products(problem) + jnp.where(state.kinked, _open_sites(problem), 0.0)
    return eqx.tree_at(
        lambda s: (s.point, s.curve, s.total, s.count, s.best),
        state,
        (point, tangents(problem, point), complementarity(point), count, state.best.repriced(problem)),
    )
