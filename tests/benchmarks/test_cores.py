"""The benchmark of virtual devices: every setting answers, and what is slow or not certified is named."""

import os

import pytest

from benchmarks.cores import measure, misses, settings


def test_every_setting_solves_the_same_problem():
    cases = measure("ADMM", "quadratic", [5, 8, 4], 1)
    assert len(cases) == len(settings())
    assert {case["devices"] for case in cases} == {1, os.cpu_count()}
    assert len({case["iterations"] for case in cases}) == 1
    assert all(case["seconds"] > 0 for case in cases)
    assert misses(cases) == []


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"seconds": 99.0}, "ADMM, linear: 99.00 s, 2 s are allowed"),
        ({"gap": 2e-3}, "ADMM, linear: not feasible and certified to 0.001 in every setting"),
        ({"violation": 1e-3}, "ADMM, linear: not feasible and certified to 0.001 in every setting"),
    ],
)
def test_what_is_missed_is_named(changed, sentence):
    good = {"solver": "ADMM", "variant": "linear", "seconds": 1.0, "gap": 1e-4, "violation": 0.0}
    assert misses([good]) == []
    assert misses([{**good, **changed}]) == [sentence]
