"""Run `jaxsched run` as a user does, in a fresh process, and record its wall-clock time and its summary.

python -m benchmarks.run_command --name default_run
python -m benchmarks.run_command --name nem_run --config benchmarks/studies/nem-2023-01.toml
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks._record import write_result


def measure(config: Path | None) -> dict[str, Any]:
    """Seconds of the whole command, compilation and plots included, and what it found.

    Raises:
        subprocess.CalledProcessError: If the command fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "-m", "jaxsched.cli", "run", *([str(config)] if config else []), "--out", str(out)]
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - started
        summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    summary["config"].pop("inputs", None)  # absolute paths of this machine
    return {"config": config.name if config else None, "wall_seconds": seconds, "summary": summary}


def main() -> int:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--name", required=True, help="name of the result file")
    parser.add_argument("--config", type=Path, default=None)
    options = parser.parse_args()
    result = measure(options.config)
    path = write_result(options.name, result)
    print(f"{result['wall_seconds']:.1f} s; written: {path.name}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
