"""What a schedule does, as functions of inputs and routing that can be differentiated."""

from collections.abc import Mapping
from types import MappingProxyType

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
    dtype = inputs.demand.dtype
    work, prefill = service_of(study, inputs.serving)
    # In one pass each over the routes, whatever precision they were solved in.
    at_sites = routing.sum(1).astype(dtype)
    travelling = (routing.sum((0, 3)).astype(dtype) * inputs.rtt).sum()
    load = (at_sites * work[None]).sum(2)
    report = inputs.site_model(load, inputs.conditions)
    hours = study.scenario.slot_hours
    on_the_way = travelling + (at_sites * prefill[None]).sum()
    worth = _SECONDS_PER_HOUR * inputs.site_model.weights.waiting
    ttft = (on_the_way + report.queue.sum()) / jnp.maximum(at_sites.sum(), jnp.finfo(dtype).tiny)
    return jnp.stack(
        [
            hours * (report.total.sum() + worth * on_the_way),
            hours * report.facility_power.sum() / 1000.0,
            hours * report.carbon.sum() / 1000.0,
            hours * (report.site_water.sum() + report.source_water.sum()) / 1000.0,
            1000.0 * ttft,
            hours * report.energy_cost.sum(),
        ]
    )
