"""How far each route moves for a unit of cost: the inverse penalty of the ADMM."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsched._parameters import as_array
from jaxsched.problem import SlotProblem
from jaxsched.solvers._repair import proportional


class AbstractMetric(eqx.Module):
    """A rule for the inverse penalty of each route [requests/s per unit of cost]."""

    @abc.abstractmethod
    def __call__(
        self, problem: SlotProblem, routing: Float[Array, "kind origin route"], prices: Float[Array, " site"]
    ) -> Float[Array, "kind origin route"]:
        """The metric at a routing (a running average) and prices; 0 on routes that are not allowed."""


class FlowMetric(AbstractMetric):
    """Each route moves in proportion to what it carries, so that a large and a tiny flow settle at the same pace.

        W = step / spread ((1 - mix) x + mix x_proportional)

    where the spread is the typical difference between the costs of an origin's routes.

    Attributes:
        step: Relative change of a flow for a cost difference of one spread, > 0.
        mix: Share of the proportional routing, in (0, 1]; it lets a route that carries nothing come back.
    """

    step: Array = eqx.field(converter=as_array, default=4.0)
    mix: Array = eqx.field(converter=as_array, default=0.01)

    def __call__(self, problem, routing, prices):
        step, mix = self.step.astype(routing.dtype), self.mix.astype(routing.dtype)
        carried = (1.0 - mix) * routing + mix * proportional(problem)
        return step / cost_spread(problem, prices) * carried


class UniformMetric(AbstractMetric):
    """Every route of a slot moves alike: the penalty of textbook ADMM, here for comparison.

    Attributes:
        step: Change of a mean flow for a cost difference of one spread, > 0.
    """

    step: Array = eqx.field(converter=as_array, default=4.0)

    def __call__(self, problem, routing, prices):
        usable = proportional(problem) > 0
        flow = problem.demand.sum() / jnp.maximum(usable.sum(), 1).astype(routing.dtype)
        step = self.step.astype(routing.dtype) / cost_spread(problem, prices)
        return jnp.where(usable, step * flow, 0.0)


def cost_spread(problem: SlotProblem, prices: Float[Array, " site"]) -> Float[Array, ""]:
    """Demand-weighted standard deviation, over all sites, of what one request costs at given prices."""
    problem = problem.whole or problem
    cost = problem.priced(prices)
    cost = jnp.broadcast_to(cost, (*problem.demand.shape, cost.shape[-1]))
    usable = jnp.ones_like(cost, bool) if problem.allowed is None else jnp.broadcast_to(problem.allowed, cost.shape)
    count = jnp.maximum(usable.sum(-1), 1).astype(cost.dtype)
    mean = jnp.where(usable, cost, 0.0).sum(-1) / count
    variance = jnp.where(usable, (cost - mean[..., None]) ** 2, 0.0).sum(-1) / count
    demand = problem.demand.sum()
    weight = problem.demand / jnp.where(demand > 0, demand, 1.0)
    spread, level = (weight * jnp.sqrt(variance)).sum(), (weight * jnp.abs(mean)).sum()
    # One site, or equal costs everywhere: any scale does, so take that of the cost itself.
    spread = jnp.where(spread > 1e-6 * level, spread, level)
    return jnp.where(spread > 0, spread, 1.0)
