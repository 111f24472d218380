"""Tidy tables and the summary of a sensitivity study."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from jaxsched.models.terms import WEIGHTED
from jaxsched.sensitivity import AIMS, OUTPUTS, Answers, EpsilonConstraint, Frontier, LocalSensitivity, Sample

# What the shadow price of a limit is a price of.
_PRICED = {term.aim: term.worth.per for term in WEIGHTED if term.worth is not None}


@dataclasses.dataclass(frozen=True)
class SensitivityParts:
    """What a sensitivity study found; parts that were not asked for are None.

    Attributes:
        local: Derivatives.
        sampled: A sample for global indices, and the number of slots that it was taken of.
        answers: Scenarios.
        frontier: Trade-offs by weights.
        limits: Limits on each aim, from loose to tight, kept at the least cost.
        sampled_slots: Slots of the study that was sampled.
        currency: Of all its money, whatever the names of columns say.
    """

    local: LocalSensitivity | None = None
    sampled: Sample | None = None
    answers: Answers | None = None
    frontier: Frontier | None = None
    limits: Sequence[EpsilonConstraint] | None = None
    sampled_slots: int = 0
    currency: str = "AUD"


def sensitivity_frames(parts: SensitivityParts) -> dict[str, pd.DataFrame]:
    """Tidy tables by name: one row per observation, units in the columns or beside the value."""
    return {name: make() for name, make in sensitivity_tables(parts).items()}


def sensitivity_tables(parts: SensitivityParts) -> dict[str, Callable[[], pd.DataFrame]]:
    """What makes each of these tables, so that one that fails costs no other."""
    tables: tuple[tuple[str, Callable[[Any], pd.DataFrame], Any], ...] = (
        ("local", local_frame, parts.local),
        ("site_prices", price_frame, parts.local),
        ("indices", indices_frame, parts.sampled),
        ("scenarios", answers_frame, parts.answers),
        ("frontier", frontier_frame, parts.frontier),
        ("limits", functools.partial(limits_frame, currency=parts.currency), parts.limits),
    )
    return {name: functools.partial(make, found) for name, make, found in tables if found is not None}


def frontier_frame(found: Frontier) -> pd.DataFrame:
    """Every schedule of a sweep of weights, whether another is better in every aim, and which is the knee."""
    frame = answers_frame(found.answers)
    return frame.assign(efficient=found.efficient, knee=np.arange(len(frame)) == found.knee)


def limits_frame(found: Sequence[EpsilonConstraint], currency: str) -> pd.DataFrame:
    """What every limit costs and is worth, with its certificate and all outputs of the schedule that keeps it."""
    rows = [
        {
            "aim": one.aim,
            "unit": OUTPUTS[one.aim],
            "limit": one.limit,
            "reached": one.reached,
            "shadow_price": one.price,
            "shadow_price_unit": f"{currency}/{_PRICED[one.aim]}",
            "cost_aud": one.cost,
            "lower_bound_aud": one.bound,
            "certified_gap": one.gap,
            **dict(zip(OUTPUTS, map(float, one.values), strict=True)),
        }
        for one in found
    ]
    # At dearer carbon, water or waiting the cost of the study's own weights is `cost_aud`.
    return pd.DataFrame(rows).drop(columns="total_cost_aud")


def local_frame(found: LocalSensitivity) -> pd.DataFrame:
    """Gradient, elasticity and change of every output by every input and parameter, ranked within an output."""
    rows = [
        {
            "output": output,
            "output_unit": OUTPUTS[output].replace("AUD", found.study.scenario.country.currency),
            "rank": rank,
            "parameter": effect.quantity.name,
            "group": effect.quantity.group,
            "unit": effect.quantity.unit,
            "gradient": effect.gradient,
            "elasticity": effect.elasticity,
            "step": effect.step,
            "change": effect.change,
        }
        for output in found.gradients
        for rank, effect in enumerate(found.effects(output), 1)
    ]
    return pd.DataFrame(rows)


def price_frame(found: LocalSensitivity) -> pd.DataFrame:
    """What a degree, a MW, a GPU and a millisecond are worth at every site in every slot."""
    scenario = found.study.scenario
    slots, sites = found.capacity_dual.shape
    return pd.DataFrame(
        {
            "slot_start_utc": np.repeat(scenario.times, sites),
            "site": np.tile(scenario.sites.index.astype(str), slots),
            "aud_per_k": found.warming().ravel(),
            **{
                f"{term.amount}_per_k": term.per_unit * found.warming(term.total).ravel()
                for term in WEIGHTED
                if not term.timed
            },
            "aud_saved_per_mw": found.power_limit().ravel(),
            "aud_saved_per_gpu": found.capacity_dual.ravel(),
            "aud_per_ms": found.latency().ravel(),
            "price_of_load_aud_per_gpu": np.asarray(found.schedule.prices, float).ravel(),
        }
    )


def indices_frame(sampled: Sample) -> pd.DataFrame:
    """Global indices with their intervals, for growing numbers of samples."""
    rows = []
    for indices in sampled.convergence():
        for name, values in indices.values.items():
            half = indices.half_widths.get(name)
            for p, one in enumerate(indices.ranges):
                for o, output in enumerate(indices.outputs):
                    rows.append(
                        {
                            "method": sampled.method,
                            "samples": indices.samples,
                            "output": output,
                            "parameter": one.name,
                            "low": one.low,
                            "high": one.high,
                            "unit": one.unit,
                            "index": name,
                            "value": float(values[p, o]),
                            "half_width_95": float("nan") if half is None else float(half[p, o]),
                        }
                    )
    return pd.DataFrame(rows)


def answers_frame(answers: Answers) -> pd.DataFrame:
    """What every case costs and does, with its certificate."""
    cases = answers.cases
    columns: dict[str, Any] = {
        "case": [case.name for case in cases],
        "family": [case.family for case in cases],
        "level": [case.level for case in cases],
        "level_unit": [case.unit for case in cases],
    }
    columns |= {name: answers.values[:, n] for n, name in enumerate(OUTPUTS)}
    columns |= {
        "objective_aud": answers.objective,
        "lower_bound_aud": answers.bound,
        "certified_gap": answers.gap,
        "iterations": answers.iterations,
        "reached": answers.reached,
    }
    return pd.DataFrame(columns)


def _limit_in_words(one: EpsilonConstraint, base: np.ndarray, currency: str) -> str:
    """What a limit costs beside the study itself, and what one unit less would."""
    own = float(base[list(OUTPUTS).index(one.aim)])
    quantity, unit = one.aim.rsplit("_", 1)[0].replace("_", " ").replace("ttft", "TTFT"), OUTPUTS[one.aim]
    extra = max(one.cost - float(base[list(OUTPUTS).index("total_cost_aud")]), 0.0)
    return (
        f"{quantity[:1].upper()}{quantity[1:]} of at most {one.limit:,.4g} {unit} ({1 - one.limit / own:.1%} less) costs "
        f"{extra:,.2f} {currency} more, {one.price:,.4g} {currency}/{_PRICED[one.aim]} at the margin."
    )


def planner_prices(found: LocalSensitivity) -> list[str]:
    """The prices of a degree, of capacity, of a millisecond and of a tonne in words, with place and hour."""
    scenario = found.study.scenario
    money = scenario.country.currency
    names, times = scenario.sites.index.astype(str), scenario.times
    span = f"these {len(times) * scenario.slot_hours:g} hours"
    carbon = scenario.weights["carbon"].value
    abated = float(np.asarray(found.gradients["carbon_t"].site_model.weights.carbon))
    tonnes = float(found.values[list(OUTPUTS).index("carbon_t")])
    words = [
        f"A tonne of carbon is worth {carbon:g} {money} here. One {money}/t more would cost {tonnes:,.1f} {money} over {span} and "
        f"avoid {-1000.0 * abated:,.1f} kg by moving load."
    ]
    for what, by_hour in (
        (
            "One degree more at {site}, in every hour, costs {sum:,.2f} {money} over {span}, most on {when} UTC.",
            found.warming(),
        ),
        ("One millisecond more to {site} costs {sum:,.2f} {money} over {span}, most on {when} UTC.", found.latency()),
        (
            "One more MW at the meter of {site} saves {sum:,.2f} {money} over {span}, most on {when} UTC.",
            found.power_limit(),
        ),
        (
            "One more GPU's room for load at {site} saves {sum:,.2f} {money} over {span}, most on {when} UTC.",
            found.capacity_dual,
        ),
    ):
        site = int(np.argmax(by_hour.sum(0)))
        total = float(by_hour[:, site].sum())
        if total > 1e-9:
            when = times[int(np.argmax(by_hour[:, site]))]
            words.append(
                what.format(site=names[site], sum=total, money=money, span=span, when=f"{when:%a %d %b %H:%M}")
            )
        elif "MW" in what or "GPU" in what:
            kind = "power limit" if "MW" in what else "capacity"
            words.append(f"No {kind} binds in {span}: more of it saves nothing at any site.")
    return words


def sensitivity_summary(
    name: str, parts: SensitivityParts, config: Mapping[str, Any], failed: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The main numbers, units in the keys; `failed` names the parts that could not be studied, with the reason."""
    summary: dict[str, Any] = {"name": name, "currency": parts.currency}
    if parts.local is not None:
        local = parts.local
        summary["totals"] = dict(zip(OUTPUTS, map(float, local.values), strict=True))
        summary["certified_gap"] = float(local.schedule.gap)
        summary["largest_effects"] = {
            output: [
                {"parameter": e.quantity.name, "step": e.step, f"change_{OUTPUTS[output].lower()}": e.change}
                for e in local.effects(output)[:10]
            ]
            for output in local.gradients
        }
        summary["prices_in_words"] = planner_prices(local)
        prices = price_frame(local).drop(columns=["slot_start_utc", "price_of_load_aud_per_gpu"])
        summary["prices_by_site"] = prices.groupby("site", sort=False).sum().to_dict("index")
    if parts.sampled is not None:
        summary["global"] = _global_summary(parts.sampled, parts.sampled_slots)
    if parts.answers is not None:
        summary["scenarios"] = _answers_summary(parts.answers)
    if parts.frontier is not None:
        found = parts.frontier
        summary["frontier"] = {
            "cases": len(found.answers.cases),
            "efficient": int(found.efficient.sum()),
            "hypervolume_share": found.hypervolume,
            "knee": found.answers.cases[found.knee].name,
            "knee_values": dict(zip(AIMS, map(float, found.points[found.knee]), strict=True)),
        }
    if parts.limits is not None:
        summary["limits"] = limits_frame(parts.limits, parts.currency).to_dict("records")
        if parts.frontier is not None:
            base = parts.frontier.answers.base_values
            summary["limits_in_words"] = [_limit_in_words(one, base, parts.currency) for one in parts.limits]
    return summary | {"failed": dict(failed or {}), "config": dict(config)}


def _global_summary(sampled: Sample, slots: int) -> dict[str, Any]:
    indices = sampled.indices()
    main = "total" if sampled.method == "sobol" else "mean_absolute"
    return {
        "method": sampled.method,
        "samples": indices.samples,
        "evaluations": len(sampled.points),
        "slots": slots,
        main: {
            output: {
                one.name: {
                    "value": float(indices.values[main][p, o]),
                    "half_width_95": float(indices.half_widths[main][p, o]),
                }
                for p, one in enumerate(indices.ranges)
            }
            for o, output in enumerate(indices.outputs)
        },
    }


def _answers_summary(answers: Answers) -> dict[str, Any]:
    good = np.flatnonzero(answers.reached)
    base = float(answers.base_values[0])
    return {
        "cases": len(answers.cases),
        "largest_certified_gap": float(answers.gap[good].max()) if len(good) else None,
        "not_served": [answers.cases[n].name for n in np.flatnonzero(~answers.reached)],
        "base_total_cost_aud": base,
        "change_of_total_cost_aud": {answers.cases[n].name: float(answers.values[n, 0]) - base for n in good.tolist()},
    }
