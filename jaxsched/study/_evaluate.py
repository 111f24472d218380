"""What a routing does, by the same models for every policy."""

import dataclasses

import jax.numpy as jnp
import numpy as np

from jaxsched.models import SiteReport
from jaxsched.study._build import Study
from jaxsched.study._ttft import ttft_seconds


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Effects of a routing under the true weather and signals.

    Attributes:
        load: Busy GPUs [slot, site].
        requests: Requests per second that arrive [slot, site].
        wait: Mean wait for a server [slot, site] [s].
        report: Power, water, carbon and money of each slot and site.
        totals: Sums over the study, units in the keys.
    """

    load: np.ndarray
    requests: np.ndarray
    wait: np.ndarray
    report: SiteReport
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
    by_class = routing.sum(1)
    load, requests = (by_class * study.work[None]).sum(2), by_class.sum(2)
    report = study.site_model(jnp.asarray(load), study.conditions)
    wait = np.asarray(report.queue) / np.where(requests > 0, requests, np.inf)
    return Outcome(load, requests, wait, report, _totals(study, routing, report, requests, wait))


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


def _totals(
    study: Study, routing: np.ndarray, report: SiteReport, requests: np.ndarray, wait: np.ndarray
) -> dict[str, float]:
    hours, weights = study.scenario.slot_hours, study.scenario.weights
    mean_ttft, tail_ttft = ttft_seconds(study, routing, wait)
    seconds = 3600.0 * hours
    waiting = mean_ttft * float(requests.sum()) * seconds * weights["waiting"].value
    total = {name: float(np.asarray(getattr(report, name), float).sum()) * hours for name in report.__annotations__}
    money = {
        "energy_cost_aud": total["energy_cost"],
        "carbon_cost_aud": total["carbon_cost"],
        "water_cost_aud": total["water_cost"],
        "waiting_cost_aud": waiting,
    }
    return {
        "energy_mwh": total["facility_power"] / 1000.0,
        "it_energy_mwh": total["it_power"] / 1000.0,
        "cooling_energy_mwh": total["cooling"] / 1000.0,
        "carbon_t": total["carbon"] / 1000.0,
        "site_water_kl": total["site_water"] / 1000.0,
        "source_water_kl": total["source_water"] / 1000.0,
        "water_kl": (total["site_water"] + total["source_water"]) / 1000.0,
        **money,
        "total_cost_aud": sum(money.values()),
        "mean_ttft_ms": 1000.0 * mean_ttft,
        "p95_ttft_ms": 1000.0 * tail_ttft,
        "requests": float(requests.sum()) * seconds,
        "pue": total["facility_power"] / total["it_power"],
    }
