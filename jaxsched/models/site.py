"""The site model: every effect of a load at given conditions, and its cost."""

import operator
from functools import reduce
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel, parameter
from jaxsched.models._axes import align_tree, raise_rank, rank_of
from jaxsched.models.carbon import Carbon
from jaxsched.models.conditions import Conditions, Weights
from jaxsched.models.electrical import AbstractElectrical
from jaxsched.models.it_power import ITPower
from jaxsched.models.load_curve import LoadCurve
from jaxsched.models.plant import AbstractPlant
from jaxsched.models.price import EnergyPrice
from jaxsched.models.queueing import SakasegawaWait
from jaxsched.models.site_curves import SiteCurves, largest_fraction
from jaxsched.models.terms import TERMS, TIMED

_POWERS = ("it_power", "ups", "pdu", "misc", "fan", "pump", "compressor", "cooling", "facility_power")
_REPORTED = dict.fromkeys(
    [*_POWERS, *(column for term in TERMS for column in term.columns), *(term.report_column for term in TERMS), "total"]
)


class SiteReport(eqx.Module):
    """Every effect of a load, each in its own unit, and what it costs. All arrays [slot, site].

    Power [kW]: `it_power`, `ups`, `pdu`, `misc`, `fan`, `pump`, `compressor`, `cooling` (the last three together) and
    `facility_power` (all). What each term of the objective counts: `carbon` [kg/h], `site_water` and `source_water` [L/h],
    `queue`, the requests waiting. Money, in the currency of the scenario [currency/h]: `{term}_cost` and the sum, `total`.
    """

    __annotations__ = dict.fromkeys(_REPORTED, Float[Array, "slot site"])

    if TYPE_CHECKING:

        def __init__(self, **fields: Any) -> None: ...
        def __getattr__(self, name: str) -> Float[Array, "slot site"]: ...


