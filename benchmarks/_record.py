"""What every result file carries, and how it is written."""

import datetime
import json
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import jax

RESULTS = Path(__file__).resolve().parent / "results"
_PACKAGES = ("jaxsched", "jax", "jaxlib", "equinox", "numpy", "cvxpy", "clarabel")


def machine(packages: tuple[str, ...] = ()) -> dict[str, Any]:
    """When, with what, and on what a result was measured; nothing that names a host or a path.

    Arguments:
        packages: Those whose versions matter beside the usual ones.
    """
    versions = {}
    changes = _git("status", "--porcelain", "--", "jaxsched", "benchmarks/*.py")
    for name in (*_PACKAGES, *packages):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "date_utc": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M"),
        "commit": _git("rev-parse", "--short", "HEAD"),
        "uncommitted_changes": None if changes is None else bool(changes),
        "python": platform.python_version(),
        "versions": versions,
        "device": jax.devices()[0].device_kind,
        "platform": jax.default_backend(),
        "processor": _processor(),
        "cores": os.cpu_count(),
    }


def write_result(name: str, content: dict[str, Any], folder: Path = RESULTS, packages: tuple[str, ...] = ()) -> Path:
    """Write a result file whole or not at all, with the versions of some packages, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    draft = path.with_suffix(".json.part")
    try:
        draft.write_text(json.dumps({"measured": machine(packages), **content}, indent=1) + "\n", encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def read_result(name: str, folder: Path = RESULTS) -> dict[str, Any]:
    """The content of a result file.

    Raises:
        FileNotFoundError: If it was never written.
    """
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def _git(*arguments: str) -> str | None:
    done = subprocess.run(
        ["git", *arguments], capture_output=True, text=True, cwd=Path(__file__).parent.parent, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else None


def _processor() -> str:
    """The processor's model, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()
