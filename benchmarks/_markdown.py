"""How records become tables: columns are templates that a case fills, and a line says what it was measured on.

Columns are written `header = template | header = template`. A template names a value of a case by the keys that lead to it,
with a format: `{kkt/routes:.1e}`. What is None or absent shows as a dash.
"""

import string
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class _Cells(string.Formatter):
    """Formats values found by keys apart by slashes."""

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> tuple[Any, str]:
        value: Any = kwargs
        for key in field_name.split("/"):
            value = None if value is None else value.get(key)
        return value, field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        return "-" if value is None else format(value, format_spec)


def fill(template: str, case: Mapping[str, Any]) -> str:
    """A template with the values of a case."""
    return _Cells().vformat(template, (), case)


def tabulate(columns: str, cases: Iterable[Mapping[str, Any]], left: int) -> str:
    """A table in Markdown with a row for each case, whose first columns are aligned to the left."""
    pairs = [column.split(" = ") for column in columns.split(" | ")]
    rows = [[fill(template, case) for _, template in pairs] for case in cases]
    return markdown([header for header, _ in pairs], rows, left)


def markdown(header: Iterable[str], rows: Iterable[Sequence[str]], left: int) -> str:
    """A table in Markdown whose first columns are aligned to the left."""
    header = tuple(header)
    rule = ["---"] * left + ["---:"] * (len(header) - left)
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *rows))


def bulleted(record: Mapping[str, Any], table: str, *notes: str) -> str:
    """A table, its notes and what it was measured on, as a list."""
    return "\n".join([table, "", *(f"- {note}" for note in (*notes, measured(record)))])


def with_sentence(record: Mapping[str, Any], table: str, *notes: str) -> str:
    """A table, its notes and what it was measured on, as one paragraph."""
    return "\n".join([table, "", " ".join((*notes, measured(record)))])


def measured(record: Mapping[str, Any]) -> str:
    """When, at which commit and on what a record was measured."""
    text = "Measured {date} at {commit} on {processor}, {cores} cores, JAX {versions/jax}."
    return fill(text, {**record["measured"], "date": record["measured"]["date_utc"][:10]})
