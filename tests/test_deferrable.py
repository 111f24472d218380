"""Work that may wait, against the same work written out as one slot whose sites are those of all slots."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxsched
from jaxsched import ADMM, Candidates, Deferrable, InfeasibleError, InteriorPoint, Problem, solve
from jaxsched.problem._periods import periods_of
from tests.deferred import waiting_problem, written_out
from tests.oracles import clarabel_optimum

SMALL = (6, 4, 3)
# Of nine slots the first five and the last four are joined: periods of five, of which the second is filled up.
FILLED_UP = {"release": [0, 0, 5, 5, 2], "deadline": [4, 3, 8, 6, 4]}


# All slots are one period; and two days of three slots.
JOINED = {"release": [0, 0, 2, 1, 3], "deadline": [5, 3, 5, 4, 4]}
DAYS = {"release": [0, 0, 3, 4, 1], "deadline": [2, 1, 5, 5, 2]}


def small(seed=0, **changes):
    """A problem of one shape for most tests, so that a solver is compiled once."""
    return waiting_problem(seed, sizes=SMALL, jobs=5, **{**JOINED, **changes})


def check_answer(problem, schedule):
    """Every job is served within its window, and the load of sites is that of demand and jobs."""
    waiting = problem.deferrable
    deferred = np.asarray(schedule.deferred)
    assert deferred.shape == (problem.shape[0], len(waiting.volume), problem.shape[2])
    assert (deferred >= 0).all()
    np.testing.assert_allclose(deferred.sum((0, 2)), waiting.volume, rtol=1e-12)
    slot = np.arange(problem.shape[0])[:, None]
    outside = (slot < np.asarray(waiting.release)) | (slot > np.asarray(waiting.deadline))
    assert (deferred[outside] == 0).all()
    routing = schedule.to_dense().sum(1)
    np.testing.assert_allclose(schedule.load, routing + deferred.sum(1), rtol=1e-10)
    assert (schedule.load <= problem.capacity * (1 + 1e-12)).all()
    assert schedule.slot_objective.shape == schedule.slot_bound.shape == (problem.shape[0],)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6])
@pytest.mark.parametrize("seed", range(10))
def test_admm_certifies_a_thousandth_in_100_iterations_and_a_ten_thousandth_in_250(seed, share):
    problem = waiting_problem(seed, share)
    schedule = solve(problem, ADMM(rtol=1e-4, max_steps=250))
    history = schedule.stats.history
    assert int(history.step[np.argmax(np.asarray(history.gap) <= 1e-3)]) <= 100
    check_answer(problem, schedule)


@pytest.mark.parametrize("share", [0.05, 0.6])
def test_interior_point_finds_the_optimum_of_the_written_out_problem(share):
    problem = waiting_problem(3, share, sizes=(8, 6, 5), jobs=8)
    schedule, other = solve(problem, InteriorPoint()), solve(written_out(problem), InteriorPoint())
    assert float(schedule.gap) <= 1e-8
    np.testing.assert_allclose(schedule.objective, other.objective, rtol=2e-8)
    np.testing.assert_allclose(schedule.load.reshape(-1), other.load[0], rtol=1e-4, atol=1e-5)
    jobs = len(problem.deferrable.volume)
    np.testing.assert_allclose(schedule.deferred_price, other.demand_price[0, -jobs:, 0], rtol=1e-5)
    np.testing.assert_allclose(schedule.demand_price.reshape(-1), other.demand_price[0, :-jobs, 0], rtol=1e-5)
    check_answer(problem, schedule)


def test_the_optimum_is_clarabels_and_lies_between_bound_and_cost():
    problem = small(1)
    optimum = clarabel_optimum(written_out(problem)).item()
    for solver in (ADMM(rtol=1e-4), InteriorPoint(), Candidates(ADMM(rtol=1e-4), width=2, group=1)):
        schedule = solve(problem, solver)
        assert float(schedule.bound) <= optimum * (1 + 1e-9)
        assert float(schedule.objective) >= optimum * (1 - 1e-9)


def with_classes(seed):
    """Three request classes of unlike work, routes that are not allowed, and jobs of all classes."""
    draw = np.random.default_rng(seed)
    slots, origins, sites, classes, jobs = 4, 3, 3, 3, 4
    demand = draw.uniform(0.5, 1.5, (slots, origins, classes))
    allowed = draw.uniform(size=(slots, origins, sites, classes)) > 0.2
    allowed[:, :, 0] = True
    work = np.array([1.0, 0.01, 30.0]) * draw.uniform(0.5, 1.5, (sites, classes))
    volume = draw.uniform(1.0, 2.0, jobs)
    waiting = Deferrable(volume, draw.integers(0, origins, jobs), np.arange(jobs) % classes, [0, 1, 0, 2], [3, 2, 3, 3])
    capacity = np.full(sites, 1.2 * (demand * work.max(0)).sum((1, 2)).max())
    cost = jaxsched.CongestionCost(draw.uniform(0.5, 1.5, (slots, sites)), 0.01)
    route_cost = draw.uniform(size=(origins, sites, classes)) * np.array([1.0, 0.01, 30.0])
    return Problem(demand, route_cost, capacity, cost, work=work, allowed=allowed, deferrable=waiting)


@pytest.mark.parametrize("solver", [ADMM(rtol=1e-4), InteriorPoint(), Candidates(InteriorPoint(), width=2, group=1)])
def test_jobs_have_the_work_and_the_routes_of_their_class_and_origin(solver):
    problem = with_classes(0)
    schedule = solve(problem, solver)
    waiting, deferred = problem.deferrable, np.asarray(schedule.deferred)
    work = np.asarray(problem.work)[:, np.asarray(waiting.kind)].T
    load = np.einsum("toik,ik->ti", schedule.to_dense(), problem.work) + (deferred * work).sum(1)
    np.testing.assert_allclose(schedule.load, load, rtol=1e-10)
    allowed = np.asarray(problem.allowed)[:, np.asarray(waiting.origin), :, np.asarray(waiting.kind)]
    assert (deferred.swapaxes(0, 1)[~allowed] == 0).all()
    exact = solve(problem, InteriorPoint())
    np.testing.assert_allclose(schedule.objective, exact.objective, rtol=1e-4)


def test_a_window_of_one_slot_is_demand_of_that_slot():
    """The same requests as fixed demand cost the same, and slots that no window joins are proved alone."""
    problem = small(2)
    moved = Deferrable([1.5, 0.7], [1, 2], release=[0, 4], deadline=[0, 4])
    fixed = problem.without_deferrable()
    demand = np.asarray(fixed.demand)[..., 0].copy()
    waiting = Problem(demand, fixed.route_cost[..., 0], fixed.capacity, fixed.site_cost, deferrable=moved)
    demand[0, 1] += 1.5
    demand[4, 2] += 0.7
    plain = Problem(demand, fixed.route_cost[..., 0], fixed.capacity, fixed.site_cost)
    assert waiting.windows.periods == (1,) * 6
    schedule, other = solve(waiting, InteriorPoint()), solve(plain, InteriorPoint())
    np.testing.assert_allclose(schedule.slot_objective, other.slot_objective, rtol=1e-7)
    np.testing.assert_allclose(schedule.load, other.load, rtol=1e-4, atol=1e-6)


def test_no_volume_costs_what_the_demand_alone_costs():
    problem = small(3, volume=np.zeros(5))
    alone = solve(problem.without_deferrable(), InteriorPoint())
    schedule = solve(problem, InteriorPoint())
    np.testing.assert_allclose(schedule.objective, alone.objective, rtol=1e-7)
    assert (schedule.deferred == 0).all()


def test_all_work_may_wait():
    problem = small(4, share=1.0)
    schedule = solve(problem, InteriorPoint())
    assert float(schedule.gap) <= 1e-8
    check_answer(problem, schedule)


class TestPeriods:
    def test_windows_join_slots_and_nothing_else_does(self):
        assert periods_of(np.array([0, 24, 48, 50]), np.array([23, 47, 71, 60]), 72) == (24, 24, 24)
        assert periods_of(np.array([0]), np.array([0]), 5) == (1,) * 5
        assert periods_of(np.array([0]), np.array([6]), 7) == (7,)

    def test_periods_of_unlike_length_are_filled_up(self):
        release, deadline = np.array([0, 10, 34, 58, 82]), np.array([9, 33, 57, 81, 95])
        assert periods_of(release, deadline, 96) == (10, 24, 24, 24, 14)

    def test_days_are_solved_apart_and_give_the_same_answer(self):
        days = small(5, **DAYS)
        assert days.windows.periods == (3, 3)
        # One more job of no volume joins both days.
        waiting = days.deferrable
        joining = Deferrable(
            np.append(waiting.volume, 0.0),
            np.append(waiting.origin, 0),
            release=np.append(waiting.release, 0),
            deadline=np.append(waiting.deadline, 5),
        )
        arrays = (days.demand[..., 0], days.route_cost[..., 0], days.capacity, days.site_cost)
        joined = Problem(*arrays, deferrable=joining)
        assert joined.windows.periods == (6,)
        schedule, other = solve(days, InteriorPoint()), solve(joined, InteriorPoint())
        np.testing.assert_allclose(schedule.objective, other.objective, rtol=2e-8)
        np.testing.assert_allclose(schedule.deferred_price, other.deferred_price[:-1], rtol=1e-5)
        np.testing.assert_allclose(schedule.load, other.load, rtol=1e-3, atol=1e-5)

    def test_filled_up_periods_cost_nothing_and_leave_no_trace(self):
        problem = waiting_problem(6, sizes=(9, 4, 3), jobs=5, **FILLED_UP)
        assert problem.windows.periods == (5, 4)
        schedule = solve(problem, InteriorPoint())
        check_answer(problem, schedule)
        exact = solve(written_out(problem), InteriorPoint())
        np.testing.assert_allclose(schedule.objective, exact.objective, rtol=2e-8)
        again = solve(problem, ADMM(rtol=1e-3), warm_start=schedule)
        assert int(again.stats.num_steps) == 0
        np.testing.assert_allclose(jaxsched.optimal_cost(problem, schedule), schedule.objective, rtol=1e-12)

    def test_a_part_of_whole_periods_is_a_problem_of_its_own(self):
        days = small(5, **DAYS)
        parts = [solve(days.select(slots), InteriorPoint()) for slots in (slice(0, 3), slice(3, 6))]
        whole = solve(days, InteriorPoint())
        np.testing.assert_allclose(sum(float(part.objective) for part in parts), whole.objective, rtol=1e-7)
        with pytest.raises(ValueError, match="cut through a window: job"):
            days.select(slice(0, 2))


class TestChunks:
    def test_periods_are_solved_in_chunks_of_whole_periods(self):
        problem = small(7, **DAYS)
        one = solve(problem, InteriorPoint())
        chunks = solve(problem, InteriorPoint(), memory=1.0)
        for name in ("load", "prices", "deferred", "deferred_price", "slot_objective", "slot_bound"):
            np.testing.assert_allclose(getattr(chunks, name), getattr(one, name), rtol=1e-9, atol=1e-12, err_msg=name)

    def test_candidates_find_the_same_cost(self):
        problem = waiting_problem(0, sizes=(8, 12, 8), jobs=8)
        exact = solve(problem, InteriorPoint())
        for solver in (Candidates(ADMM(rtol=1e-4), width=5, group=4), Candidates(InteriorPoint(), width=5, group=4)):
            schedule = solve(problem, solver)
            assert schedule.sites is not None
            np.testing.assert_allclose(schedule.objective, exact.objective, rtol=1e-4)
            check_answer(problem, schedule)


class TestGradients:
    """Envelope and implicit derivatives against finite differences of solves of its own."""

    def directions(self, problem):
        draw = np.random.default_rng(0)

        def of(array):
            return jnp.asarray(draw.uniform(0.2, 1.0, array.shape))

        return {
            "volume": lambda p, h: eqx.tree_at(lambda q: q.deferrable.volume, p, p.deferrable.volume * (1 + h)),
            "demand": lambda p, h: eqx.tree_at(lambda q: q.demand, p, p.demand + h * of(p.demand)),
            "route_cost": lambda p, h: eqx.tree_at(lambda q: q.route_cost, p, p.route_cost + h * of(p.route_cost)),
            "price": lambda p, h: eqx.tree_at(
                lambda q: q.site_cost.linear, p, p.site_cost.linear + h * of(p.site_cost.linear)
            ),
            # Small enough for some sites to be full.
            "capacity": lambda p, h: eqx.tree_at(lambda q: q.capacity, p, p.capacity * (0.85 - 0.3 * h)),
        }

    @pytest.mark.parametrize("name", ["volume", "demand", "route_cost", "price", "capacity"])
    @pytest.mark.parametrize("period", ["one", "filled"])
    def test_cost_and_schedule_change_as_solves_say(self, name, period):
        draw, one = np.random.default_rng(2), period == "one"
        windows, sizes = (JOINED, SMALL) if one else (FILLED_UP, (9, 4, 3))
        problem = waiting_problem(8, sizes=sizes, jobs=5, **windows, route_cost=draw.uniform(0.0, 0.3, (5, 3)))
        # With costs that are the same in all slots, or for jobs and demand, these could change places for nothing.
        by_slot = jnp.asarray(draw.uniform(0.0, 0.3, (*sizes, 1)))
        problem = eqx.tree_at(lambda p: p.route_cost, problem, by_slot)
        weight = jnp.asarray(np.random.default_rng(1).normal(size=(problem.shape[0], problem.shape[2])))

        def answer(h):
            moved = self.directions(problem)[name](problem, h)
            schedule = solve(moved, InteriorPoint(rtol=1e-10), throw=False)
            of_sites = [(weight * values).sum() for values in (schedule.load, schedule.prices)]
            of_jobs = [(weight * schedule.deferred.sum(1)).sum(), schedule.deferred_price.sum()]
            return jnp.stack([schedule.objective, *of_sites, *of_jobs])

        exact = jax.jvp(answer, (0.0,), (1.0,))[1]
        step = 1e-4
        differences = (answer(step) - answer(-step)) / (2 * step)
        np.testing.assert_allclose(exact, differences, rtol=2e-4, atol=2e-4 * float(jnp.abs(differences).max()))

    def test_envelope_and_implicit_derivatives_agree_in_reverse_mode(self):
        problem = small(9)

        def cost(volume):
            return solve(eqx.tree_at(lambda p: p.deferrable.volume, problem, volume), InteriorPoint()).objective

        def envelope(volume):
            moved = eqx.tree_at(lambda p: p.deferrable.volume, problem, volume)
            return jaxsched.optimal_cost(moved, solve(problem, InteriorPoint()))

        schedule = solve(problem, InteriorPoint())
        for function in (cost, envelope):
            gradient = jax.grad(function)(problem.deferrable.volume)
            np.testing.assert_allclose(gradient, schedule.deferred_price, rtol=1e-6)


class TestInfeasible:
    def test_windows_that_ask_too_much_are_named(self):
        problem = small(10)
        arrays = (problem.demand[..., 0], problem.route_cost[..., 0], problem.capacity, problem.site_cost)
        room = float(problem.capacity.sum() - problem.demand[2].sum())
        much = Deferrable([0.7 * room, 0.7 * room], [0, 1], release=2, deadline=2)
        with pytest.raises(InfeasibleError, match=r"Slots 2 to 2: deferrable jobs 0, 1 must be served within them"):
            solve(Problem(*arrays, deferrable=much))
        late = Deferrable([0.7 * room, 0.7 * room], [0, 1], release=2, deadline=[2, 5])
        assert float(solve(Problem(*arrays, deferrable=late)).gap) <= 1e-3

    def test_a_job_without_a_route_is_named(self):
        problem = small(11)
        arrays = (problem.demand[..., 0], problem.route_cost[..., 0], problem.capacity, problem.site_cost)
        nowhere = Deferrable([1.0, 1.0], 0, route_cost=[[0.1, 0.2, 0.3], [np.inf, np.inf, np.inf]])
        with pytest.raises(InfeasibleError, match=r"Job 1: .* no allowed route in its window of slots 0 to 5"):
            solve(Problem(*arrays, deferrable=nowhere))

    def test_a_job_with_a_cost_of_its_own_avoids_a_site_without_a_route(self):
        problem = small(11)
        arrays = (problem.demand[..., 0], problem.route_cost[..., 0], problem.capacity, problem.site_cost)
        own = Deferrable([1.0], 0, route_cost=[[np.inf, 0.0, 0.5]])
        schedule = solve(Problem(*arrays, deferrable=own), InteriorPoint())
        assert (schedule.deferred[..., 0] == 0).all()
        exact = solve(written_out(Problem(*arrays, deferrable=Deferrable([1.0], 0, route_cost=[[1e9, 0.0, 0.5]]))))
        np.testing.assert_allclose(schedule.objective, exact.objective, rtol=1e-3)

    def test_the_answer_without_throwing_has_its_arrays(self):
        problem = small(10, volume=np.full(5, 1e6))
        schedule = solve(problem, throw=False)
        assert schedule.result == jaxsched.RESULTS.infeasible
        assert schedule.deferred.shape == (6, 5, 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"volume": []}, "one job at least"),
        ({"volume": [-1.0]}, "volume at job 0 is -1"),
        ({"volume": [np.nan]}, "volume at job 0"),
        ({"origin": [4]}, "origin of job 0 is 4; it must be from 0 to 3"),
        ({"kind": [1]}, "kind of job 0 is 1"),
        ({"origin": [0, 1]}, "one for each of 1 jobs"),
        ({"release": [1.5]}, "not whole"),
        ({"release": [6]}, "release of job 0 is 6; it must be from 0 to 5"),
        ({"release": [-1]}, "release of job 0 is -1"),
        ({"deadline": [6]}, "deadline of job 0 is 6"),
        ({"release": [3], "deadline": [2]}, "before its release in slot 3"),
        ({"route_cost": np.zeros((2, 2))}, "does not broadcast to"),
        ({"route_cost": [np.nan, 0.0, 0.0]}, "route_cost at job 0, site 0"),
    ],
)
def test_what_cannot_be_is_said(changes, message):
    problem = small(0)
    with pytest.raises(ValueError, match=message):
        Problem(
            problem.demand[..., 0],
            problem.route_cost[..., 0],
            problem.capacity,
            problem.site_cost,
            deferrable=Deferrable(**{"volume": [1.0], "origin": [0], **changes}),
        )


def test_something_else_than_deferrable_is_a_type_error():
    problem = small(0)
    with pytest.raises(TypeError, match=r"give jaxsched\.Deferrable"):
        Problem(np.ones((6, 4)), 0.0, problem.capacity, problem.site_cost, deferrable=[1.0])  # pyright: ignore


def test_a_schedule_of_other_jobs_is_no_start():
    problem = small(0)
    other = waiting_problem(0, sizes=SMALL, jobs=4)
    with pytest.raises(ValueError, match="has 4 deferrable jobs; the problem has 5"):
        solve(problem, warm_start=solve(other))
    with pytest.raises(ValueError, match="other deferrable jobs"):
        jaxsched.optimal_cost(problem, solve(other))
    alone = solve(problem.without_deferrable(), InteriorPoint())
    assert float(solve(problem, warm_start=alone).gap) <= 1e-3


def test_jit_and_vmap_over_volumes():
    problem = small(12)

    @eqx.filter_jit
    def costs(scale):
        moved = eqx.tree_at(lambda p: p.deferrable.volume, problem, problem.deferrable.volume * scale)
        return solve(moved, ADMM(max_steps=2000)).objective

    scales = jnp.asarray([0.5, 1.0, 1.5])
    one_by_one = [float(costs(scale)) for scale in scales]
    np.testing.assert_allclose(jax.vmap(costs)(scales), one_by_one, rtol=1e-6)


def test_windows_that_are_not_known_when_the_problem_is_posed_may_join_all_slots():
    known = small(13, **DAYS)

    @eqx.filter_jit
    def posed(release, deadline):
        jobs = Deferrable(known.deferrable.volume, known.deferrable.origin, release=release, deadline=deadline)
        arrays = (known.demand[..., 0], known.route_cost[..., 0], known.capacity, known.site_cost)
        return solve(Problem(*arrays, deferrable=jobs), InteriorPoint()).objective

    expected = solve(known, InteriorPoint()).objective
    np.testing.assert_allclose(posed(known.deferrable.release, known.deferrable.deadline), expected, rtol=2e-8)


def test_single_precision_is_certified_too():
    problem = small(14)
    arrays = (problem.demand[..., 0], problem.route_cost[..., 0], problem.capacity, problem.site_cost)
    waiting = Deferrable(*(getattr(problem.deferrable, name) for name in ("volume", "origin", "kind", "release")))
    schedule = solve(Problem(*arrays, deferrable=waiting, dtype=np.float32))
    assert schedule.deferred.dtype == np.float32
    assert float(schedule.gap) <= 1e-3
