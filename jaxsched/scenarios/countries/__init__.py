"""Countries: one folder each, with a `country.toml` and the tables that the package embeds of it."""

from jaxsched.scenarios.countries._country import Country, Region, State, Weight
from jaxsched.scenarios.countries._load import COUNTRY_FILES, CountryError, countries, country, load_country

__all__ = [
    "COUNTRY_FILES",
    "Country",
    "CountryError",
    "Region",
    "State",
    "Weight",
    "countries",
    "country",
    "load_country",
]
