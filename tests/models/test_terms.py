"""The terms are those of the reports, the weights, the totals and the shifts: none is left out, none is only named."""

import dataclasses

import numpy as np
import pytest

from jaxsched import ADMM
from jaxsched.models import TERMS, Conditions, Weights
from jaxsched.models.site import SiteReport
from jaxsched.models.terms import SIGNALS, WEIGHTED
from jaxsched.scenarios import australia
from jaxsched.scenarios._australia import DEFAULT_WEIGHTS
from jaxsched.sensitivity import OUTPUTS, Perturbation
from jaxsched.study import POLICIES, build_study, evaluate


def names(model):
    return {field.name for field in dataclasses.fields(model)}


def test_every_cost_of_a_report_and_every_weight_has_its_term():
    assert {term.report_column for term in TERMS} == {name for name in names(SiteReport) if name.endswith("_cost")}
    assert {term.name for term in WEIGHTED} == names(Weights)
    assert {term.name for term in WEIGHTED} <= set(DEFAULT_WEIGHTS)
    assert {term.factor for term in WEIGHTED} <= names(Perturbation)
    assert {term.aim for term in TERMS} <= set(OUTPUTS)
    assert {signal.name for signal in SIGNALS} <= names(Conditions)
    assert sum(term.timed for term in TERMS) == 1


def test_the_costs_of_the_terms_add_up_to_the_total():
    study = build_study(australia(sites=3, origins=3, slots=1))
    outcome = evaluate(study, np.asarray(POLICIES["proportional"](study, ADMM()).routing))
    assert sum(outcome.totals[term.cost] for term in TERMS) == pytest.approx(outcome.totals["total_cost_aud"])
    assert set(outcome.money) == {term.cost for term in TERMS}
    at_sites = sum(np.asarray(getattr(outcome.report, term.report_column)) for term in TERMS)
    np.testing.assert_allclose(at_sites, outcome.report.total)
