"""The one loop that iterates, and what is checked before it."""

import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxsched._blas import one_blas_thread
from jaxsched._devices import check_same, checked_mesh, collected, on_devices, parts, spread_problem, spread_schedule
from jaxsched._feasibility import find_shortfall
from jaxsched._parameters import is_concrete
from jaxsched._results import RESULTS, InfeasibleError, SolveError
from jaxsched._schedule import History, Schedule, Stats, joined, trim
from jaxsched.gradients import constant, with_derivatives
from jaxsched.problem import Problem
from jaxsched.problem._coupled import CoupledProblem, arrangement, in_periods, prepared, restrict_routes
from jaxsched.solvers import ADMM, AbstractSolver, InteriorPoint, PrimalDualPoint, fixed_part

# Certified gap below which single precision may be what keeps it up.
_ROUNDED_GAP = 1e-3
# Share of a gap that is left after half of the checks, and the fewest checks, beyond which it stands still.
_STILL, _CHECKS = 0.7, 6
# Bytes that the iteration may take where the user says nothing.
MEMORY = 4 * 2.0**30


def solve(
    problem: Problem,
    solver: AbstractSolver | None = None,
    *,
    warm_start: Schedule | None = None,
    progress: Callable[[int, float, float], None] | None = None,
    throw: bool = True,
    memory: float = MEMORY,
    mesh: Mesh | None = None,
    **unknown: Any,
) -> Schedule:
    """Route every request at the least cost that the solver's tolerance asks for, with a proof.

    It can be differentiated with respect to every array of the problem, in forward and reverse mode, under `jit` and
    `vmap`, never through its iterations. Objective and bound have the derivative of the optimal cost (`optimal_cost`);
    routing, load and all prices that of the optimum smoothed by a small barrier, by implicit differentiation: one
    factorisation after `InteriorPoint`; after `ADMM` first an interior-point solve from its answer, to 1e-8. Where the set
    of used routes or full sites changes it lies between the one-sided derivatives; a demand of zero and a site without
    capacity have none in the schedule (0), and a linear site cost makes routing jump, which shows as 0 between jumps. Where a
    load rests at a kink of its cost the schedule has no derivative that could be relied on; objective and bound have.

    Arguments:
        problem: What to route, and what it costs.
        solver: `ADMM()` where not given.
        warm_start: Schedule of a problem of the same shape to start from.
        progress: Called on the host after each check with the iterations done, the best cost and the best bound; its
            exceptions (and Ctrl-C) end the solve. Not available inside `jit`.
        memory: Bytes that an iteration may take: slots are solved in chunks that fit, each to the tolerance. The
            problem, the schedule and what all slots share come on top. Under `jit` every chunk is compiled.
        mesh: Devices over which slots and origins are divided (`device_mesh`), each with so much `memory`. The routing is
            left divided, also over processes; all else is an ordinary array, the same in every process. Every process
            must make the same call.
        throw: Whether a verdict other than success raises; otherwise it is in `schedule.result`. Inside `jit` or `vmap` it
            raises when the program runs and something of the schedule is used (`equinox.error_if`), under `vmap` if any
            solve of the batch fails.
        unknown: Nothing else is taken: what is given here is named in the error.

    Returns:
        A feasible schedule with its certified gap.

    Raises:
        InfeasibleError: If the work cannot fit; the message names the slot, the origin and the shortfall.
        SolveError: If the tolerance was not reached. Inside `jit` or `vmap` either is a RuntimeError that starts with the
            sentence of the verdict.
        TypeError: If `problem` or `solver` is something else, or an argument has another name.
        ValueError: If `warm_start` has another shape, `memory` is not positive, `mesh` has an axis of another name, or
            processes call with unlike values.
    """
    solver = ADMM() if solver is None else solver
    _check_kinds(problem, solver, unknown)
    fixed, solver = constant((problem, solver))
    _check_budget(memory)
    if mesh is not None:
        mesh = checked_mesh(mesh)
        check_same((fixed, solver, warm_start), mesh)
    if warm_start is not None:
        _check_same_shape(problem, warm_start)
    if _all_concrete(fixed):
        shortfall = find_shortfall(fixed)
        if shortfall is not None:
            if throw:
                raise InfeasibleError(shortfall)
            return _no_schedule(problem)
        solver = solver.fitted(fixed)
    with one_blas_thread():
        schedule = _solve_periods(problem, solver, warm_start, progress, memory, mesh)
    return _judged(schedule) if throw else schedule


