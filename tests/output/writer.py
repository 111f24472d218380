"""Write runs into a directory again and again until ended; `python writer.py TARGET` is killed at random by the tests.

Every run is five files that hold the same number, so that halves of two runs would show.
"""

import signal
import sys
from pathlib import Path

from jaxsched._output import leave_in_order, whole_directory, write_json

FILES = 5


def write(target: Path, number: int) -> None:
    """Write one run."""
    with whole_directory(target, overwrite=True) as draft:
        for n in range(FILES):
            (draft / f"{n}.csv").write_text(f"{number}\n" * 2000)
        write_json(draft / "manifest.json", {"jaxsched": "test", "number": number})


if __name__ == "__main__":
    # Tests in the background may hand an ignored Ctrl-C down to their children; this one listens in any case.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    leave_in_order()
    number = int(sys.argv[2])
    while True:
        write(Path(sys.argv[1]), number)
        if number == int(sys.argv[2]):
            print("ready", flush=True)
        number += 1
