"""The distributed solver: sites post prices, origins re-route."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxsched._map_slots import map_slots
from jaxsched._parameters import as_array, is_concrete
from jaxsched._schedule import History, Schedule, Stats, relative_gap
from jaxsched.problem import AbstractProblem, SlotProblem
from jaxsched.problem._demand import Demands, Routes
from jaxsched.solvers._base import AbstractRouteSolver, Iterate, carried_over
from jaxsched.solvers._incumbent import Incumbent
from jaxsched.solvers._layout import given, number_of_routes
from jaxsched.solvers._metric import AbstractMetric, FlowMetric
from jaxsched.solvers._projection import project
from jaxsched.solvers._proximal_step import proximal_step
from jaxsched.solvers._repair import proportional, serving

# Arrays of the size of the routing that a solve holds at once (measured from compiled programs).
_ARRAYS = 14
# Epochs of one length, of which the first length has half as many.
_ALIKE = 4
# How far a route that was not used before may move, as a share of the proportional routing.
_ENTERING = 0.3
# The gap of an epoch that makes progress is below this share of the one before; if it is not, and flows or prices moved so many
# times further than the others, the step is wrong. Solves of the benchmark family stay below while they make progress.
_PROGRESS, _ONE_SIDED = 0.7, 100.0
# A start is gone on from while its gap is at most so many tolerances. Nearer ones took fewer iterations than a cold start,
# some of those beyond, with linear costs, two to four times as many (20x20 and 50x100, demand and prices changed).
_NEAR = 5.0


class SlotState(eqx.Module):
    """Where the iteration of one slot stands, and the best that its certificate has seen.

    Attributes:
        routing: Last routing of the origins.
        prices: Last prices of the sites.
        mean_routing: Average routing of the last epoch, which the metric follows.
        mean_prices: Average prices of the last epoch.
        multiplier: Cost of the next request of each origin and class, negated.
        load: Load of each site.
        best: The incumbent.
        balance: What the metric of each class is multiplied by.
    """

    routing: Routes
    prices: Float[Array, " site"]
    mean_routing: Routes
    mean_prices: Float[Array, " site"]
    multiplier: Demands
    load: Float[Array, " site"]
    best: Incumbent
    balance: tuple[Float[Array, "*class"], ...]


class ADMMState(eqx.Module):
    """All slots, the number of iterations and the certificate after each check."""

    slots: SlotState
    num_steps: Int[Array, ""]
    history: History

    @property
    def incumbent(self) -> Incumbent:
        """Best answer of each slot so far, with its proof."""
        return self.slots.best


class ADMM(AbstractRouteSolver[ADMMState]):
    """Alternating directions between origins and sites, stopped by a certified gap.

    Each origin owns its routing x on a simplex, each site its own copy z with the cost of load. The penalty is a
    diagonal metric W that follows the flow; only the price of load of each site and the loads travel.

        site step     L = S - w theta,  theta in f'(L) + normal cone of [0, capacity];  z = s - W g theta
        origin step   x = projection of 2 z - s - W c on the simplex of the demand, in the metric W
        update        s <- s + relaxation (x - z)

    A warm start is certified as it is, and returned after no iteration where that is enough. After each epoch the
    averages of x and theta over it give a feasible cost and a proved bound, and the metric is set anew with
    s = x + W g theta, so that neither x nor theta jumps. Epochs grow with the iterations done: the first two take
    `check_every` iterations, the next four twice as many, the four after them twice as many again. At first the metric has
    far to go; later averages must reach over the whole of a swing.

    Attributes:
        rtol: Certified relative gap of the total at which to stop, > 0.
        atol: Certified gap in units of the cost that is enough too, >= 0: for costs that cancel to nearly nothing.
        max_steps: Most iterations, > 0.
        check_every: Iterations before the first certificate, > 0.
        relaxation: Over-relaxation, in (0, 2).
        metric: Rule for W.

    Source:
        Feng, Xu and Li, "An Alternating Direction Method Approach to Cloud Traffic Management", Algorithm 3.3, with
        another metric.
    """

    rtol: Array = eqx.field(converter=as_array, default=1e-3)
    atol: Array = eqx.field(converter=as_array, default=0.0)
    max_steps: int = eqx.field(static=True, default=500)
    check_every: int = eqx.field(static=True, default=25)
    relaxation: Array = eqx.field(converter=as_array, default=1.8)
    metric: AbstractMetric = eqx.field(default_factory=FlowMetric)

    def __check_init__(self) -> None:
        if self.max_steps < 1 or self.check_every < 1:
            raise ValueError(f"max_steps is {self.max_steps} and check_every {self.check_every}; both must be >= 1.")
        for name, low, high in (("rtol", 0.0, float("inf")), ("relaxation", 0.0, 2.0)):
            value = getattr(self, name)
            if is_concrete(value) and not low < float(value) < high:
                raise ValueError(f"ADMM.{name} is {float(value):g}; it must lie between {low:g} and {high:g}.")
        if is_concrete(self.atol) and not float(self.atol) >= 0:
            raise ValueError(f"ADMM.atol is {float(self.atol):g}; it must be at least 0.")

    def bytes_per_slot(self, problem: AbstractProblem, routes: int) -> int:
        return _ARRAYS * number_of_routes(problem, routes) * problem.demand.dtype.itemsize

    def init(self, problem: AbstractProblem, warm_start: Schedule | None) -> ADMMState:
        if warm_start is not None:
            return self.start(problem, *given(problem, warm_start))
        slots, axes = problem.slots()
        return self._state(problem, jax.vmap(self._cold_start, in_axes=(axes,))(slots))

    def start(
        self,
        problem: AbstractProblem,
        routing: Routes,
        prices: Float[Array, "slot site"],
    ) -> ADMMState:
        slots, axes = problem.slots()
        # In groups, like the steps: what one pass leaves in the caches serves the next.
        one_slot = map_slots(self._warm_start, (axes, 0, 0), routing[0][0].nbytes)
        return self._state(problem, one_slot(slots, routing, prices))

    def _state(self, problem: AbstractProblem, slots: SlotState) -> ADMMState:
        return ADMMState(slots, jnp.asarray(0), History.empty(len(self._epochs()), problem.demand.dtype))

    def step(self, problem: AbstractProblem, state: ADMMState) -> ADMMState:
        slots, axes = problem.slots()
        check = (state.history.step > 0).sum()
        length = jnp.asarray(self._epochs())[check]
        after = map_slots(self._epoch, (axes, 0, None), state.slots.routing[0][0].nbytes)(slots, state.slots, length)
        num_steps = state.num_steps + length
        return ADMMState(after, num_steps, state.history.recorded(check, num_steps, *after.best.total))

    def done(self, state: ADMMState) -> Bool[Array, ""]:
        best = state.incumbent
        return best.reached(self.rtol, self.atol) | jnp.any(best.infeasible) | (state.num_steps >= self.max_steps)

    def finish(self, problem: AbstractProblem, state: ADMMState) -> Schedule:
        best = state.incumbent
        return best.schedule(problem, Stats(state.num_steps, state.history), best.verdict(self.rtol, self.atol))

    def current(self, state: ADMMState) -> Iterate:
        here, best = state.slots, state.incumbent
        found = jnp.isfinite(best.objective)[:, None]
        # While the routes cannot carry the demand, the prices that rise are those that name others; so they do where the
        # bound came to rest because sites without candidates are priced as if nobody wanted them.
        newer = (best.prices == here.mean_prices).all(-1) | (best.prices == here.prices).all(-1)
        prices = jnp.where(found & newer[:, None], best.prices, here.mean_prices)
        flows = zip(here.mean_routing, best.routing, strict=True)
        return Iterate(tuple(jnp.maximum(*pair) for pair in flows), prices, best.difference)

    def reroute(self, problem: AbstractProblem, state: ADMMState, carry: Callable[[Array], Array]) -> ADMMState:
        def routes(s: SlotState) -> tuple[Array, ...]:
            return s.routing[0], s.mean_routing[0], s.best.routing[0]

        moved = carried_over(problem, state.slots, routes, carry, _on_new_routes)
        return eqx.tree_at(lambda s: s.slots, state, moved)

    def _epochs(self) -> list[int]:
        """Iterations of each epoch, as many as `max_steps` allows."""
        lengths: list[int] = []
        while (left := self.max_steps - sum(lengths)) > 0:
            lengths.append(min(self.check_every * 2 ** ((len(lengths) + _ALIKE // 2) // _ALIKE), left))
        return lengths

    def _cold_start(self, problem: SlotProblem) -> SlotState:
        routing = proportional(problem)
        load = jnp.minimum(problem.load(routing), problem.capacity)
        return self._start(problem, routing, problem.site_cost.derivatives(load)[1])

    def _warm_start(self, problem: SlotProblem, routing: Routes, prices: Float[Array, " site"]) -> SlotState:
        """A start that carries its certificate: after a small change the answer to a similar problem may be good enough.

        After a large change it would take more iterations than a cold start, which then takes its place.
        """
        state = self._start(problem, routing, prices)
        # Routes that the similar problem did not use must be able to open.
        wide = tuple(map(jnp.maximum, state.mean_routing, proportional(problem)))
        state = eqx.tree_at(lambda s: s.mean_routing, state, wide)
        marginal = problem.site_cost.derivatives(state.load)[1]
        best = state.best.updated(problem, state.best.routing, (prices, 0.5 * (prices + marginal), marginal))
        state = eqx.tree_at(lambda s: s.best, state, best)
        if problem.lists_routes:
            return state
        # Beyond, unlearning where the flows were takes longer than to begin anew: only the proof is kept.
        rtol = _NEAR * self.rtol.astype(best.objective.dtype)
        is_near = relative_gap(best.objective, best.bound) <= rtol
        afresh = eqx.tree_at(lambda s: s.best, self._cold_start(problem), best)
        return jax.tree.map(lambda warm, cold: jnp.where(is_near, warm, cold), state, afresh)

    def _start(self, problem: SlotProblem, routing: Routes, prices: Float[Array, " site"]) -> SlotState:
        routing = serving(problem, routing)
        return SlotState(
            routing=routing,
            prices=prices,
            mean_routing=_first_mean(problem, routing),
            mean_prices=prices,
            multiplier=tuple(
                -jnp.broadcast_to(cost, flow.shape).min(-1)
                for cost, flow in zip(problem.priced(prices), routing, strict=True)
            ),
            load=jnp.minimum(problem.load(routing), problem.capacity),
            best=Incumbent.first(routing, prices),
            balance=tuple(jnp.ones_like(demand[..., 0]) for demand in problem.demand),
        )

    def _epoch(self, problem: SlotProblem, state: SlotState, length: Int[Array, ""]) -> SlotState:
        """Set the metric anew, iterate, and bring the certificate up to date.

        The Douglas-Rachford variable is rebuilt from routing and prices, which rescales the dual to the new metric.
        """
        metric = self.metric(problem, state.mean_routing, state.mean_prices)
        metric = tuple(m * b[..., None, None] for m, b in zip(metric, state.balance, strict=True))
        prox_weight = problem.load(metric, power=2)
        relaxation = self.relaxation.astype(prox_weight.dtype)

        def half_step(flow, multiplier, load):
            load, prices = proximal_step(problem.site_cost, problem.capacity, problem.load(flow), prox_weight, load)

            def of_block(block, flow, metric, multiplier):
                copy = flow - metric * block.priced_work(prices)
                target = 2.0 * copy - flow - metric * block.route_cost
                return copy, *project(target, metric, block.demand, multiplier)

            copy, routing, multiplier = zip(*problem.each(of_block, flow, metric, multiplier), strict=True)
            return copy, routing, prices, multiplier, load

        def iterate(_, carry):
            flow, multiplier, load, routing_sum, prices_sum = carry
            copy, routing, prices, multiplier, load = half_step(flow, multiplier, load)
            flow = tuple(f + relaxation * (x - z) for f, x, z in zip(flow, routing, copy, strict=True))
            return flow, multiplier, load, tuple(map(jnp.add, routing_sum, routing)), prices_sum + prices

        flow = problem.each(
            lambda block, routing, metric: routing + metric * block.priced_work(state.prices), state.routing, metric
        )
        nothing = (tuple(map(jnp.zeros_like, flow)), jnp.zeros_like(state.load))
        carry = (flow, state.multiplier, state.load, *nothing)
        flow, multiplier, load, routing_sum, prices_sum = jax.lax.fori_loop(0, length, iterate, carry)
        _, routing, prices, multiplier, load = half_step(flow, multiplier, load)
        count = length.astype(prices.dtype)
        mean_routing, mean_prices = tuple(part / count for part in routing_sum), prices_sum / count
        best = state.best.updated(problem, mean_routing, (mean_prices, prices))
        after = SlotState(routing, prices, mean_routing, mean_prices, multiplier, load, best, state.balance)
        return eqx.tree_at(lambda s: s.balance, after, _rebalanced(problem, metric, state, after))


def _rebalanced(
    problem: SlotProblem, metric: Routes, before: SlotState, after: SlotState
) -> tuple[Float[Array, "*class"], ...]:
    """The balance of each class for the next epoch: another where the gap stands still and only one side moves.

    A good step moves flows and prices alike, each measured in the metric: by how many times flows moved further than prices
    tells by how much it is too small.
    """
    gap, old_gap = after.best.difference, before.best.difference
    stands = ~(gap < _PROGRESS * old_gap) & jnp.isfinite(old_gap)
    change = after.mean_prices - before.mean_prices
    farthest = 1.0 / jnp.sqrt(jnp.finfo(change.dtype).eps)

    def of_block(block, metric, old_flow, flow, balance):
        open_metric = jnp.where(metric > 0, metric, 1.0)
        moved = jnp.where(metric > 0, (flow - old_flow) ** 2 / open_metric, 0.0).sum((-2, -1))
        # A route that the epoch emptied has a price of its own, whatever it does.
        stays = jnp.minimum(1.0, flow / jnp.where(old_flow > 0, old_flow, 1.0))
        price_moved = (metric * stays * block.priced_work(change) ** 2).sum((-2, -1))
        ratio = jnp.sqrt(moved / jnp.where(price_moved > 0, price_moved, 1.0))
        ratio = jnp.where(price_moved > 0, ratio, jnp.where(moved > 0, farthest, 1.0))
        one_sided = (ratio > _ONE_SIDED) | (ratio < 1.0 / _ONE_SIDED)
        usual = balance * jnp.where(stands & one_sided, jnp.clip(ratio, 1.0 / farthest, farthest), 1.0)
        # While nothing fits, smaller steps let prices rise ever faster, until they find a routing or prove that there is none.
        usual = jnp.where(jnp.isinf(before.best.objective), 1.0, usual)
        return jnp.where(jnp.isinf(after.best.objective), 0.5 * balance, usual)

    return problem.each(of_block, metric, before.mean_routing, after.mean_routing, before.balance)


def _first_mean(problem: SlotProblem, routing: Routes) -> Routes:
    """What the first metric follows. Flows on chosen candidates do not say how far each may move, so all may move far."""
    return tuple(map(jnp.maximum, routing, proportional(problem))) if problem.lists_routes else routing


def _on_new_routes(problem: SlotProblem, state: SlotState) -> SlotState:
    """What was carried over, made to serve every demand again."""
    routing, mean = serving(problem, state.routing), serving(problem, state.mean_routing)

    def entered(block, old, new, shared):
        # Where every route was there before, none has entered.
        return jnp.where(old > 0, new, _ENTERING * shared) if block.lists_routes else new

    mean = problem.each(entered, state.mean_routing, mean, proportional(problem))
    best = state.best.repriced(problem)
    return eqx.tree_at(lambda s: (s.routing, s.mean_routing, s.best), state, (routing, mean, best))
