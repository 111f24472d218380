"""The optimality conditions of one slot at a point inside, and their factored linearisation: for steps and for derivatives."""

import functools
import operator

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxsched.problem import SlotProblem
from jaxsched.problem._demand import Demands, Routes
from jaxsched.solvers._kinks import Curve, tangents
from jaxsched.solvers._newton import Reduced
from jaxsched.solvers._point import PrimalDualPoint


class Residuals(eqx.Module):
    """What is left of each linear condition: reduced cost, demand, balance of load, capacity, price."""

    reduced_cost: Routes
    demand: Demands
    balance: Array
    capacity: Array
    price: Array


def residuals(problem: SlotProblem, point: PrimalDualPoint) -> Residuals:
    """What is left of the linear conditions of a problem at a point; differentiable in both."""
    return _residuals(problem, point, problem.site_cost.derivatives(point.load)[1])


def _residuals(problem: SlotProblem, point: PrimalDualPoint, marginal: Float[Array, " site"]) -> Residuals:
    usable = problem.usable_routes()
    is_open = problem.reached(usable)

    def of_block(block, usable, flow, reduced_cost, multiplier):
        reduced = block.priced(point.prices) - multiplier[..., None] - reduced_cost
        unserved = jnp.where(usable.any(-1), block.demand - flow.sum(-1), 0.0)
        return jnp.where(usable, reduced, 0.0), unserved

    rows = problem.each(of_block, usable, point.routing, point.reduced_cost, point.multiplier)
    reduced_cost, demand = zip(*rows, strict=True)
    return Residuals(
        reduced_cost=reduced_cost,
        demand=demand,
        balance=jnp.where(is_open, point.load - problem.load(point.routing), 0.0),
        capacity=jnp.where(is_open, problem.capacity - point.load - point.slack, 0.0),
        price=jnp.where(is_open, point.prices - marginal - point.capacity_dual, 0.0),
    )