def _solve_periods(
    problem: Problem,
    solver: AbstractSolver,
    warm_start: Schedule | None,
    progress: Callable[[int, float, float], None] | None,
    memory: float,
    mesh: Mesh | None,
) -> Schedule:
    """Solve all slots, with those of each period together where work may wait."""
    posed = in_periods(problem)
    _, slots, is_real = arrangement(problem)
    if is_real.all():
        return _solve_chunks(posed, solver, warm_start, progress, memory, mesh)
    start = None if warm_start is None else warm_start.select(slots).kept(is_real)
    return _solve_chunks(posed, solver, start, progress, memory, mesh).select(np.flatnonzero(is_real))


def _judged(schedule: Schedule) -> Schedule:
    """The schedule, if its verdict is success."""
    values = constant(schedule)
    if not _all_concrete(values):
        return _judged_when_run(schedule)
    if not bool(schedule.result == RESULTS.successful):
        infeasible = bool(schedule.result == RESULTS.infeasible)
        raise (InfeasibleError if infeasible else SolveError)(_explain(values))
    return schedule


def _judged_when_run(schedule: Schedule) -> Schedule:
    """A traced schedule whose every array raises where the verdict is not success."""
    numbers, rest = eqx.partition(schedule, eqx.is_inexact_array)
    return eqx.combine(_raising(numbers, constant(schedule.result)), rest)


@eqx.filter_custom_jvp
def _raising(numbers: Any, result: RESULTS) -> Any:
    return result.error_if(numbers, result != RESULTS.successful)


