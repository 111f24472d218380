"""Derivatives of a study: against differences of re-solves, against the evaluation of runs, and what is refused."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsched import InteriorPoint, solve
from jaxsched.report import sensitivity_frames, sensitivity_summary
from jaxsched.report._sensitivity_tables import SensitivityParts, planner_prices, price_frame
from jaxsched.sensitivity import OUTPUTS, local_sensitivity
from jaxsched.sensitivity._effects import effects
from jaxsched.sensitivity._names import GROUPS, quantities
from jaxsched.study import build_problem, evaluate

STEP = 1e-5
# Re-solves are right to 1e-12 of the total cost; over the step that is 1e-7 of it.
COST_RTOL = 1e-6
# What is asked for of derivatives of schedules; the noise of a schedule solved to 1e-12 over the step is about 1e-5.
OTHERS_RTOL = 1e-4
# Sums of the same float64 products in another order, and a schedule certified to 1e-8.
SAME = 1e-6


@pytest.fixture(scope="module")
def again(study, found):
    """Outputs of a re-solve, compiled once for all inputs."""
    inputs = found.inputs

    @eqx.filter_jit
    def outputs(inputs):
        schedule = solve(build_problem(found.study, inputs), InteriorPoint(rtol=1e-12), warm_start=found.schedule)
        return effects(found.study, inputs, schedule.routing).at[0].set(schedule.objective)

    return outputs, inputs


KINDS = {
    "weather": lambda i: i.conditions.dry_bulb,
    "price": lambda i: i.conditions.price,
    "carbon intensity": lambda i: i.conditions.carbon_intensity,
    "demand": lambda i: i.demand,
    "round trips": lambda i: i.rtt,
    "carbon weight": lambda i: i.site_model.weights.carbon,
    "waiting weight": lambda i: i.site_model.weights.waiting,
    "power limit": lambda i: i.facility_limit,
    "prefill": lambda i: i.serving.prefill_linear,
    "inter-token latency": lambda i: i.serving.token_fixed,
    "servers": lambda i: i.site_model.it_power.active_power,
    "queue": lambda i: i.site_model.queue.variability,
    "losses": lambda i: i.site_model.electrical.pdu_share,
}


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_differences_of_re_solves(kind, found, again):
    outputs, inputs = again
    where = KINDS[kind]
    at = where(inputs)
    move = jnp.asarray(np.random.default_rng(0).uniform(0.5, 1.5, at.shape)) * jnp.abs(at)
    ahead, behind = (np.asarray(outputs(eqx.tree_at(where, inputs, at + s * move))) for s in (STEP, -STEP))
    finite = (ahead - behind) / (2 * STEP)
    for n, output in enumerate(OUTPUTS):
        terms = np.asarray(where(found.gradients[output]) * move)
        scale = max(abs(finite[n]), float(np.linalg.norm(terms)), 1e-3 * abs(found.values[n]))
        assert abs(terms.sum() - finite[n]) <= (COST_RTOL if n == 0 else OTHERS_RTOL) * scale, output


def test_the_values_are_those_that_a_run_reports(found):
    totals = evaluate(found.study, np.asarray(found.schedule.routing)).totals
    np.testing.assert_allclose(found.values, [totals[name] for name in OUTPUTS], rtol=SAME)


def test_the_price_of_warming_is_the_difference_of_a_warmer_study(found):
    from jaxsched.sensitivity import Perturbation, perturbed

    def cost(warming):
        inputs = perturbed(found.study, found.study.inputs, Perturbation(warming=jnp.asarray(warming)))
        return float(
            solve(build_problem(found.study, inputs), InteriorPoint(rtol=1e-12), warm_start=found.schedule).objective
        )

    finite = (cost(1e-3) - cost(-1e-3)) / 2e-3
    # The differences err by the square of the step and by 1e-12 of the cost over it.
    assert found.warming().sum() == pytest.approx(finite, rel=1e-5)


def test_the_price_of_latency_is_the_derivative_to_round_trips(found):
    by_route = np.asarray(found.gradients["total_cost_aud"].rtt).sum(0) / 1000.0
    np.testing.assert_allclose(found.latency().sum(0), by_route, rtol=SAME, atol=SAME * by_route.max())


def test_every_quantity_has_a_group_a_unit_and_a_finite_derivative(found):
    named = quantities(found.inputs)
    assert len({one.name for one in named}) == len(named) > 40
    assert {one.group for one in named} == set(GROUPS)
    for output, slopes in found.gradients.items():
        for one in quantities(slopes):
            assert one.unit
            assert np.isfinite(np.asarray(one.value)).all(), (output, one.name)


def test_effects_are_ranked_and_can_be_chosen(found):
    every = found.effects("carbon_t")
    changes = [abs(effect.change) for effect in every]
    assert changes == sorted(changes, reverse=True)
    assert {e.quantity.group for e in found.effects(parameters=["cooling", "demand"])} == {"cooling", "demand"}
    demand = found.effects(parameters=["demand"])[0]
    assert demand.change == pytest.approx(0.1 * demand.elasticity * found.values[0])


@pytest.mark.parametrize(
    ("output", "parameters", "words"),
    [
        ("carbon", None, "there is no output `carbon`; outputs are total_cost_aud"),
        ("carbon_t", ["demnd"], "there is no parameter or group `demnd`; did you mean `demand`"),
        ("carbon_t", [], "no parameter is asked for; name some, or a group: weather"),
    ],
)
def test_what_does_not_exist_is_named(found, output, parameters, words):
    with pytest.raises(ValueError, match=words):
        found.effects(output, parameters)


def test_derivatives_in_single_precision_are_refused(study):
    with jax.enable_x64(False), pytest.raises(ValueError, match="need float64"):
        local_sensitivity(study)


def test_the_tables_hold_every_site_and_slot_and_the_words_name_a_place(found):
    frame = price_frame(found)
    assert len(frame) == found.capacity_dual.size
    assert frame["aud_per_k"].sum() == pytest.approx(found.warming().sum())
    assert set(sensitivity_frames(SensitivityParts(local=found))) == {"local", "site_prices"}
    words = planner_prices(found)
    assert "tonne" in words[0]
    assert any(site in words[1] for site in found.study.scenario.sites.index)


def test_a_binding_power_limit_has_a_price(study):
    scenario = study.scenario
    sites = scenario.sites.copy()
    worth = local_sensitivity(_with_limit(scenario, sites, 0.85))
    assert worth.power_limit().max() > 0
    assert worth.capacity_dual.max() > 0
    assert any("more MW at the meter" in sentence for sentence in planner_prices(worth))


def _with_limit(scenario, sites, share):
    from jaxsched.study import build_study

    sites["facility_limit_kw"] = sites["facility_limit_kw"].to_numpy(float) * share
    return build_study(dataclasses.replace(scenario, sites=sites), dtype=float)


def test_the_summary_has_prices_of_every_site_and_the_table_ranks_every_output(found):
    parts = SensitivityParts(local=found)
    summary, frames = sensitivity_summary("name", parts, {}), sensitivity_frames(parts)
    degree = frames["site_prices"].groupby("site")["aud_per_k"].sum()
    assert set(degree.index) == set(summary["prices_by_site"])
    for site, prices in summary["prices_by_site"].items():
        assert prices["aud_per_k"] == pytest.approx(degree[site])
    local_table = frames["local"]
    assert set(local_table["output"]) == set(OUTPUTS)
    assert not local_table.duplicated(["output", "parameter"]).any()
