"""One primal-dual step towards the optimum of one slot, with every inequality kept strict."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsched.problem import SlotProblem
from jaxsched.problem._slot import summed
from jaxsched.solvers._kinks import Curve
from jaxsched.solvers._point import PrimalDualPoint
from jaxsched.solvers.optimality import Linearised, complementarity_products, moved

# Share of the way to the boundary that a step goes: the former where the way is short, the latter where it is whole. A
# short step to the very boundary leaves a few routes there, which block the next one: with 0.99 always, `australia` at
# 500x500 takes 43 to 53 iterations instead of 28 to 30, the family at 200x500 with linear costs 55 instead of 39.
_SHORT, _WHOLE = 0.8, 0.99
# Power of the share of the products that the predictor leaves, which says how far corrector and corrections aim back to the
# centre. Mehrotra takes 3; corrections of centrality make up for less. With 3, `australia` takes 45 and 44 iterations at
# 700x700 and 1000x1000 where it takes about 30 with 5 to 7; with 8 more again.
_CENTRING = 6
# Least share aimed at. Without it products spread out so far that the last digits of float64 are lost.
_LEAST = 1e-2
# Corrections aim at a step this much longer, and this much on top.
_LONGER, _FURTHER = 3.0, 0.3
# Corrections of centrality after the predictor and corrector. Each costs one back-substitution of a factor that is
# there already; two save a fifth to a third of the iterations (measured at 200x500 and 500x1000), a third saves none.
_CORRECTIONS = 2
# Complementarity products that a correction leaves alone, as multiples of their target.
_BAND = (0.1, 10.0)


def advance(
    problem: SlotProblem,
    point: PrimalDualPoint,
    curve: Curve,
    regularisation: Float[Array, ""],
    products: tuple[Float[Array, ""], Float[Array, ""]],
) -> PrimalDualPoint:
    """Mehrotra's predictor and corrector, then Gondzio's corrections of centrality, with one factorisation.

    Arguments:
        problem: One slot.
        point: Where to start, strictly inside.
        curve: The marginal costs of the sites there.
        regularisation: Relative increase of the diagonal of the reduced system.
        products: Sum of the complementarity products there, and their number.

    Source:
        Mehrotra, "On the implementation of a primal-dual interior point method" (1992); Gondzio, "Multiple centrality
        corrections in a primal-dual method for linear programming" (1996).
    """
    here = Linearised(problem, point, regularisation, curve)
    total, count = products
    routes, sites = complementarity_products(point)
    predictor = here.newton((tuple(-part for part in routes), -sites), here.residuals)
    after = here.products(predictor, *here.longest(predictor))
    left = summed(part.sum() for part in after[0]) + after[1].sum()
    centring = jnp.clip((left / jnp.where(total > 0, total, 1.0)) ** _CENTRING, _LEAST, 1.0)
    target = centring * total / count
    second_order = complementarity_products(predictor)
    of_routes = tuple(target - part - second for part, second in zip(routes, second_order[0], strict=True))
    goals = (of_routes, target - sites - second_order[1])
    move = here.newton(goals, here.residuals, refinements=1)
    steps = here.longest(move)
    for _ in range(_CORRECTIONS):
        move, steps = _corrected(here, move, steps, target)
    return moved(point, move, *map(_share, steps))


def _share(longest: Float[Array, ""]) -> Float[Array, ""]:
    return longest * (_SHORT + (_WHOLE - _SHORT) * longest**3)


def _corrected(
    here: Linearised, move: PrimalDualPoint, steps: tuple[Array, Array], target: Float[Array, ""]
) -> tuple[PrimalDualPoint, tuple[Array, Array]]:
    """A move whose products lie closer together, if that allows longer steps, and its longest steps."""
    low, high = (share * target for share in _BAND)
    further = (jnp.minimum(1.0, _LONGER * step + _FURTHER) for step in steps)
    # A product far above its target would dominate the correction; Gondzio bounds what it may ask for.
    route, site = jax.tree.map(lambda p: jnp.maximum(jnp.clip(p, low, high) - p, -high), here.products(move, *further))
    change = here.newton((route, jnp.where(here.is_open, site, 0.0)), None)
    trial = jax.tree.map(jnp.add, move, change)
    there = here.longest(trial)
    longer = sum(there) >= sum(steps)
    return jax.tree.map(lambda new, old: jnp.where(longer, new, old), (trial, there), (move, steps))
