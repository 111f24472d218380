"""The pictures of a fit to a log of requests."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from jaxsched.calibrate import LatencyFit
from jaxsched.report._figures import BLUE, GREY, ORANGE, save_figures


def draw_latency(
    found: LatencyFit, scored: pd.DataFrame, predicted: pd.DataFrame, folder: Path, name: str
) -> list[str]:
    """Draw every plot of a fit to a log into a folder and return the names of those that could be drawn."""
    draw: dict[str, Callable[[], Figure]] = {
        "latency": lambda: latency(found, scored, predicted),
        "servers": lambda: servers(found),
    }
    titles = {
        "latency": "time to first token against load",
        "servers": "how well each number of servers explains the log",
    }

    def titled(key: str) -> Figure:
        figure = draw[key]()
        figure.suptitle(f"{name}: {titles[key]}")
        return figure

    return save_figures({key: partial(titled, key) for key in draw}, folder)


def latency(found: LatencyFit, scored: pd.DataFrame, predicted: pd.DataFrame) -> Figure:
    """Median and 99th percentile that are predicted, and those that were measured but not fitted."""
    figure = Figure(figsize=(8.0, 4.4), layout="constrained")
    axes = figure.subplots()
    for what, label, colour in (("p99", "99th percentile", ORANGE), ("median", "median", BLUE)):
        axes.plot(predicted["utilisation"], predicted[f"law_{what}_s"], color=colour, label=f"{label}: law")
        axes.plot(
            predicted["utilisation"], predicted[f"simulated_{what}_s"], ":", color=colour, label=f"{label}: simulated"
        )
        axes.plot(scored["utilisation"], scored[f"{what}_s"], "o", color=colour, label=f"{label}: measured, not fitted")
    axes.axvline(found.utilisation, color=GREY, linewidth=1.0)
    axes.annotate(
        "fitted here",
        (found.utilisation, 0.02),
        (4, 0),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        color="#555555",
    )
    axes.set(xlabel="load [share of what the site can serve]", ylabel="time to first token [s]", yscale="log")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def servers(found: LatencyFit) -> Figure:
    """Misfit of every number of servers that was tried; those that cannot be told from the best are marked."""
    profile = found.servers
    error = np.sqrt(profile["misfit"] / max(int(found.fit.observations.used.sum()), 1))
    marked = profile["plausible"].to_numpy(bool)
    figure = Figure(figsize=(6.5, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.plot(profile.index, error, ".-", color=GREY, label="tried")
    axes.plot(profile.index[marked], error[marked], "o", color=BLUE, label="plausible")
    axes.set(xlabel="requests in service together (servers)", ylabel="RMS error of ln TTFT [1]", yscale="log")
    axes.legend(frameon=False)
    return figure
