"""What every solver promises of every structure of problem, against an optimum that is not its own.

A new solver is one row of `SOLVERS` and inherits every claim; a new structure is one row of `STRUCTURES`.
"""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsched import (
    ADMM,
    RESULTS,
    AbstractSolver,
    Candidates,
    CongestionCost,
    Deferrable,
    InteriorPoint,
    Problem,
    Proportional,
    Schedule,
    solve,
)
from tests.deferred import written_out
from tests.kinked import Kinked, kinked_optimum
from tests.oracles import ORACLE_RTOL, assert_feasible, clarabel_optimum

# The certified gap that each must reach; infinite for a rule that looks for no optimum.
SOLVERS: dict[str, tuple[AbstractSolver, float]] = {
    "ADMM": (ADMM(rtol=1e-4, max_steps=2000), 1e-4),
    "InteriorPoint": (InteriorPoint(), 1e-8),
    "Candidates of ADMM": (Candidates(ADMM(rtol=1e-4, max_steps=2000), width=3, group=1), 1e-4),
    "Candidates of InteriorPoint": (Candidates(InteriorPoint(), width=3, group=1), 1e-8),
    "Proportional": (Proportional(), np.inf),
}
# One shape and one kind of cost for most structures, so that a solver is compiled once for all of them.
SLOTS, ORIGINS, SITES, CLASSES = 2, 5, 4, 2
WORK = np.array([[0.5, 1.0], [0.7, 1.5], [1.0, 1.2], [0.6, 2.0]])


@dataclasses.dataclass
class Parts:
    """What a problem of that shape is made of."""

    demand: np.ndarray
    route_cost: np.ndarray
    capacity: np.ndarray
    allowed: np.ndarray
    linear: np.ndarray
    quadratic: np.ndarray
    queueing: np.ndarray

    @property
    def most(self) -> np.ndarray:
        """Load if every request went to its heaviest site."""
        return (self.demand @ WORK.max(0)).sum(1)

    def problem(self) -> Problem:
        servers = np.where(self.capacity > 0, 1.05 * self.capacity, 1.0)
        cost = CongestionCost(self.linear, self.quadratic, self.queueing, servers)
        return Problem(self.demand, self.route_cost, self.capacity, cost, work=WORK, allowed=self.allowed)


def plain() -> Parts:
    draw = np.random.default_rng(7)
    demand = draw.lognormal(0.0, 0.8, (SLOTS, ORIGINS, CLASSES))
    capacity = np.tile(draw.uniform(0.5, 1.5, SITES), (SLOTS, 1))
    capacity *= 1.5 * (demand @ WORK.max(0)).sum(1).max() / capacity.sum(1, keepdims=True)
    linear = draw.uniform(0.4, 1.5, (SLOTS, SITES))
    return Parts(
        demand=demand,
        route_cost=draw.uniform(0.0, 1.0, (SLOTS, ORIGINS, SITES, CLASSES)),
        capacity=capacity,
        allowed=np.ones((SLOTS, ORIGINS, SITES, CLASSES), bool),
        linear=linear,
        quadratic=0.3 * linear / capacity,
        queueing=np.full((SLOTS, SITES), 0.05),
    )


def forbidden() -> Parts:
    parts = plain()
    parts.allowed = np.random.default_rng(3).uniform(size=parts.allowed.shape) > 0.3
    parts.allowed[:, :, 0] = True
    parts.capacity[:, 0] = 1.1 * parts.most.max()
    return parts


def tight() -> Parts:
    """All sites together hold a thousandth more than the work, which is the same wherever it is done."""
    parts = plain()
    work = parts.demand @ WORK.max(0)
    parts.demand[..., 1] = 0.0
    parts.demand[..., 0] = work / WORK[:, 0].max()
    parts.capacity *= 1.001 * parts.most[:, None] / parts.capacity.sum(1, keepdims=True)
    parts.queueing[:] = 0.0
    return parts


def idle() -> Parts:
    """An origin without demand, and a slot without any."""
    parts = plain()
    parts.demand[:, 2] = 0.0
    parts.demand[1] = 0.0
    return parts


