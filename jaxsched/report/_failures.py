"""A part of a report that fails costs only itself, and is named in the record."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jaxsched._output import write_json

_RECORDS = ("summary.json", "manifest.json")


@contextmanager
def apart(folder: Path, what: str) -> Iterator[None]:
    """A block whose failure leaves the rest of a run alone: it is said on the terminal and written into the record.

    Arguments:
        folder: Draft of the run; its summary and manifest, where they are there, get the failure under `failed`.
        what: What is made, as the record should name it.
    """
    try:
        yield
    except Exception as error:
        sentence = failure(what, error)
        for path in (folder / name for name in _RECORDS):
            if path.is_file():
                content = json.loads(path.read_text(encoding="utf-8"))
                write_json(path, {**content, "failed": {**content.get("failed", {}), what: sentence}})


def failure(what: str, error: Exception) -> str:
    """Say a failure on the terminal, and return its sentence."""
    lines = str(error).strip().splitlines()
    sentence = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    print(f"warning: {what} is missing ({sentence}); everything else was kept.", file=sys.stderr)
    return sentence
