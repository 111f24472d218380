"""What a run was made of, so that it can be made again."""

import dataclasses
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import jax

from jaxsched._output import sha256
from jaxsched._version import __version__
from jaxsched.scenarios import Scenario

_PACKAGES = ("jax", "jaxlib", "equinox", "numpy", "pandas", "pyarrow", "pyproj", "pvlib", "tzdata")


def manifest(
    config: Mapping[str, Any], inputs: Mapping[str, Path], embedded: Mapping[str, Path], scenario: Scenario
) -> dict[str, Any]:
    """Versions, device, precision, seed, hashes of every input, where each quantity comes from, what was noted and filled.

    Arguments:
        config: The resolved configuration.
        inputs: Files that the user named.
        embedded: Tables of the package, of which those that were used are recorded.
        scenario: The study; its provenance, what its readers noted, and the cells that its sources did not hold.
    """
    devices = jax.devices()
    return {
        "jaxsched": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": {name: metadata.version(name) for name in _PACKAGES},
        "device": {"kind": devices[0].device_kind, "platform": devices[0].platform, "count": len(devices)},
        "dtype": config["solver"]["dtype"],
        "seed": config["scenario"]["seed"],
        "inputs": {name: {"path": str(path), "sha256": sha256(path)} for name, path in inputs.items()},
        "embedded_tables": {name: sha256(path) for name, path in sorted(embedded.items()) if _was_used(name, scenario)},
        "embedded_signals": {signal: list(sites) for signal, sites in scenario.embedded.items() if sites},
        "provenance": dict(scenario.provenance),
        "notes": list(scenario.notes),
        "filled": [dataclasses.asdict(cells) for cells in scenario.filled],
        "rerun": "jaxsched run config.json",
    }


def _was_used(table: str, scenario: Scenario) -> bool:
    """Whether an embedded table is part of a study; those of sites and origins are not where the user gave others."""
    return table not in ("sites", "origins") or scenario.provenance.get(table, "").startswith("embedded")
