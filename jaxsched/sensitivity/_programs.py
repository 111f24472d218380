"""The compiled steps of a batch of cases: each is compiled once for a study and called for every case."""

import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx

from jaxsched._schedule import Schedule
from jaxsched.sensitivity._effects import effects
from jaxsched.sensitivity._neighbours import blend, interpolate, unperturbed
from jaxsched.sensitivity._shift import perturbed
from jaxsched.solvers import ADMM
from jaxsched.study import Study, build_problem
from jaxsched.study._totals import flows_of


@dataclasses.dataclass(frozen=True)
class Programs:
    """Functions of arrays alone.

    Apart from each other, as a program that did all of it would hold the physics inside the loops of the solver.

    Attributes:
        build_problem: Inputs and problem of a case, from the inputs of the study and a perturbation.
        interpolate: An `Interpolated`, from inputs, problem, flows and prices of two neighbours, a share and a perturbation.
        mix: A routing and prices between those of two schedules.
        flows: Flows of a routing for demand and round trips of the study, from its inputs, the routing and its perturbation.
        effects: Outputs, from inputs and routing.
        certify: The schedule that a similar one is worth in a problem, without an iteration.
        replace: A schedule with some slots from another.
    """

    build_problem: Callable[..., Any]
    interpolate: Callable[..., Any]
    mix: Callable[..., Any]
    flows: Callable[..., Any]
    effects: Callable[..., Any]
    certify: Callable[..., Any]
    replace: Callable[..., Any]


# The study asked for last and its programs: several batches of one study are compiled once.
_latest: list[tuple[Study, Programs]] = []


def programs(study: Study) -> Programs:
    """The programs of a study."""
    if not _latest or _latest[0][0] is not study:
        _latest[:] = [(study, _programs(study))]
    return _latest[0][1]


def _programs(study: Study) -> Programs:

    @eqx.filter_jit
    def posed(inputs, perturbation):
        there = perturbed(study, inputs, perturbation)
        return there, build_problem(study, there)

    @eqx.filter_jit
    def flows(inputs, routing, perturbation):
        # What a case changes of demand and round trips is in its routing and left out of its travel.
        return unperturbed(flows_of(inputs.rtt, routing), perturbation)

    return Programs(
        build_problem=posed,
        interpolate=eqx.filter_jit(lambda *arguments: interpolate(study, *arguments)),
        mix=_mix,
        flows=flows,
        effects=eqx.filter_jit(lambda inputs, routing: effects(study, inputs, routing)),
        certify=_certify,
        replace=_replace,
    )


@eqx.filter_jit
def _certify(problem, start):
    solver = ADMM()
    return solver.finish(problem, solver.init(problem, start))


# The same for every study.
_mix, _replace = eqx.filter_jit(blend), eqx.filter_jit(Schedule.replaced)