@_raising.def_jvp
def _(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    numbers, result = primals
    # A gradient does not need the values, and would be worked out without a look at the verdict.
    one = result.error_if(jnp.ones(()), result != RESULTS.successful)
    changes = jax.tree.map(
        lambda change: None if change is None else change * one.astype(change.dtype),
        tangents[0],
        is_leaf=lambda change: change is None,
    )
    return _raising(numbers, result), changes


def _all_concrete(tree: Any) -> bool:
    return all(is_concrete(leaf) for leaf in jax.tree.leaves(tree))


def _solve_chunks(
    problem: Problem | CoupledProblem,
    solver: AbstractSolver,
    warm_start: Schedule | None,
    progress: Callable[[int, float, float], None] | None,
    memory: float,
    mesh: Mesh | None,
) -> Schedule:
    """Solve all slots, as many together as the memory allows."""
    chunks = _chunks(problem, solver, memory, mesh)
    if len(chunks) == 1:
        # Not even a slice of all slots: it would copy every array.
        return _solve_spread(problem, solver, warm_start, progress, mesh)
    starts = [None if warm_start is None else warm_start.select(slots) for slots in chunks]
    pairs = zip(chunks, starts, strict=True)
    return joined([_solve_spread(problem.select(slots), solver, start, progress, mesh) for slots, start in pairs])


def _chunks(problem: Problem | CoupledProblem, solver: AbstractSolver, memory: float, mesh: Mesh | None) -> list[slice]:
    """Slots that are solved together, in whole periods: as many as the memory allows and all about as many."""
    slots, _, sites, _ = problem.shape
    by_slot, by_origin = parts(mesh)
    needed = solver.bytes_per_slot(_first_origins(problem, by_origin), sites)
    periods = slots // problem.period
    most = by_slot * max(int(min(memory / max(needed, 1), periods)), 1)
    size = -(-periods // -(-periods // most)) * problem.period
    return [slice(first, min(first + size, slots)) for first in range(0, slots, size)]


def _first_origins(problem: Problem | CoupledProblem, parts: int) -> Problem | CoupledProblem:
    """The problem with as many origins as a part holds, for its sizes alone."""
    if parts == 1:
        return problem
    if isinstance(problem, CoupledProblem):
        return dataclasses.replace(problem, problem=_first_origins(fixed_part(problem), parts))
    return eqx.tree_at(lambda p: p.demand, problem, problem.demand[:, : -(-problem.shape[1] // parts)])


def _solve_spread(
    problem: Problem | CoupledProblem,
    solver: AbstractSolver,
    warm_start: Schedule | None,
    progress: Callable[[int, float, float], None] | None,
    mesh: Mesh | None,
) -> Schedule:
    """Solve some slots together, over the devices of a mesh if there is one."""
    if mesh is None:
        return _solve_slots(problem, solver, warm_start, progress)
    spread = spread_problem(problem, mesh), solver, spread_schedule(warm_start, problem, mesh)
    return collected(_solve_slots(*spread, progress, mesh), problem.shape, mesh)


def _solve_slots(
    posed: Problem | CoupledProblem,
    solver: AbstractSolver,
    warm_start: Schedule | None,
    progress: Callable[[int, float, float], None] | None,
    mesh: Mesh | None = None,
) -> Schedule:
    """Solve some slots together, whatever the verdict."""
    problem, warm_start = constant((posed, warm_start))
    first = solver.warm_start_problem(problem) if warm_start is None else None
    if first is not None:
        coarse: Any = first[0]
        warm_start = _solve_slots(coarse, first[1], None, None, mesh)
    state, done = _start(problem, solver, warm_start, mesh)
    if mesh is None and is_concrete(done) and bool(done):
        # A start that is good enough as it is: even a loop that does nothing would copy it.
        pass
    elif progress is None:
        state = _iterate(problem, solver, state, jnp.asarray(solver.max_steps), mesh)
    else:
        while not bool(_done(solver, state)):
            state = _iterate(problem, solver, state, state.num_steps + 1, mesh)
            progress(int(state.num_steps), *map(float, state.incumbent.total))
    schedule = _finish(problem, solver, state)
    if _all_concrete(schedule):
        schedule = trim(schedule)
    if _all_concrete(posed):
        return schedule
    primal_dual_point = eqx.Partial(_primal_dual_point, solver=solver, state=state, schedule=schedule, mesh=mesh)
    return with_derivatives(posed, schedule, primal_dual_point, mesh)


@eqx.filter_jit
def _start(problem, solver, warm_start, mesh=None):
    """Where iterations start, and whether that is good enough as it is."""
    with on_devices(mesh):
        state = solver.init(problem, warm_start)
        return state, solver.done(state)


@eqx.filter_jit
def _done(solver, state):
    return solver.done(state)


@eqx.filter_jit
def _iterate(problem, solver, state, until, mesh=None):
    """Advance until done, or until a number of steps is reached: the only loop over iterations."""

    def unfinished(state):
        return ~solver.done(state) & (state.num_steps < until)

    with on_devices(mesh):
        laid_out = prepared(problem)
        return jax.lax.while_loop(unfinished, lambda state: solver.step(laid_out, state), state)


def _primal_dual_point(
    problem: Problem, *, solver: AbstractSolver, state: Any, schedule: Schedule, mesh: Mesh | None
) -> PrimalDualPoint:
    """A point near the answer where derivatives are taken; asked for only where there are any."""
    routes: Any = restrict_routes(problem, schedule.sites, certified=False)
    point = solver.primal_dual_point(routes, state)
    if point is not None:
        return point
    exact: Any = InteriorPoint()
    start, _ = _start(routes, exact, schedule, mesh)
    return exact.primal_dual_point(routes, _iterate(routes, exact, start, jnp.asarray(exact.max_steps), mesh))


@eqx.filter_jit
def _finish(problem, solver, state):
    return solver.finish(problem, state)


def _explain(schedule: Schedule) -> str:
    sentence = RESULTS[schedule.result]
    if bool(schedule.result == RESULTS.infeasible):
        slots = np.flatnonzero(np.isposinf(np.asarray(schedule.slot_bound))).tolist()
        return f"Slots {slots[:10]}: {sentence}"
    worst = int(np.asarray(schedule.slot_gap).argmax())
    return (
        f"{sentence}{_further_advice(schedule)} (certified gap {float(schedule.gap):.2e} after "
        f"{int(schedule.stats.num_steps)} steps; slot {worst} has {float(schedule.slot_gap[worst]):.2e})"
    )


def _further_advice(schedule: Schedule) -> str:
    """What may help beside what the verdict says, and is not so already."""
    advice = ""
    unreached = bool((schedule.result == RESULTS.max_steps) | (schedule.result == RESULTS.precision))
    rounding = float(jnp.finfo(schedule.prices.dtype).eps)
    if unreached and rounding > np.finfo(float).eps and float(schedule.gap) < _ROUNDED_GAP:
        advice += (
            " This is what single precision can show: solve in float64 (`jax.config.update('jax_enable_x64', True)` "
            "and `dtype=float` in the problem)."
        )
    if bool(schedule.result == RESULTS.max_steps) and _stands_still(schedule.stats.history):
        advice += " The gap hardly shrinks any more: rather than more steps try `InteriorPoint()`, or other units."
    if schedule.sites is not None:
        advice += " With too few candidates for each demand the gap stays as well: raise `Candidates.width`."
    return advice


def _stands_still(history: History) -> bool:
    """Whether the second half of the checks brought next to nothing."""
    gaps = np.asarray(history.gap)
    return len(gaps) >= _CHECKS and bool(gaps[-1] > _STILL * gaps[len(gaps) // 2])


def _check_kinds(problem: Any, solver: Any, unknown: dict[str, Any]) -> None:
    """Raise a TypeError that says what to write where another thing than a problem or a solver is given."""
    for name in unknown:
        raise TypeError(
            f"solve takes no {name!r}; settings belong to the solver, as in solve(problem, ADMM(rtol=1e-4)), and it takes "
            "warm_start, progress, throw, memory and mesh."
        )
    if not isinstance(problem, Problem):
        raise TypeError(
            f"problem is a {type(problem).__name__}; give a Problem(...), which of a study is `study.problem`."
        )
    if not isinstance(solver, AbstractSolver):
        found = f"the class {solver.__name__}" if isinstance(solver, type) else repr(solver)
        raise TypeError(
            f"solver is {found}; give ADMM(), InteriorPoint(), Candidates(ADMM(), width=64) or Proportional(), an instance "
            "with its settings."
        )


def _check_budget(memory: float) -> None:
    if not memory > 0:
        raise ValueError(f"memory is {memory:g} bytes; it must be > 0.")


def _check_same_shape(problem: Problem, warm_start: Schedule) -> None:
    if warm_start.shape != problem.routing_shape:
        raise ValueError(
            f"warm_start has a routing of shape {warm_start.shape}; the problem needs {problem.routing_shape}."
        )
    jobs = 0 if problem.deferrable is None else len(problem.deferrable.volume)
    if warm_start.deferred is not None and warm_start.deferred.shape[1] != jobs:
        raise ValueError(f"warm_start has {warm_start.deferred.shape[1]} deferrable jobs; the problem has {jobs}.")


def _no_schedule(problem: Problem) -> Schedule:
    """The answer to a problem that has none: nothing is routed and both cost and bound are infinite."""
    shape = problem.routing_shape
    slots, sites = shape[0], shape[2]
    dtype = problem.demand.dtype
    none, infinite = jnp.zeros((slots, sites), dtype), jnp.full(slots, jnp.inf, dtype)
    stats = Stats(jnp.asarray(0), History.empty(0, dtype))
    jobs = None if problem.deferrable is None else len(problem.deferrable.volume)
    return Schedule(
        routing=jnp.zeros(shape, dtype),
        load=none,
        prices=none,
        demand_price=jnp.zeros(shape[:2] + shape[3:], dtype),
        capacity_price=none,
        slot_objective=infinite,
        slot_bound=infinite,
        result=RESULTS.infeasible,
        stats=stats,
        deferred=None if jobs is None else jnp.zeros((slots, jobs, sites), dtype),
        deferred_price=None if jobs is None else jnp.zeros(jobs, dtype),
    )
