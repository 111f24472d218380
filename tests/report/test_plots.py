"""Pictures drop no place, cover no label, say their clock, and ignore the settings of the user."""

import dataclasses
import itertools

import matplotlib as mpl
import matplotlib.text as mtext
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from jaxsched.report import PolicyRun
from jaxsched.report._figures import colours_of, local_times, own_style, percent
from jaxsched.report._map import coastline, map_of
from jaxsched.report._plots import draw_all, load_and_temperature, policies
from jaxsched.report._words import readable
from jaxsched.scenarios import australia
from jaxsched.scenarios.countries import country
from jaxsched.solvers import ADMM
from jaxsched.study import POLICIES, build_study, evaluate

PICTURES = ["policies.png", "load_and_temperature.png", "cooling_saved.png", "convergence.png", "sites.png"]


@pytest.fixture(scope="module")
def study():
    """Three sites in three countries, on three clocks."""
    here = australia(sites=3, origins=3, slots=2, start="2024-01-15T00:00+10:00")
    abroad = {
        "state": ["SG", "ID", "NSW"],
        "latitude": [1.35, -6.2, -33.9],
        "longitude": [103.8, 106.8, 151.2],
        "timezone": ["Asia/Singapore", "Asia/Jakarta", "Australia/Sydney"],
    }
    larger = {key: here.sites[key].to_numpy(float) * [3, 1, 1] for key in ("gpus", "facility_limit_kw")}
    sites = here.sites.assign(**abroad, **larger)
    return build_study(dataclasses.replace(here, sites=sites, origins=here.origins.assign(**abroad)))


@pytest.fixture(scope="module")
def runs(study):
    schedules = {name: POLICIES[name](study, ADMM(rtol=1e-3)) for name in ("temperature_aware", "nearest")}
    return {
        name: PolicyRun(found, evaluate(study, np.asarray(found.routing)), 1.0) for name, found in schedules.items()
    }


@pytest.mark.parametrize("names", [["temperature_aware", "nearest"], ["temperature_aware"]])
def test_every_picture_is_drawn_whatever_the_users_settings_say(study, runs, names, tmp_path, capsys):
    with mpl.rc_context({"text.usetex": True, "font.size": 40, "figure.figsize": (1, 1), "savefig.dpi": 7}):
        assert draw_all(study, {name: runs[name] for name in names}, tmp_path) == PICTURES
        assert mpl.rcParams["font.size"] == 40
    assert capsys.readouterr().err == ""
    assert all((tmp_path / name).stat().st_size > 10_000 for name in PICTURES if "saved" not in name)


def test_no_state_is_dropped_and_the_clock_is_that_of_most_gpus(study, runs):
    figure = load_and_temperature(study, runs)
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {"SG", "ID", "NSW"}
    assert figure.axes[-1].get_xlabel() == "time in Singapore (UTC+8)"
    times, clock = local_times(dataclasses.replace(study.scenario, sites=study.scenario.sites.iloc[2:]))
    assert clock == "time in Sydney (UTC+11)"
    assert str(times[0]) == "2024-01-15 01:00:00+11:00"


def test_the_shift_of_rounding_is_called_none(study, runs):
    same = dataclasses.replace(runs["nearest"], outcome=runs["temperature_aware"].outcome)
    figure = load_and_temperature(study, {**runs, "nearest": same})
    assert figure.axes[-1].get_title() == "No load is elsewhere than in the nearest schedule"


def test_what_differs_from_the_temperature_aware_schedule_is_said_beside_each_bar(study, runs):
    texts = [text.get_text() for text in policies(study, runs).axes[0].texts]
    cost = [run.outcome.totals["total_cost_aud"] for run in runs.values()]
    assert percent(cost[1], cost[0]) in texts[1]
    assert percent(51_366.6, 51_313.0) == "+0.10 %"
    assert percent(1.0, 1.0) == "±0 %"
    assert percent(3.0, 1.0) == "+200 %"


def test_labels_of_the_map_cover_neither_each_other_nor_the_edge():
    scenario = australia(sites=52, origins=20, slots=1)
    with own_style():
        figure = map_of(scenario, np.zeros(52), {name: f"{name}\nmean" for name in scenario.sites.index})
    axes, canvas = figure.axes[0], figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()
    boxes = [mtext.Text.get_window_extent(text, canvas.get_renderer()) for text in axes.texts]
    assert len(boxes) == scenario.sites["state"].nunique()
    assert not [pair for pair in itertools.combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    inside = axes.get_window_extent()
    assert all(inside.x0 <= b.x0 and b.x1 <= inside.x1 and inside.y0 <= b.y0 and b.y1 <= inside.y1 for b in boxes)


def test_every_site_of_a_small_study_is_labelled(study):
    names = list(study.scenario.sites.index)
    with own_style():
        figure = map_of(study.scenario, np.zeros(3), {name: name for name in names})
    assert {text.get_text() for text in figure.axes[0].texts} == set(names)


def test_the_coastline_is_that_of_australia():
    points = np.concatenate([line for _, line in coastline(country("australia"))])
    assert points[:, 0].min() == pytest.approx(113, abs=1)
    assert points[:, 0].max() == pytest.approx(153.6, abs=1)
    assert points[:, 1].min() == pytest.approx(-43.6, abs=1)
    assert points[:, 1].max() == pytest.approx(-10.7, abs=1)


def test_any_number_of_places_has_colours_of_its_own():
    for count in (1, 8, 9, 40):
        colours = colours_of([str(n) for n in range(count)])
        assert len({str(colour) for colour in colours.values()}) == count


def test_quantities_have_readable_names_that_stay_apart():
    of = "site_model.plants."
    assert readable(of + "AirsideEconomiser.wetting.threshold") == "airside economiser: wetting threshold"
    assert readable(of + "DirectExpansion.cooling.fans.rated_share") == "direct expansion: fans rated share"
    assert readable(of + "DirectExpansion[1].cooling.pump_share") == "direct expansion 2: pump share"
    assert readable(of + "WatersideEconomiser.water.cycles") == "water of waterside economiser: cycles"
    assert readable(of + "water.cycles") == "water: cycles"
    assert readable("site_model.electrical.ups_linear") == "power supply: UPS linear"
    assert readable("serving.prefill_linear") == "prefill: time per token of the prompt"
    assert readable("conditions.dry_bulb") == "dry bulb"
