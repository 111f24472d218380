"""The name of an array inside a nested model, one language for fits, sensitivities and files; and which name was meant."""

import dataclasses
import difflib
import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

# How alike two names must be, from 0 to 1, for one to be suggested in the place of the other; and how many are listed else.
_ALIKE = 0.5
_LISTED = 10


@dataclasses.dataclass(frozen=True)
class Leaf:
    """What stands at the end of a path through a model.

    Attributes:
        name: Its dotted name, for example `site_model.plants.DirectExpansion.cooling.pump_share`.
        path: How to get there: names of fields, positions in tuples and keys of dictionaries.
        value: What is there.
        metadata: What the field that holds it declares: unit, valid range, source.
    """

    name: str
    path: tuple[str | int, ...]
    value: Any
    metadata: Mapping[str, Any]


def leaves(
    node: Any, name: str = "", path: tuple[str | int, ...] = (), about: Mapping[str, Any] | None = None
) -> Iterator[Leaf]:
    """Everything inside of a model that is not itself a model, tuple, list or dictionary, by its name.

    A member of a tuple of models goes by its `label` or its class, or where there are several of it by that and its
    position: `plants.DirectExpansion.cooling.pump_share`, `plants.DirectExpansion[1].cooling.pump_share`. The tuple itself is
    not named.
    """
    if not _is_nested(node):
        yield Leaf(name, path, node, about or {})
        return
    for label, key, child, metadata in _children(node):
        if isinstance(child, tuple | list) and child and all(map(_is_model, child)):
            members = zip(_labels(child), range(len(child)), child, strict=True)
            for member, position, model in members:
                yield from leaves(model, _joined(name, member), (*path, key, position))
        else:
            yield from leaves(child, _joined(name, label), (*path, key), metadata)


def at(node: Any, path: Iterable[str | int]) -> Any:
    """What stands at the end of a path."""
    for key in path:
        node = getattr(node, key) if isinstance(key, str) and not isinstance(node, dict) else node[key]
    return node


def did_you_mean(name: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """The end of a sentence about an unknown name: the known one that is most like it, or else the first of those there are.

    Arguments:
        name: The unknown name.
        known: Names that there are.
        otherwise: What is said where none is like it, in place of a list.
    """
    every = list(dict.fromkeys(known))
    near = difflib.get_close_matches(name, every, 1, _ALIKE)
    if near:
        return f"did you mean `{near[0]}`?"
    listed = every[:_LISTED] + ["and others"] * (len(every) > _LISTED)
    return otherwise or f"known: {', '.join(listed) or 'none'}."


@dataclasses.dataclass(frozen=True)
class OneOf:
    """That a text is a name of a list that stands elsewhere: `Annotated[str, OneOf("jaxsched.study:POLICIES")]` for pydantic.

    The list is imported when a value is checked or a schema is written, so that declaring a field loads nothing, and
    whatever was added to the list until then counts.

    Attributes:
        where: Module and name of the list or of the mapping by name, `module:NAME`.
    """

    where: str

    def names(self) -> list[str]:
        """The names that there are now."""
        module, _, name = self.where.partition(":")
        return list(getattr(importlib.import_module(module), name))

    def check(self, value: str) -> str:
        """The value itself.

        Raises:
            ValueError: If it is none of the names.
        """
        names = [repr(name) for name in self.names()]
        if repr(value) not in names:
            raise ValueError(f"Input should be {', '.join(names[:-1])} or {names[-1]}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {**handler(schema), "enum": self.names()}


def _is_model(node: Any) -> bool:
    return dataclasses.is_dataclass(node) and not isinstance(node, type)


def _is_nested(node: Any) -> bool:
    return _is_model(node) or isinstance(node, tuple | list | dict)


def _children(node: Any) -> list[tuple[str, str | int, Any, Mapping[str, Any]]]:
    """Label, key, value and metadata of what a node holds."""
    if _is_model(node):
        return [(f.name, f.name, getattr(node, f.name), f.metadata) for f in dataclasses.fields(node)]
    if isinstance(node, dict):
        return [(str(key), key, child, {}) for key, child in node.items()]
    return [(str(position), position, child, {}) for position, child in enumerate(node)]


def _labels(models: Sequence[Any]) -> list[str]:
    own = (getattr(model, "label", None) for model in models)
    names = [name if isinstance(name, str) else type(model).__name__ for name, model in zip(own, models, strict=True)]
    return [name if names.count(name) == 1 else f"{name}[{n}]" for n, name in enumerate(names)]


def _joined(name: str, label: str) -> str:
    return f"{name}.{label}" if name else label
