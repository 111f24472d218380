"""Whether a study can be served is known before it is solved, exactly, and by the same judge for run and validate."""

import dataclasses

import numpy as np
import pytest

from jaxsched import solve
from jaxsched._feasibility import find_shortfall
from jaxsched.scenarios import australia
from jaxsched.solvers import ADMM
from jaxsched.study import Study, build_study, problems_of
from jaxsched.study._servable import busiest_share

SMALL = {"sites": 3, "origins": 3, "slots": 2, "start": "2024-01-15T00:00+10:00"}


@pytest.fixture(scope="module")
def base():
    """Sites of unlike hardware, and code that must stay in its state: totals alone do not tell whether it can be served."""
    scenario = australia(**SMALL)
    sites = scenario.sites.assign(hardware=["h100", "l40s", "a100"], gpus=[400.0, 400.0, 400.0], facility_limit_kw=1e4)
    classes = scenario.classes.copy()
    classes.loc["code-70b", "residency"] = "state"
    classes["latency_limit_s"] = 5.0
    scenario = dataclasses.replace(scenario, sites=sites, classes=classes)
    sites["state"] = scenario.origins["state"].to_numpy()  # each origin has one site in its state
    return dataclasses.replace(scenario, sites=sites)


def scaled(base, factor: float, columns=slice(None)) -> Study:
    demand = base.demand.copy()
    demand[:, :, columns] *= factor
    return build_study(dataclasses.replace(base, demand=demand))


def test_demand_is_served_up_to_all_of_what_can_be_done_and_refused_beyond(base):
    share = busiest_share(scaled(base, 1.0))
    below, above = scaled(base, 0.98 / share), scaled(base, 1.02 / share)
    assert busiest_share(below) == pytest.approx(0.98, rel=1e-6)
    assert not problems_of(below)
    assert np.isfinite(float(solve(below.problem, ADMM(max_steps=2000), throw=False).objective))
    sentence = problems_of(above)[0]
    assert "need 102% of what the sites that may serve them can do" in sentence


def test_what_one_state_alone_cannot_serve_is_refused_though_all_sites_together_could(base):
    study = scaled(base, 100.0, columns=2)
    factor = 100.0 * 1.42 / busiest_share(study)
    study = scaled(base, factor, columns=2)
    assert find_shortfall(study.problem) is None
    assert busiest_share(study) > 1.0
    assert "however they are routed" in problems_of(study)[0]


def test_a_site_without_capacity_serves_nobody(base):
    closed = dataclasses.replace(base, sites=base.sites.assign(facility_limit_kw=[0.0, 1e4, 1e4]))
    assert "have no site with any capacity that may serve them all" in problems_of(scaled(closed, 1.0))[0]


def test_no_demand_needs_nothing(base):
    study = scaled(base, 0.0)
    assert busiest_share(study) == 0.0
    assert not problems_of(study)


def test_every_class_without_a_site_is_named_with_its_rules(base):
    classes = base.classes.assign(latency_limit_s=[1e-4, 5.0, 1e-4])
    told = problems_of(build_study(dataclasses.replace(base, classes=classes)))
    assert len(told) == 2
    assert "has no allowed site for chat-8b: its latency limit is 0.0001 s" in told[0]
