"""Gradients of an Australian study with respect to weather, prices, weights and every parameter of the models."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsched import InteriorPoint, grad_check, solve
from jaxsched.scenarios import australia
from jaxsched.study import build_problem, build_study

SOLVER = InteriorPoint(rtol=1e-12)
STEP = 1e-5
# The error of the differences is that of the re-solves, whose totals are right to 1e-12, over the step.
ENVELOPE_RTOL = 1e-6
# Asked for; the noise of a schedule of a gap of 1e-12 over the step is the larger part of what is found (1e-5).
IMPLICIT_RTOL = 1e-4
# A derivative along a change of each parameter in proportion to itself is nothing below this share of the value.
NOTHING = 1e-3


@pytest.fixture(scope="module")
def study():
    return build_study(australia(sites=9, origins=8, slots=2, start="2024-01-15T02:00"))


@pytest.fixture(scope="module")
def effects(study):
    """Total cost, and a weighted sum of carbon and round-trip time that the cost does not determine, of the inputs."""

    @eqx.filter_jit
    def evaluate(site_model, conditions, rtt):
        schedule = solve(build_problem(study, site_model=site_model, conditions=conditions, rtt=rtt), SOLVER)
        carbon = (study.site_model(schedule.load, study.conditions).carbon).sum()
        mean_rtt = (schedule.routing * jnp.asarray(study.scenario.rtt)[None, :, :, None]).sum()
        return schedule.objective, carbon + 100.0 * mean_rtt

    inputs = (study.site_model, study.conditions, jnp.asarray(study.scenario.rtt))
    return evaluate, inputs


def test_the_problem_posed_again_is_that_of_the_study(study):
    again = build_problem(study)
    for one, other in zip(jax.tree.leaves(again), jax.tree.leaves(study.problem), strict=True):
        np.testing.assert_array_equal(one, other)


def test_all_kinds_of_plant_take_part(study):
    assert set(study.scenario.sites["plant"]) == {"dx", "airside", "waterside", "indirect_evaporative"}


@pytest.mark.parametrize(("output", "rtol"), [(0, ENVELOPE_RTOL), (1, IMPLICIT_RTOL)])
def test_every_parameter_and_signal_has_the_derivative_of_re_solves(effects, output, rtol):
    evaluate, inputs = effects
    gradient = eqx.filter_jit(eqx.filter_grad(lambda every: evaluate(*every)[output]))(inputs)
    value = float(evaluate(*inputs)[output])
    random = np.random.default_rng(0)
    leaves, structure = jax.tree.flatten(inputs)
    named = jax.tree_util.tree_flatten_with_path(inputs)[0]
    slopes = dict(zip([jax.tree_util.keystr(path) for path, _ in named], jax.tree.leaves(gradient), strict=True))
    wrong, moved = {}, 0
    for index, (name, slope) in enumerate(slopes.items()):
        move = jnp.asarray(random.normal(size=leaves[index].shape)) * jnp.abs(leaves[index])
        there = [
            evaluate(*structure.unflatten([*leaves[:index], leaves[index] + s * move, *leaves[index + 1 :]]))[output]
            for s in (STEP, -STEP)
        ]
        finite = float(there[0] - there[1]) / (2 * STEP)
        terms = np.asarray(slope * move)
        scale = max(abs(finite), float(np.linalg.norm(terms)), NOTHING * abs(value))
        moved += abs(finite) > NOTHING * abs(value)
        if not abs(terms.sum() - finite) <= rtol * scale:
            wrong[name] = (finite, terms.sum())
    assert not wrong
    # Not for want of effects: this many parameters and signals move the output by more than nothing.
    assert moved > 10


def test_forward_and_reverse_mode_agree_for_the_signals(effects):
    evaluate, (site_model, conditions, rtt) = effects
    # All signals at once: each alone would compile the solve anew.
    grad_check(lambda signals: evaluate(site_model, signals, rtt)[1], conditions, directions=2)
