"""Whatever is changed of a study, its caps, routes, scenario and problem stay in step; a fitted model drops into a run."""

import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest
from typer.testing import CliRunner

from jaxsched import ADMM, models
from jaxsched.calibrate import save_model
from jaxsched.cli._app import app
from jaxsched.config import load_config, with_models
from jaxsched.scenarios import australia
from jaxsched.study import POLICIES, build_problem, build_study, evaluate, ttft_quantile, with_prefill
from tests.small import IN_JANUARY

# Adding up in another order.
ROUNDING = 1e-12
CONFIG = f"""{IN_JANUARY}
[report]
policies = ["nearest"]
plots = false
"""


@pytest.fixture(scope="module")
def study():
    return build_study(australia(sites=3, origins=3, slots=2, start="2024-01-15T00:00+10:00"))


@pytest.fixture(scope="module")
def hungry():
    """A plant that leaves less of a power limit to the servers."""
    return models.WaterCooledPlant(pump_share=jnp.asarray(0.2), fans=models.Fans(rated_share=jnp.asarray(0.3)))


def in_step(study):
    """Whether caps and problem are those of the models, the limit and the scenario of a study."""
    again = build_problem(study, study.inputs)
    np.testing.assert_allclose(again.capacity, study.cap, rtol=ROUNDING)
    for name in ("capacity", "demand", "route_cost", "work"):
        np.testing.assert_allclose(getattr(again, name), getattr(study.problem, name), rtol=ROUNDING)
    load = 0.5 * study.cap
    np.testing.assert_allclose(again.site_cost(load), study.problem.site_cost(load), rtol=ROUNDING)
    np.testing.assert_allclose(study.problem.demand, study.scenario.demand, rtol=ROUNDING)


def test_nothing_changed_is_the_same_study(study):
    same = study.with_()
    in_step(same)
    np.testing.assert_array_equal(same.cap, study.cap)


def test_another_plant_moves_the_caps_and_the_problem_with_it(study, hungry):
    found = study.with_(hungry)
    in_step(found)
    assert (np.asarray(found.cap) <= np.asarray(study.cap)).all()
    assert (np.asarray(found.problem.capacity) < 0.999 * np.asarray(study.cap)).any()


def test_the_weights_of_the_sites_are_those_of_every_cost_of_a_routing(study):
    weights = dataclasses.replace(study.site_model.weights, waiting=3.0 * study.site_model.weights.waiting)
    dear = study.with_(dataclasses.replace(study.site_model, weights=weights))
    routing = np.asarray(POLICIES["proportional"](study, ADMM()).routing)
    base, found = evaluate(study, routing), evaluate(dear, routing)
    assert found.totals["waiting_cost_aud"] == pytest.approx(3.0 * base.totals["waiting_cost_aud"], rel=ROUNDING)
    assert found.totals["mean_ttft_ms"] == pytest.approx(base.totals["mean_ttft_ms"], rel=ROUNDING)
    for name, each in found.money.items():
        assert each.sum() == pytest.approx(found.totals[name], rel=ROUNDING)


def test_the_tail_of_ttft_follows_a_fitted_law_of_prefill(study):
    """A prefill that is constant moves the whole distribution by its difference."""
    names = {(h, m) for h in study.scenario.sites["hardware"] for m in study.scenario.classes["model"]}
    flat, slow = study, study
    for hardware, model in names:
        for seconds in (0.01, 0.11):
            law = models.Prefill(fixed=jnp.asarray(seconds), linear=jnp.asarray(0.0), quadratic=jnp.asarray(0.0))
            if seconds < 0.1:
                flat = with_prefill(flat, law, hardware, model)
            else:
                slow = with_prefill(slow, law, hardware, model)
    routing, wait = np.asarray(study.scenario.demand)[:, :, None] / 3.0 + np.zeros((1, 1, 3, 1)), np.zeros((2, 3))
    assert ttft_quantile(slow, routing, wait) - ttft_quantile(flat, routing, wait) == pytest.approx(0.1, abs=1e-3)


def test_a_plant_at_one_site_leaves_the_others_alone(study, hungry):
    everywhere = pump_power(study.with_(hungry))
    before = pump_power(study)
    name = study.scenario.sites.index[1]
    found = study.with_(hungry, at=name)
    in_step(found)
    after = pump_power(found)
    np.testing.assert_allclose(after[:, 1], everywhere[:, 1])
    np.testing.assert_allclose(after[:, [0, 2]], before[:, [0, 2]])
    kind = study.scenario.sites.loc[name, "plant"]
    by_kind = pump_power(study.with_(hungry, at=kind))
    rows = (study.scenario.sites["plant"] == kind).to_numpy()
    np.testing.assert_allclose(by_kind[:, rows], everywhere[:, rows])


def pump_power(study):
    """At 0.6 of the rated IT power [slot, site]."""
    rated = study.site_model.rated_it_power[None]
    curves = study.site_model.plants.curves(rated, rated, study.conditions.dry_bulb, study.conditions.wet_bulb)
    return np.asarray(curves.cooling.pump(jnp.full_like(rated, 0.6)))