class Linearised(eqx.Module):
    """The optimality conditions at a point, to first order.

    reduced_cost   c + g p - y - z = 0         x z = target of each route
    demand         sum_j x = D
    balance        L = sum_ik g x              capacity - L = s,   s w = target of each site
    price          f'(L) + w = p
    """

    problem: SlotProblem
    point: PrimalDualPoint
    usable: tuple[Bool[Array, "*demand route"], ...]
    is_open: Bool[Array, " site"]
    per_flow: Routes
    per_reduced_cost: Routes
    theta: Routes
    inverse_curvature: Float[Array, " site"]
    system: Reduced
    residuals: Residuals

    def __init__(
        self, problem: SlotProblem, point: PrimalDualPoint, regularisation: Float[Array, ""], curve: Curve | None = None
    ):
        """Linearise and factor; a curve stands for the marginal costs of the sites where it is given."""
        curve = tangents(problem, point) if curve is None else curve
        self.problem, self.point = problem, point
        self.usable = problem.usable_routes()
        self.is_open = problem.reached(self.usable)
        # Every step divides by these two: once, because a CPU multiplies many times as fast.
        flows = tuple(zip(self.usable, point.routing, strict=True))
        self.per_flow = tuple(_inverse(jnp.where(usable, flow, 1.0)) for usable, flow in flows)
        self.per_reduced_cost = tuple(map(_inverse, point.reduced_cost))
        self.theta = tuple(
            jnp.where(usable, flow * inverse, 0.0)
            for (usable, flow), inverse in zip(flows, self.per_reduced_cost, strict=True)
        )
        self.inverse_curvature = jnp.where(self.is_open, 1.0 / (curve.slope + point.capacity_dual / point.slack), 1.0)
        self.system = Reduced(problem, self.theta, self.inverse_curvature, regularisation)
        self.residuals = _residuals(problem, point, curve.marginal)

    def _at_open(self, value: Float[Array, " site"]) -> Float[Array, " site"]:
        return jnp.where(self.is_open, value, 0.0)

    def newton(
        self, targets: tuple[Routes, Array], residuals: Residuals | None, refinements: int = 0
    ) -> PrimalDualPoint:
        """Step that changes the complementarity products of routes and sites by targets and removes residuals, if any."""
        problem, point = self.problem, self.point
        route, site = targets
        push = tuple(
            jnp.where(usable, target * inverse, 0.0)
            for usable, target, inverse in zip(self.usable, route, self.per_reduced_cost, strict=True)
        )
        if residuals is None:
            # Spelled out: a product with zeros would read every route once more.
            zero = jnp.zeros((), point.load.dtype)
            none = tuple(zero for _ in problem.blocks)
            residuals = Residuals(none, none, zero, zero, zero)
        else:
            push = tuple(p - t * r for p, t, r in zip(push, self.theta, residuals.reduced_cost, strict=True))
        pull = self._at_open(residuals.price - (site - point.capacity_dual * residuals.capacity) / point.slack)
        a = tuple(left - p.sum(-1) for left, p in zip(residuals.demand, push, strict=True))
        b = problem.load(push) - pull * self.inverse_curvature - residuals.balance
        multiplier, prices = self.system.solve(a, b)
        routing = _plus(push, self._answer(multiplier, prices))
        # Each correction is added to the flows themselves: worked out again from the sums of multipliers and prices they
        # would take on the rounding of those, magnified by Theta.
        for _ in range(refinements):
            left = problem.load(routing) - residuals.balance - self.inverse_curvature * (prices + pull)
            missing = tuple(part - flow.sum(-1) for part, flow in zip(residuals.demand, routing, strict=True))
            more = self.system.solve(missing, left)
            multiplier, prices = _plus(multiplier, more[0]), prices + more[1]
            routing = _plus(routing, self._answer(*more))
        # From the balance, not from (dp + pull) / h: those two cancel at a site with much room.
        load = self._at_open(problem.load(routing) - residuals.balance)
        slack = residuals.capacity - load
        capacity_dual = self._at_open((site - point.capacity_dual * slack) / point.slack)
        return PrimalDualPoint(
            routing, self._reduced_cost(route, routing), multiplier, load, slack, capacity_dual, prices
        )

    def _answer(self, multiplier: Demands, prices: Float[Array, " site"]) -> Routes:
        """Flows that steps of multipliers and prices bring about."""
        return self.problem.each(
            lambda block, theta, step: theta * (step[..., None] - block.priced_work(prices)), self.theta, multiplier
        )

    def _reduced_cost(self, targets: Routes, routing: Routes) -> Routes:
        """Step of the reduced costs that, with that of the flows, changes the products by targets."""
        return tuple(
            jnp.where(usable, (target - reduced * flow) * inverse, 0.0)
            for usable, target, reduced, flow, inverse in zip(
                self.usable, targets, self.point.reduced_cost, routing, self.per_flow, strict=True
            )
        )

    def longest(self, move: PrimalDualPoint) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Longest primal and dual steps along a move, at most 1, that keep every inequality."""
        point = self.point
        flows = functools.reduce(jnp.minimum, map(_longest, self.per_flow, move.routing))
        primal = jnp.minimum(flows, _longest(_inverse(point.slack), move.slack))
        primal = jnp.minimum(primal, _longest(_inverse(point.load), move.load))
        dual = functools.reduce(jnp.minimum, map(_longest, self.per_reduced_cost, move.reduced_cost))
        return primal, jnp.minimum(dual, _longest(_inverse(point.capacity_dual), move.capacity_dual))

    def products(self, move: PrimalDualPoint, primal: Float[Array, ""], dual: Float[Array, ""]) -> tuple[Routes, Array]:
        """Complementarity products of routes and sites after a move."""
        return complementarity_products(moved(self.point, move, primal, dual))


def complementarity_products(point: PrimalDualPoint) -> tuple[Routes, Array]:
    """Complementarity products of routes and sites, also second-order ones of a move."""
    return tuple(map(operator.mul, point.routing, point.reduced_cost)), point.slack * point.capacity_dual


def _plus(values: tuple[Array, ...], more: tuple[Array, ...]) -> tuple[Array, ...]:
    return tuple(map(operator.add, values, more))


def _inverse(value: Array) -> Array:
    """1 / value, finite where it is 0."""
    return 1.0 / (value + jnp.finfo(value.dtype).tiny)


def _longest(inverse: Array, move: Array) -> Float[Array, ""]:
    """Longest step of at most 1 that keeps values >= 0, whose inverses are given; one that is 0 does not move."""
    # In this form a CPU does many at a time, with a mask for those that shrink one by one.
    return 1.0 / jnp.maximum((-move * inverse).max(initial=0.0), 1.0)


def moved(
    point: PrimalDualPoint, move: PrimalDualPoint, primal: Float[Array, ""], dual: Float[Array, ""]
) -> PrimalDualPoint:
    """A point after a primal and a dual step along a move."""
    return PrimalDualPoint(
        routing=_moved(point.routing, move.routing, primal),
        reduced_cost=_moved(point.reduced_cost, move.reduced_cost, dual),
        multiplier=_moved(point.multiplier, move.multiplier, dual),
        load=point.load + primal * move.load,
        slack=point.slack + primal * move.slack,
        capacity_dual=point.capacity_dual + dual * move.capacity_dual,
        prices=point.prices + dual * move.prices,
    )


def _moved(values: tuple[Array, ...], move: tuple[Array, ...], step: Float[Array, ""]) -> tuple[Array, ...]:
    return tuple(value + step * change for value, change in zip(values, move, strict=True))
