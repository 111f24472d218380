"""Many scenarios in one call, each answered or solved from its neighbours, each with its own certificate."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxsched._results import InfeasibleError, SolveError
from jaxsched._schedule import Schedule, relative_gap
from jaxsched._solve import solve
from jaxsched.models import TERMS
from jaxsched.sensitivity._cases import Case
from jaxsched.sensitivity._neighbours import Interpolated, SolvedCase, bracket, ends_first, position_of, share_of
from jaxsched.sensitivity._programs import Programs, programs
from jaxsched.sensitivity._refine import refine
from jaxsched.sensitivity._shift import Perturbation
from jaxsched.solvers import ADMM
from jaxsched.study import Inputs, Study

# Iterations between certificates: from a neighbour a few are often enough.
_CHECK_EVERY = 8
# Shares of the tolerance to which the study, and the solved cases of a family, are solved: others are mixed from them.
_BASE_CLOSER, _CLOSER = 0.2, 0.7

_BY_SITE = ("warming", *(t.factor for t in TERMS if t.worth is None), "carbon_intensity", "latency", "power_limit")

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
        iterations: Iterations each took; 0 where a mix of its neighbours was certified.
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
    progress: Progress | None = None,
    throw: bool = True,
) -> Answers:
    """Optimal schedules of many scenarios of a study.

    Of a family the last case is solved first, then those that lie in the middle of what is known. Each case is first offered
    a mix of the solved ones on either side of it (the study itself lies before the first): a mix of routings is feasible,
    prices between theirs prove a bound, and where the two are within `rtol` that is the answer. Otherwise the mix is where its
    solve starts. The certificate is about the cost. What else a schedule does (carbon, water, waiting) is as
    certain as the cost is steep in it: near the optimum a schedule may emit a few per cent more or less at the same cost to
    `rtol`, so that small differences between cases need a small `rtol`.

    Arguments:
        study: The study.
        cases: Scenarios with names unlike each other; those of a family in the order of their levels.
        rtol: Certified relative gap of each case.
        max_steps: Most iterations of each case.
        base: Schedule of the study to start from; solved where not given.
        progress: Called with cases done and cases in all.
        throw: Whether a case that fails raises; otherwise `answers.reached` says so.

    Raises:
        ValueError: If there is no case, two have one name, or a tolerance is out of range.
        InfeasibleError: If a case cannot be served; the message names it.
        SolveError: If a case did not reach its tolerance; likewise.
    """
    return prepare(study, rtol=rtol, max_steps=max_steps, base=base)(cases, progress=progress, throw=throw)


@dataclasses.dataclass(frozen=True)
class CaseSolver:
    """`solve_cases` for several batches of one study, compiled once.

    Attributes:
        study: The study.
        inputs: Its inputs.
        base: Its schedule, closer to the optimum than is asked of the cases.
        rtol: Certified relative gap of each case.
        max_steps: Most iterations of each case.
        programs: The compiled functions.
    """

    study: Study
    inputs: Inputs
    base: Schedule
    rtol: float
    max_steps: int
    programs: Programs

    @functools.cached_property
    def base_values(self) -> np.ndarray:
        """Outputs of the study itself [output]."""
        return np.asarray(self.programs.effects(self.inputs, self.base.routing))

    def __call__(self, cases: Sequence[Case], *, progress: Progress | None = None, throw: bool = True) -> Answers:
        """Solve cases as `solve_cases` does."""
        _check(cases)
        perturbations = _stack(self.study, [*(case.perturbation for case in cases), Perturbation()])
        each = [jax.tree.map(lambda leaf, n=n: leaf[n], perturbations) for n in range(len(cases) + 1)]
        origin = self._neighbour(each[-1], self.base)
        families: dict[str, list[int]] = {}
        for n, case in enumerate(cases):
            families.setdefault(case.family, []).append(n)
        rows: dict[int, dict[str, Any]] = {}
        for members in families.values():
            for n, row in self._family([each[n] for n in members], origin):
                rows[members[n]] = row
                if throw:
                    _check_found(cases[members[n]].name, row, self.rtol)
                if progress is not None:
                    progress(len(rows), len(cases))
        table = {key: np.stack([np.asarray(rows[n][key]) for n in range(len(cases))]) for key in rows[0]}
        reached = table.pop("verdict")[:, 0]
        return Answers(cases=tuple(cases), base=self.base, base_values=self.base_values, reached=reached, **table)

    def _family(
        self, perturbations: Sequence[Perturbation], origin: SolvedCase
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """The cases of one family, as they are found."""
        call, known = self.programs, {-1: origin}
        # What later cases are mixed from must leave them room.
        rtol = self.rtol * (_CLOSER if len(perturbations) > 1 else 1.0)
        for n in ends_first(len(perturbations)):
            there, problem = call.build_problem(self.inputs, perturbations[n])
            low, high = bracket(known, n)
            share = jnp.asarray(share_of(position_of(perturbations[n]), low.position, high.position))
            flows, prices = (low.flows, high.flows), (low.schedule.prices, high.schedule.prices)
            guessed = call.interpolate(there, problem, flows, prices, share, perturbations[n])
            if bool(relative_gap(guessed.objective, guessed.bound) <= self.rtol):
                yield n, _row(guessed, 0, True, False)
                continue
            start = low.schedule if high is low else self._start(low.schedule, high.schedule, share)
            found, steps, impossible = refine(call, problem, start, rtol, self.max_steps, _CHECK_EVERY)
            if len(perturbations) > 1 and bool(jnp.isfinite(found.gap)):
                known[n] = self._neighbour(perturbations[n], found)
            values = call.effects(there, found.routing)
            answer = Interpolated(found.objective, found.bound, values, found.load.mean(0))
            yield n, _row(answer, steps, bool(found.gap <= self.rtol) and not impossible, impossible)

    def _neighbour(self, perturbation: Perturbation, schedule: Schedule) -> SolvedCase:
        flows = self.programs.flows(self.inputs, schedule.routing, perturbation)
        return SolvedCase(position_of(perturbation), flows, schedule)

    def _start(self, low: Schedule, high: Schedule, share: Array) -> Schedule:
        ends = ((one.routing, one.prices) for one in (low, high))
        return eqx.tree_at(lambda s: (s.routing, s.prices), low, self.programs.mix(*ends, share))


def prepare(study: Study, *, rtol: float = 1e-4, max_steps: int = 1000, base: Schedule | None = None) -> CaseSolver:
    """A solver of cases of one study; arguments as of `solve_cases`."""
    if not 0 < rtol < 1:
        raise ValueError(f"rtol is {rtol:g}; it must lie between 0 and 1.")
    inputs, compiled = study.inputs, programs(study)
    # What is certified of a case without a solve is at best as close as what it is made from.
    if base is None or not float(base.gap) <= _BASE_CLOSER * rtol:
        if base is None:
            base = solve(study.problem, ADMM(rtol=rtol, max_steps=10 * max_steps), throw=False)
        base = refine(compiled, study.problem, base, _BASE_CLOSER * rtol, 10 * max_steps, _CHECK_EVERY)[0]
    if not float(base.gap) <= rtol:
        raise SolveError(
            f"the study itself reached a certified gap of {float(base.gap):.1e} where {rtol:.1e} is asked for; raise "
            "max_steps or rtol."
        )
    return CaseSolver(study, inputs, base, rtol, max_steps, compiled)


def _row(guess: Interpolated, steps: int, reached: bool, impossible: bool) -> dict[str, Any]:
    return {
        "values": guess.values,
        "objective": guess.objective,
        "bound": guess.bound,
        "gap": relative_gap(guess.objective, guess.bound),
        "iterations": steps,
        "load": guess.load,
        "verdict": (reached, impossible),
    }


def _stack(study: Study, perturbations: Sequence[Perturbation]) -> Perturbation:
    """All perturbations as one, [case] first; what may differ by site is [site], so that one compilation serves all cases."""
    sites, classes = len(study.scenario.sites), len(study.scenario.classes)
    names = [field.name for field in dataclasses.fields(Perturbation)]

    def spread(name: str) -> np.ndarray:
        leaves = [np.asarray(getattr(perturbation, name)) for perturbation in perturbations]
        longest = max(leaf.size for leaf in leaves)
        if longest not in (1, classes if name == "demand" else sites):
            raise ValueError(
                f"Perturbation.{name} has {longest} entries; give a number or one for each {'class' if name == 'demand' else 'site'}."
            )
        shape = (sites,) if name in _BY_SITE else () if longest == 1 else (longest,)
        return np.stack([np.broadcast_to(leaf if leaf.size > 1 else leaf.reshape(()), shape) for leaf in leaves])

    return Perturbation(**{name: jnp.asarray(spread(name)) for name in names})


def _check(cases: Sequence[Case]) -> None:
    if not cases:
        raise ValueError("there is no case to solve; give at least one.")
    names = [case.name for case in cases]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two cases are called {twice!r}; give each a name of its own.")


def _check_found(name: str, row: dict[str, Any], rtol: float) -> None:
    reached, impossible = row["verdict"]
    if impossible:
        raise InfeasibleError(f"{name}: no routing serves all requests within the capacities; make the case milder.")
    if not reached:
        raise SolveError(
            f"{name}: reached a certified gap of {float(row['gap']):.1e} where {rtol:.1e} is asked for; raise max_steps or "
            "rtol."
        )
