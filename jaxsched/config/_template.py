"""A directory to start from: a configuration with every key explained, and tables of sites and origins to change."""

import json
import types
from collections.abc import Sequence
from typing import Any, Literal, Union, get_args, get_origin

import pandas as pd
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from jaxsched._names import OneOf
from jaxsched.config._schema import Config
from jaxsched.scenarios import australia
from jaxsched.scenarios.readers._rows import OriginRow, SiteRow

_SITES, _ORIGINS, _SLOTS = 8, 12, 24
_HEAD = """# A study of jaxsched. Every key is here with its meaning; those behind # have the value that holds without them.
#
#     jaxsched validate {name}
#     jaxsched run {name} --out runs/first
"""
# Keys of the template that differ from the defaults.
_CHOSEN: dict[str, dict[str, Any]] = {
    "scenario": {"slots": _SLOTS},
    "inputs": {"sites": "sites.csv", "origins": "origins.csv"},
}
_EXAMPLES = """
# Rules by request class, changes by site, fitted models, places of weather files, and tables that no reader knows:
#
# [classes.code-70b]
# latency_limit_s = 0.45
# residency = "state"
#
# [sites."NAME OF A SITE"]
# facility_limit_kw = 500.0
#
# [models]
# cooling = { waterside = "plant/model.json" } # a fit of `jaxsched calibrate`, by kind of plant or site; or one file for all
#
# [models.serving]
# "h100/llama-70b" = { file = "requests/model.json", gpus = 24 }
#
# [inputs.places]
# "My station" = [-33.87, 151.21]
#
# [inputs.mappings."prices.csv"]
# time = "Stamp"
# zone = "UTC+10"
# stamp = "end"
# place = "Region"
# columns = { price_aud_per_mwh = "RRP" }
"""


def template(name: str = "jaxsched.toml") -> dict[str, str]:
    """Files of a new directory by name: the configuration, two tables, and the schemas of all three."""
    scenario = australia(sites=_SITES, origins=_ORIGINS, slots=1)
    return {
        name: commented_config(name),
        "sites.csv": _rows(scenario.sites, SiteRow),
        "origins.csv": _rows(scenario.origins, OriginRow),
        "jaxsched.schema.json": schema_text(Config),
        "sites.schema.json": schema_text(SiteRow),
        "origins.schema.json": schema_text(OriginRow),
    }


def schema_text(model: type[BaseModel]) -> str:
    """JSON Schema of a configuration, or of one row of a table."""
    return json.dumps(model.model_json_schema(), indent=2) + "\n"


def _rows(table: pd.DataFrame, model: type[BaseModel]) -> str:
    frame = table.reset_index()[[name for name in model.model_fields if name == "name" or name in table]]
    rounded = frame.round({"latitude": 4, "longitude": 4, "gpus": 0, "population": 0, "facility_limit_kw": 1})
    return rounded.to_csv(index=False, lineterminator="\n")


def commented_config(name: str) -> str:
    """A configuration that holds every key of the schema with what it means."""
    lines = [_HEAD.format(name=name)]
    sections: list[tuple[str, FieldInfo]] = []
    for key, field in Config.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            sections.append((key, field))
        elif get_origin(field.annotation) is not dict:
            lines += _key(key, field, None)
    for key, field in sections:
        section: Any = field.annotation
        lines += ["", f"# {section.__doc__}", f"[{key}]"]
        for inner, inner_field in section.model_fields.items():
            if get_origin(inner_field.annotation) is not dict:
                lines += _key(inner, inner_field, _CHOSEN.get(key, {}).get(inner))
    return "\n".join(lines) + "\n" + _EXAMPLES


def _key(name: str, field: FieldInfo, chosen: Any) -> list[str]:
    default = field.get_default(call_default_factory=True)
    about = f"# {field.description}{_choices(field)}"
    if chosen is not None:
        return [about, f"{name} = {json.dumps(chosen)}"]
    return [about, f"# {name} = {json.dumps(default) if default is not None else '...'}"]


def _choices(field: FieldInfo) -> str:
    """The values that a key may take, where it is one of a few names."""
    kinds = [field.annotation]
    if get_origin(field.annotation) in (Union, types.UnionType):
        kinds = [kind for kind in get_args(field.annotation) if kind is not type(None)]
    known = get_args(kinds[0]) if get_origin(kinds[0]) is Literal else _listed(field, kinds[0])
    return f" One of {', '.join(json.dumps(value) for value in known)}." if len(known) > 1 else ""


def _listed(field: FieldInfo, kind: Any) -> Sequence[str]:
    """The names of a list that stands elsewhere, where the field takes one of them."""
    rules = (*field.metadata, *getattr(kind, "__metadata__", ()))
    return next((rule.names() for rule in rules if isinstance(rule, OneOf)), [])
