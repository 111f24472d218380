"""The pictures of a fit: whether the law is right, not only how large its error is."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxsched.calibrate import Fit
from jaxsched.report._figures import BLUE, GREY, ORANGE, date_axis, save_figures

_BINS, _MOST_POINTS = 12, 20_000
_WEEK = pd.Timedelta(days=7)


def draw_fit(found: Fit, against: Sequence[str], folder: Path, name: str) -> list[str]:
    """Draw every plot of a fit into a folder and return the names of those that could be drawn."""
    draw: dict[str, Callable[[], Figure]] = {
        "residuals": lambda: residuals(found, against),
        "observed_predicted": lambda: observed_predicted(found),
    }
    if found.observations.times is not None:
        draw["week"] = lambda: week(found)

    def titled(key: str) -> Figure:
        figure = draw[key]()
        figure.suptitle(f"{name}: {_TITLES[key]}")
        return figure

    return save_figures({key: partial(titled, key) for key in draw}, folder)


_TITLES = {
    "residuals": "what the law leaves (bars: median and middle half of the held-out rows)",
    "observed_predicted": "observed against predicted",
    "week": "the first week that was held out",
}


def residuals(found: Fit, against: Sequence[str] = ()) -> Figure:
    """Residuals against each input that varies, and against the hour of the day."""
    data = found.observations
    used = data.used.reshape(-1)
    residual = (data.observed - found.predicted).reshape(-1)
    held_out = np.broadcast_to(
        found.held_out.reshape(-1, *[1] * (data.observed.ndim - 1)), data.observed.shape
    ).reshape(-1)
    chosen = {key: each.reshape(-1) for key, each in data.features.items() if not against or key in against}
    if data.times is not None and data.observed.ndim == 1:
        chosen[f"hour of the day ({_clock(data.times)})"] = np.asarray(
            data.times.hour + data.times.minute / 60.0, float
        )
    figure = Figure(figsize=(min(4.2 * max(len(chosen), 1), 17.0), 4.0), layout="constrained")
    for axes, (key, values) in zip(
        np.atleast_1d(figure.subplots(1, max(len(chosen), 1), sharey=True)), chosen.items(), strict=False
    ):
        for part, colour, label in ((~held_out, GREY, "fitted"), (held_out, BLUE, "held out")):
            rows = _thinned(np.flatnonzero(used & part))
            axes.plot(values[rows], residual[rows], ".", markersize=1.5, alpha=0.35, color=colour, label=label)
        _medians(axes, values[used & held_out], residual[used & held_out])
        axes.axhline(0.0, color="black", linewidth=0.8)
        axes.set_xlabel(_LABELS.get(key, key.replace("_", " ")))
    first = figure.axes[0]
    first.set_ylabel(f"observed less predicted [{data.unit or '1'}]")
    first.legend(frameon=False, markerscale=6, loc="upper left")
    return figure


_LABELS = {
    "it_power": "load (heat removed) [kW]",
    "dry_bulb": "dry bulb [°C]",
    "wet_bulb": "wet bulb [°C]",
}


def observed_predicted(found: Fit) -> Figure:
    """Held-out values against the fitted law, the law that was given, and the line of equality."""
    data = found.observations
    scored = data.used & np.isfinite(found.held_out_predicted)
    truth, guess = data.observed[scored], found.held_out_predicted[scored]
    default = np.asarray(found.predict(found.start, data.inputs))[scored]
    figure = Figure(figsize=(9.5, 4.8), layout="constrained")
    panels = ((default, "default", "before the fit"), (guess, "held_out", "fitted"))
    for axes, (values, key, title) in zip(figure.subplots(1, 2, sharex=True, sharey=True), panels, strict=True):
        rows = _thinned(np.arange(len(truth)))
        axes.plot(values[rows], truth[rows], ".", markersize=2, alpha=0.4, color=BLUE)
        ends = [float(min(truth.min(), guess.min())), float(max(truth.max(), guess.max()))]
        axes.plot(ends, ends, color="black", linewidth=0.8)
        score = found.scores[key]
        axes.set(
            xlabel=f"predicted [{data.unit or '1'}]",
            title=f"{title}: CV(RMSE) {score.cv_rmse:.1%}, NMBE {score.nmbe:+.1%}",
        )
    figure.axes[0].set_ylabel(f"observed, held out [{data.unit or '1'}]")
    return figure


def week(found: Fit) -> Figure:
    """Observed and predicted over the first held-out week."""
    data = found.observations
    assert data.times is not None
    scored = (data.used & np.isfinite(found.held_out_predicted)).reshape(len(data.times), -1).all(1)
    start = data.times[scored].min()
    rows = np.flatnonzero(scored & (data.times >= start) & (data.times < start + _WEEK))
    rows = rows[np.argsort(data.times[rows])]
    times = data.times[rows].tz_localize(None)
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    axes = figure.subplots()
    shown = {"observed": (data.observed, GREY), "predicted": (found.held_out_predicted, ORANGE)}
    step = np.diff(times.to_numpy(), prepend=times.to_numpy()[:1])
    gap = step > 2 * np.median(step)
    for label, (values, colour) in shown.items():
        # A value that is not a number before each gap breaks the line there.
        series = np.insert(values[rows].reshape(len(rows), -1).mean(1), np.flatnonzero(gap), np.nan)
        stamps = np.insert(times.to_numpy(), np.flatnonzero(gap), times.to_numpy()[gap])
        axes.plot(stamps, series, color=colour, linewidth=1.3, label=label)
    date_axis(axes, f"time ({_clock(data.times)})")
    axes.set_ylabel(f"observed and predicted [{data.unit or '1'}]")
    axes.legend(frameon=False, ncols=2, loc="upper right")
    axes.margins(y=0.15)
    return figure


def _clock(times: pd.DatetimeIndex) -> str:
    return "clock of the file" if times.tz is None else str(times.tz)


def _thinned(rows: np.ndarray) -> np.ndarray:
    return rows[:: max(len(rows) // _MOST_POINTS, 1)]


def _medians(axes: Axes, values: np.ndarray, residual: np.ndarray) -> None:
    """Median and middle half of the residuals in bins of equally many rows."""
    if len(values) < 4 * _BINS:
        return
    ends = np.unique(np.quantile(values, np.linspace(0.0, 1.0, _BINS + 1)))
    bins = np.clip(np.searchsorted(ends, values, side="right") - 1, 0, len(ends) - 2)
    for n in range(len(ends) - 1):
        inside = residual[bins == n]
        if len(inside):
            low, middle, high = np.quantile(inside, [0.25, 0.5, 0.75])
            at = float(np.median(values[bins == n]))
            axes.errorbar(
                at, middle, [[middle - low], [high - middle]], fmt="o", color=ORANGE, markersize=4, linewidth=1.5
            )
