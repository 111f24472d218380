"""The pictures of a sensitivity study. Each answers one question of a planner."""

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from jaxsched.models import TERMS
from jaxsched.models.terms import WEIGHTED
from jaxsched.report._figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    colours_of,
    date_axis,
    local_times,
    save_figures,
    time_extent,
)
from jaxsched.report._sensitivity_tables import SensitivityParts
from jaxsched.report._words import readable
from jaxsched.sensitivity import AIMS, OUTPUTS, Answers, EpsilonConstraint, Frontier, LocalSensitivity, Sample
from jaxsched.sensitivity._names import GROUPS

_HUES = (RED, ORANGE, GREY, SKY, GREEN, "#56431f", BLUE, PURPLE, "#009999", "#F0E442", "#000000", "#8888cc")
# The thirteenth group has the colour of the first.
_COLOURS = dict(zip(GROUPS, itertools.cycle(_HUES), strict=False))
_LABELS = {
    "total_cost_aud": "total cost [money]",
    **{term.total: f"{term.measure} [{term.unit}]" for term in TERMS},
    **{term.cost: f"{term.name} cost [money]" for term in TERMS},
}
_LEVELS = {"drought": "price of water", "carbon price": "price of carbon", "demand growth": "demand"}
_SHOWN = 14
_TORNADO = ("total_cost_aud", *(term.total for term in TERMS))
_COLUMNS = -(-(len(OUTPUTS)) // 2)


def draw_sensitivity(parts: SensitivityParts, folder: Path) -> list[str]:
    """Draw the plots of every part that is there into a folder, and return the names of those that could be drawn."""
    pictures: tuple[tuple[str, Callable[[Any], Figure], Any], ...] = (
        ("tornado", tornado, parts.local),
        ("site_prices", site_prices, parts.local),
        ("global_indices", partial(global_indices, currency=parts.currency), parts.sampled),
        ("convergence", partial(index_convergence, currency=parts.currency), parts.sampled),
        ("scenarios", partial(scenarios, currency=parts.currency), parts.answers),
        ("frontier", partial(trade_offs, limits=parts.limits or (), currency=parts.currency), parts.frontier),
    )
    return save_figures({name: partial(draw, found) for name, draw, found in pictures if found is not None}, folder)


def tornado(found: LocalSensitivity) -> Figure:
    """Which inputs and parameters move cost, energy, carbon, water and waiting most."""
    figure = Figure(figsize=(17, 8.5), layout="constrained")
    used, panels = set(), figure.subplots(2, _COLUMNS)
    money = found.study.scenario.country.currency
    for axes, output in zip(panels.flat, _TORNADO, strict=False):
        top = found.effects(output)[:_SHOWN]
        change = [effect.change for effect in top]
        axes.barh(range(len(top)), change, color=[_COLOURS[effect.quantity.group] for effect in top])
        axes.set(yticks=range(len(top)), xlabel=f"change of {_label(output, money)}", ylim=(len(top) - 0.5, -0.5))
        axes.set_yticklabels([f"{readable(e.quantity.name)}  {e.step}" for e in top], fontsize=7.5)
        axes.axvline(0.0, color="black", linewidth=0.6)
        used |= {effect.quantity.group for effect in top}
    handles = [Patch(color=_COLOURS[group], label=group) for group in GROUPS if group in used]
    for axes in panels.flat[len(_TORNADO) :]:
        axes.set_axis_off()
    panels[-1, -1].legend(handles=handles, loc="center", ncols=2, frameon=False, title="what the input belongs to")
    figure.suptitle("First-order effect of a 10 % rise of each input (1 K for temperatures), the schedule following")
    return figure


def site_prices(found: LocalSensitivity) -> Figure:
    """What a degree, a GPU of room and a millisecond are worth at every site and hour."""
    scenario = found.study.scenario
    money = scenario.country.currency
    panels = (
        (found.warming(), "a degree of warming", f"{money}/K", "inferno"),
        (np.asarray(found.schedule.prices, float), "one more busy GPU", f"{money}/GPU", "viridis"),
        (found.latency(), "a millisecond to the site", f"{money}/ms", "cividis"),
    )
    if found.power_limit().max() > 1e-9:
        panels += ((found.power_limit(), "a MW at the meter (saved)", f"{money}/MW", "magma"),)
    order = np.lexsort((scenario.sites.index.to_numpy(str), scenario.sites["state"].to_numpy(str)))
    names = [f"{scenario.sites.index[j]} ({scenario.sites['state'].iloc[j]})" for j in order]
    times, clock = local_times(scenario)
    extent = (*time_extent(times, scenario.slot_hours), len(order) - 0.5, -0.5)
    figure = Figure(figsize=(14, min(3.5 + 0.14 * len(order), 24.0)), layout="constrained")
    for position, (axes, (values, what, unit, colours)) in enumerate(
        zip(np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True)
    ):
        image = axes.imshow(values[:, order].T, aspect="auto", cmap=colours, extent=extent, interpolation="nearest")
        axes.set(yticks=range(len(order)), title=f"What {what} is worth")
        axes.set_yticklabels(names if position == 0 else [], fontsize=6.5)
        axes.grid(visible=False)
        date_axis(axes, clock, times.tz, most=5)
        # Below its panel: beside it, the label of a colour bar reads as the axis of the next panel.
        figure.colorbar(image, ax=axes, label=f"{unit} in the slot", location="bottom", shrink=0.9, pad=0.02)
    figure.suptitle("Prices by site and hour, sites by state")
    return figure


def global_indices(sampled: Sample, currency: str) -> Figure:
    """Which uncertain numbers the spread of each output comes from."""
    indices = sampled.indices()
    sobol = sampled.method == "sobol"
    figure = Figure(figsize=(13, 6.5), layout="constrained")
    names = [f"{_plain(one.name)} [{one.low:g} to {one.high:g} {one.unit}]" for one in indices.ranges]
    positions = np.arange(len(names))
    for o, (axes, output) in enumerate(
        zip(figure.subplots(2, _COLUMNS, sharey=True).flat, indices.outputs, strict=False)
    ):
        label = _label(output, currency)
        if sobol:
            for key, shift, colour in (("total", -0.2, BLUE), ("first", 0.2, SKY)):
                axes.barh(positions + shift, indices.values[key][:, o], 0.38, xerr=indices.half_widths[key][:, o], color=colour,
                          label=f"{key} index", error_kw={"linewidth": 0.8})  # fmt: skip
            axes.set(xlabel="share of the variance [1]", title=label, xlim=(-0.1, None))
        else:
            axes.barh(positions, indices.values["mean_absolute"][:, o], xerr=indices.half_widths["mean_absolute"][:, o],
                      color=BLUE, error_kw={"linewidth": 0.8})  # fmt: skip
            axes.set(xlabel=f"mean absolute effect over the range{_unit(label)}", title=label)
        axes.set_yticks(positions, names, fontsize=8)
        axes.set_ylim(len(names) - 0.5, -0.5)
    if sobol:
        figure.axes[0].legend(frameon=False, loc="lower right")
    figure.suptitle(
        f"{sampled.method.capitalize()} indices, {indices.samples} {_counted(sampled)}, lines of 95 % confidence"
    )
    return figure


def _label(output: str, currency: str) -> str:
    """An output with its unit; one of a function of the user's own by its name."""
    return _LABELS.get(output, output).replace("[money]", f"[{currency}]")


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _unit(label: str) -> str:
    """The unit at the end of a label, in its brackets."""
    return f" [{label.rsplit('[', 1)[1]}" if "[" in label else ""


def _counted(sampled: Sample) -> str:
    return "base samples" if sampled.method == "sobol" else "trajectories"


def index_convergence(sampled: Sample, currency: str) -> Figure:
    """Whether the sample was large enough: indices of its parts."""
    figure = Figure(figsize=(12, 6), layout="constrained")
    steps = sampled.convergence()
    key = "total" if sampled.method == "sobol" else "mean_absolute"
    counts = [one.samples for one in steps]
    for o, (axes, output) in enumerate(
        zip(figure.subplots(2, _COLUMNS, sharex=True).flat, sampled.outputs, strict=False)
    ):
        for p, one in enumerate(sampled.ranges):
            value = np.array([step.values[key][p, o] for step in steps])
            half = np.array([step.half_widths[key][p, o] for step in steps])
            colour = f"C{p}"
            axes.plot(counts, value, marker="o", markersize=3, color=colour, label=_plain(one.name))
            axes.fill_between(counts, value - half, value + half, color=colour, alpha=0.12, linewidth=0)
        axes.set(xscale="log", title=_label(output, currency), xlabel=_counted(sampled) if o >= _COLUMNS else None)
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.minorticks_off()
        unit = _unit(_label(output, currency))
        axes.set_ylabel("total index [1]" if key == "total" else f"mean absolute effect{unit}")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.suptitle("Indices of the first part of the sample and of all of it, with bands of 95 % confidence")
    return figure


def scenarios(answers: Answers, currency: str) -> Figure:
    """How cost, carbon, water and waiting move along each family of scenarios, and the outages that cost most."""
    figure = Figure(figsize=(14, 8), layout="constrained")
    grid = figure.add_gridspec(2, 3)
    base, cost = answers.base_values, answers.values[:, 0]
    families = dict.fromkeys(case.family for case in answers.cases)
    heat = [name for name in families if name.startswith("heat wave")]
    top = figure.add_subplot(grid[0, 0])
    colours = colours_of(heat)
    for family in heat:
        at = _of(answers, family)
        top.plot(
            _levels(answers, at), cost[at] - base[0], marker="o", markersize=3, color=colours[family], label=family[13:]
        )
    top.set(xlabel="warming [K]", ylabel=f"more than the base [{currency}]", title="Heat waves: total cost")
    if heat:
        top.legend(frameon=False, fontsize=8)
    for position, family in zip(((0, 1), (0, 2), (1, 0)), ("drought", "carbon price", "demand growth"), strict=True):
        at = _of(answers, family)
        if len(at):
            _shares(figure.add_subplot(grid[position]), answers, at, family)
    out = [n for n, case in enumerate(answers.cases) if case.family.startswith("outage") and answers.reached[n]]
    worst = sorted(out, key=lambda n: -cost[n])[:15]
    if worst:
        axes = figure.add_subplot(grid[1, 1:])
        axes.barh(range(len(worst)), cost[worst] - base[0], color=RED)
        axes.set(yticks=range(len(worst)), ylim=(len(worst) - 0.5, -0.5), xlabel=f"more than the base [{currency}]")
        axes.set_yticklabels([answers.cases[n].family[10:] for n in worst], fontsize=8)
        axes.set_title("Outages that cost most")
    gap = float(answers.gap[answers.reached].max()) if answers.reached.any() else float("nan")
    figure.suptitle(
        f"{len(answers.cases)} scenarios, each certified to {gap:.1e} or better (base {base[0]:,.0f} {currency})"
    )
    return figure


def _of(answers: Answers, family: str) -> list[int]:
    return [n for n, case in enumerate(answers.cases) if case.family == family and answers.reached[n]]


def _levels(answers: Answers, at: list[int]) -> list[float]:
    return [answers.cases[n].level for n in at]


def _shares(axes: Axes, answers: Answers, at: list[int], family: str) -> None:
    shown = dict(zip(_TORNADO, itertools.cycle((BLUE, ORANGE, GREY, SKY, PURPLE, GREEN, RED)), strict=False))
    title, label = family.capitalize(), f"{_LEVELS[family]} [{answers.cases[at[0]].unit}]"
    if family != "demand growth":
        # A dearer price raises the cost by itself, which would hide what the schedule does about it.
        del shown["total_cost_aud"]
        dearest = answers.values[at, 0].max() / answers.base_values[0] - 1.0
        title += f" (total cost up to {dearest:+.0%})"
    for name, colour in shown.items():
        column = list(OUTPUTS).index(name)
        relative = 100.0 * (answers.values[at, column] / answers.base_values[column] - 1.0)
        axes.plot(
            _levels(answers, at), relative, color=colour, marker="o", markersize=3, label=_LABELS[name].split(" [")[0]
        )
    axes.set(xlabel=label, ylabel="change from the base [%]", title=title)
    axes.legend(frameon=False, fontsize=8)


def trade_offs(found: Frontier, limits: Sequence[EpsilonConstraint], currency: str) -> Figure:
    """What carbon, water and waiting cost in money for energy: a sweep of weights, and limits on the aim of each panel."""
    figure = Figure(figsize=(13, 4.6), layout="constrained")
    families = list(dict.fromkeys(case.family for case in found.answers.cases))
    of_terms = {term.name: term.colour for term in WEIGHTED}
    colours = dict(zip((one for one in families if one not in of_terms), (GREEN, PURPLE), strict=False)) | of_terms
    others = range(1, len(AIMS))
    for axes, (x, y) in zip(np.atleast_1d(figure.subplots(1, len(others))), ((0, y) for y in others), strict=True):
        for family in families:
            at = np.array([case.family == family for case in found.answers.cases])
            for kind, face in ((found.efficient, colours[family]), (~found.efficient, "none")):
                axes.scatter(found.points[at & kind, x], found.points[at & kind, y], s=28, facecolor=face,
                             edgecolor=colours[family], label=family if kind is found.efficient else None)  # fmt: skip
        columns = [list(OUTPUTS).index(AIMS[x]), list(OUTPUTS).index(AIMS[y])]
        axes.scatter(*found.answers.base_values[columns], marker="*", s=130, color=RED, zorder=4, label="base")
        axes.scatter(*found.points[found.knee, [x, y]], marker="D", s=90, facecolor="none", edgecolor="black", linewidth=1.5,
                     zorder=5, label="knee")  # fmt: skip
        kept = np.array([one.values for one in limits if one.aim == AIMS[y]]).reshape(-1, len(OUTPUTS))
        if len(kept):
            axes.scatter(*kept[:, columns].T, marker="_", s=140, linewidth=1.8, color=RED, zorder=3,
                         label="limit on this aim")  # fmt: skip
        axes.set(xlabel=_label(AIMS[x], currency), ylabel=_label(AIMS[y], currency))
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.suptitle(
        f"Frontier by weights: {int(found.efficient.sum())} of {len(found.points)} schedules efficient (filled), "
        f"hypervolume {found.hypervolume:.2f} of the box; knee: {found.answers.cases[found.knee].name}"
    )
    return figure
