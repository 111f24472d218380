"""How long does the whole command take in a fresh process, and what does it find?"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import harness
from benchmarks._markdown import Record, Table, fill
from benchmarks.harness import option, say


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds of the whole command, compilation and plots included, and what it found.

    Raises:
        subprocess.CalledProcessError: If the command fails.
    """
    config = options.config
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "-m", "jaxsched.cli", "run", *([str(config)] if config else []), "--out", str(out)]
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - started
        summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    summary["config"].pop("inputs", None)  # absolute paths of this machine
    say(f"{seconds:.1f} s")
    return {"config": config.name if config else None, "wall_seconds": seconds, "summary": summary}


def _rows(record: Record) -> list[dict[str, Any]]:
    return [{"policy": name.replace("_", "-"), **of_one} for name, of_one in record["summary"]["policies"].items()]


def _about(record: Record) -> list[str]:
    summary = record["summary"]
    length = "hours" if summary["slot_hours"] == 1 else f"slots of {60 * summary['slot_hours']:g} min"
    size = (
        "{slots} {length}, {origins} origins, {sites} sites, {kinds} classes; certified gap {certified_gap:.1e} after "
        "{iterations} iterations; {wall_seconds:.0f} s for the whole command."
    )
    return [fill(size, {**summary, **record, "length": length, "kinds": len(summary["classes"])})]


table = Table(
    "policy = {policy} | cooling [MWh] = {cooling_energy_mwh:.2f} | energy cost [AUD] = {energy_cost_aud:,.0f} | carbon [t] = "
    "{carbon_t:.1f} | water [kL] = {water_kl:.1f} | mean TTFT [ms] = {mean_ttft_ms:.1f} | p95 TTFT [ms] = {p95_ttft_ms:.0f} | "
    "total [AUD] = {total_cost_aud:,.0f}",
    left=1,
    rows=_rows,
    notes=(_about,),
    listed=False,
)
BENCHMARK = harness.Benchmark(
    "run_command",
    __doc__,
    run,
    table=table,
    options=(option("--config", type=Path, help="of the run; without it, the embedded scenario"),),
    records=("default_run", "nem_run", "nem_2020_run"),
    float64=False,
)
