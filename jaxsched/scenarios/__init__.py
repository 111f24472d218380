"""Scenarios: the embedded country, and real signals to put into it."""

from jaxsched.scenarios._australia import DEFAULT_START, DEFAULT_WEIGHTS, australia
from jaxsched.scenarios._azure_trace import RequestStatistics, read_azure_trace
from jaxsched.scenarios._demand import REQUESTS_PER_PERSON_DAY
from jaxsched.scenarios._network import distance_km, round_trip_times
from jaxsched.scenarios._opennem import GridSignals, read_opennem
from jaxsched.scenarios._real import with_grid, with_requests
from jaxsched.scenarios._scenario import Scenario, Weight
from jaxsched.scenarios._tables import embedded_tables, read_embedded

__all__ = [
    "DEFAULT_START",
    "DEFAULT_WEIGHTS",
    "REQUESTS_PER_PERSON_DAY",
    "GridSignals",
    "RequestStatistics",
    "Scenario",
    "Weight",
    "australia",
    "distance_km",
    "embedded_tables",
    "read_azure_trace",
    "read_embedded",
    "read_opennem",
    "round_trip_times",
    "with_grid",
    "with_requests",
]
