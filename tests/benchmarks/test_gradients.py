"""What the benchmark of gradients measures."""

import jax.numpy as jnp

from benchmarks import gradients
from benchmarks.family import Case, as_problem


def test_seconds_takes_calls_in_turn_and_keeps_the_first_apart():
    seen = []
    calls = {name: lambda name=name: seen.append(name) or jnp.zeros(1) for name in ("a", "b")}
    first, later = gradients.seconds(calls, repeats=3, least=0.0)
    assert seen == ["a", "b"] * 4
    assert set(first) == set(later) == {"a", "b"}
    assert all(len(times) == 3 and (times > 0).all() for times in later.values())


def test_a_case_is_judged_by_shares_and_errors():
    problem = as_problem(Case("20x20", "quadratic").instance())
    case = {"size": "20x20", "variant": "quadratic", **gradients.measure(problem, 2, least=0.0)}
    case["errors"] = gradients.errors(problem)
    assert case["rounds"] == 2
    assert all(e < gradients.MOST_ERROR for error in case["errors"].values() for e in error.values())
    case |= {"envelope_share": 0.05, "implicit_share": 0.1}
    assert gradients.failures(case) == []
    case |= {"envelope_share": 0.2, "implicit_share": float("nan")}
    case["errors"]["demand"]["implicit"] = 1e-3
    missed = gradients.failures(case)
    assert len(missed) == 3
    assert "implicit error for demand is 1.0e-03, 1.0e-04 is allowed" in missed[2]
