"""What a routing does, by the same models for every policy."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from jaxsched.models.site import SiteReport
from jaxsched.study._inputs import worth_of_waiting
from jaxsched.study._study import Study
from jaxsched.study._totals import flows_of, money, totals
from jaxsched.study._ttft import ttft_quantile


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Effects of a routing under the true weather and signals.

    Attributes:
        load: Busy GPUs [slot, site].
        requests: Requests per second that arrive [slot, site].
        wait: Mean wait for a server [slot, site] [s].
        report: Power, water, carbon and money of each slot and site.
        money: What each site costs in each slot by part, round trips and prefill included [slot, site] [currency].
        totals: Sums over the study, units in the keys.
    """

    load: np.ndarray
    requests: np.ndarray
    wait: np.ndarray
    report: SiteReport
    money: dict[str, np.ndarray]
    totals: dict[str, float]


def evaluate(study: Study, routing: np.ndarray) -> Outcome:
    """Effects of a routing, whatever found it.

    Arguments:
        study: The study.
        routing: Requests per second [slot, origin, site, class].

    Raises:
        ValueError: If it leaves demand unserved, overloads a site or uses a removed route by more than rounding.
    """
    routing = np.asarray(routing, float)
    check_feasible(study, routing)
    hours, worth = study.scenario.slot_hours, float(worth_of_waiting(study.site_model, study.scenario.slot_hours))
    flows = flows_of(study.scenario.rtt, routing)
    load, requests = flows.load(study.work), np.asarray(flows.requests).sum(2)
    report = study.site_model(jnp.asarray(load), study.conditions)
    # Sums on the host are in double precision, whatever that of the models is.
    host = jax.tree.map(lambda column: np.asarray(column, float), report)
    wait = host.queue / np.where(requests > 0, requests, np.inf)
    total = {name: float(value) for name, value in totals(host, flows, study.prefill, worth, hours).items()}
    tail = ttft_quantile(study, routing, wait)
    parts = money(host, flows.unqueued(study.prefill), worth, hours)
    return Outcome(load, requests, wait, report, parts, {**total, "p95_ttft_ms": 1000.0 * tail})


def check_feasible(study: Study, routing: np.ndarray, tolerance: float = 1e-4) -> None:
    """Raise a ValueError unless a routing serves all demand within capacities and allowed routes.

    The tolerance is relative: float32 sums over hundreds of routes round by up to 1e-5.
    """
    scenario = study.scenario
    demand = scenario.demand
    unserved = np.abs(routing.sum(2) - demand).max() / max(demand.max(), 1e-300)
    load = (routing.sum(1) * study.work[None]).sum(2)
    excess = ((load - np.asarray(study.cap)) / scenario.sites["gpus"].to_numpy(float)).max()
    forbidden = float((routing * ~study.allowed[None]).max())
    for value, fault in (
        (unserved, "leaves demand unserved"),
        (excess, "overloads a site"),
        (forbidden, "uses a removed route"),
    ):
        if not value <= tolerance:
            raise ValueError(f"The routing {fault} (by {value:.2e}, relative); give a feasible one.")
