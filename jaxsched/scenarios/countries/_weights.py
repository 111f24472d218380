"""Weights of the objective as countries give them; apart, since the terms need JAX and the names of countries do not."""

from jaxsched.models import TERMS

WEIGHT_UNITS = {**{term.name: term.worth.per for term in TERMS if term.worth is not None}, "network_adder": "MWh"}
"""What one unit of each weight is a price of."""

DEFAULTS = {
    term.name: term.worth.default for term in TERMS if term.worth is not None and term.worth.default is not None
}
"""Weights of terms that a country need not give."""
