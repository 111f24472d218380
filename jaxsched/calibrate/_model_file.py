"""A model as a small readable file with units and provenance, and back."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxsched import models
from jaxsched._output import whole_file
from jaxsched.calibrate._observations import CalibrationError

_FORMAT = "jaxsched model 1"
# Laws of earlier versions that held the temperature and width of their wetting themselves.
_WETTED = {"IndirectEvaporative": ("threshold", "gate_width"), "EvaporativeWater": ("threshold", "width")}
_PLAIN = (bool, int, float, str)
Module = TypeVar("Module", bound=eqx.Module)


def model_text(model: eqx.Module, provenance: Mapping[str, Any] | None = None) -> str:
    """The text of a model file: class, parameters with units, and where they come from; JSON.

    Raises:
        CalibrationError: If the model holds something other than numbers, texts and modules.
    """
    content = {"format": _FORMAT, "model": _written(model, type(model).__name__), "provenance": dict(provenance or {})}
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def save_model(path: str | Path, model: eqx.Module, provenance: Mapping[str, Any] | None = None) -> None:
    """Write a model to a file that `load_model` reads, whole or not at all.

    Arguments:
        path: File to write, replaced if it exists.
        model: A model of `jaxsched.models`, or a module of your own whose fields are arrays, numbers, texts and modules.
        provenance: Where the parameters come from, plain values; kept in the file.

    Raises:
        CalibrationError: If the model cannot be written as text.
        OSError: If the file cannot be written.
    """
    target, text = Path(path), model_text(model, provenance)
    with whole_file(target, overwrite=True) as draft:
        draft.write_text(text, encoding="utf-8")


def load_model(path: str | Path, classes: Iterable[type[eqx.Module]] = ()) -> Any:
    """The model of a file, its parameters checked against their valid ranges.

    Only classes of `jaxsched.models` and those given here are made, whatever the file names.

    Arguments:
        path: File of `save_model` or of `jaxsched calibrate`.
        classes: Classes of your own that the file may hold.

    Raises:
        CalibrationError: If the file is missing, is no model file, or names an unknown class or field.
        ValueError: If a parameter is outside its valid range.
    """
    path = Path(path)
    content = _content(path)
    known = {name: getattr(models, name) for name in models.__all__ if isinstance(getattr(models, name), type)}
    known |= {one.__name__: one for one in classes}
    return _read(content["model"], known, path.name, "model")


def load_provenance(path: str | Path) -> dict[str, Any]:
    """Where the parameters of a model file come from.

    Raises:
        CalibrationError: If the file is missing or is no model file.
    """
    return dict(_content(Path(path)).get("provenance", {}))


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CalibrationError(f"{path}: there is no such file; give the path of a model file.") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CalibrationError(f"{path}: cannot be read as a model file ({error}).") from None
    if not isinstance(content, dict) or content.get("format") != _FORMAT or "model" not in content:
        raise CalibrationError(f"{path}: is no model file; its `format` must be {_FORMAT!r}.")
    return content


def _written(value: Any, where: str) -> Any:
    if isinstance(value, eqx.Module) and dataclasses.is_dataclass(value):
        fields = {}
        for field in dataclasses.fields(value):
            inner = _written(getattr(value, field.name), f"{where}.{field.name}")
            if isinstance(getattr(value, field.name), jax.Array) and "unit" in field.metadata:
                inner["unit"] = field.metadata["unit"]
            fields[field.name] = inner
        return {"class": type(value).__name__, **fields}
    if isinstance(value, jax.Array | np.ndarray):
        if not np.isfinite(np.asarray(value)).all():
            raise CalibrationError(f"{where} holds a value that is not finite; a model file cannot.")
        return {"value": np.asarray(value).tolist(), "dtype": str(value.dtype)}
    if isinstance(value, tuple | list):
        return [_written(each, f"{where}.{n}") for n, each in enumerate(value)]
    if value is None or isinstance(value, _PLAIN):
        return value
    raise CalibrationError(f"{where} is a {type(value).__name__}, which a model file cannot hold.")


def _read(value: Any, known: Mapping[str, type], file: str, where: str) -> Any:
    if isinstance(value, list):
        return tuple(_read(each, known, file, f"{where}.{n}") for n, each in enumerate(value))
    if not isinstance(value, dict):
        return value
    if "class" not in value:
        try:
            dtype = jax.dtypes.canonicalize_dtype(value["dtype"])
            return jnp.asarray(np.asarray(value["value"], value["dtype"]), dtype)
        except (KeyError, TypeError, ValueError):
            raise CalibrationError(f"{file}: `{where}` must hold `value` (numbers) and `dtype`.") from None
    value = _current(value, file, where)
    name = value["class"]
    if name not in known:
        raise CalibrationError(
            f"{file}: `{where}` is of class {name!r}, which is neither in jaxsched.models nor among the given classes."
        )
    inside = {key: _read(each, known, file, f"{where}.{key}") for key, each in value.items() if key != "class"}
    fields = {field.name for field in dataclasses.fields(known[name])}
    if set(inside) != fields:
        wrong = sorted(set(inside) ^ fields)[0]
        what = "has no field" if wrong in inside else "misses the field"
        raise CalibrationError(f"{file}: `{where}` of class {name} {what} {wrong!r}.")
    return known[name](**inside)


def _current(value: dict[str, Any], file: str, where: str) -> dict[str, Any]:
    """A model of a file in the form of this version; any other is given back as it is.

    Raises:
        CalibrationError: If what it said cannot be said any more, with what to do.
    """
    name = value["class"]
    if name in _WETTED and _WETTED[name][0] in value:
        threshold, width = (value.get(field) for field in _WETTED[name])
        rest = {field: each for field, each in value.items() if field not in _WETTED[name]}
        return {**rest, "wetting": {"class": "Wetting", "threshold": threshold, "width": width}}
    if name == "SiteModel" and "cooling" in value and "water" in value:
        rest = {field: each for field, each in value.items() if field not in ("cooling", "water")}
        return {**rest, "plants": _plants(value["cooling"], value["water"], file, where)}
    if name in ("MixedCooling", "MixedWater"):
        raise CalibrationError(
            f"{file}: `{where}` is a {name} of an earlier version; a plant is now one model of cooling and water. Save each of "
            "its members as a model of its own, and put them in by study.with_(model, at=...)."
        )
    return value


def _plants(cooling: dict[str, Any], water: dict[str, Any], file: str, where: str) -> dict[str, Any]:
    """Cooling and water of an earlier site model as plants."""
    mixed = cooling["class"] == "MixedCooling", water["class"] == "MixedWater"
    if not any(mixed):
        return {"class": "Plant", "cooling": cooling, "water": water, "wetting": None}
    if not all(mixed) or cooling["membership"] != water["membership"]:
        raise CalibrationError(
            f"{file}: `{where}` mixes cooling and water otherwise; a plant is now one model of both. Build the study anew, and "
            "put its models in by study.with_(model, at=...)."
        )
    plants = [
        {"class": "Plant", "cooling": one, "water": its, "wetting": None}
        for one, its in zip(cooling["plants"], water["kinds"], strict=True)
    ]
    return {"class": "MixedPlants", "plants": plants, "membership": cooling["membership"]}
