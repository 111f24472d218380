"""The pictures of a run. Each answers one question of a planner."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from jaxsched.report._summary import PolicyRun
from jaxsched.study import Study

# Okabe and Ito's palette, which people with any colour vision can tell apart.
_BLUE, _ORANGE, _GREEN, _RED, _PURPLE, _SKY, _GREY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#7F7F7F",
)  # fmt: skip
_STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
}
# Where the label of each state's largest site goes on the map [points], clear of the crowded south-east.
_LABELS = {
    "NSW": ((28, 4), "left"), "ACT": ((-62, 26), "right"), "VIC": ((-52, -34), "right"), "SA": ((-24, -22), "right"),
    "QLD": ((16, 0), "left"), "TAS": ((16, 0), "left"), "WA": ((14, 8), "left"), "NT": ((12, 6), "left"),
}  # fmt: skip
_LOCAL = "Australia/Brisbane"
_LOCAL_LABEL = "NEM time (UTC+10)"

Runs = Mapping[str, PolicyRun]


def draw_all(study: Study, runs: Runs, folder: Path) -> list[str]:
    """Draw every plot into a folder and return their file names."""
    names = []
    with mpl.rc_context(rc=_STYLE):
        for name, draw in _PLOTS.items():
            figure = draw(study, runs)
            FigureCanvasAgg(figure)
            figure.savefig(folder / f"{name}.png", dpi=150)
            names.append(f"{name}.png")
    return names


def policies(study: Study, runs: Runs) -> Figure:
    """What each policy costs, by component, and what it uses."""
    figure = Figure(figsize=(11, 6.2), layout="constrained")
    grid = figure.add_gridspec(2, 4, height_ratios=(1.25, 1))
    labels = [name.replace("_", "-") for name in runs]
    positions = [float(n) for n in range(len(runs))]
    top = figure.add_subplot(grid[0, :])
    left = np.zeros(len(runs))
    parts = (("energy_cost_aud", "energy", _BLUE), ("carbon_cost_aud", "carbon", _GREY),
             ("water_cost_aud", "water", _SKY), ("waiting_cost_aud", "time to first token", _ORANGE))  # fmt: skip
    for key, label, colour in parts:
        values = _totals(runs, key) / 1000.0
        top.barh(positions, values, left=left, color=colour, label=label)
        left = left + values
    for position, value in zip(positions, left, strict=True):
        top.text(value, position, f" {value:,.1f}", va="center")
    top.set(
        yticks=positions, yticklabels=labels, xlabel="cost over the study [thousand AUD]", xlim=(0, left.max() * 1.1)
    )
    top.invert_yaxis()
    top.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    small = (("cooling_energy_mwh", "cooling energy [MWh]", _GREEN), ("carbon_t", "carbon [t]", _GREY),
             ("water_kl", "water [kL]", _SKY), ("mean_ttft_ms", "mean TTFT [ms]", _ORANGE))  # fmt: skip
    for column, (key, label, colour) in enumerate(small):
        axes = figure.add_subplot(grid[1, column])
        values = _totals(runs, key)
        axes.barh(positions, values, color=colour)
        for position, value in zip(positions, values, strict=True):
            axes.text(value, position, f" {value:,.1f}", va="center", fontsize=8)
        axes.set(yticks=positions, yticklabels=labels if column == 0 else [], title=label, xlim=(0, values.max() * 1.3))
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
    return figure


def load_and_temperature(study: Study, runs: Runs) -> Figure:
    """Where the load goes while the weather changes."""
    figure = Figure(figsize=(11, 7), layout="constrained")
    weather, load, shift = figure.subplots(3, 1, sharex=True)
    times = study.scenario.times.tz_convert(_LOCAL).tz_localize(None)
    states = study.scenario.sites["state"].to_numpy()
    order = [s for s in ("NSW", "ACT", "VIC", "TAS", "SA", "WA", "NT", "QLD") if s in states]
    colours = dict(zip(order, (_BLUE, _SKY, _PURPLE, _GREEN, _RED, _ORANGE, "#F0E442", _GREY), strict=False))
    aware = runs["temperature_aware"].outcome.load
    reference = "temperature_blind" if "temperature_blind" in runs else "nearest" if "nearest" in runs else None
    bottom = np.zeros(len(times))
    for state in order:
        at = states == state
        weather.plot(times, study.scenario.dry_bulb[:, at].mean(1), color=colours[state], label=state)
        part = aware[:, at].sum(1)
        load.fill_between(times, bottom, bottom + part, color=colours[state], step="post", linewidth=0)
        bottom = bottom + part
        if reference:
            other = runs[reference].outcome.load[:, at].sum(1)
            shift.step(times, part - other, color=colours[state], where="post")
    weather.set(ylabel="dry bulb, mean of sites [°C]", title="Weather")
    weather.legend(ncols=len(order), loc="lower center", bbox_to_anchor=(0.5, 1.12), frameon=False)
    load.set(ylabel="load [busy GPUs]", title="Load of the temperature-aware schedule, by state")
    if reference:
        shift.set(ylabel="shift of load [busy GPUs]", title=f"Shift against the {reference.replace('_', '-')} schedule")
    else:
        shift.set_visible(False)
    _date_axis(shift if reference else load)
    return figure


def cooling_saved(study: Study, runs: Runs) -> Figure:
    """At which sites and hours cooling energy was saved."""
    reference = next((name for name in ("temperature_blind", "nearest", *runs) if name in runs), "temperature_aware")
    figure = Figure(figsize=(11, 8), layout="constrained")
    bars, heat = figure.subplots(1, 2, width_ratios=(1, 1.6))
    hours = study.scenario.slot_hours
    aware = np.asarray(runs["temperature_aware"].outcome.report.cooling, float)
    saved = (np.asarray(runs[reference].outcome.report.cooling, float) - aware) * hours
    order = np.argsort(saved.sum(0))[::-1]
    changed = order[np.abs(saved.sum(0))[order] > 0.01 * np.abs(saved.sum(0)).max()]
    shown = changed if len(changed) <= 40 else np.concatenate([changed[:20], changed[-20:]])
    names = [f"{study.scenario.sites.index[j]} ({study.scenario.sites['state'].iloc[j]})" for j in shown]
    total = saved.sum(0)[shown]
    bars.barh(np.arange(len(shown)), total, color=np.where(total >= 0, _GREEN, _RED))
    bars.set(yticks=np.arange(len(shown)), xlabel="cooling energy saved [kWh]", ylim=(len(shown) - 0.5, -0.5))
    bars.set_yticklabels(names, fontsize=7.5)
    limit = max(float(np.abs(saved).max()), 1e-9)
    extent = (0.0, len(study.scenario.times) * hours, len(shown) - 0.5, -0.5)
    image = heat.imshow(saved[:, shown].T, aspect="auto", cmap="RdBu", vmin=-limit, vmax=limit, extent=extent)
    heat.set(yticks=[], xlabel=f"hours since {study.scenario.times[0]:%Y-%m-%d %H:%M} UTC")
    heat.grid(visible=False)
    figure.colorbar(image, ax=heat, label="saved in the slot [kWh]")
    figure.suptitle(
        f"Cooling energy of the {reference.replace('_', '-')} schedule less the temperature-aware one: "
        f"{saved.sum() / 1000.0:+.2f} MWh, blue where saved, red where load came in.\n{len(order) - len(shown)} sites that changed "
        "least are left out"
    )
    return figure


def convergence(study: Study, runs: Runs) -> Figure:
    """How fast the certified gap closed."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    value, gap = figure.subplots(1, 2)
    history = runs["temperature_aware"].schedule.stats.history
    step, objective, bound = (np.asarray(a, float) for a in (history.step, history.objective, history.bound))
    value.plot(step, objective / 1000.0, color=_BLUE, marker="o", label="feasible schedule")
    value.plot(step, bound / 1000.0, color=_ORANGE, marker="s", label="proved lower bound")
    value.set(xlabel="iterations", ylabel="cost [thousand AUD]", title="The optimum lies between")
    value.legend(frameon=False)
    gap.semilogy(step, np.maximum(np.asarray(history.gap, float), 1e-12), color=_BLUE, marker="o")
    gap.set(xlabel="iterations", ylabel="certified relative gap", title="Certified gap")
    for axes in (value, gap):
        axes.xaxis.get_major_locator().set_params(integer=True)
    return figure


