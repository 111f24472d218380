"""Names of arrays in nested models, and which name was meant."""

import numpy as np
import pytest

from jaxsched._names import at, did_you_mean, leaves
from jaxsched.calibrate import parameter_names
from jaxsched.models import PLANTS, MixedPlants
from jaxsched.scenarios import australia
from jaxsched.sensitivity._names import quantities
from jaxsched.study import build_study


def test_what_a_sensitivity_names_can_be_fitted_under_the_same_name():
    inputs = build_study(australia(sites=12, origins=3, slots=2)).inputs
    shown = [quantity.name for quantity in quantities(inputs)]
    fitted = parameter_names(inputs)
    assert "site_model.plants.DirectExpansion.cooling.pump_share" in shown
    assert not set(shown) - set(fitted)
    assert len(set(fitted)) == len(fitted)


def test_every_name_leads_to_its_value():
    inputs = build_study(australia(sites=3, origins=3, slots=1)).inputs
    found = list(leaves(inputs))
    assert len(found) > 50
    for leaf in found:
        assert at(inputs, leaf.path) is leaf.value


def test_models_of_one_class_go_by_their_position_too():
    plants = MixedPlants((PLANTS["dx"](), PLANTS["dx"]()), membership=np.array([[1.0, 0.0], [0.0, 1.0]]))
    names = [leaf.name for leaf in leaves(plants)]
    assert "DirectExpansion[0].cooling.pump_share" in names
    assert "DirectExpansion[1].cooling.pump_share" in names


def test_members_of_tuples_and_dictionaries_without_models_go_by_their_place():
    assert [leaf.name for leaf in leaves({"a": (1.0, [2.0, 3.0]), "b": {"c": 4.0}})] == ["a.0", "a.1.0", "a.1.1", "b.c"]


@pytest.mark.parametrize(
    ("name", "known", "sentence"),
    [
        ("demnd", ["demand", "price"], "did you mean `demand`?"),
        ("zzz", ["demand", "price"], "known: demand, price."),
        ("zzz", [], "known: none."),
        ("zzz", [f"name{n}" for n in range(12)], f"known: {', '.join(f'name{n}' for n in range(10))}, and others."),
    ],
)
def test_an_unknown_name_is_answered_by_the_nearest_or_by_those_there_are(name, known, sentence):
    assert did_you_mean(name, known) == sentence


def test_something_else_may_be_said_where_nothing_is_near():
    assert did_you_mean("zzz", ["demand"], "name the file.") == "name the file."