def test_inputs_reach_the_scenario_the_caps_and_the_problem(study):
    found = study.with_(
        facility_limit=0.6 * study.limit, demand=0.5 * study.scenario.demand, rtt=study.scenario.rtt + 0.3
    )
    in_step(found)
    assert (np.asarray(found.cap) < np.asarray(study.cap)).any()
    np.testing.assert_allclose(found.scenario.sites["facility_limit_kw"], 0.6 * np.asarray(study.limit))
    # Classes with a latency limit below 300 ms have lost their routes.
    assert found.allowed.sum() < study.allowed.sum()
    narrow = study.with_(facility_limit=jnp.stack([study.limit, 0.6 * study.limit]))
    in_step(narrow)
    np.testing.assert_array_equal(narrow.cap[0], study.cap[0])


def test_a_fitted_law_of_service_sets_work_and_prefill(study):
    site = models.ServingSite(token_time=jnp.asarray(1e-3), servers=jnp.asarray(6.0))
    kind, model = "h100", "llama-70b"
    found = with_prefill(study, site, kind, model, gpus=24.0)
    in_step(found)
    rows, columns = (study.scenario.sites["hardware"] == kind).to_numpy(), study.scenario.classes["model"] == model
    lengths = study.scenario.classes.loc[columns, ["input_mean", "input_mean_square", "output_mean"]].iloc[0]
    prefill = float(site.prefill(jnp.asarray(lengths["input_mean"]), jnp.asarray(lengths["input_mean_square"])))
    where = np.ix_(rows, columns.to_numpy())
    np.testing.assert_allclose(found.prefill[where][0, 0], prefill)
    np.testing.assert_allclose(found.work[where][0, 0], 24.0 / 6.0 * (prefill + 1e-3 * lengths["output_mean"]))
    np.testing.assert_allclose(found.work[~rows], study.work[~rows])
    alone = with_prefill(study, site, kind, model)
    np.testing.assert_allclose(alone.prefill, found.prefill)
    with pytest.raises(ValueError, match="places in a batch"):
        with_prefill(study, site, kind, model, gpus=4.0)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"models": (models.Prefill(),)}, "Prefill has no place in a study"),
        (
            {"models": (models.DirectExpansion(),), "at": "dz"},
            "no site and no plant 'dz' in the study; did you mean `dx`",
        ),
        ({"inputs": {"demands": 1.0}}, "no input 'demands'; did you mean `demand`"),
        ({"inputs": {"demand": np.ones((1, 2, 3))}}, r"demand has shape \(1, 2, 3\)"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(study, given, words):
    with pytest.raises(ValueError, match=words):
        study.with_(*given.get("models", ()), at=given.get("at"), **given.get("inputs", {}))


def test_model_files_drop_into_a_run_and_are_recorded(tmp_path, study, hungry):
    save_model(tmp_path / "plant.json", hungry)
    save_model(tmp_path / "rtt.json", models.RoundTripTime(base=jnp.asarray(0.02)))
    text = CONFIG + '[models]\ncooling = "plant.json"\nnetwork = "rtt.json"\n'
    (tmp_path / "run.toml").write_text(text, encoding="utf-8")
    config = load_config(tmp_path / "run.toml")
    found = with_models(study, config, tmp_path)
    in_step(found)
    np.testing.assert_array_equal(found.cap, study.with_(hungry).cap)
    done = CliRunner().invoke(app, ["run", str(tmp_path / "run.toml"), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert set(record["inputs"]) == {"models.cooling.all", "models.network"}
    assert len(record["inputs"]["models.cooling.all"]["sha256"]) == 64
    assert record["provenance"]["models.cooling.all"] == "fitted model of plant.json"
    again = json.loads((tmp_path / "out" / "config.json").read_text(encoding="utf-8"))
    assert again["models"]["cooling"] == {"all": str(tmp_path / "plant.json")}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('cooling = "none.json"', "models.cooling.all: "),
        ('water = "plant.json"', "holds a WaterCooledPlant, which is no model of water"),
        ('cooling = { dxx = "plant.json" }', "no plant 'dxx' in the study; did you mean `dx`?"),
        ('network = "plant.json"', "give a RoundTripTime"),
        ("cooling = 3", "`models.cooling` is 3"),
        ('[models.serving]\n"h100" = { file = "plant.json" }', 'for example "h100/llama-70b"'),
        (
            '[models.serving]\n"h100/llama-70b" = { file = "site.json", gpus = 24 }',
            "a log that cannot tell its servers",
        ),
    ],
)
def test_validate_names_a_model_that_does_not_fit(tmp_path, hungry, lines, words):
    save_model(tmp_path / "plant.json", hungry)
    save_model(tmp_path / "site.json", models.ServingSite(), {"servers_identified": False})
    (tmp_path / "run.toml").write_text(f"{CONFIG}[models]\n{lines}\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["validate", str(tmp_path / "run.toml")])
    assert done.exit_code == 2, done.output
    assert words in " ".join(done.output.split())


def test_a_site_holds_before_its_kind_of_plant(tmp_path, study, hungry):
    save_model(tmp_path / "plant.json", hungry)
    save_model(tmp_path / "mild.json", models.WaterCooledPlant())
    name = study.scenario.sites.index[0]
    text = f'{CONFIG}[models.cooling]\n"{name}" = "plant.json"\nall = "mild.json"\n'
    (tmp_path / "run.toml").write_text(text, encoding="utf-8")
    found = with_models(study, load_config(tmp_path / "run.toml"), tmp_path)
    expected = study.with_(models.WaterCooledPlant()).with_(hungry, at=name)
    np.testing.assert_array_equal(found.cap, expected.cap)
    assert dataclasses.asdict(found.scenario)["provenance"]["models.cooling.all"] == "fitted model of mild.json"
