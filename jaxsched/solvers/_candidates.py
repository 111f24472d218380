"""A solver on a short list of routes for each demand, its answer proved against all routes."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

from jaxsched._schedule import History, Schedule
from jaxsched.problem import AbstractProblem, Problem
from jaxsched.problem._coupled import list_routes
from jaxsched.problem._demand import scatter_routes
from jaxsched.solvers._admm import ADMM
from jaxsched.solvers._aggregation import merged
from jaxsched.solvers._base import AbstractRouteSolver, AbstractSolver, Iterate, SolverState
from jaxsched.solvers._candidate_selection import first_flows, missing_reduced_cost, places, select_candidates
from jaxsched.solvers._incumbent import Incumbent
from jaxsched.solvers._layout import by_slot, class_last, fixed_by_slot, fixed_part, laid_out
from jaxsched.solvers._point import PrimalDualPoint
from jaxsched.solvers._width import fitting_width

# Routes are exchanged where those that are missing make up this share of the gap.
_SHARE = 0.1
# Fewest iterations from one exchange to the next. Routes that have just entered carry little and would be given up again:
# with an exchange after each iteration the interior point stalls at 1e-3 on `australia` at 700x700.
_BETWEEN = 5
# Gap at which the ADMM before an interior-point solve stops, and that of the coarse problem.
_GOOD_PRICES, _COARSE_PRICES = 1e-4, 1e-3
_COARSE_STEPS = 100


class CandidatesState(eqx.Module):
    """State of the solver inside, the site of each candidate, and how many iterations were done at the last exchange."""

    inner: SolverState
    sites: Int[Array, "slot class origin route"]
    exchanged: Int[Array, ""]

    @property
    def num_steps(self) -> Int[Array, ""]:
        """Iterations of the solver inside."""
        return self.inner.num_steps

    @property
    def history(self) -> History:
        """Certificate after each check."""
        return self.inner.history

    @property
    def incumbent(self) -> Incumbent:
        """Best answer of each slot so far, with its proof."""
        return self.inner.incumbent


class Candidates(AbstractSolver[CandidatesState]):
    """Keep the most promising routes of each demand, exchange them by their prices, and certify against every route.

    A problem of thousands of sites uses few routes of each origin. A coarse problem, in which origins with similar costs
    of routes are merged, gives first prices (before `InteriorPoint`, an ADMM with candidates gives them). Each demand
    keeps the `width` routes that are cheapest at the prices, work included. After each step of the solver inside, the
    bound is proved with every route of the problem, which also names routes that are missing; where they matter, they
    take the place of candidates that carry nothing.

    The schedule holds the candidates alone (`Schedule.sites`, `Schedule.to_dense`). Iterations are those of the solver
    inside, without those that give the first prices.

    Attributes:
        solver: `ADMM` or `InteriorPoint`, on the candidates.
        width: Candidates of each demand, > 0; at most the number of sites are used. `solve` takes more where a demand cannot
            do with them: twice as many as the fewest sites that can hold the largest demand, and more where less than a
            tenth of the work is spare capacity. It needs the numbers for that: under `jit` the width stays as it is, and
            with too few the gap stays.
        group: Origins merged to one in the coarse problem, > 0; 1 leaves it out.
    """

    solver: AbstractRouteSolver = eqx.field(default_factory=ADMM)
    width: int = eqx.field(static=True, default=64)
    group: int = eqx.field(static=True, default=8)

    def __check_init__(self) -> None:
        if not isinstance(self.solver, AbstractRouteSolver):
            raise ValueError(
                f"Candidates.solver is a {type(self.solver).__name__}; give ADMM(...) or InteriorPoint(...)."
            )
        if self.width < 1 or self.group < 1:
            raise ValueError(f"Candidates.width is {self.width} and group {self.group}; both must be >= 1.")

    @property
    def rtol(self) -> Array:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Tolerance of the solver inside."""
        return self.solver.rtol

    @property
    def max_steps(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Most iterations of the solver inside."""
        return self.solver.max_steps

    def fitted(self, problem: Problem) -> "Candidates":
        width = fitting_width(problem, self.width)
        return self if width <= self.width else dataclasses.replace(self, width=width)

    def warm_start_problem(self, problem: AbstractProblem) -> tuple[AbstractProblem, AbstractSolver] | None:
        if not self.solver.finds_prices:
            return problem, eqx.tree_at(lambda s: s.solver, self, ADMM(rtol=_GOOD_PRICES))
        if self.group == 1 or problem.shape[1] < 2 * self.group:
            return None
        return merged(problem, self.group), ADMM(rtol=_COARSE_PRICES, max_steps=_COARSE_STEPS)

    def bytes_per_slot(self, problem: AbstractProblem, routes: int) -> int:
        routes = min(self.width, routes)
        positions = 4 * problem.shape[1] * routes * problem.shape[3] * jnp.dtype(jnp.int32).itemsize
        return self.solver.bytes_per_slot(problem, routes) + positions

    def init(self, problem: AbstractProblem, warm_start: Schedule | None) -> CandidatesState:
        width = min(self.width, problem.shape[2])
        posed = fixed_part(problem)

        def one_slot(index: Array) -> tuple[Array, Array, Array]:
            slot = problem.slot(index)
            flow, prices = first_flows(posed, slot, index, warm_start, self.group)
            sites = select_candidates(slot, prices, flow, width)
            return sites, jnp.take_along_axis(flow, sites, -1), prices

        sites, routing, prices = jax.lax.map(one_slot, jnp.arange(problem.shape[0]))
        listed = list_routes(problem, sites)
        inner = self.solver.start(listed, *laid_out(listed, routing, warm_start and warm_start.deferred, prices))
        return CandidatesState(inner, sites, jnp.asarray(0))

    def step(self, problem: AbstractProblem, state: CandidatesState) -> CandidatesState:
        view = list_routes(problem, state.sites)
        inner = self.solver.step(view, state.inner)
        slots, axes = view.slots()
        current = self.solver.current(inner)
        missing = jax.vmap(missing_reduced_cost, in_axes=(axes, 0))(slots, current.prices)
        wanted = ~(missing <= _SHARE * current.difference) | jnp.isinf(current.difference)
        state = CandidatesState(inner, state.sites, state.exchanged)
        rested = state.num_steps - state.exchanged >= _BETWEEN
        return jax.lax.cond(
            jnp.any(wanted) & rested & ~self.solver.done(inner),
            lambda: self._exchange(problem, state, current, wanted),
            lambda: state,
        )

    def _exchange(
        self, problem: AbstractProblem, state: CandidatesState, current: Iterate, wanted: Bool[Array, " slot"]
    ) -> CandidatesState:
        """Put the cheapest missing routes of some slots in the place of candidates that carry nothing."""
        count, width = problem.shape[2], state.sites.shape[-1]
        routing, prices = fixed_by_slot(problem, current.routing[0]), by_slot(problem, current.prices)
        wanted = jnp.repeat(wanted, problem.period)

        def one_slot(index: Array) -> tuple[Array, Array]:
            old = state.sites[index]
            flow = scatter_routes(routing[index], old, count)
            new = select_candidates(problem.slot(index), prices[index], flow, width)
            new = jnp.where(wanted[index], new, old)
            return new, places(old, new, count)

        sites, stood = jax.lax.map(one_slot, jnp.arange(problem.shape[0]))

        def carry(array: Array) -> Array:
            place = stood.reshape(array.shape)
            return jnp.where(place >= 0, jnp.take_along_axis(array, jnp.maximum(place, 0), -1), 0.0)

        inner = self.solver.reroute(list_routes(problem, sites), state.inner, carry)
        return CandidatesState(inner, sites, state.num_steps)

    def done(self, state: CandidatesState) -> Bool[Array, ""]:
        return self.solver.done(state.inner)

    def finish(self, problem: AbstractProblem, state: CandidatesState) -> Schedule:
        view = list_routes(problem, state.sites)
        schedule = self.solver.finish(view, state.inner)
        return eqx.tree_at(
            lambda s: s.sites, schedule, class_last(view, state.sites), is_leaf=lambda leaf: leaf is None
        )

    def primal_dual_point(self, problem: AbstractProblem, state: CandidatesState) -> PrimalDualPoint | None:
        return self.solver.primal_dual_point(problem, state.inner)
