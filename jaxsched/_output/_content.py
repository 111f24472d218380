"""What is written most: JSON and its hash, and the list of files by which an earlier run is known again."""

import hashlib
import json
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
# What runs wrote before their manifest listed it.
_EARLIER_SUFFIXES = {".json", ".parquet", ".png", ".csv"}


def write_json(path: Path, content: Any) -> None:
    """Write JSON with its keys in the order given, numbers in full precision, and no NaN.

    A file that is there is replaced whole, so that it never holds half of two texts.
    """
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def names_in(folder: Path) -> set[str]:
    """Names of all that a directory holds."""
    return {path.name for path in folder.iterdir()}


def list_files(folder: Path) -> None:
    """Add the names of all files of a run to its manifest, so that no other file is ever replaced with them."""
    manifest = folder / MANIFEST
    if manifest.is_file():
        content = json.loads(manifest.read_text(encoding="utf-8"))
        write_json(manifest, {**content, "files": sorted(names_in(folder))})


def other_files(folder: Path) -> list[str] | None:
    """Names in a directory that are not of the run which its manifest describes; None where there is no such manifest."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict) or "jaxsched" not in content:
        return None
    own = content.get("files")
    names = sorted(names_in(folder))
    if isinstance(own, list):
        return [name for name in names if name not in own]
    return [name for name in names if (folder / name).is_dir() or Path(name).suffix not in _EARLIER_SUFFIXES]
