"""What a schedule does, as functions of inputs and routing that can be differentiated."""

from collections.abc import Mapping
from types import MappingProxyType

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsched.models import TERMS
from jaxsched.study import Inputs, Study
from jaxsched.study._inputs import service_times, worth_of_waiting
from jaxsched.study._totals import Flows, flows_of, totals

OUTPUTS: Mapping[str, str] = MappingProxyType(
    {
        "total_cost_aud": "AUD",
        **{term.total: term.unit for term in TERMS},
        **{term.aim: "AUD" for term in TERMS if term.worth is None},
    }
)
"""Outputs of a study and their units, in the order of every array with an axis `output`."""


def effects(study: Study, inputs: Inputs, routing: Float[Array, "slot origin site class"]) -> Float[Array, " output"]:
    """Outputs of a routing under given inputs, by the site model.

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
    work, prefill = service_times(study.scenario, inputs.serving)
    report = inputs.site_model(flows.load(work), inputs.conditions)
    hours = study.scenario.slot_hours
    found = totals(report, flows, prefill, worth_of_waiting(inputs.site_model, hours), hours)
    return jnp.stack([found[name] for name in OUTPUTS])


def route_cost(study: Study, inputs: Inputs, flows: Flows) -> Float[Array, ""]:
    """What round trips and prefill cost over all slots [AUD]."""
    _, prefill = service_times(study.scenario, inputs.serving)
    return worth_of_waiting(inputs.site_model, study.scenario.slot_hours) * flows.unqueued(prefill).sum()
