"""How every picture looks, and how it is saved: a picture that fails costs only itself."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import tzinfo
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure

from jaxsched.report._failures import apart
from jaxsched.scenarios import Scenario
from jaxsched.scenarios.readers._times import offset_name

# Okabe and Ito's palette, which people with any colour vision can tell apart.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY, YELLOW = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#7F7F7F", "#F0E442",
)  # fmt: skip
_PALETTE = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY, YELLOW)
_STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
}


@contextmanager
def own_style() -> Iterator[None]:
    """The settings of these pictures, whatever a user's matplotlibrc says: LaTeX, fonts and sizes do not fit everywhere."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def save_figures(figures: Mapping[str, Callable[[], Figure]], folder: Path) -> list[str]:
    """Draw and save each figure as NAME.png, and return the names of those that could be."""
    names = []
    for name, draw in figures.items():
        path = folder / f"{name}.png"
        with apart(folder, f"plot {path.name}"):
            try:
                with own_style():
                    figure = draw()
                    FigureCanvasAgg(figure)
                    figure.savefig(path, dpi=150)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
            names.append(path.name)
    return names


def colours_of(names: list[str]) -> dict[str, Any]:
    """A colour for each of any number of names."""
    if len(names) <= len(_PALETTE):
        return dict(zip(names, _PALETTE, strict=False))
    return dict(zip(names, mpl.colormaps["turbo"](np.linspace(0.03, 0.97, len(names))), strict=True))


def local_times(scenario: Scenario) -> tuple[pd.DatetimeIndex, str]:
    """Slots on the clock of the place with most GPUs, and what to call that clock, daylight saving included."""
    zone = str(scenario.sites.groupby("timezone", sort=True)["gpus"].sum().idxmax())
    times = scenario.times.tz_convert(zone)
    name = zone.rsplit("/", 1)[-1].replace("_", " ")
    return times, f"time in {name} ({_offsets(times)})"


def _offsets(times: pd.DatetimeIndex) -> str:
    """How far a clock is ahead of UTC at the start, and from which day on otherwise."""
    said: list[str] = []
    offsets = [when.utcoffset() for when in times]
    for n, offset in enumerate(offsets):
        assert offset is not None
        if n == 0 or offset != offsets[n - 1]:
            said.append(offset_name(offset.total_seconds()) + (f" from {times[n]:%-d %b}" if n else ""))
    return ", ".join(said)


def time_extent(times: pd.DatetimeIndex, slot_hours: float) -> tuple[float, float]:
    """The ends of a study on an axis of dates: start of the first slot, end of the last."""
    ends = date2num([times[0].to_pydatetime(), (times[-1] + pd.Timedelta(hours=slot_hours)).to_pydatetime()])
    return float(ends[0]), float(ends[1])


def date_axis(axes: Axes, label: str, zone: tzinfo | None = None, most: int = 8) -> None:
    """At most `most` dates along the horizontal axis, on the clock of a zone, and what that is called.

    The axis itself is of instants: where the clock changes, no hour is drawn twice and none is left out.
    """
    locator = AutoDateLocator(tz=zone, minticks=3, maxticks=most)
    axes.xaxis_date(zone)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=zone))
    axes.set_xlabel(label)


def percent(value: float, base: float) -> str:
    """A relative change with as many digits as show it, such as +0.10 %."""
    if base == 0.0:
        return ""
    change = 100.0 * (value / base - 1.0)
    if abs(change) < 5e-4:
        return "±0 %"
    digits = max(0, min(3, 1 - math.floor(math.log10(abs(change)))))
    return f"{change:+.{digits}f} %"
