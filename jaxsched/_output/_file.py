"""A file that appears whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jaxsched._output._interrupt import undisturbed
from jaxsched._output._moves import keep, move_new
from jaxsched._output._place import Claim, OutputError, place_of, remove


@contextmanager
def whole_file(target: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A file in a hidden draft, of the same name, that takes the place of the target only if the block ends well.

    Raises:
        OutputError: If the target exists and may not be replaced, is being written by another process, is no plain file,
            cannot be written, or the disk is full.
    """
    place = place_of(target)
    claim = Claim(place, place.parent, target)
    kept = None
    try:
        _check_free(place, target, overwrite)
        if not claim.acquire():
            raise OutputError(f"{target}: another process is writing it; wait for its end, or give another file.")
        if claim.locked:
            remove(claim.draft)
        claim.start()
        draft = claim.draft / place.name
        yield draft
        keep(claim.draft)
        with undisturbed():
            _check_free(place, target, overwrite)
            _put_in_place(draft, place)
            kept = str(target)
            claim.release(kept)
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({error.strerror or error}); nothing was kept.") from None
    finally:
        if kept is None:
            claim.release()


def _check_free(place: Path, shown: Path, overwrite: bool) -> None:
    if not os.path.lexists(place):
        return
    if place.is_dir():
        raise OutputError(f"{shown}: is a directory; give a file.")
    if not place.is_file():
        raise OutputError(f"{shown}: is no plain file; give another.")
    if not overwrite:
        raise OutputError(f"{shown}: exists; add --overwrite to replace it.")


def _put_in_place(draft: Path, place: Path) -> None:
    if place.exists():
        shutil.copymode(place, draft)
        draft.replace(place)
    else:
        move_new(draft, place)
