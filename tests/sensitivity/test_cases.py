"""Scenarios and frontiers: the answers are those of separate solves, certified, and monotone where they must be."""

import dataclasses

import numpy as np
import pytest

import jaxsched
from jaxsched.report._sensitivity_tables import answers_frame
from jaxsched.scenarios import australia
from jaxsched.scenarios.countries._country import Weight
from jaxsched.sensitivity import (
    OUTPUTS,
    Case,
    Perturbation,
    carbon_path,
    default_cases,
    drought,
    frontier,
    growth,
    heat_waves,
    least_cost_within,
    limits,
    outages,
    perturbed,
    solve_cases,
)
from jaxsched.sensitivity._frontier import _measure, knee_of
from jaxsched.study import build_problem, build_study, evaluate

RTOL = 1e-4


@pytest.fixture(scope="module")
def answers(study, solver):
    chosen = [
        *heat_waves(study, [1, 4, 8], ["QLD", "everywhere"]),
        *drought([3, 12]),
        *carbon_path(study, [150, 300]),
        *growth([1.05, 1.1]),
        *outages(study)[:2],
    ]
    return solver(chosen)


def column(answers, output):
    return answers.values[:, list(OUTPUTS).index(output)]


def test_every_case_is_certified_and_its_cost_is_that_of_a_solve_of_its_own(study, answers):
    assert answers.reached.all()
    assert answers.gap.max() <= RTOL
    inputs = study.inputs
    for n in range(0, len(answers.cases), 3):
        problem = build_problem(study, perturbed(study, inputs, answers.cases[n].perturbation))
        alone = jaxsched.solve(problem, jaxsched.ADMM(rtol=RTOL, max_steps=4000))
        # Both lie within their gap of the optimum.
        assert answers.bound[n] <= float(alone.objective)
        assert float(alone.bound) <= answers.objective[n]
        assert answers.objective[n] == pytest.approx(column(answers, "total_cost_aud")[n], rel=1e-6)


def test_heat_costs_more_the_hotter_and_the_wider(answers):
    cost = column(answers, "total_cost_aud")
    one_state, everywhere = cost[:3], cost[3:6]
    assert (np.diff(one_state) > 0).all()
    assert (np.diff(everywhere) > 0).all()
    assert (everywhere > one_state).all()
    assert (one_state > answers.base_values[0]).all()


def test_dear_carbon_is_avoided_and_an_outage_costs(answers):
    at = {case.name: n for n, case in enumerate(answers.cases)}
    carbon = column(answers, "carbon_t")
    assert carbon[at["carbon 300 AUD/t"]] < answers.base_values[2]
    out = [n for name, n in at.items() if name.endswith(" out")]
    # An outage can only cost, up to the gaps of the two answers.
    assert (answers.objective[out] >= float(answers.base.bound)).all()
    for n in out:
        closed = np.asarray(answers.cases[n].perturbation.power_limit) == 0
        assert (answers.load[n][closed] == 0).all()


def test_a_shift_of_nothing_is_the_study(study, solver):
    answers = solver([Case("base", "base", 0.0, "1", Perturbation())])
    assert answers.iterations[0] == 0
    np.testing.assert_allclose(answers.values[0], answers.base_values, rtol=1e-9)
    totals = evaluate(study, np.asarray(answers.base.routing)).totals
    np.testing.assert_allclose(answers.base_values, [totals[name] for name in OUTPUTS], rtol=1e-6)


def test_the_default_cases_hold_every_kind(study):
    families = {case.family.split(" ")[0] for case in default_cases(study)}
    assert families == {"heat", "drought", "carbon", "demand", "outage"}


def test_a_case_that_cannot_be_served_is_named_or_flagged(study, solver):
    impossible = growth([50.0])
    with pytest.raises(jaxsched.InfeasibleError, match=r"demand x 50: no routing serves"):
        solver(impossible)
    answers = solver([*impossible, Case("base", "base", 0.0, "1", Perturbation())], throw=False)
    assert answers.reached.tolist() == [False, True]
    assert len(answers_frame(answers)) == 2


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda s: heat_waves(s, [1], ["QDL"]), "there is no region `QDL`; did you mean `QLD`"),
        (lambda s: heat_waves(s, [30]), "above 55, where the models end"),
        (lambda s: outages(s, ["Nowhere"]), "there is no site `Nowhere`"),
        (lambda s: growth([float("nan")]), "Perturbation.demand is nan"),
        (lambda s: solve_cases(s, []), "there is no case to solve"),
        (lambda s: solve_cases(s, [*growth([1.1]), *growth([1.1])]), "two cases are called 'demand x 1.1'"),
        (lambda s: solve_cases(s, growth([1.1]), rtol=2.0), "rtol is 2"),
        (lambda s: frontier(s, factors=[-1.0]), "give positive numbers"),
        (lambda s: least_cost_within(s, "cost", 1.0), "aim is 'cost'; give one of carbon_t"),
        (lambda s: least_cost_within(s, "carbon_t", float("nan")), "it must be a positive number"),
    ],
)
def test_what_cannot_be_studied_is_said_in_one_sentence(study, make, words):
    with pytest.raises(ValueError, match=words):
        make(study)


