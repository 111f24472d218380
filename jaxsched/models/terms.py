"""The terms of the objective: what each counts, and where what a unit of it is worth is said."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Term:
    """One term of the objective.

    Attributes:
        name: `{name}_cost` of a `SiteReport` is what it costs at a site. A term with a worth has it in the field `name` of
            `Weights`, under the same key of the weights of a scenario.
        aim: Total of a study that it makes small, the unit in the name.
        unit: What its worth is a price of; None for a term that is money already.
    """

    name: str
    aim: str
    unit: str | None = None

    @property
    def report_column(self) -> str:
        """Its field of a `SiteReport` [currency/h]."""
        return f"{self.name}_cost"

    @property
    def cost(self) -> str:
        """Total of a study that is its cost [currency of the scenario]."""
        return f"{self.name}_cost_aud"

    @property
    def factor(self) -> str:
        """Field of `sensitivity.Shift` that multiplies its worth."""
        return f"{self.name}_price"


TERMS = (
    Term("energy", "energy_cost_aud"),
    Term("carbon", "carbon_t", "t"),
    Term("water", "water_kl", "kL"),
    Term("waiting", "mean_ttft_ms", "request-second"),
)
"""All terms, in the order of tables; their costs add up to the objective."""

WEIGHTED = tuple(term for term in TERMS if term.unit is not None)
"""Those with a weight."""
