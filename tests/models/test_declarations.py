"""Every model states the unit, range, meaning and source of what it holds."""

import abc
import dataclasses
import importlib
import inspect
import pkgutil
import re

import jax.numpy as jnp
import numpy as np
import pytest

from jaxsched import models
from jaxsched._parameters import AbstractModel

for _module in pkgutil.iter_modules(models.__path__, prefix="jaxsched.models."):
    importlib.import_module(_module.name)


def _descendants(parent: type) -> list[type]:
    found = []
    for child in parent.__subclasses__():
        found += [child, *_descendants(child)]
    return found


MODELS = sorted(
    (
        model
        for model in set(_descendants(AbstractModel))
        if model.__module__.startswith("jaxsched.models") and not inspect.isabstract(model)
    ),
    key=lambda model: model.__name__,
)
everywhere = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)


def _is_model_or_models(annotation) -> bool:
    members = [m for m in getattr(annotation, "__args__", (annotation,)) if m not in (Ellipsis, type(None))]
    return bool(members) and all(isinstance(m, type) and issubclass(m, AbstractModel) for m in members)


def test_the_walk_finds_the_models():
    assert {models.SiteModel, models.DirectExpansion, models.RoundTripTime, models.Prefill} <= set(MODELS)


@everywhere
def test_every_parameter_has_a_unit(model):
    for field in dataclasses.fields(model):
        assert field.metadata.get("unit") or _is_model_or_models(field.type), f"{model.__name__}.{field.name}"


@everywhere
def test_every_class_documents_its_fields_range_and_source(model):
    text = inspect.cleandoc(model.__doc__)
    for section in ("Attributes:", "Valid for:", "Source:"):
        assert re.search(rf"^{section}\n    \S", text, re.MULTILINE), f"{model.__name__} has no section {section}"
    attributes = text[text.index("Attributes:") : text.index("Valid for:")]
    entries = dict(re.findall(r"^    (\w+): (.*(?:\n        .*)*)", attributes, re.MULTILINE))
    assert set(entries) == {field.name for field in dataclasses.fields(model)}
    for field in dataclasses.fields(model):
        if "unit" in field.metadata:
            assert f"[{field.metadata['unit']}]" in entries[field.name], f"{model.__name__}.{field.name}"


@everywhere
def test_every_default_is_inside_its_range(model):
    for field in dataclasses.fields(model):
        if "unit" in field.metadata and field.default_factory is not dataclasses.MISSING:
            low, high = field.metadata["valid"]
            assert low <= float(field.default_factory()) <= high, f"{model.__name__}.{field.name}"


@everywhere
def test_every_parameter_has_a_bounded_range(model):
    for field in dataclasses.fields(model):
        if "unit" in field.metadata:
            assert np.isfinite(field.metadata["valid"]).all(), f"{model.__name__}.{field.name}"


@everywhere
def test_every_class_is_abstract_or_final_and_has_all_its_fields(model):
    assert not model.__subclasses__()
    assert all(inspect.isabstract(p) or p in (AbstractModel, object) for p in model.__mro__[1:] if _ours(p))


def _ours(parent: type) -> bool:
    return parent.__module__.startswith("jaxsched") and parent is not abc.ABC


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (
            lambda: models.PartLoad(standby=-1.0),
            r"PartLoad\.standby is -1, outside its valid range \[0, 1\]; give",
        ),
        (lambda: models.FreeCooling(supply_temperature=70.0), r"FreeCooling\.supply_temperature is 70 degC"),
        (lambda: models.EnergyPrice(network_adder=jnp.nan), r"EnergyPrice\.network_adder is nan AUD/MWh"),
        (lambda: models.ITPower(server_power=[0.1, 9.0]), r"ITPower\.server_power is 9 kW/GPU"),
        (lambda: models.ITPower(idle_power=0.5, active_power=0.4), r"active_power must be above"),
    ],
)
def test_a_value_out_of_range_is_refused_in_one_sentence(build, sentence):
    with pytest.raises(ValueError, match=sentence):
        build()


def test_public_names_are_sorted_and_exist():
    assert len(set(models.__all__)) == len(models.__all__)
    for name in models.__all__:
        assert hasattr(models, name)