def test_one_site_has_no_outage_and_a_worthless_carbon_no_path(study):
    alone = build_study(australia(sites=1, origins=2, slots=1))
    with pytest.raises(ValueError, match="the study has one site"):
        outages(alone)
    assert not any(case.family.startswith("outage") for case in default_cases(alone))
    weights = {**study.scenario.weights, "carbon": Weight(0.0, "AUD/t", "none", assumption=True)}
    free = build_study(dataclasses.replace(study.scenario, weights=weights))
    with pytest.raises(ValueError, match="gives carbon no worth"):
        carbon_path(free, [100.0])
    with pytest.raises(ValueError, match="gives carbon no worth"):
        frontier(free)


def test_dominance_hypervolume_and_knee_are_those_worked_out_by_hand():
    points = np.array([[0.0, 4.0], [1.0, 1.0], [4.0, 0.0], [3.0, 3.0]])
    efficient, volume, knee = _measure(points)
    assert efficient.tolist() == [True, True, True, False]
    assert knee == knee_of(points) == 1
    # In units of the range the box is 1.1 wide: strips of width 0.25, 0.75 and 0.1 below 0.1, 0.85 and 1.1.
    assert volume == pytest.approx((0.25 * 0.1 + 0.75 * 0.85 + 0.1 * 1.1) / 1.1**2)


def test_a_frontier_trades_one_aim_for_another(study, solver):
    found = frontier(study, factors=[1.0, 8.0], base=solver.base, rtol=RTOL)
    assert found.efficient[found.knee]
    assert 0 < found.hypervolume < 1
    names = [case.name for case in found.answers.cases]
    dear, now = found.points[names.index("carbon x 8")], found.points[names.index("carbon x 1")]
    assert dear[1] < now[1]
    assert dear[3] > now[3]


def test_a_limit_is_kept_at_a_certified_cost(study, solver):
    carbon = float(solver([Case("base", "base", 0.0, "1", Perturbation())]).base_values[2])
    limit = 0.995 * carbon
    found = least_cost_within(study, "carbon_t", limit, rtol=1e-3, base=solver.base)
    assert found.reached <= limit
    assert found.price > 0
    assert 0 <= found.gap < 5e-3
    assert found.cost >= float(solver.base.bound)
    assert least_cost_within(study, "carbon_t", 2 * carbon, rtol=1e-3, base=solver.base).price == 0


def test_limits_fill_the_frontier_evenly_and_keep_their_certificates(study, solver):
    sweep = frontier(study, factors=[1.0, 16.0], base=solver.base, rtol=RTOL)
    seen = []
    found = limits(study, sweep, shares=[0.6, 0.3], base=solver.base, rtol=RTOL, progress=lambda *at: seen.append(at))
    assert seen == [(n, 6) for n in range(1, 7)]
    for loose, tight in zip(found[::2], found[1::2], strict=True):
        n = list(OUTPUTS).index(loose.aim)
        least = sweep.answers.values[:, n].min()
        assert loose.aim == tight.aim
        assert least <= tight.reached <= tight.limit < loose.limit
        assert loose.reached <= loose.limit
        assert 0 < loose.price <= tight.price
        for one in (loose, tight):
            assert -1e-6 <= one.gap < 5 * RTOL
            assert one.bound >= float(solver.base.bound) * (1 - 1e-6)


@pytest.mark.parametrize(
    ("factors", "shares", "words"),
    [([1.0, 8.0], [1.5], "give numbers between 0 and 1"), ([2.0, 8.0], [0.5], "factors that include 1")],
)
def test_limits_that_cannot_be_placed_are_said_in_one_sentence(study, solver, factors, shares, words):
    sweep = frontier(study, factors=factors, base=solver.base, rtol=1e-3)
    with pytest.raises(ValueError, match=words):
        limits(study, sweep, shares=shares, rtol=1e-3, base=solver.base)
