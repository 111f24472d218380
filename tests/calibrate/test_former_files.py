"""Model files of before a plant was one object are read, or say what to do."""

import json

import numpy as np
import pytest

from jaxsched import models
from jaxsched.calibrate import CalibrationError, load_model, save_model


def former(model, renamed):
    """The text of a wetted law as it was written before."""
    threshold, width = renamed
    wetting = model.pop("wetting")
    return {**model, threshold: wetting["threshold"], width: wetting["width"]}


def written(tmp_path, model):
    save_model(tmp_path / "now.json", model)
    return json.loads((tmp_path / "now.json").read_text())


def read(tmp_path, content, model):
    (tmp_path / "then.json").write_text(json.dumps({**content, "model": model}))
    return load_model(tmp_path / "then.json")


WETTED = {
    models.IndirectEvaporative: ("threshold", "gate_width"),
    models.EvaporativeWater: ("threshold", "width"),
}


@pytest.mark.parametrize("law", WETTED)
def test_a_wetted_law_of_before_is_read(tmp_path, law):
    content = written(tmp_path, law(wetting=models.Wetting(threshold=29.0, width=1.5)))
    found = read(tmp_path, content, former(content["model"], WETTED[law]))
    assert (float(found.wetting.threshold), float(found.wetting.width)) == (29.0, 1.5)


def site(water_threshold=27.0):
    """A site model of before, with cooling and water apart."""

    def law(model, wetting=27.0):
        text = json.loads(_text(model))["model"]
        if "wetting" in text:
            text["wetting"]["threshold"]["value"] = wetting
            text = former(text, WETTED[type(model)])
        return text

    plants = [law(models.DirectExpansion()), law(models.IndirectEvaporative())]
    kinds = [law(models.DryWater()), law(models.EvaporativeWater(), water_threshold)]
    share = {"value": [[1.0, 0.0], [0.0, 1.0]], "dtype": "float64", "unit": "1"}
    return (
        {"class": "MixedCooling", "plants": plants, "membership": share},
        {"class": "MixedWater", "kinds": kinds, "membership": share},
    )


def _text(model):
    from jaxsched.calibrate import model_text

    return model_text(model)


@pytest.fixture
def whole():
    two = np.array([10.0, 20.0])
    mixed = models.MixedPlants(tuple(models.PLANTS[name]() for name in ("dx", "indirect_evaporative")), np.eye(2))
    return models.SiteModel(
        weights=models.Weights(carbon=75.0, water=3.0, waiting=1e-3), it_power=models.ITPower(),
        electrical=models.ComponentElectrical(), plants=mixed, gpus=two, replicas=two, rated_it_power=two,
    )  # fmt: skip


def test_a_site_model_of_before_is_read(tmp_path, whole):
    content = written(tmp_path, whole)
    model = content["model"]
    del model["plants"]
    model["cooling"], model["water"] = site()
    found = read(tmp_path, content, model)
    assert [plant.label for plant in found.plants.plants] == ["DirectExpansion", "IndirectEvaporative"]
    conditions = models.Conditions(
        dry_bulb=[30.0, 30.0], wet_bulb=[20.0, 20.0], price=50.0, carbon_intensity=500.0, source_water=1.0
    )
    load = np.array([[5.0, 10.0]])
    np.testing.assert_array_equal(found(load, conditions).total, whole(load, conditions).total)


def test_two_wettings_of_one_plant_and_mixtures_alone_say_what_to_do(tmp_path, whole):
    content = written(tmp_path, whole)
    model = content["model"]
    del model["plants"]
    model["cooling"], model["water"] = site(water_threshold=20.0)
    with pytest.raises(ValueError, match=r"give Plant\(cooling, water, wetting\)"):
        read(tmp_path, content, model)
    with pytest.raises(CalibrationError, match=r"put them in by study.with_\(model, at=...\)"):
        read(tmp_path, content, model["cooling"])
    other = {**model["water"], "membership": {"value": [[0.0, 1.0], [1.0, 0.0]], "dtype": "float64"}}
    with pytest.raises(CalibrationError, match="Build the study anew"):
        read(tmp_path, content, {**model, "water": other})
