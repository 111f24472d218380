"""How records become tables: columns are templates that a case fills, and a line says what it was measured on.

Columns are written `header = template | header = template`. A template names a value of a case by the keys that lead to it,
with a format, and if need be a factor: `{kkt/routes:.1e}`, `{seconds*1e3:.3g}`. What is None or absent shows as a dash.
"""

import dataclasses
import itertools
import string
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Record = Mapping[str, Any]


class _Cells(string.Formatter):
    """Formats values found by keys apart by slashes, times a factor where there is one."""

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> tuple[Any, str]:
        value: Any = kwargs
        path, _, factor = field_name.partition("*")
        for key in path.split("/"):
            value = None if value is None else value.get(key)
        return value * float(factor) if factor and value is not None else value, field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        return "-" if value is None else format(value, format_spec)


def fill(template: str, case: Record) -> str:
    """A template with the values of a case."""
    return _Cells().vformat(template, (), case)


def tabulate(columns: str, cases: Iterable[Record], left: int) -> str:
    """A table in Markdown with a row for each case, whose first columns are aligned to the left."""
    headers, templates = zip(*(column.split(" = ") for column in columns.split(" | ")), strict=True)
    rule = ["---"] * left + ["---:"] * (len(headers) - left)
    rows = ([fill(template, case) for template in templates] for case in cases)
    return "\n".join("| " + " | ".join(row) + " |" for row in (headers, rule, *rows))


def measured(record: Record) -> str:
    """When, at which commit and on what a record was measured."""
    text = "Measured {date} at {commit} on {processor}, {cores} cores, JAX {versions/jax}."
    return fill(text, {**record["measured"], "date": record["measured"]["date_utc"][:10]})


@dataclasses.dataclass(frozen=True)
class Table:
    """From a record to a table in Markdown, its notes, and what it was measured on.

    Attributes:
        columns: Headers and templates, or what gives them for a record.
        left: How many of the first columns are aligned to the left.
        notes: Templates that the record fills, or what gives the notes.
        rows: Key of the cases, or what gives them.
        listed: Whether notes are a list; otherwise they are one paragraph.
    """

    columns: str | Callable[[Record], str]
    left: int
    notes: tuple[str | Callable[[Record], list[str]], ...] = ()
    rows: str | Callable[[Record], Iterable[Record]] = "cases"
    listed: bool = True

    def __call__(self, record: Record) -> str:
        columns = self.columns if isinstance(self.columns, str) else self.columns(record)
        rows = record[self.rows] if isinstance(self.rows, str) else self.rows(record)
        said = ([fill(note, record)] if isinstance(note, str) else note(record) for note in self.notes)
        notes = [*itertools.chain.from_iterable(said), measured(record)]
        about = "\n".join(f"- {note}" for note in notes) if self.listed else " ".join(notes)
        return "\n".join([tabulate(columns, rows, self.left), "", about])
