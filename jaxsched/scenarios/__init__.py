"""Scenarios: the embedded countries, and real signals to put into them or into any other."""

from jaxsched.scenarios._australia import AUSTRALIA, DEFAULT_START, DEFAULT_WEIGHTS, australia
from jaxsched.scenarios._base import SLOT_MINUTES
from jaxsched.scenarios._centres import population_centres
from jaxsched.scenarios._demand import REQUESTS_PER_PERSON_DAY
from jaxsched.scenarios._inputs import Choices
from jaxsched.scenarios._join import Gaps, slot_means, slot_readings
from jaxsched.scenarios._lengths import with_requests
from jaxsched.scenarios._network import coordinate_problem, distance_km, round_trip_times
from jaxsched.scenarios._recorded import held_by, with_demand
from jaxsched.scenarios._recorded_weather import with_weather
from jaxsched.scenarios._scenario import SIGNALS, Filled, Scenario, Weight, embedded_notes
from jaxsched.scenarios._sharing import POPULATION
from jaxsched.scenarios._signals import with_carbon, with_price
from jaxsched.scenarios._tables import embedded_tables, read_embedded
from jaxsched.scenarios._traffic import with_demand_shape, with_network
from jaxsched.scenarios._weather import saturation_pressure
from jaxsched.scenarios._years import in_year
from jaxsched.scenarios.countries import Country, countries, country, load_country

__all__ = [
    "AUSTRALIA",
    "DEFAULT_START",
    "DEFAULT_WEIGHTS",
    "POPULATION",
    "REQUESTS_PER_PERSON_DAY",
    "SIGNALS",
    "SLOT_MINUTES",
    "Choices",
    "Country",
    "Filled",
    "Gaps",
    "Scenario",
    "Weight",
    "australia",
    "coordinate_problem",
    "countries",
    "country",
    "distance_km",
    "embedded_notes",
    "embedded_tables",
    "held_by",
    "in_year",
    "load_country",
    "population_centres",
    "read_embedded",
    "round_trip_times",
    "saturation_pressure",
    "slot_means",
    "slot_readings",
    "with_carbon",
    "with_demand",
    "with_demand_shape",
    "with_network",
    "with_price",
    "with_requests",
    "with_weather",
]
