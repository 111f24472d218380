"""The pictures of a run. Each answers one question of a planner."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxsched.models import TERMS
from jaxsched.models.terms import WEIGHTED
from jaxsched.report._figures import (
    BLUE,
    GREEN,
    ORANGE,
    RED,
    colours_of,
    date_axis,
    local_times,
    percent,
    save_figures,
    time_extent,
)
from jaxsched.report._map import map_of
from jaxsched.report._summary import PolicyRun
from jaxsched.study import Study

Runs = Mapping[str, PolicyRun]

_EFFECTS = (
    ("cooling_energy_mwh", "cooling energy [MWh]", GREEN),
    *((term.total, f"{term.measure} [{term.unit}]", term.colour) for term in WEIGHTED),
)
# What is less than this share of all load is rounding, no shift.
_ROUNDING = 1e-5


def draw_all(study: Study, runs: Runs, folder: Path) -> list[str]:
    """Draw every plot into a folder and return the names of those that could be drawn."""
    return save_figures({name: partial(draw, study, runs) for name, draw in _PLOTS.items()}, folder)


def policies(study: Study, runs: Runs) -> Figure:
    """What each policy costs, by component, what it uses, and what differs from the temperature-aware one."""
    figure = Figure(figsize=(11.5, 7), layout="constrained")
    grid = figure.add_gridspec(2, len(_EFFECTS), height_ratios=(1.2, 1))
    currency = study.scenario.country.currency
    _costs(figure.add_subplot(grid[0, :-1]), runs, currency)
    _differences(figure.add_subplot(grid[0, -1]), runs, currency)
    for column, (key, label, colour) in enumerate(_EFFECTS):
        axes = figure.add_subplot(grid[1, column])
        values = _totals(runs, key)
        _bars(axes, runs, values, colour, named=column == 0)
        axes.set(title=label, xlim=(0, max(float(values.max()), 1e-9) * 1.75))
    return figure


def _costs(axes: Axes, runs: Runs, currency: str) -> None:
    left = np.zeros(len(runs))
    for term in TERMS:
        values = _totals(runs, term.cost) / 1000.0
        axes.barh(np.arange(len(runs)), values, left=left, color=term.colour, label=term.label)
        left = left + values
    _bars(axes, runs, left, "none", named=True)
    # A price below zero may turn the whole cost negative.
    axes.set(
        xlabel=f"cost over the study [thousand {currency}], and against the temperature-aware schedule",
        xlim=(min(0.0, float(left.min())), max(float(left.max()), 1e-9) * 1.25),
    )
    axes.legend(ncols=len(TERMS), loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)


def _bars(axes: Axes, runs: Runs, values: np.ndarray, colour: str, *, named: bool) -> None:
    """A bar for each policy, with its value and the change against the first."""
    positions = np.arange(len(runs))
    axes.barh(positions, values, color=colour)
    digits = max(0, 3 - math.floor(math.log10(max(float(np.abs(values).min()), 1e-3))))
    for position, value in zip(positions, values, strict=True):
        change = f"  ({percent(value, values[0])})" if position else ""
        axes.text(max(value, 0.0), float(position), f" {value:,.{digits}f}{change}", va="center", fontsize=8)
    axes.set(yticks=positions, yticklabels=[_name(run) for run in runs] if named else [])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)


def _differences(axes: Axes, runs: Runs, currency: str) -> None:
    """What knowing the weather is worth: the blind schedule less the aware one, on a scale of its own."""
    other = _reference(runs)
    if other is None:
        axes.set_axis_off()
        return
    labels = [*(term.short for term in TERMS), "total"]
    costs = [_totals(runs, term.cost) for term in TERMS]
    change = [float(cost[list(runs).index(other)] - cost[0]) for cost in costs]
    values = np.array([*change, sum(change)])
    axes.barh(np.arange(len(labels)), values, color=[*(term.colour for term in TERMS), "black"])
    reach = max(float(np.abs(values).max()), 1e-9)
    for position, value in enumerate(values):
        axes.text(max(value, 0.0), float(position), f" {value:+,.3g}", va="center", fontsize=8)
    axes.axvline(0.0, color="black", linewidth=0.6)
    axes.set(yticks=np.arange(len(labels)), yticklabels=labels, xlabel=f"{currency} over the study",
             xlim=(min(-0.15 * reach, 1.2 * values.min()), 1.6 * reach),
             title=f"{_name(other)}\nless temperature-aware")  # fmt: skip
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)


def load_and_temperature(study: Study, runs: Runs) -> Figure:
    """Where the load goes while the weather changes, for every state."""
    reference = _reference(runs)
    figure = Figure(figsize=(11, 7), layout="constrained")
    weather, load, *shift = figure.subplots(2 if reference is None else 3, 1, sharex=True)
    times, clock = local_times(study.scenario)
    ends = times.append(times[-1:] + pd.Timedelta(hours=study.scenario.slot_hours))
    states = study.scenario.sites["state"].astype(str).to_numpy()
    aware = runs["temperature_aware"].outcome.load
    order = sorted(set(states), key=lambda state: -aware[:, states == state].sum())
    colours = colours_of(order)
    # A line needs two points to show.
    marker = "o" if len(times) == 1 else None
    bottom = np.zeros(len(ends))
    for state in order:
        at = states == state
        weather.plot(times, study.scenario.dry_bulb[:, at].mean(1), color=colours[state], label=state, marker=marker)
        part = _held(aware[:, at].sum(1))
        load.fill_between(ends, bottom, bottom + part, color=colours[state], step="post", linewidth=0)
        bottom = bottom + part
        if reference is not None:
            moved = (aware - runs[reference].outcome.load)[:, at].sum(1)
            shift[0].step(ends, _held(moved), color=colours[state], where="post")
    weather.set(ylabel="dry bulb, mean of sites [°C]", title="Weather")
    figure.legend(
        *weather.get_legend_handles_labels(), ncols=min(len(order), 10), loc="outside upper center", frameon=False
    )
    load.set(ylabel="load [busy GPUs]", title="Load of the temperature-aware schedule, by place")
    if reference is not None:
        _shift_panel(shift[0], reference, np.abs(aware - runs[reference].outcome.load).max() / max(aware.max(), 1e-12))
    date_axis([load, *shift][-1], clock, times.tz)
    return figure


def _shift_panel(axes: Axes, reference: str, share: float) -> None:
    """What the last panel shows; where nothing moves but by rounding, it says so."""
    axes.set(ylabel="shift of load [busy GPUs]", title=f"Shift against the {_name(reference)} schedule")
    if share <= _ROUNDING:
        axes.set(ylim=(-1.0, 1.0), title=f"No load is elsewhere than in the {_name(reference)} schedule")


def _held(values: np.ndarray) -> np.ndarray:
    """Values of slots, the last held to its end."""
    return np.append(values, values[-1:])


def cooling_saved(study: Study, runs: Runs) -> Figure:
    """At which sites and hours cooling energy was saved."""
    reference = _reference(runs)
    figure = Figure(figsize=(11, 8), layout="constrained")
    if reference is None:
        figure.suptitle("Cooling energy saved: no other schedule to compare with")
        return figure
    bars, heat = figure.subplots(1, 2, width_ratios=(1, 1.6))
    hours = study.scenario.slot_hours
    aware = np.asarray(runs["temperature_aware"].outcome.report.cooling, float)
    saved = (np.asarray(runs[reference].outcome.report.cooling, float) - aware) * hours
    order = np.argsort(saved.sum(0), kind="stable")[::-1]
    changed = order[np.abs(saved.sum(0))[order] >= 0.01 * np.abs(saved.sum(0)).max()]
    shown = changed if len(changed) <= 40 else np.concatenate([changed[:20], changed[-20:]])
    names = [f"{study.scenario.sites.index[j]} ({study.scenario.sites['state'].iloc[j]})" for j in shown]
    total = saved.sum(0)[shown]
    bars.barh(np.arange(len(shown)), total, color=np.where(total >= 0, BLUE, RED))
    bars.set(
        yticks=np.arange(len(shown)), xlabel="cooling energy saved over the study [kWh]", ylim=(len(shown) - 0.5, -0.5)
    )
    bars.set_yticklabels(names, fontsize=7.5)
    limit = max(float(np.abs(saved).max()), 1e-9)
    times, clock = local_times(study.scenario)
    extent = (*time_extent(times, hours), len(shown) - 0.5, -0.5)
    image = heat.imshow(saved[:, shown].T, aspect="auto", cmap="RdBu", vmin=-limit, vmax=limit, extent=extent)
    heat.set(yticks=[])
    date_axis(heat, clock, times.tz)
    heat.grid(visible=False)
    figure.colorbar(image, ax=heat, label="saved in the slot [kWh]")
    rest = len(order) - len(shown)
    left_out = f"\nleft out: the {rest} that changed least" if rest else ""
    figure.suptitle(
        f"Cooling energy of the {_name(reference)} schedule less the temperature-aware one: "
        f"{saved.sum():+,.3g} kWh, blue where saved, red where load came in.{left_out}"
    )
    return figure


def convergence(study: Study, runs: Runs) -> Figure:
    """How fast the certified gap closed."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    value, gap = figure.subplots(1, 2)
    history = runs["temperature_aware"].schedule.stats.history
    step, objective, bound = (np.asarray(a, float) for a in (history.step, history.objective, history.bound))
    value.plot(step, objective / 1000.0, color=BLUE, marker="o", label="feasible schedule")
    value.plot(step, bound / 1000.0, color=ORANGE, marker="s", label="proved lower bound")
    value.set(
        xlabel="iterations [1]",
        ylabel=f"cost [thousand {study.scenario.country.currency}]",
        title="The optimum lies between",
    )
    value.legend(frameon=False)
    # The whole cost, not its last digits less an offset, which nobody can read.
    value.ticklabel_format(axis="y", useOffset=False)
    gap.semilogy(step, np.maximum(np.asarray(history.gap, float), 1e-12), color=BLUE, marker="o")
    gap.set(xlabel="iterations [1]", ylabel="certified relative gap [1]", title="Certified gap")
    for axes in (value, gap):
        axes.xaxis.get_major_locator().set_params(integer=True)
    return figure


def sites_map(study: Study, runs: Runs) -> Figure:
    """Where the sites are, how large, how hot, and how busy."""
    scenario = study.scenario
    sites = scenario.sites
    busy = runs["temperature_aware"].outcome.load.mean(0) / sites["gpus"].to_numpy(float)
    warmth = scenario.dry_bulb.mean(0)
    labels = {name: f"{name}\nmean {degrees:.0f} °C" for name, degrees in zip(sites.index, warmth, strict=True)}
    return map_of(scenario, busy, labels)


_PLOTS: dict[str, Callable[[Study, Runs], Figure]] = {
    "policies": policies,
    "load_and_temperature": load_and_temperature,
    "cooling_saved": cooling_saved,
    "convergence": convergence,
    "sites": sites_map,
}


def _reference(runs: Runs) -> str | None:
    return next(
        (name for name in ("temperature_blind", "nearest", *runs) if name in runs and name != next(iter(runs))), None
    )


def _name(policy: str) -> str:
    return policy.replace("_", "-")


def _totals(runs: Runs, key: str) -> np.ndarray:
    return np.array([run.outcome.totals[key] for run in runs.values()])
