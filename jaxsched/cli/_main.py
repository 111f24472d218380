"""Where the command line starts and ends."""

import errno
import os
import sys
from typing import NoReturn

from jaxsched._output import leave_in_order

_BAD_OUTPUT = 2
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def main() -> None:
    """Run the command line; Ctrl-C and SIGTERM end it in order from the first import on."""
    leave_in_order()
    from jaxsched.cli._app import app

    try:
        app()
    except OSError as error:
        # Files and directories end in sentences of their own: this is what is printed, into a full disk.
        if error.errno not in _FULL or error.filename is not None:
            raise
        _end(error)
    finally:
        try:
            sys.stdout.flush()
        except OSError as error:
            _end(error)


def _end(error: OSError) -> NoReturn:
    # The interpreter would write what is left at its end, and fail again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    print(f"error: what is printed cannot be written ({error.strerror}).", file=sys.stderr)
    sys.exit(_BAD_OUTPUT)
