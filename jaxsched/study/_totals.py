"""What a routing does and costs, once for reports and for derivatives: the same lines for arrays of NumPy and of JAX."""

import functools
import operator
from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, Float

from jaxsched._units import SECONDS_PER_HOUR
from jaxsched.models import TERMS
from jaxsched.models.site import SiteReport
from jaxsched.models.terms import TIMED

# Fewer requests per second than any study has; the mean time of none is zero.
_NO_REQUESTS = 1e-30


class Flows(eqx.Module):
    """What every effect follows from: a routing summed over the origins.

    Attributes:
        requests: Requests per second that reach each site.
        travelling: Requests that are on their way there, by the round trips that count.
    """

    requests: Float[Array, "slot site class"]
    travelling: Float[Array, "slot site class"]

    def load(self, work: Any) -> Any:
        """Busy GPUs [slot, site], from the work of a request [site, class] [GPU s]."""
        return (self.requests * work[None]).sum(2)

    def unqueued(self, prefill: Any) -> Any:
        """Requests on their way or in prefill [slot, site]: all that wait for their first token but for the queue.

        Arguments:
            prefill: Mean prefill time [site, class] [s].
        """
        return (self.travelling + self.requests * prefill[None]).sum(2)


def flows_of(rtt: Any, routing: Any) -> Flows:
    """Sums of a routing [slot, origin, site, class] over the origins, one pass each, in the precision of the routing.

    Arguments:
        rtt: Round-trip time [origin, site] [s].
        routing: Requests per second.
    """
    travelling = (routing * rtt.astype(routing.dtype)[None, :, :, None]).sum(1)
    return Flows(routing.sum(1).astype(rtt.dtype), travelling.astype(rtt.dtype))


def money(report: SiteReport, unqueued: Any, worth: Any, hours: float) -> dict[str, Any]:
    """What effects cost, part by part [currency], of each site in each slot or of sums over them.

    Arguments:
        report: Effects of a load.
        unqueued: Requests on their way or in prefill, as the report is summed.
        worth: What a request that waits through a whole slot costs [currency], by `worth_of_waiting`.
        hours: Length of a slot [h].
    """
    parts = {term.cost: hours * getattr(report, term.report_column) for term in TERMS}
    # The report of a site knows the queue alone.
    return {**parts, TIMED.cost: parts[TIMED.cost] + worth * unqueued}


def totals(report: SiteReport, flows: Flows, prefill: Any, worth: Any, hours: float) -> dict[str, Any]:
    """Sums over a study by name, the unit in the name.

    The mean time to first token is that of all requests: round trip, prefill, and the queue by Little's law.

    Arguments:
        report: Effects of the load of the flows [slot, site].
        flows: Sums of the routing over the origins.
        prefill: Mean prefill time [site, class] [s].
        worth: As of `money`.
        hours: Length of a slot [h].
    """
    total = jax.tree.map(lambda column: column.sum(), report)
    unqueued, requests = flows.unqueued(prefill).sum(), flows.requests.sum()
    parts = money(total, unqueued, worth, hours)
    return {
        **_amounts(total, hours),
        **parts,
        "total_cost_aud": sum(parts.values()),
        TIMED.total: 1000.0 * (unqueued + total.queue) / requests.clip(min=_NO_REQUESTS),
        "requests": SECONDS_PER_HOUR * hours * requests,
        "pue": total.facility_power / total.it_power,
    }


def _amounts(total: SiteReport, hours: float) -> dict[str, Any]:
    """How much there is of what each term counts, but for the time of requests."""
    return {
        name: hours * functools.reduce(operator.add, (getattr(total, column) for column in columns)) / term.per_unit
        for term in TERMS
        if not term.timed
        for name, columns in term.totals.items()
    }
