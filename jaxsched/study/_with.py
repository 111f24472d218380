"""A study with other models or inputs, everything that follows from them in step."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxsched._names import did_you_mean
from jaxsched._parameters import AbstractModel, as_array
from jaxsched.models import (
    AbstractCooling,
    AbstractElectrical,
    AbstractWater,
    Carbon,
    Conditions,
    EnergyPrice,
    InterTokenLatency,
    ITPower,
    Plant,
    Prefill,
    SakasegawaWait,
    Serving,
    ServingSite,
    SiteModel,
)
from jaxsched.scenarios import Scenario
from jaxsched.study._inputs import Inputs
from jaxsched.study._study import Study, serving_names

# Where a model of a kind goes in a site model.
PLACES: Mapping[str, type] = {
    "plant": Plant,
    "cooling": AbstractCooling,
    "water": AbstractWater,
    "electrical": AbstractElectrical,
    "it_power": ITPower,
    "price": EnergyPrice,
    "carbon": Carbon,
    "queue": SakasegawaWait,
}
# Inputs that are models of all sites.
_MODELS: Mapping[str, type] = {"serving": Serving, "conditions": Conditions, "site_model": SiteModel}


def changed(study: Study, models: Sequence[Any], at: str | Sequence[str] | None, inputs: Mapping[str, Any]) -> Study:
    """What `Study.with_` gives."""
    known = list(Inputs.__dataclass_fields__)
    for name in inputs:
        if name not in known:
            raise ValueError(f"a study has no input {name!r}; {did_you_mean(name, known)}")
    arrays = {name: value if name in _MODELS else jnp.asarray(value, float) for name, value in inputs.items()}
    given = {**vars(study.inputs), **arrays}
    rows = sites_at(study.scenario, at)
    for model in models:
        if isinstance(model, tuple(_MODELS.values())):
            key = next(name for name, kind in _MODELS.items() if isinstance(model, kind))
            if not rows.all():
                raise ValueError(f"{type(model).__name__} is of all sites; leave `at` out.")
            given[key] = model
        else:
            given["site_model"] = _placed(given["site_model"], model, rows)
    return Study.of(_scenario(study.scenario, inputs), Inputs(**given), study.problem.demand.dtype)


def with_prefill(study: Study, law: AbstractModel, hardware: str, model: str, *, gpus: float | None = None) -> Study:
    """The study with a fitted law of how one kind of GPU serves one model.

    Arguments:
        study: The study.
        law: `Prefill`; `InterTokenLatency`, for the time of answers; or `ServingSite`, from a log of requests: its prefill,
            and with `gpus` its time per answer token too. Its network time, burstiness and number of servers stay those of
            the study.
        hardware: Kind of GPU, as in the table of sites.
        model: Model, as in the table of classes.
        gpus: GPUs of the site whose log gave a `ServingSite`: each of its servers is that many over their number [GPU].

    Raises:
        ValueError: If the law is another, the study has no such GPU or model, or a server has less than one GPU: then a
            server is a place in a batch, and its time is no time of a GPU.
    """
    kinds, names = serving_names(study)
    for what, name, there in (("kind of GPU", hardware, kinds), ("model", model, names)):
        if name not in there:
            raise ValueError(f"the study has no {what} {name!r}; it has {', '.join(there)}.")
    where = kinds.index(hardware), names.index(model)
    serving = study.serving
    for field, value in _service_fields(law, serving, where, gpus).items():
        serving = eqx.tree_at(
            lambda s, field=field: getattr(s, field), serving, getattr(serving, field).at[where].set(value)
        )
    return study.with_(serving=Serving(**vars(serving)))


def _service_fields(law: AbstractModel, serving: Serving, where: tuple[int, int], gpus: float | None) -> dict[str, Any]:
    """What a law says of `Serving`, by its field."""
    if isinstance(law, InterTokenLatency):
        if float(law.per_context) != 0.0:
            raise ValueError("the study knows no context of its answers; fit InterTokenLatency with per_context 0.")
        return {"token_fixed": law.fixed, "token_per_sequence": law.per_sequence}
    prefill = law.prefill if isinstance(law, ServingSite) else law
    if not isinstance(prefill, Prefill):
        raise ValueError(
            f"{type(law).__name__} is no law of service; give Prefill, InterTokenLatency or ServingSite, or put the model in by "
            "study.with_."
        )
    fields = {f"prefill_{name}": getattr(prefill, name) for name in ("fixed", "linear", "quadratic")}
    if not isinstance(law, ServingSite) or gpus is None:
        return fields
    each = gpus / float(law.servers)
    if not each >= 1.0:
        raise ValueError(
            f"{gpus:g} GPUs for {float(law.servers):g} servers is less than one for each: these servers are places in a batch, "
            "whose time is no time of a GPU; leave gpus out to take the prefill alone."
        )
    # A request holds a server for its prefill and token_time for each answer token, which a study writes as latency / batch.
    token = law.token_time * serving.batch[where]
    return {**fields, "token_fixed": token, "token_per_sequence": as_array(0.0), "gpus_per_replica": as_array(each)}


def sites_at(scenario: Scenario, at: str | Sequence[str] | None) -> np.ndarray:
    """Which sites names mean: of sites, or of kinds of plant [site].

    Raises:
        ValueError: If a name is neither.
    """
    names, plants = scenario.sites.index, scenario.sites["plant"].to_numpy()
    if at is None:
        return np.ones(len(names), bool)
    rows = np.zeros(len(names), bool)
    for name in [at] if isinstance(at, str) else at:
        found = (names == name) | (plants == name)
        if not found.any():
            known = [*dict.fromkeys(plants), *names]
            raise ValueError(f"there is no site and no plant {name!r} in the study; {did_you_mean(name, known)}")
        rows |= np.asarray(found)
    return rows


def _placed(site_model: SiteModel, model: Any, rows: np.ndarray) -> SiteModel:
    """The site model with a model of one kind at some sites [site]."""
    place = next((name for name, kind in PLACES.items() if isinstance(model, kind)), None)
    if place is None:
        raise ValueError(
            f"{type(model).__name__} has no place in a study; there is one for {', '.join(PLACES)}, and with_prefill for laws of "
            "service."
        )
    if place in ("plant", "cooling", "water"):
        plants = site_model.plants.replaced(lambda old: model if place == "plant" else old.with_law(model), rows)
        return dataclasses.replace(site_model, plants=plants)
    old, new = getattr(site_model, place), model
    if not rows.all():
        if type(old) is not type(model):
            raise ValueError(
                f"{type(model).__name__} cannot stand beside {type(old).__name__} at other sites; leave `at` out."
            )
        new = jax.tree.map(lambda ours, theirs: jnp.where(jnp.asarray(rows), theirs, ours), old, model)
    return dataclasses.replace(site_model, **{place: new})


def _scenario(scenario: Scenario, inputs: Mapping[str, Any]) -> Scenario:
    """The scenario with what is changed of what it holds itself, checked for its shape."""
    found, limit = {}, inputs.get("facility_limit")
    for name in ("rtt", "demand"):
        if name in inputs:
            found[name] = np.asarray(inputs[name], float)
            if found[name].shape != getattr(scenario, name).shape:
                raise ValueError(
                    f"{name} has shape {found[name].shape}; that of the study is {getattr(scenario, name).shape}."
                )
    if limit is not None and np.ndim(limit) < 2:
        found["sites"] = scenario.sites.assign(facility_limit_kw=np.broadcast_to(limit, len(scenario.sites)))
    return dataclasses.replace(scenario, **found)