def closed() -> Parts:
    parts = plain()
    parts.capacity[:, 1] = 0.0
    parts.capacity *= 1.5
    return parts


def linear() -> Parts:
    parts = plain()
    parts.quadratic[:], parts.queueing[:] = 0.0, 0.0
    return parts


def tied() -> Parts:
    """Every route and every site alike."""
    parts = plain()
    parts.route_cost[:], parts.linear[:], parts.quadratic[:] = 0.3, 1.0, 0.0
    return parts


def paid() -> Parts:
    """Load earns money up to where it is quadratic enough."""
    parts = plain()
    parts.linear *= -1.0
    parts.route_cost[:] = 0.0
    return parts


def unlike() -> Parts:
    """Demands over six decades."""
    parts = plain()
    parts.demand *= 10.0 ** np.linspace(-6.0, 0.0, ORIGINS)[:, None]
    return parts


def one_site() -> Problem:
    cost = CongestionCost(np.array([[1.0], [2.0]]), 0.1, 0.2, 12.0)
    return Problem(np.array([[1.0, 2.0], [3.0, 0.5]]), np.array([[0.2], [0.4]]), np.array([10.0]), cost)


def kinked() -> Problem:
    draw = np.random.default_rng(2)
    demand, capacity = draw.lognormal(0.0, 0.5, (2, 6)), np.tile(draw.uniform(2.0, 4.0, 4), (2, 1))
    knots = np.stack([0.3 * capacity, 0.6 * capacity], 1)
    jumps = draw.uniform(0.2, 1.0, knots.shape)
    flat = np.zeros_like(capacity)
    cost = Kinked(*map(jnp.asarray, (draw.uniform(0.3, 1.0, (2, 4)), knots, jumps, flat, flat)))
    return Problem(demand, draw.uniform(0.0, 1.0, (6, 4)), capacity, cost)


def waiting() -> Problem:
    """Jobs of two classes in windows that join both slots, beside the demand of each."""
    parts = forbidden()
    cost = CongestionCost(parts.linear, parts.quadratic, parts.queueing, 1.05 * parts.capacity)
    jobs = Deferrable([1.0, 0.7, 0.4], [0, 2, 4], kind=[0, 1, 0], release=[0, 0, 1], deadline=[1, 1, 1])
    arrays = (0.8 * parts.demand, parts.route_cost, parts.capacity, cost)
    return Problem(*arrays, work=WORK, allowed=parts.allowed, deferrable=jobs)


def of(parts: Callable[[], Parts]) -> Callable[[], Problem]:
    return lambda: parts().problem()


Optimum = Callable[[Problem], np.ndarray]
STRUCTURES: dict[str, tuple[Callable[[], Problem], Optimum]] = {
    "classes of unlike work": (of(plain), clarabel_optimum),
    "forbidden routes": (of(forbidden), clarabel_optimum),
    "hardly any room": (of(tight), clarabel_optimum),
    "no demand": (of(idle), clarabel_optimum),
    "a site without capacity": (of(closed), clarabel_optimum),
    "linear costs": (of(linear), clarabel_optimum),
    "ties": (of(tied), clarabel_optimum),
    "negative costs": (of(paid), clarabel_optimum),
    "demands over six decades": (of(unlike), clarabel_optimum),
    "one site": (one_site, clarabel_optimum),
    "kinks": (kinked, kinked_optimum),
    "work that may wait": (waiting, lambda problem: clarabel_optimum(written_out(problem))),
}


@functools.cache
def posed(structure: str) -> tuple[Problem, np.ndarray]:
    make, optimum = STRUCTURES[structure]
    return make(), optimum(make())


@functools.cache
def answered(solver: str, structure: str) -> Schedule:
    return solve(posed(structure)[0], SOLVERS[solver][0], throw=False)


every = pytest.mark.parametrize("structure", STRUCTURES)
each = pytest.mark.parametrize("solver", SOLVERS)


@every
@each
def test_the_answer_can_be_followed(solver, structure):
    schedule = answered(solver, structure)
    assert_feasible(posed(structure)[0], dataclasses.replace(schedule, routing=schedule.to_dense()))


