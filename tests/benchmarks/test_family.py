"""The family is the pinned one, its optimum is Clarabel's, and its judge agrees with the tests' own."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.family import SIZES, Case, as_problem, busiest_slot, generate, routing_of, with_classes
from benchmarks.judge import judge
from benchmarks.peers.modelled import optimum
from jaxsched import ADMM, solve
from tests.oracles import cost_of

PINNED = Path(__file__).resolve().parents[3] / "shared" / "bench"
NAMES = {"linear": "lp", "quadratic": "qp", "queueing": "q"}


@pytest.fixture(scope="module")
def pinned():
    """The pinned generator and its optima."""
    if not PINNED.is_dir():
        pytest.skip("the folder ../shared/bench with the pinned instances is not here")
    spec = importlib.util.spec_from_file_location("instances", PINNED / "instances.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, json.loads((PINNED / "optima.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("variant", NAMES)
@pytest.mark.parametrize("size", ["20x20", "50x100"])
def test_the_family_is_the_pinned_one_to_the_last_bit(size, variant, pinned):
    theirs = pinned[0].generate(*SIZES[size], variant=NAMES[variant])
    ours = generate(*SIZES[size], variant)
    np.testing.assert_array_equal(theirs["D"], ours.demand[..., 0])
    pairs = (("c", "route_cost"), ("a", "linear"), ("b", "quadratic"), ("C", "servers"), ("wq", "queueing"))
    for key, name in pairs:
        np.testing.assert_array_equal(theirs[key], getattr(ours, name))


@pytest.mark.parametrize("variant", NAMES)
@pytest.mark.parametrize(("size", "key"), [("20x20", "s"), ("50x100", "m")])
def test_clarabel_finds_the_pinned_optimum_and_so_does_the_solver(size, key, variant, pinned):
    least = pinned[1][f"{key}_{NAMES[variant]}"]["obj"]
    instance = Case(size, variant).instance()
    assert optimum(instance)["objective"] == pytest.approx(least, rel=1e-7)
    schedule = solve(as_problem(instance), ADMM(rtol=1e-4, max_steps=2000))
    assert float(schedule.bound) <= least * (1 + 1e-7)
    assert least * (1 - 1e-7) <= judge(instance, routing_of(schedule))["objective"] <= least * (1 + 1e-4)


@pytest.mark.parametrize("split", [lambda instance: instance, with_classes], ids=["one class", "three classes"])
def test_the_judge_agrees_with_the_tests_own_evaluation(split):
    instance = split(generate(20, 20, "queueing", slots=3))
    problem = as_problem(instance)
    schedule = solve(problem)
    verdict = judge(instance, routing_of(schedule))
    assert verdict["objective"] == pytest.approx(cost_of(problem, schedule).sum(), rel=1e-12)
    assert verdict["overload"] == verdict["forbidden"] == 0.0
    assert verdict["demand_error"] < 1e-12


def test_classes_share_the_demand_and_every_origin_may_use_the_first_site():
    plain = busiest_slot(generate(20, 30, "queueing"))
    split = with_classes(plain)
    np.testing.assert_allclose(split.demand.sum(2), plain.demand[..., 0], rtol=1e-14)
    assert split.allowed[:, 0].all()
    assert 0.05 < 1 - split.allowed.mean() < 0.15
    assert with_classes(plain, 2, seed=2, forbidden=0.0).allowed.all()


def test_an_unknown_variant_several_slots_and_a_strange_size_are_refused():
    with pytest.raises(ValueError, match="variant is 'cubic'"):
        generate(20, 20, "cubic")
    with pytest.raises(ValueError, match="24 slots"):
        optimum(generate(20, 20, "linear"))
    with pytest.raises(ValueError, match="write origins x sites"):
        Case("20 by 20", "linear").instance()


def test_the_process_of_a_peer_imports_neither_the_package_nor_jax():
    code = "import sys, benchmarks.peers.registry, benchmarks._reading; print({'jax', 'jaxsched', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
