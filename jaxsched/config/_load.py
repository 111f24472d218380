"""Read a configuration file, and say in one sentence for each problem what is wrong and how to correct it."""

import json
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from jaxsched._names import did_you_mean
from jaxsched.config._schema import Config


class ConfigError(ValueError):
    """A configuration that cannot be used; the message has a line for each problem."""


def load_config(path: Path | None, tables: Path | None = None) -> Config:
    """Read a TOML (or JSON) configuration; the defaults where no path is given.

    Arguments:
        path: The configuration.
        tables: A folder of tables, which stands for the key `inputs.folder`.

    Raises:
        ConfigError: If the file is missing, is no TOML or JSON, or holds an unknown key or an impossible value; every
            problem is named at once.
    """
    config, problems = load_partly(path, tables)
    if problems:
        raise ConfigError("\n".join(problems))
    return config


def load_partly(path: Path | None, tables: Path | None = None) -> tuple[Config, list[str]]:
    """What is sound of a configuration, and a sentence for each key that is not.

    Raises:
        ConfigError: If the file cannot be read as TOML or JSON at all.
    """
    raw = {} if path is None else raw_table(path)
    if tables is not None:
        raw = _with_tables(raw, tables)
    problems: list[str] = []
    while True:
        try:
            return Config.model_validate(raw), problems
        except ValidationError as error:
            problems += [f"{path}: {sentence(item)}" for item in error.errors()]
            # Every location begins with a key of the file, so each round drops one or more.
            for table, key in [_holder(raw, item["loc"]) for item in error.errors()]:
                table.pop(key, None)


def _with_tables(raw: dict[str, Any], tables: Path) -> dict[str, Any]:
    """The keys of a file with a folder of tables."""
    inputs = raw.get("inputs", {})
    if not isinstance(inputs, dict):
        return raw
    if "folder" in inputs:
        raise ConfigError("inputs.folder: is in the configuration, and --tables is given; leave one of them out.")
    return {**raw, "inputs": {**inputs, "folder": str(tables.resolve())}}


def _holder(raw: dict[str, Any], location: tuple) -> tuple[dict[str, Any], Any]:
    """The table that holds the innermost entry of a location that exists, and the key of that entry."""
    inside = raw
    for part, deeper in zip(location, (*location[1:], None), strict=True):
        inner = inside.get(part)
        if not isinstance(inner, dict) or deeper not in inner:
            return inside, part
        inside = inner
    return inside, location[-1]


def raw_table(path: Path) -> dict[str, Any]:
    """The table of keys of a TOML or JSON file; a ConfigError where it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        raw = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file; give the path of a TOML configuration.") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a directory; give the path of a TOML configuration.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not text in UTF-8; save it as UTF-8.") from None
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        raise ConfigError(f"{path}: is not valid {path.suffix.lstrip('.').upper() or 'TOML'}: {error}.") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}).") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: holds no table of keys at its top.")
    return raw


def sentence(item: Any, root: type[BaseModel] = Config) -> str:
    """What is wrong with one key, in one sentence."""
    where = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        return f"unknown key `{where}`{_suggestion(item['loc'], root)}."
    value = item.get("input")
    shown = f" is {value!r}" if not isinstance(value, dict | list) else ""
    text = item["msg"].removeprefix("Value error, ")
    message = text[0].lower() + text[1:]
    return f"`{where}`{shown}: {message}."


def _suggestion(location: tuple, root: type[BaseModel]) -> str:
    """The key that was probably meant; a known key with another unit is named as such."""
    known = _keys_at(location[:-1], root)
    wrong = str(location[-1])
    for key in known:
        if "_aud_per_" in key and wrong.split("_")[0] == key.split("_")[0]:
            return f"; the unit is part of the key, so give `{key}` in that unit"
        if key.rsplit("_", 1)[0] == wrong.rsplit("_", 1)[0] and "_" in key and "_" in wrong:
            return f"; the unit is part of the key, so give `{key}` in that unit"
    hint = did_you_mean(wrong, known, f"known keys here: {', '.join(known)}.")
    return f"; {hint[:-1]}" if known else ""


def _keys_at(location: tuple, root: type[BaseModel]) -> list[str]:
    model: Any = root
    for part in location:
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            break
        field = model.model_fields.get(str(part))
        if field is None:
            return []
        args = getattr(field.annotation, "__args__", ())
        model = args[1] if len(args) == 2 and isinstance(args[1], type) else field.annotation
        if args:
            # A table of tables, such as [sites."name"]: the next part is a name, not a key.
            return list(model.model_fields) if len(location) > 1 and hasattr(model, "model_fields") else []
    return list(model.model_fields) if hasattr(model, "model_fields") else []
