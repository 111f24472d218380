"""A schedule brought closer in parts: the total is within its tolerance, however much the cost falls on the way."""

import types

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.family import as_problem, generate
from jaxsched import InteriorPoint, Proportional, solve
from jaxsched.sensitivity import _refine
from jaxsched.sensitivity._programs import _certify, _replace

RTOL = 1e-3


@pytest.mark.parametrize("poor", [(0, 1), (2, 5), ()])
def test_parts_that_stop_as_soon_as_they_may_leave_the_total_within_its_tolerance(poor, monkeypatch):
    problem = as_problem(generate(20, 20, "queueing", slots=8), np.float64)
    exact = solve(problem, InteriorPoint())
    rough = solve(problem, Proportional(), throw=False).routing
    is_poor = np.isin(np.arange(8), poor)
    start = eqx.tree_at(lambda s: s.routing, exact, jnp.where(is_poor[:, None, None], rough, exact.routing))
    certified = _certify(problem, start)
    asked = []

    def as_far_as_allowed(part, solver, *, warm_start, throw):
        """The optimum with a bound as low as the tolerances allow."""
        slots = [int(np.abs(np.asarray(problem.demand) - d).sum((1, 2)).argmin()) for d in np.asarray(part.demand)]
        found = exact.select(jnp.asarray(slots))
        allowed = max(float(solver.rtol) * float(found.objective), float(solver.atol))
        asked.append(slots)
        low = found.slot_objective - allowed / len(slots)
        return eqx.tree_at(lambda s: s.slot_bound, found, low)

    monkeypatch.setattr(_refine, "solve", as_far_as_allowed)
    compiled = types.SimpleNamespace(certify=_certify, replace=_replace)
    found, _, impossible = _refine.refine(compiled, problem, start, RTOL, 100, 10)
    assert not impossible
    assert float(found.gap) <= RTOL
    if poor:
        # The case that this is about: cost falls by more than the room for rounding.
        assert float(certified.objective) > 1.03 * float(exact.objective)
        assert set(poor) <= set(asked[0])
    else:
        assert asked == []
