"""The tables of a run: for the terminal and as files."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.table import Table

from jaxsched.models import TERMS
from jaxsched.models.site import SiteReport
from jaxsched.models.terms import WEIGHTED
from jaxsched.report._summary import PolicyRun
from jaxsched.study import Study

# Stands for the currency of the study in a unit.
_MONEY = "money"
# Key of the summary, heading, unit, decimals. A heading takes two lines, so that each table fits a narrow terminal.
_EFFECTS = (
    ("energy_mwh", "energy", "MWh", 1),
    ("cooling_energy_mwh", "cooling", "MWh", 2),
    ("energy_cost_aud", "energy cost", _MONEY, 0),
    *((term.total, term.heading, term.unit, 1) for term in WEIGHTED),
    ("p95_ttft_ms", "TTFT p95", "ms", 0),
    ("total_cost_aud", "total cost", _MONEY, 0),
)
_COSTS = (
    *((term.cost, term.name, _MONEY, 0) for term in TERMS),
    ("total_cost_aud", "total", _MONEY, 0),
)


def policy_table(summary: Mapping[str, Any]) -> Table:
    """Policies against what they use and cause, for the terminal."""
    title = f"{summary['name']}: {summary['slots']} slots from {summary['start_utc'][:16].replace('T', ' ')} UTC"
    return _policies(title, summary, _EFFECTS)


def cost_table(summary: Mapping[str, Any]) -> Table:
    """Policies against what their total cost is made of, for the terminal."""
    return _policies("what the total cost is made of", summary, _COSTS)


def savings_table(summary: Mapping[str, Any]) -> Table:
    """What the temperature-aware schedule saves against each other policy, in per cent."""
    table = _empty("saved by the temperature-aware schedule", "against", [(h, "%") for _, h, _, _ in _EFFECTS])
    best = summary["totals"]
    for name, totals in summary["policies"].items():
        if name == "temperature_aware":
            continue
        cells = [f"{100 * (1 - best[key] / totals[key]):+.1f}" if totals[key] else "-" for key, *_ in _EFFECTS]
        table.add_row(name.replace("_", "-"), *cells)
    return table


def _policies(title: str, summary: Mapping[str, Any], columns: tuple[tuple[str, str, str, int], ...]) -> Table:
    units = {_MONEY: summary["currency"]}
    table = _empty(title, "policy", [(heading, units.get(unit, unit)) for _, heading, unit, _ in columns])
    for name, totals in summary["policies"].items():
        cells = [f"{totals[key]:,.{digits}f}" for key, _, _, digits in columns]
        table.add_row(name.replace("_", "-"), *cells, style="bold" if name == "temperature_aware" else "")
    return table


def _empty(title: str, first: str, columns: list[tuple[str, str]]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1))
    table.add_column(first, no_wrap=True, vertical="bottom")
    for heading, unit in columns:
        lines = heading.replace(" ", "\n")
        table.add_column(f"{lines}\n\\[{unit}]", justify="right", no_wrap=True, vertical="bottom")
    return table


def routes_frame(study: Study, run: PolicyRun) -> pd.DataFrame:
    """Every flow of a schedule: slot, origin, site, class and requests per second."""
    routing = np.asarray(run.schedule.routing)
    slot, origin, site, request_class = np.nonzero(routing > 1e-7 * max(float(routing.max()), 1e-300))
    scenario = study.scenario
    return pd.DataFrame(
        {
            "slot_start_utc": scenario.times[slot],
            "origin": pd.Categorical.from_codes(origin, categories=scenario.origins.index.astype(str)),
            "site": pd.Categorical.from_codes(site, categories=scenario.sites.index.astype(str)),
            "class": pd.Categorical.from_codes(request_class, categories=scenario.classes.index.astype(str)),
            "requests_per_s": routing[slot, origin, site, request_class],
        }
    )


_NAMED = ("facility_power", "site_water", "source_water", "carbon", "queue")


def _others(report: SiteReport) -> dict[str, Any]:
    """What terms count whose columns have no name of their own above."""
    found = ((term, column) for term in WEIGHTED for column in term.columns if column not in _NAMED)
    return {f"{column}_{term.amount}_per_h": getattr(report, column) for term, column in found}


def site_frame(study: Study, runs: Mapping[str, PolicyRun]) -> pd.DataFrame:
    """What every policy does and costs at every site in every slot, with the weather and signals there.

    Power, water and carbon are rates; money is that of the slot, so that each column of money, added up over the rows of a
    policy, is the total of the same name in the summary. Waiting at a site counts the round trip, the queue and the prefill
    of all requests that it serves. `marginal_cost_aud_per_gpu_h` is the derivative of energy, carbon, water and queue at the
    load; `price_of_load_aud_per_gpu_h`, of the temperature-aware schedule alone, is the price that proves its bound: above
    the marginal cost where the capacity binds, below it where a site is too dear to serve anything.
    """
    scenario = study.scenario
    slots, sites = study.cap.shape
    delivered = np.asarray(study.site_model.price(study.conditions.price), float)
    worth = np.asarray(study.site_model.energy_weight(study.conditions), float)
    shared = {
        "slot_start_utc": np.repeat(scenario.times, sites),
        "site": np.tile(scenario.sites.index.astype(str), slots),
        "dry_bulb_c": scenario.dry_bulb.ravel(),
        "price_aud_per_mwh": scenario.price.ravel(),
        "delivered_price_aud_per_mwh": 1000.0 * np.broadcast_to(delivered, study.cap.shape).ravel(),
        "worth_of_energy_aud_per_mwh": 1000.0 * np.broadcast_to(worth, study.cap.shape).ravel(),
        "carbon_g_per_kwh": scenario.carbon_intensity.ravel(),
        "capacity_gpus": np.asarray(study.cap, float).ravel(),
    }
    marginal = jax.jit(jax.grad(lambda load: study.site_model.cost(load, study.conditions).sum()))
    frames = []
    for name, run in runs.items():
        report = run.outcome.report
        prices = np.asarray(run.schedule.prices, float) / scenario.slot_hours
        columns = {
            "load_gpus": run.outcome.load,
            "requests_per_s": run.outcome.requests,
            "wait_s": run.outcome.wait,
            "it_power_kw": report.it_power,
            "cooling_power_kw": report.cooling,
            "facility_power_kw": report.facility_power,
            "site_water_l_per_h": report.site_water,
            "source_water_l_per_h": report.source_water,
            "carbon_kg_per_h": report.carbon,
            **_others(report),
            **run.outcome.money,
            "total_cost_aud": sum(run.outcome.money.values()),
            "marginal_cost_aud_per_gpu_h": marginal(jnp.asarray(run.outcome.load)),
            "price_of_load_aud_per_gpu_h": prices if name == "temperature_aware" else np.full_like(prices, np.nan),
        }
        effects = {key: np.asarray(value, float).ravel() for key, value in columns.items()}
        frames.append(pd.DataFrame({"policy": name, **shared, **effects}))
    return pd.concat(frames, ignore_index=True).astype({"policy": "category", "site": "category"})