@every
@each
def test_the_optimum_lies_between_bound_and_cost(solver, structure):
    (problem, optimum), schedule = posed(structure), answered(solver, structure)
    slack = ORACLE_RTOL * (np.abs(optimum) + np.abs(optimum).mean())
    bound, objective = np.asarray(schedule.slot_bound), np.asarray(schedule.slot_objective)
    if problem.deferrable is not None:
        # Slots that windows join are proved together.
        bound, objective = bound.sum(), objective.sum()
    assert (bound <= optimum + slack).all()
    assert (optimum <= objective + slack).all()


@every
@each
def test_the_gap_is_the_one_asked_for_and_the_verdict_says_so(solver, structure):
    schedule = answered(solver, structure)
    assert schedule.result == RESULTS.successful
    assert float(schedule.gap) <= SOLVERS[solver][1]


@every
@each
def test_the_certificate_never_gets_worse(solver, structure):
    history = answered(solver, structure).stats.history
    assert (np.diff(np.asarray(history.objective)) <= 0).all()
    assert (np.diff(np.asarray(history.bound)) >= 0).all()
    assert (np.diff(np.asarray(history.step)) > 0).all()


@every
@each
def test_duals_belong_to_the_prices(solver, structure):
    problem, schedule = posed(structure)[0], answered(solver, structure)
    prices, work = np.asarray(schedule.prices), np.asarray(problem.work)
    cost = np.asarray(problem.route_cost) + (prices[:, :, None] * work)[:, None]
    usable = np.broadcast_to(np.asarray(problem.capacity)[:, None, :, None] > 0, cost.shape)
    if problem.allowed is not None:
        usable = usable & np.asarray(problem.allowed)
    cheapest = np.where(usable, cost, np.inf).min(2).reshape(np.shape(schedule.demand_price))
    full = np.asarray(schedule.load) > 0.999 * np.asarray(problem.capacity)
    # A price above the last marginal cost of a site that can never be full is cut there.
    assert (np.asarray(schedule.demand_price) <= cheapest + 1e-9 * np.abs(cheapest)).all()
    assert (np.asarray(schedule.capacity_price) >= 0).all()
    if SOLVERS[solver][1] <= 1e-8:
        assert (np.asarray(schedule.capacity_price)[~full] <= 1e-4 * np.abs(prices).max()).all()


@every
@each
def test_a_start_at_the_answer_takes_no_more_iterations(solver, structure):
    problem, schedule = posed(structure)[0], answered(solver, structure)
    again = solve(problem, SOLVERS[solver][0], warm_start=schedule, throw=False)
    assert again.result == RESULTS.successful
    assert int(again.stats.num_steps) <= int(schedule.stats.num_steps)


@each
def test_a_traced_solve_gives_the_same_answer(solver):
    problem, schedule = posed("forbidden routes")[0], answered(solver, "forbidden routes")
    traced = jax.jit(lambda p: solve(p, SOLVERS[solver][0], throw=False))(problem)
    np.testing.assert_allclose(traced.slot_objective, schedule.slot_objective, rtol=1e-12)
    np.testing.assert_allclose(traced.slot_bound, schedule.slot_bound, rtol=1e-12)


@each
def test_progress_is_told_after_each_check_and_changes_nothing(solver):
    problem, schedule = posed("forbidden routes")[0], answered(solver, "forbidden routes")
    told = []
    watched = solve(problem, SOLVERS[solver][0], progress=lambda *what: told.append(what), throw=False)
    np.testing.assert_allclose(watched.slot_objective, schedule.slot_objective, rtol=1e-12)
    assert [step for step, *_ in told] == np.asarray(watched.stats.history.step).tolist()


@each
def test_what_no_routing_can_serve_is_never_called_an_answer(solver):
    """All demand may go to one site alone, which is too small: no sum of capacities tells."""
    parts = plain()
    parts.allowed[:] = False
    parts.allowed[:, :, 0] = True
    schedule = solve(parts.problem(), SOLVERS[solver][0], throw=False)
    assert schedule.result in (RESULTS.infeasible, RESULTS.no_routing)
    assert np.isposinf(np.asarray(schedule.slot_objective)).any()
