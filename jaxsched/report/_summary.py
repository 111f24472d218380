"""The numbers of a run, with units in the keys."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxsched._results import RESULTS
from jaxsched._schedule import Schedule
from jaxsched._units import SECONDS_PER_HOUR
from jaxsched.scenarios import Scenario
from jaxsched.study import Outcome, Study


@dataclasses.dataclass(frozen=True)
class PolicyRun:
    """A policy's schedule, what it does, and how long it took.

    Attributes:
        schedule: The schedule.
        outcome: Its effects under the true weather.
        seconds: Wall-clock time of the solve, compilation included [s].
    """

    schedule: Schedule
    outcome: Outcome
    seconds: float


def summarise(
    name: str,
    study: Study,
    runs: Mapping[str, PolicyRun],
    config: Mapping[str, Any],
    failed: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Totals, certificate, policies and weights of a run; `currency` is that of all money, whatever the keys say.

    `certified_gap` compares the true cost of the temperature-aware schedule with the proved lower bound. Where a kWh had
    a negative worth the solver saw the convex envelope of the cost, which is below it, so the bound holds all the same.
    `failed` names what else was asked for and could not be made, with the reason.
    """
    best = runs["temperature_aware"]
    scenario = study.scenario
    cost = best.outcome.totals["total_cost_aud"]
    bound = float(np.asarray(best.schedule.slot_bound, float).sum())
    return {
        "name": name,
        "country": scenario.country.name,
        "currency": scenario.country.currency,
        "start_utc": scenario.times[0].isoformat(),
        "slots": len(scenario.times),
        "slot_hours": scenario.slot_hours,
        "sites": len(scenario.sites),
        "origins": len(scenario.origins),
        "classes": list(scenario.classes.index),
        "certified_gap": (cost - bound) / abs(cost) if cost else 0.0,
        "lower_bound_aud": bound,
        "iterations": int(best.schedule.stats.num_steps),
        "result": str(RESULTS[best.schedule.result]),
        "totals": best.outcome.totals,
        "policies": {key: {**run.outcome.totals, **_how(run)} for key, run in runs.items()},
        "weights": {
            key: {"value": weight.value, "unit": weight.unit, "reason": weight.reason, "assumption": weight.assumption}
            for key, weight in scenario.weights.items()
        },
        "trade_offs": trade_offs(study, best.outcome),
        "negative_energy_weight": _negative(study),
        "filled": filled(scenario),
        "failed": dict(failed or {}),
        "embedded_signals": {signal: list(sites) for signal, sites in scenario.embedded.items() if sites},
        "config": config,
    }


def trade_offs(study: Study, outcome: Outcome) -> dict[str, float]:
    """What says whether the weights keep every term alive: the marginal worth of one more 70B request."""
    scenario = study.scenario
    request_class = int(np.argmax(scenario.classes["model"].to_numpy() == "llama-70b"))
    kwh = study.work[:, request_class] * np.asarray(study.site_model.it_power.slope()) / SECONDS_PER_HOUR
    weight = np.broadcast_to(np.asarray(study.site_model.energy_weight(study.conditions)), study.cap.shape)
    busy = outcome.load * weight * (kwh * outcome.totals["pue"])[None]
    energy = float(busy.sum() / outcome.load.sum()) if outcome.load.sum() else 0.0
    delay = 0.020 * scenario.weights["waiting"].value
    return {
        "marginal_energy_of_a_70b_request_aud": energy,
        "20_ms_of_rtt_aud": delay,
        "20_ms_of_rtt_over_marginal_energy": delay / energy if energy else 0.0,
    }


def _how(run: PolicyRun) -> dict[str, float]:
    return {
        "iterations": int(run.schedule.stats.num_steps),
        "own_certified_gap": float(run.schedule.gap),
        "solve_seconds": run.seconds,
    }


def filled(scenario: Scenario) -> dict[str, int]:
    """Number of cells that were filled, by quantity and how; the manifest lists each of them."""
    counts: dict[str, int] = {}
    for cells in scenario.filled:
        key = f"{cells.quantity}: {cells.by}"
        counts[key] = counts.get(key, 0) + len(cells.slots_start_utc)
    return counts


def _negative(study: Study) -> dict[str, Any]:
    """Where and when a kWh at the meter was worth less than nothing, and what was done about it."""
    negative = study.negative_weight
    sites, times = study.scenario.sites.index.astype(str), study.scenario.times
    where = {
        sites[j]: {
            "slots": int(negative[:, j].sum()),
            "first_utc": times[int(negative[:, j].argmax())].isoformat(),
            "last_utc": times[len(times) - 1 - int(negative[::-1, j].argmax())].isoformat(),
        }
        for j in np.flatnonzero(negative.any(0)).tolist()
    }
    return {
        "site_slots": int(negative.sum()),
        "sites": list(where),
        "where": where,
        "what_was_done": (
            "the cost of power, concave there, was replaced by its convex envelope (the chord from no load to full load); "
            "no price was changed, and costs are reported at the true price"
            if negative.any()
            else "nothing: a kWh costs more than zero everywhere"
        ),
    }
