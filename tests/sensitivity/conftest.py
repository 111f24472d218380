"""One small study for all tests of sensitivities: everything compiled is compiled once."""

import pytest

from jaxsched.scenarios import australia
from jaxsched.sensitivity import local_sensitivity, prepare
from jaxsched.study import build_study


@pytest.fixture(scope="package")
def study():
    return build_study(australia(sites=9, origins=8, slots=2, start="2024-01-15T02:00"))


@pytest.fixture(scope="package")
def found(study):
    return local_sensitivity(study)


@pytest.fixture(scope="package")
def solver(study):
    return prepare(study, rtol=1e-4, max_steps=4000)
