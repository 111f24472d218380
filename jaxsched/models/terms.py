"""The terms of the objective, in the one list that everything iterates over: weights, reports, totals, tables, shifts, plots.

A term is added by one row of `TERMS`. What it counts is caused by the energy at the meter (`per_energy`), by the site itself
(`on_site`), or by requests that wait (`timed`).
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from jaxsched._parameters import parameter
from jaxsched._units import SECONDS_PER_HOUR
from jaxsched.models.load_curve import LoadCurve


@dataclasses.dataclass(frozen=True)
class Signal:
    """A signal at the sites that a term needs: a field of `Conditions`.

    Attributes:
        name: Its field; the scenario's array of that name holds it.
        unit: Its unit.
        valid: Its range.
        about: What it is.
        constant: What it is where the scenario has no array of that name; None where it must have one.
    """

    name: str
    unit: str
    valid: tuple[float, float]
    about: str
    constant: float | None = None

    def field(self) -> Any:
        """Its field of `Conditions`."""
        return _field(self.constant, self.unit, self.valid, self.about)


@dataclasses.dataclass(frozen=True)
class Worth:
    """What a unit of a term is worth: a field of `Weights`, and a key of the weights of countries and configurations.

    Attributes:
        per: What it is a price of, such as `t`.
        key: Key of `[weights]` in a configuration.
        unit: Its unit, AUD standing for the currency of the scenario.
        about: What it is, the beginning of a sentence.
        valid: Its range.
        default: What it is where a country gives none; None where each must.
    """

    per: str
    key: str
    unit: str
    about: str
    valid: tuple[float, float] = (0.0, 10_000.0)
    default: float | None = None

    def field(self) -> Any:
        """Its field of `Weights`."""
        return _field(self.default, self.unit, self.valid, self.about)


@dataclasses.dataclass(frozen=True)
class Term:
    """One term of the objective.

    Attributes:
        name: Its field of `Weights`; `{name}_cost` of a `SiteReport` is what it costs at a site.
        total: What there is of it over a study, the unit in the name.
        unit: Unit of that.
        colour: Its colour in plots.
        worth: What a unit is worth; None for a term that is money already.
        signal: The signal that it needs.
        price: Money per kWh, kg or L, where it has no worth, from a `SiteModel` and its `Conditions`.
        per_energy: How much a kWh at the meter causes, from the same [1/kWh].
        on_site: How much else a site causes, as a curve of its load fraction, from a `SiteModel` and its `SiteCurves` [1/h].
        timed: Whether it is the time of requests: in the queue of a site, on their way, and in prefill. One term is.
        energy_column: Field of a `SiteReport` with what the energy causes; its name where not given.
        site_column: Field with what the site causes; its name where not given.
        totals: Totals by name with the columns that add up to each, where there are others than `total`.
        per_unit: How much one `unit` holds of what columns count: 1000 kg in a tonne.
        amount: What columns count, in words for names: kg.
        label: What its cost is called in plots; its name where not given.
        short: That in few letters; `label` where not given.
        measure: What its total is called in plots; its name where not given.
        heading: That in tables; `measure` where not given.
        group: What sensitivities call what belongs to it; its name where not given.
        sampled: Factors on its worth between which a study is sampled.
    """

    name: str
    total: str
    unit: str
    colour: str
    worth: Worth | None = None
    signal: Signal | None = None
    price: Callable[[Any, Any], Any] | None = None
    per_energy: Callable[[Any, Any], Any] | None = None
    on_site: Callable[[Any, Any], LoadCurve] | None = None
    timed: bool = False
    energy_column: str = ""
    site_column: str = ""
    totals: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    per_unit: float = 1000.0
    amount: str = "units"
    label: str = ""
    short: str = ""
    measure: str = ""
    heading: str = ""
    group: str = ""
    sampled: tuple[float, float] = (0.5, 2.0)

    def __post_init__(self) -> None:
        """Words that are not given follow from others."""
        for field, other in (
            ("label", "name"),
            ("short", "label"),
            ("measure", "name"),
            ("heading", "measure"),
            ("group", "name"),
            ("energy_column", "name"),
            ("site_column", "name"),
        ):
            object.__setattr__(self, field, getattr(self, field) or getattr(self, other))
        if not self.totals:
            object.__setattr__(self, "totals", {self.total: self.columns})

    @property
    def columns(self) -> tuple[str, ...]:
        """Fields of a `SiteReport` that say how much of it there is."""
        found = [self.energy_column] * (self.per_energy is not None) + [self.site_column] * (self.on_site is not None)
        return tuple(dict.fromkeys(found + ["queue"] * self.timed))

    @property
    def report_column(self) -> str:
        """Its field of a `SiteReport` [currency/h]."""
        return f"{self.name}_cost"

    @property
    def cost(self) -> str:
        """Total of a study that is its cost [currency of the scenario]."""
        return f"{self.name}_cost_aud"

    @property
    def aim(self) -> str:
        """Total of a study that it makes small: its amount, or its cost where it is money already."""
        return self.cost if self.worth is None else self.total

    @property
    def factor(self) -> str:
        """Field of `sensitivity.Perturbation` that multiplies its worth, or its signal where it has no worth."""
        return f"{self.name}_price"

    def price_at(self, site: Any, conditions: Any) -> Any:
        """Money for one of what its columns count: kWh, kg, L; or for a request that waits for an hour."""
        if self.price is not None:
            return self.price(site, conditions)
        weight = getattr(site.weights, self.name)
        return SECONDS_PER_HOUR * weight if self.timed else weight / self.per_unit


def _field(default: float | None, unit: str, valid: tuple[float, float], about: str) -> Any:
    if default is None:
        return parameter(unit=unit, valid=valid, about=about)
    return parameter(default, unit=unit, valid=valid, about=about)


TERMS = (
    Term(
        name="energy", total="energy_mwh", unit="MWh", colour="#0072B2", amount="kwh", group="electricity price",
        signal=Signal("price", "AUD/MWh", (-1000.0, 25_000.0), "Wholesale energy price; may be negative"),
        price=lambda site, conditions: site.price(conditions.price),
        per_energy=lambda site, conditions: 1.0, energy_column="facility_power",
        totals={"energy_mwh": ("facility_power",), "it_energy_mwh": ("it_power",), "cooling_energy_mwh": ("cooling",)},
    ),
    Term(
        name="carbon", total="carbon_t", unit="t", colour="#7F7F7F", amount="kg",
        worth=Worth("t", "carbon_aud_per_t", "AUD/t", "Price of carbon"),
        signal=Signal("carbon_intensity", "g/kWh", (0.0, 2000.0), "Emissions of electricity"),
        per_energy=lambda site, conditions: site.carbon.per_energy(conditions.carbon_intensity),
        on_site=lambda site, curves: LoadCurve(constant=site.carbon.embodied * site.gpus),
    ),
    Term(
        name="water", total="water_kl", unit="kL", colour="#56B4E9", amount="litre", sampled=(0.5, 4.0),
        worth=Worth("kL", "water_aud_per_kl", "AUD/kL", "Price of water"),
        signal=Signal("source_water", "L/kWh", (0.0, 25.0), "Water consumed in generation"),
        per_energy=lambda site, conditions: conditions.source_water, energy_column="source_water",
        on_site=lambda site, curves: curves.site_water, site_column="site_water",
        totals={
            "site_water_kl": ("site_water",), "source_water_kl": ("source_water",),
            "water_kl": ("site_water", "source_water"),
        },
    ),
    Term(
        name="waiting", total="mean_ttft_ms", unit="ms", colour="#E69F00", timed=True, group="latency",
        worth=Worth(
            "request-second", "waiting_aud_per_request_s", "AUD/request/s", "Price of one request waiting one second",
            valid=(0.0, 1000.0),
        ),
        label="time to first token", short="TTFT", measure="mean TTFT", heading="TTFT mean",
    ),
)  # fmt: skip
"""All terms, in the order of tables; their costs add up to the objective."""

WEIGHTED = tuple(term for term in TERMS if term.worth is not None)
"""Those with a weight."""

SIGNALS = tuple(term.signal for term in TERMS if term.signal is not None)
"""What they need to know of the world, beside the weather."""

TIMED = next(term for term in TERMS if term.timed)
"""The one that counts the time of requests."""
