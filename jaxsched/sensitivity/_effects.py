"""What a schedule does, as functions of inputs and routing that can be differentiated."""

from collections.abc import Mapping
from types import MappingProxyType

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsched.study import Inputs, Study, service_of

OUTPUTS: Mapping[str, str] = MappingProxyType(
    {
        "total_cost_aud": "AUD",
        "energy_mwh": "MWh",
        "carbon_t": "t",
        "water_kl": "kL",
        "mean_ttft_ms": "ms",
        "energy_cost_aud": "AUD",
    }
)
"""Outputs of a study and their units, in the order of every array with an axis `output`."""

_SECONDS_PER_HOUR = 3600.0


class Flows(eqx.Module):
    """What every output follows from: a routing summed over the origins.

    Attributes:
        requests: Requests per second that reach each site.
        travelling: Requests that are on their way there, by the round trips that count.
    """

    requests: Float[Array, "slot site kind"]
    travelling: Float[Array, "slot site kind"]


def flows_of(rtt: Float[Array, "origin site"], routing: Float[Array, "slot origin site kind"]) -> Flows:
    """Sums of a routing over the origins, in one pass each, added in the precision of the routing."""
    travelling = (routing * rtt.astype(routing.dtype)[None, :, :, None]).sum(1)
    return Flows(routing.sum(1).astype(rtt.dtype), travelling.astype(rtt.dtype))


def effects(study: Study, inputs: Inputs, routing: Float[Array, "slot origin site kind"]) -> Float[Array, " output"]:
    """Outputs of a routing under given inputs, by the site model.

    The mean time to first token is that of all requests: round trip, prefill, and the queue by Little's law.

    Arguments:
        study: Where sites, classes and the length of a slot come from.
        inputs: The inputs.
        routing: Requests per second [slot, origin, site, class].

    Returns:
        The values of `OUTPUTS`, in its units.
    """
    return effects_of_flows(study, inputs, flows_of(inputs.rtt, routing))


def effects_of_flows(study: Study, inputs: Inputs, flows: Flows) -> Float[Array, " output"]:
    """`effects` of every routing with these sums."""
    dtype = inputs.demand.dtype
    work, _ = service_of(study, inputs.serving)
    requests = flows.requests
    report = inputs.site_model((requests * work[None]).sum(2), inputs.conditions)
    hours = study.scenario.slot_hours
    on_the_way = unqueued(study, inputs, flows)
    ttft = (on_the_way + report.queue.sum()) / jnp.maximum(requests.sum(), jnp.finfo(dtype).tiny)
    return jnp.stack(
        [
            hours * report.total.sum() + route_cost(study, inputs, flows),
            hours * report.facility_power.sum() / 1000.0,
            hours * report.carbon.sum() / 1000.0,
            hours * (report.site_water.sum() + report.source_water.sum()) / 1000.0,
            1000.0 * ttft,
            hours * report.energy_cost.sum(),
        ]
    )


def unqueued(study: Study, inputs: Inputs, flows: Flows) -> Float[Array, ""]:
    """Requests on their way or in prefill: all that wait for their first token but for the queues."""
    _, prefill = service_of(study, inputs.serving)
    return flows.travelling.sum() + (flows.requests * prefill[None]).sum()


def route_cost(study: Study, inputs: Inputs, flows: Flows) -> Float[Array, ""]:
    """What round trips and prefill cost over all slots [AUD]."""
    worth = _SECONDS_PER_HOUR * study.scenario.slot_hours * inputs.site_model.weights.waiting
    return worth * unqueued(study, inputs, flows)