def sites_map(study: Study, runs: Runs) -> Figure:
    """Where the sites are, how large, how hot, and how busy."""
    figure = Figure(figsize=(8.5, 7), layout="constrained")
    axes: Axes = figure.subplots()
    sites, origins = study.scenario.sites, study.scenario.origins
    busy = runs["temperature_aware"].outcome.load.mean(0) / sites["gpus"].to_numpy(float)
    axes.scatter(origins["longitude"], origins["latitude"], s=3 + origins["population"] / 4e4, color=_GREY, alpha=0.35,
                 linewidth=0, label="origins, by population")  # fmt: skip
    dots = axes.scatter(sites["longitude"], sites["latitude"], s=12 + sites["gpus"] * 0.7, c=busy, cmap="viridis",
                        vmin=0, edgecolor="black", linewidth=0.5, label="edge sites, by GPUs")  # fmt: skip
    largest = sites.sort_values("gpus", ascending=False).groupby("state").head(1)
    for name, row in largest.iterrows():
        label = f"{name}\nmean {study.scenario.dry_bulb[:, sites.index.get_loc(name)].mean():.0f} °C"
        offset, side = _LABELS.get(row["state"], ((10, 4), "left"))
        axes.annotate(label, (row["longitude"], row["latitude"]), xytext=offset, textcoords="offset points", ha=side,
                      fontsize=7, arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": _GREY})  # fmt: skip
    axes.set(xlabel="longitude [°E]", ylabel="latitude [°N]", aspect=1.2, title="Edge sites and their mean utilisation")
    axes.margins(x=0.12, y=0.08)
    axes.legend(loc="lower left", frameon=False, markerscale=0.8)
    figure.colorbar(dots, ax=axes, label="mean share of GPUs busy", shrink=0.7)
    return figure


_PLOTS: dict[str, Callable[[Study, Runs], Figure]] = {
    "policies": policies,
    "load_and_temperature": load_and_temperature,
    "cooling_saved": cooling_saved,
    "convergence": convergence,
    "sites": sites_map,
}


def _totals(runs: Runs, key: str) -> np.ndarray:
    return np.array([run.outcome.totals[key] for run in runs.values()])


def _date_axis(axes: Axes) -> None:
    locator = AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.set_xlabel(_LOCAL_LABEL)
