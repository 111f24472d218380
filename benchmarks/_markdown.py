"""How every table is set, and the line that says what it was measured on."""

from collections.abc import Mapping
from typing import Any


def markdown(header: tuple[str, ...], rows: list[tuple[str, ...]], left: int) -> str:
    """A table in Markdown whose first columns are aligned to the left."""
    rule = ["---"] * left + ["---:"] * (len(header) - left)
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *rows))


def measured(result: Mapping[str, Any]) -> str:
    """When, at which commit and on what a result was measured."""
    by = result["measured"]
    return f"Measured {by['date_utc'][:10]} at {by['commit']} on {by['processor']}, {by['cores']} cores, JAX {by['versions']['jax']}."
