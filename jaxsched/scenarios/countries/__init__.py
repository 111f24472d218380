"""Countries: one folder each, with a `country.toml` and the tables that the package embeds of it."""

from jaxsched.scenarios.countries._country import Country
from jaxsched.scenarios.countries._load import CountryError, countries, country, load_country

__all__ = [
    "Country",
    "CountryError",
    "countries",
    "country",
    "load_country",
]
