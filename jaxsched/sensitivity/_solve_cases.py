"""Many scenarios in one call, each solved from its neighbour, each with its own certificate."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxsched._results import RESULTS, InfeasibleError, SolveError
from jaxsched._schedule import Schedule
from jaxsched._solve import solve
from jaxsched.sensitivity._cases import Case
from jaxsched.sensitivity._effects import effects
from jaxsched.sensitivity._shift import Shift, shifted
from jaxsched.solvers import ADMM
from jaxsched.study import Inputs, Study, inputs_of, pose

# Cases in one call; between calls there is a moment to tell how far it is.
CHUNK = 32
# Iterations between certificates: from a neighbour a few are often enough.
_CHECK_EVERY = 4

Progress = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class Answers:
    """What the optimal schedule of every case does, [case] first.

    Attributes:
        cases: The cases.
        base: The schedule of the study itself.
        base_values: Its outputs [output].
        values: Outputs, keys of `OUTPUTS` [case, output].
        objective: Cost of the routing found [AUD].
        bound: Proved lower bound on the cost [AUD].
        gap: Certified gap, (objective - bound) / objective.
        iterations: Iterations each took; 0 where its neighbour's schedule was certified as it is.
        reached: Whether the tolerance was reached; where not, the case cannot be served or needs more steps.
        load: Mean load over the slots [case, site] [GPU].
    """

    cases: tuple[Case, ...]
    base: Schedule
    base_values: np.ndarray
    values: np.ndarray
    objective: np.ndarray
    bound: np.ndarray
    gap: np.ndarray
    iterations: np.ndarray
    reached: np.ndarray
    load: np.ndarray


def solve_cases(
    study: Study,
    cases: Sequence[Case],
    *,
    rtol: float = 1e-4,
    max_steps: int = 1000,
    base: Schedule | None = None,
    chunk: int = CHUNK,
    progress: Progress | None = None,
    throw: bool = True,
) -> Answers:
    """Optimal schedules of many scenarios of a study.

    The first case of a family starts from the schedule of the study, every other from the case before it, so that a path of
    small steps costs little: a start that is certified to `rtol` as it stands is not iterated at all. One compilation serves
    all cases, one call a whole chunk. The certificate is about the cost. What else a schedule does (carbon, water, waiting) is as
    certain as the cost is steep in it: near the optimum a schedule may emit a few per cent more or less at the same cost to
    `rtol`, so that small differences between cases need a small `rtol`.

    Arguments:
        study: The study.
        cases: Scenarios with names unlike each other; neighbours of a family in order.
        rtol: Certified relative gap of each case.
        max_steps: Most iterations of each case.
        base: Schedule of the study to start from; solved to `rtol` where not given.
        chunk: Cases a call.
        progress: Called with cases done and cases in all.
        throw: Whether a case that fails raises; otherwise `answers.reached` says so.

    Raises:
        ValueError: If there is no case, two have one name, or a tolerance is out of range.
        InfeasibleError: If a case cannot be served; the message names it.
        SolveError: If a case did not reach its tolerance; likewise.
    """
    return prepare(study, rtol=rtol, max_steps=max_steps, base=base)(cases, chunk=chunk, progress=progress, throw=throw)


@dataclasses.dataclass(frozen=True)
class CaseSolver:
    """`solve_cases` for several batches of one study, compiled once for each size of chunk.

    Attributes:
        study: The study.
        inputs: Its inputs.
        base: Its schedule.
        rtol: Certified relative gap of each case.
        call: The compiled function.
    """

    study: Study
    inputs: Inputs
    base: Schedule
    rtol: float
    call: Callable[..., Any]

    def __call__(
        self, cases: Sequence[Case], *, chunk: int = CHUNK, progress: Progress | None = None, throw: bool = True
    ) -> Answers:
        """Solve cases as `solve_cases` does."""
        return _run(self, cases, chunk, progress, throw)


def prepare(study: Study, *, rtol: float = 1e-4, max_steps: int = 1000, base: Schedule | None = None) -> CaseSolver:
    """A solver of cases of one study; arguments as of `solve_cases`."""
    if not 0 < rtol < 1:
        raise ValueError(f"rtol is {rtol:g}; it must lie between 0 and 1.")
    if base is None:
        base = solve(study.problem, ADMM(rtol=rtol, max_steps=10 * max_steps))
    solver = ADMM(rtol=rtol, max_steps=max_steps, check_every=_CHECK_EVERY)
    return CaseSolver(study, inputs_of(study), base, rtol, _caller(study, solver))


def _run(prepared: CaseSolver, cases: Sequence[Case], chunk: int, progress: Progress | None, throw: bool) -> Answers:
    study, inputs, base, call = prepared.study, prepared.inputs, prepared.base, prepared.call
    _check(cases, chunk)
    shifts = _stack(study, cases)
    fresh = np.array([n == 0 or case.family != cases[n - 1].family for n, case in enumerate(cases)])
    state, rows = (base.routing, base.prices), []
    for start in range(0, len(cases), chunk):
        index = np.minimum(np.arange(start, start + chunk), len(cases) - 1)
        part = jax.tree.map(lambda leaf, at=index: leaf[at], shifts)
        # What fills up the last chunk repeats its last case, which by then is certified at once.
        first = fresh[index] & (np.arange(start, start + chunk) < len(cases))
        state, found = call(inputs, base, state, part, jnp.asarray(first))
        rows.append({key: np.asarray(value)[: len(cases) - start] for key, value in found.items()})
        if throw:
            _check_found(cases, start, rows[-1], prepared.rtol)
        if progress is not None:
            progress(min(start + chunk, len(cases)), len(cases))
    table = {key: np.concatenate([row[key] for row in rows]) for key in rows[0]}
    reached = table.pop("verdict")[:, 0]
    values = np.asarray(eqx.filter_jit(lambda i, routing: effects(study, i, routing))(inputs, base.routing))
    return Answers(cases=tuple(cases), base=base, base_values=values, reached=reached, **table)


def _caller(study: Study, solver: ADMM) -> Callable[..., Any]:
    @eqx.filter_jit
    def call(inputs: Inputs, base: Schedule, state: tuple[Array, Array], shifts: Shift, fresh: Array):
        def one(state, case):
            shift, is_first = case
            there = shifted(study, inputs, shift)
            start = jax.tree.map(lambda own, left: jnp.where(is_first, own, left), (base.routing, base.prices), state)
            near = eqx.tree_at(lambda s: (s.routing, s.prices), base, start)
            answer = solve(pose(study, there), solver, warm_start=near, throw=False)
            found = {
                "values": effects(study, there, answer.routing),
                "objective": answer.objective,
                "bound": answer.bound,
                "gap": answer.gap,
                "iterations": answer.stats.num_steps,
                "load": answer.load.mean(0),
                "verdict": jnp.stack([answer.result == RESULTS.successful, answer.result == RESULTS.infeasible]),
            }
            # A neighbour that failed is no place to start from.
            good = jnp.isfinite(answer.objective) & jnp.isfinite(answer.bound)
            kept = jax.tree.map(
                lambda own, left: jnp.where(good, own, left),
                (answer.routing, answer.prices),
                (base.routing, base.prices),
            )
            return kept, found

        return jax.lax.scan(one, state, (shifts, fresh))

    return call


def _stack(study: Study, cases: Sequence[Case]) -> Shift:
    """All shifts as one, [case] first, each field as long as the longest of its kind."""
    longest = jax.tree.map(lambda *leaves: max(leaf.size for leaf in leaves), *(case.shift for case in cases))

    def spread(shift: Shift) -> Shift:
        return jax.tree.map(lambda leaf, n: leaf if n == 1 else jnp.broadcast_to(leaf, (n,)), shift, longest)

    sizes = {1, len(study.scenario.sites), len(study.scenario.classes)}
    if not set(jax.tree.leaves(longest)) <= sizes:
        raise ValueError(
            f"a shift has fields of lengths {sorted(set(jax.tree.leaves(longest)))}; give numbers or [site]."
        )
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(spread, (case.shift for case in cases)))


def _check(cases: Sequence[Case], chunk: int) -> None:
    if not cases:
        raise ValueError("there is no case to solve; give at least one.")
    names = [case.name for case in cases]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two cases are called {twice!r}; give each a name of its own.")
    if chunk < 1:
        raise ValueError(f"chunk is {chunk}; it must be at least 1.")


def _check_found(cases: Sequence[Case], start: int, found: dict[str, np.ndarray], rtol: float) -> None:
    for row, (reached, impossible) in enumerate(found["verdict"]):
        name = cases[start + row].name
        if impossible:
            raise InfeasibleError(
                f"{name}: no routing serves all requests within the capacities; make the case milder."
            )
        if not reached:
            raise SolveError(
                f"{name}: reached a certified gap of {found['gap'][row]:.1e} where {rtol:.1e} is asked for; raise max_steps "
                "or rtol."
            )
