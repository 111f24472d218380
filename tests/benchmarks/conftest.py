"""Problems of the family that several files look at, drawn once."""

import pytest

from benchmarks.family import Case, Instance, as_problem
from jaxsched import Problem


@pytest.fixture(scope="session")
def queueing() -> Instance:
    """The busiest slot of 20 x 20 with queueing."""
    return Case("20x20", "queueing").instance()


@pytest.fixture(scope="session")
def problem(queueing: Instance) -> Problem:
    """The same as the package takes it."""
    return as_problem(queueing)
