"""The map of the sites, on the coastline where the package has one."""

from typing import Any

import matplotlib.text as mtext
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from jaxsched.report._figures import GREY
from jaxsched.scenarios import Scenario
from jaxsched.scenarios.countries import Country

# Sites beyond this number are labelled by the largest of each place only.
_MOST_LABELS = 12
# Where a label may go around its point, nearest first: direction in degrees and distance in points.
_PLACES = [(angle, distance) for distance in (12, 24, 40, 60, 85) for angle in range(0, 360, 30)]
# Room around the places [share of their span], and the least [degrees].
_ROOM, _LEAST_ROOM = 0.12, 0.5
# Least height or width of a map [share of the other].
_THINNEST = 0.5


def coastline(country: Country) -> list[tuple[bool, np.ndarray]]:
    """Lines of longitude and latitude [point, 2] [deg], and whether each is a border between two states.

    None of a country whose outline the package does not have.
    """
    if not country.embeds("coastline"):
        return []
    return [
        (bool(line["border"].iloc[0]), line[["longitude", "latitude"]].to_numpy(float))
        for _, line in country.table("coastline").groupby("line", sort=True)
    ]


def map_of(scenario: Scenario, busy: np.ndarray, labels: dict[Any, str]) -> Figure:
    """Sites by size and use, origins by population, over the coastline.

    Arguments:
        scenario: Its sites, origins and country.
        busy: Mean share of busy GPUs of each site [site].
        labels: Text for each site, by its name.
    """
    sites, origins = scenario.sites, scenario.origins
    figure = Figure(figsize=(9.5, 7), layout="constrained")
    FigureCanvasAgg(figure)
    axes: Axes = figure.subplots()
    for border, line in coastline(scenario.country):
        axes.plot(
            *line.T, color="#aaaaaa", linewidth=0.5 if border else 0.9, linestyle=":" if border else "-", zorder=1
        )
    people = origins["population"].to_numpy(float)
    axes.scatter(origins["longitude"], origins["latitude"], s=4 + 120.0 * people / max(people.max(), 1.0), color=GREY,
                 alpha=0.35, linewidth=0, zorder=2, label="origins, by population")  # fmt: skip
    # The largest first, so that no site of a city hides another.
    order = np.argsort(-sites["gpus"].to_numpy(float), kind="stable")
    ordered = sites.iloc[order]
    gpus = ordered["gpus"].to_numpy(float)
    area = 20.0 + 180.0 * gpus / gpus.max()
    dots = axes.scatter(ordered["longitude"], ordered["latitude"], s=area, c=busy[order], vmin=0,
                        cmap="viridis", edgecolor="black", linewidth=0.5, zorder=3, label="edge sites, by GPUs")  # fmt: skip
    _frame(axes, pd.concat([sites, origins]))
    axes.set(xlabel="longitude [°E]", ylabel="latitude [°N]", title="Edge sites and their mean utilisation")
    figure.colorbar(dots, ax=axes, label="mean share of GPUs busy [1]", shrink=0.7)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    named = ordered if len(ordered) <= _MOST_LABELS else ordered.groupby("state", sort=False).head(1)
    figure.draw_without_rendering()
    # Labels are placed where everything else has come to lie.
    figure.set_layout_engine("none")
    _place_labels(axes, [(row["longitude"], row["latitude"], labels[name]) for name, row in named.iterrows()],
                  ordered[["longitude", "latitude"]].to_numpy(float), 0.5 * np.sqrt(area))  # fmt: skip
    return figure


def _frame(axes: Axes, places: pd.DataFrame) -> None:
    """The part of the world that holds all places, with room for labels, and degrees in their true proportion."""
    ends = np.array([[places[key].min(), places[key].max()] for key in ("longitude", "latitude")], float)
    middle, span = ends.mean(1), ends[:, 1] - ends[:, 0]
    stretch = np.array([max(float(np.cos(np.radians(middle[1]))), 0.1), 1.0])
    # In degrees of latitude; no part of the world is drawn as a thin strip.
    size = np.maximum(span * (1.0 + 2.0 * _ROOM), span + 2.0 * _LEAST_ROOM) * stretch
    half = 0.5 * np.maximum(size, _THINNEST * size.max()) / stretch
    axes.set(xlim=(middle[0] - half[0], middle[0] + half[0]), ylim=(middle[1] - half[1], middle[1] + half[1]))
    axes.set_aspect(1.0 / stretch[0])


def _place_labels(axes: Axes, labels: list[tuple[float, float, str]], points: np.ndarray, radii: np.ndarray) -> None:
    """Write each label in the nearest place around its point where it covers no other label, no site and no edge.

    Arguments:
        axes: The map.
        labels: Longitude, latitude [deg] and text.
        points: Longitude and latitude of what is drawn [point, 2] [deg].
        radii: How large that is drawn [point] [points of 1/72 inch].
    """
    canvas = axes.figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    renderer, inside = canvas.get_renderer(), axes.get_window_extent()
    at = axes.transData.transform(points)
    reach = radii * axes.figure.dpi / 72.0
    taken = [(x - r, y - r, x + r, y + r) for (x, y), r in zip(at, reach, strict=True)]
    for longitude, latitude, text in labels:
        note = axes.annotate(text, (longitude, latitude), xytext=(0, 0), textcoords="offset points", ha="center",
                             va="center", fontsize=7, zorder=4, bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.6},
                             arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": GREY, "shrinkA": 0})  # fmt: skip
        boxes = (_moved(note, angle, distance, renderer) for angle, distance in _PLACES)
        fits = next(
            (
                n
                for n, box in enumerate(boxes)
                if inside.contains(box[0], box[1])
                and inside.contains(box[2], box[3])
                and not any(_overlap(box, other) for other in taken)
            ),
            None,
        )
        if fits is None:
            note.remove()
            continue
        taken.append(_moved(note, *_PLACES[fits], renderer))


def _moved(note: mtext.Annotation, angle: float, distance: float, renderer: Any) -> tuple[float, float, float, float]:
    """Put a label at a direction and distance from its point; the box that it then takes [pixels]."""
    note.update_positions(renderer)
    text = mtext.Text.get_window_extent(note, renderer)
    scale = 72.0 / note.figure.dpi
    direction = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    # From the point to the near edge of the text, so that wide texts keep the same distance as high ones.
    reach = min(
        0.5 * text.width * scale / max(abs(direction[0]), 1e-9),
        0.5 * text.height * scale / max(abs(direction[1]), 1e-9),
    )
    note.xyann = tuple(direction * (distance + reach))
    note.update_positions(renderer)
    box = mtext.Text.get_window_extent(note, renderer)
    return box.x0 - 2, box.y0 - 2, box.x1 + 2, box.y1 + 2


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