class SiteModel(AbstractModel):
    """All sites of a study in one model: load and conditions in, power, water, carbon, queue and cost out.

        P_facility = P_IT + UPS + PDU + misc + fan + pump + compressor
        total = price P_facility + w_carbon C + w_water (W_site + W_source) + w_waiting 3600 L_q

    The cost is the sum of those of `TERMS`.

    Attributes:
        weights: What the effects are worth.
        it_power: Power of servers.
        electrical: Losses.
        plants: Cooling plants with the water that they use.
        gpus: GPUs switched on [site] [GPU].
        replicas: Copies of a model that serve in parallel [site] [1].
        rated_it_power: IT power for which plant and UPS were built [site] [kW].
        carbon: Emissions.
        price: Delivered price.
        queue: Waiting.
    Valid for:
        load in [0, gpus); IT power up to the rated one; and where the parts are.
    Source:
        Composition; see the parts.
    """

    weights: Weights
    it_power: ITPower
    electrical: AbstractElectrical
    plants: AbstractPlant
    gpus: Float[Array, "..."] = parameter(unit="GPU", valid=(1e-3, 1e8))
    replicas: Float[Array, "..."] = parameter(unit="1", valid=(1.0, 1e8))
    rated_it_power: Float[Array, "..."] = parameter(unit="kW", valid=(1e-4, 1e8))
    carbon: Carbon = eqx.field(default_factory=Carbon)
    price: EnergyPrice = eqx.field(default_factory=EnergyPrice)
    queue: SakasegawaWait = eqx.field(default_factory=SakasegawaWait)

    def __call__(self, load: Float[Array, "slot site"], conditions: Conditions) -> SiteReport:
        """Every effect of a load.

        Arguments:
            load: Busy GPUs [slot, site].
            conditions: Weather and signals.

        Returns:
            The report [slot, site].
        """
        site, conditions, load = self._aligned(conditions, load)
        curves = site._curves(conditions)
        fraction = site._fraction(load)
        found = curves.powers(fraction)
        facility = found["facility_power"]
        for term in TERMS:
            if term.on_site is not None:
                found[term.site_column] = term.on_site(site, curves)(fraction)
            if term.per_energy is not None and term.energy_column not in _POWERS:
                caused = term.per_energy(site, conditions) * facility
                found[term.energy_column] = (
                    caused + found[term.energy_column] if term.energy_column in found else caused
                )
            if term.timed:
                found["queue"] = site.queue(load, site.gpus, site.replicas)
        costs = {
            term.report_column: term.price_at(site, conditions)
            * reduce(operator.add, (found[c] for c in term.totals[term.total]))
            for term in TERMS
        }
        return _broadcast_report(load.shape, **found, **costs, total=reduce(operator.add, costs.values()))

    def cost(self, load: Float[Array, "slot site"], conditions: Conditions) -> Float[Array, "slot site"]:
        """Total cost of a load [currency/h], as in the report; not convex where `energy_weight` is negative."""
        return self(load, conditions).total

    def energy_weight(self, conditions: Conditions) -> Float[Array, "..."]:
        """What one kWh at the meter costs in all: delivered price, carbon, source water and what else a kWh causes
        [currency/kWh].

        Where it is negative, the cost is concave in the load as far as power goes.
        """
        site, conditions = self._aligned(conditions)
        caused = ((term, term.per_energy) for term in TERMS if term.per_energy is not None)
        return reduce(operator.add, (term.price_at(site, conditions) * per(site, conditions) for term, per in caused))

    def load_cap(
        self,
        facility_limit: Float[Array, "..."],
        conditions: Conditions,
        utilisation_limit: float | Float[Array, ""] = 0.95,
    ) -> Float[Array, "slot site"]:
        """Largest load that the power supply and the queue allow.

            cap = min(utilisation_limit gpus, load at which P_facility = facility_limit), 0 if idling exceeds
            it

        The cap falls on hot hours, because compressors take a larger part of the limit. Its derivative is
        that of the implicit function.

        Arguments:
            facility_limit: Largest power at the meter, scalar, [site] or [slot, site] [kW].
            conditions: Weather and signals.
            utilisation_limit: Largest share of busy GPUs [1].

        Returns:
            Largest load [slot, site] [GPU].
        """
        site, conditions, limit = self._aligned(conditions, jnp.asarray(facility_limit))
        idle, full = site._fraction(0.0 * site.gpus), site._fraction(utilisation_limit * site.gpus)
        fraction = largest_fraction(site._curves(conditions).facility, limit, idle, full)
        return (fraction - idle) * site.rated_it_power / site.it_power.slope()

    def condition(self, conditions: Conditions, cap: Float[Array, "slot site"]) -> "ConditionedSite":
        """The convex cost of the sites at fixed conditions, with everything but the load worked out.

        Arguments:
            conditions: Weather and signals.
            cap: Largest load, the right end of the chord where the energy weight is negative [slot, site].

        Returns:
            A function of the load alone, cheap to evaluate many times.
        """
        site, conditions, aligned_cap = self._aligned(conditions, cap)
        curves, weight = site._curves(conditions), site.energy_weight(conditions)
        power = curves.facility.scaled(weight)
        chord = power.chord(site._fraction(0.0 * aligned_cap), site._fraction(aligned_cap))
        envelope = jax.tree.map(lambda c, p: jnp.where(weight < 0.0, c, p), chord, power)
        on_site = ((term, term.on_site) for term in TERMS if term.on_site is not None)
        others = (caused(site, curves).scaled(term.price_at(site, conditions)) for term, caused in on_site)
        return ConditionedSite(
            curve=reduce(operator.add, others, envelope),
            idle_fraction=self._fraction(0.0 * self.gpus),
            fraction_slope=self.it_power.slope() / self.rated_it_power,
            gpus=self.gpus,
            replicas=self.replicas,
            waiting_weight=TIMED.price_at(self, conditions),
            queue=self.queue,
        )

    def convex_cost(
        self, load: Float[Array, "slot site"], conditions: Conditions, cap: Float[Array, "slot site"]
    ) -> Float[Array, "slot site"]:
        """Convex envelope of the cost over [0, cap] as far as power goes [currency/h].

        Equal to `cost` where `energy_weight` is not negative. Elsewhere power times that weight is concave in
        the load and is replaced by its chord from 0 to cap, the largest convex function below it; a schedule
        which is optimal for it costs at least its value. No price is changed.
        """
        return self.condition(conditions, cap)(load)

    def _aligned(self, conditions: Conditions, *others: Array) -> tuple:
        rank = rank_of(conditions, self.gpus, *others)
        # Mixtures learn the number of axes from the weather, which therefore has all of them.
        raised = raise_rank((conditions, *others), rank)
        return align_tree(self, rank), *raised

    def _curves(self, conditions: Conditions) -> SiteCurves:
        return SiteCurves.at(
            self.rated_it_power,
            self.electrical,
            self.plants,
            conditions.dry_bulb,
            conditions.wet_bulb,
        )

    def _fraction(self, load: Float[Array, "..."]) -> Float[Array, "..."]:
        return self.it_power(self.gpus, load) / self.rated_it_power


class ConditionedSite(eqx.Module):
    """The convex cost at fixed conditions, by `SiteModel.condition`: a cubic of the load, and the queue.

        cost(L) = curve(idle_fraction + fraction_slope L) + waiting_weight L_q(L)

    Arrays with two axes are [slot, site] (or [1, site]), all others [site] or scalar, so that slots can be
    batched by mapping over the first axis of those with two. For the parts of the cost, call the site model.

    Attributes:
        curve: Cost of energy and of what it and the site cause [currency/h], a curve of the load fraction.
        idle_fraction: Load fraction without load [1].
        fraction_slope: Load fraction per busy GPU [1/GPU].
        gpus: GPUs switched on [GPU].
        replicas: Copies of a model that serve in parallel [1].
        waiting_weight: Cost of one request that waits for an hour [currency/request/h].
        queue: Waiting.
    """

    curve: LoadCurve
    idle_fraction: Float[Array, "..."]
    fraction_slope: Float[Array, "..."]
    gpus: Float[Array, "..."]
    replicas: Float[Array, "..."]
    waiting_weight: Float[Array, "..."]
    queue: SakasegawaWait

    def __call__(self, load: Float[Array, "... site"]) -> Float[Array, "... site"]:
        """Convex cost [currency/h] of a load [GPU], element by element; [slot, site], or [site] in a map over slots."""
        at = align_tree(self, load.ndim)
        waiting = at.queue(load, at.gpus, at.replicas)
        return at.curve(at.idle_fraction + at.fraction_slope * load) + at.waiting_weight * waiting


def _broadcast_report(shape: tuple[int, ...], **columns: Float[Array, "..."]) -> SiteReport:
    """A report whose columns all have the shape of the load, constants included."""
    return SiteReport(**{name: jnp.broadcast_to(column, shape) for name, column in columns.items()})
