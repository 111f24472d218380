"""What must hold of any problem that can be written down."""

import equinox as eqx
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jaxsched import ADMM, RESULTS, CongestionCost, Problem, solve
from tests.oracles import assert_feasible

SOLVER = ADMM(rtol=1e-3, max_steps=5000)
# Few shapes, so that each is compiled once; a first call compiles for seconds.
SHAPES = [(1, 1, 1, 1), (1, 1, 3, 2), (1, 3, 1, 1), (2, 3, 3, 1), (2, 4, 3, 2)]
PROPERTY = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))

# Capacity over work, from hardly any room to plenty; and too little.
AMPLE, SHORT = st.floats(1.0001, 10.0), st.floats(0.1, 0.99)


@st.composite
def problems(draw, spare=AMPLE):
    """Problems with idle origins, useless sites, equal costs, negative costs and hardly any room; all can be served."""
    slots, origins, sites, classes = draw(st.sampled_from(SHAPES))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    demand = random.lognormal(0, draw(st.sampled_from([0.0, 1.0, 3.0])), (slots, origins, classes))
    demand *= random.uniform(size=demand.shape) < draw(st.sampled_from([0.0, 0.5, 1.0]))
    work = random.uniform(0.5, 2.0, (1, classes)) * np.ones((sites, 1))
    share = random.dirichlet(np.ones(sites))
    share *= random.uniform(size=sites) < draw(st.sampled_from([0.5, 1.0]))
    share = share / share.sum() if share.sum() > 0 else np.eye(sites)[0]
    capacity = share * draw(spare) * (demand @ work[0]).sum(1).max()
    cost_scale = 10.0 ** draw(st.integers(-6, 6))
    low = draw(st.sampled_from([-1.0, 0.0, 1.0]))  # 1: all costs are equal
    linear, route_cost = (
        cost_scale * random.uniform(low, 1.0, size) for size in ((slots, sites), (origins, sites, classes))
    )
    servers = np.where(capacity > 0, capacity / 0.95, 1.0)
    quadratic = cost_scale * draw(st.sampled_from([0.0, 0.2])) / servers
    queueing = cost_scale * draw(st.sampled_from([0.0, 0.01])) * servers
    site_cost = CongestionCost(linear, quadratic, queueing, servers)
    return Problem(demand, route_cost, capacity, site_cost, work=work)


def solved(problem):
    """A schedule to a tolerance measured on what the costs weigh, for costs that may cancel."""
    cost = problem.site_cost
    weight = np.abs(cost.linear).max() * np.asarray(problem.work).max() + np.abs(problem.route_cost).max()
    atol = 1e-3 * float(weight) * float(np.asarray(problem.demand).sum())
    return solve(problem, eqx.tree_at(lambda s: s.atol, SOLVER, np.asarray(atol)), throw=False), atol


@PROPERTY
@given(problems())
def test_every_problem_is_solved_feasibly_and_certified(problem):
    schedule, atol = solved(problem)
    assert schedule.result == RESULTS.successful
    assert_feasible(problem, schedule)
    objective, bound = float(schedule.objective), float(schedule.bound)
    assert objective - bound <= max(1e-3 * abs(objective), atol)
    assert bound <= objective + 1e-9 * abs(objective)


@PROPERTY
@given(problems(), st.sampled_from([1e-6, 1e-3, 1e3, 1e6]))
def test_other_units_give_the_same_schedule(problem, scale):
    cost = problem.site_cost
    scaled = Problem(
        scale * problem.demand,
        problem.route_cost,
        scale * problem.capacity,
        CongestionCost(cost.linear, cost.quadratic / scale, cost.queueing * scale, cost.servers * scale),
        work=problem.work,
    )
    solver = ADMM(rtol=1e-30, max_steps=50)
    one, other = solve(problem, solver, throw=False), solve(scaled, solver, throw=False)
    size = float(np.asarray(problem.demand).max())
    np.testing.assert_allclose(np.asarray(other.routing) / scale, one.routing, atol=1e-6 * size)


@PROPERTY
@given(problems(SHORT))
def test_work_that_cannot_fit_is_never_scheduled(problem):
    if not np.asarray(problem.demand).any():
        return
    schedule = solve(problem, SOLVER, throw=False)
    assert schedule.result == RESULTS.infeasible
    assert np.isposinf(float(schedule.objective))
