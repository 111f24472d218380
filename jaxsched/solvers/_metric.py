"""How far each route moves for a unit of cost: the inverse penalty of the ADMM."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsched._parameters import as_array
from jaxsched.problem import SlotProblem
from jaxsched.problem._demand import Routes
from jaxsched.problem._scales import cost_scale
from jaxsched.problem._slot import summed
from jaxsched.solvers._repair import proportional


class AbstractMetric(eqx.Module):
    """A rule for the inverse penalty of each route [requests/s per unit of cost]."""

    @abc.abstractmethod
    def __call__(self, problem: SlotProblem, routing: Routes, prices: Float[Array, " site"]) -> Routes:
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
        step, mix = self.step.astype(prices.dtype), self.mix.astype(prices.dtype)

        def of_block(flow, shared, scale):
            carried = (1.0 - mix) * flow + mix * shared
            return step / scale[..., None, None] * carried

        return tuple(map(of_block, routing, proportional(problem), cost_scale(problem, prices)))


class UniformMetric(AbstractMetric):
    """Every route of a slot moves alike: the penalty of textbook ADMM, here for comparison.

    Attributes:
        step: Change of a mean flow for a cost difference of one spread, > 0.
    """

    step: Array = eqx.field(converter=as_array, default=4.0)

    def __call__(self, problem, routing, prices):
        usable = tuple(shared > 0 for shared in proportional(problem))
        count = summed(part.sum() for part in usable)
        flow = summed(part.sum() for part in problem.demand) / jnp.maximum(count, 1).astype(prices.dtype)
        scales = cost_scale(problem, prices)
        steps = tuple(self.step.astype(prices.dtype) / scale for scale in scales)
        return tuple(jnp.where(u, step[..., None, None] * flow, 0.0) for u, step in zip(usable, steps, strict=True))
