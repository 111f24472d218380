"""Write a run directory whole or not at all."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class OutputError(OSError):
    """A run directory that cannot be written; the message is one sentence."""


@contextmanager
def whole_directory(target: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A directory beside the target that takes its place only if the block ends well.

    Arguments:
        target: The directory to appear.
        overwrite: Whether an earlier run there may be replaced; other contents never are.

    Raises:
        OutputError: If the target is in use, cannot be written, or the disk is full.
    """
    _check_free(target, overwrite)
    new_parent = not target.parent.exists()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise OutputError(f"{target}: cannot be created ({error.strerror}); choose another --out directory.") from None
    try:
        yield draft
        draft.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        draft.rename(target)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(
            f"{target}: cannot be written ({error.strerror or error}); nothing was kept. Free some space or choose another "
            "--out directory."
        ) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if new_parent and not any(target.parent.iterdir()):
            target.parent.rmdir()


@contextmanager
def whole_file(target: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A file beside the target, of the same ending, that takes its place only if the block ends well.

    Raises:
        OutputError: If the target exists and may not be replaced, cannot be written, or the disk is full.
    """
    if target.is_dir() or (target.exists() and not overwrite):
        mend = "is a directory; give a file" if target.is_dir() else "exists; add --overwrite to replace it"
        raise OutputError(f"{target}: {mend}.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
            draft = Path(folder) / target.name
            yield draft
            draft.replace(target)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{target}: cannot be written ({error.strerror or error}); nothing was kept.") from None


def _check_free(target: Path, overwrite: bool) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(f"{target}: is a file; choose another --out directory.")
    contents = list(target.iterdir())
    is_run = (target / "manifest.json").is_file()
    if contents and not (overwrite and is_run):
        mend = "add --overwrite to replace it" if is_run else "it holds other files; choose another --out directory"
        raise OutputError(f"{target}: is not empty; {mend}.")


def write_json(path: Path, content: Any) -> None:
    """Write JSON with sorted keys kept as given, numbers in full precision, and no NaN."""
    path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
