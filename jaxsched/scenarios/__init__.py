"""Scenarios: the embedded countries, and real signals to put into them or into any other."""

from jaxsched.scenarios._australia import australia
from jaxsched.scenarios._centres import population_centres
from jaxsched.scenarios._inputs import Choices
from jaxsched.scenarios._join import Gaps
from jaxsched.scenarios._lengths import with_requests
from jaxsched.scenarios._recorded import with_demand
from jaxsched.scenarios._recorded_weather import with_weather
from jaxsched.scenarios._scenario import SIGNALS, Scenario
from jaxsched.scenarios._signals import with_carbon, with_price
from jaxsched.scenarios._traffic import with_demand_shape, with_network
from jaxsched.scenarios.countries import Country, countries, country, load_country

__all__ = [
    "SIGNALS",
    "Choices",
    "Country",
    "Gaps",
    "Scenario",
    "australia",
    "countries",
    "country",
    "load_country",
    "population_centres",
    "with_carbon",
    "with_demand",
    "with_demand_shape",
    "with_network",
    "with_price",
    "with_requests",
    "with_weather",
]
