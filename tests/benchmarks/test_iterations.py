"""Which step of several stands for a method in the table of iterations."""

import pytest

from benchmarks.iterations import best, reached

QUICK = {"iterations": [10, 20, 30], "gap": [5e-3, 2e-4, 3e-6]}
SLOW = {"iterations": [10, 20, 30], "gap": [5e-2, 5e-3, 2e-6]}
NEVER = {"iterations": [10, 20, 30], "gap": [5e-1, 9e-2, 8e-2]}
NEARLY = {"iterations": [10, 20, 30], "gap": [5e-1, 9e-2, 2e-3]}
NOTHING = {"iterations": [], "gap": []}


@pytest.mark.parametrize(
    ("curves", "wanted"),
    [
        ([SLOW, QUICK], QUICK),  # not the one that ends lower: both end at the rounding of float32
        ([NEVER, NEARLY], NEARLY),
        ([NOTHING, NEVER], NEVER),
        ([NEARLY, SLOW, NOTHING], SLOW),
    ],
)
def test_the_step_that_certifies_the_smallest_gap_first_is_the_best(curves, wanted):
    tried = {float(step): curve for step, curve in enumerate(curves)}
    found = best(tried)
    assert found["gap"] == wanted["gap"]
    assert tried[found["step"]] is wanted
    assert found["steps_tried"] == list(tried)


def test_a_gap_that_is_never_certified_has_no_iteration():
    assert reached(SLOW) == {"0.01": 20, "0.001": 30, "0.0003": 30}
    assert reached(NEVER) == {"0.01": None, "0.001": None, "0.0003": None}
