"""How long does the whole command take in a fresh process, and what does it find?

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

from benchmarks import harness
from benchmarks._markdown import fill, tabulate, with_sentence
from benchmarks.harness import Record, option, say

_RECORDS = ("default_run", "nem_run", "nem_2020_run")


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


COLUMNS = (
    "policy = {policy} | cooling [MWh] = {cooling_energy_mwh:.2f} | energy cost [AUD] = {energy_cost_aud:,.0f} | carbon [t] = "
    "{carbon_t:.1f} | water [kL] = {water_kl:.1f} | mean TTFT [ms] = {mean_ttft_ms:.1f} | p95 TTFT [ms] = {p95_ttft_ms:.0f} | "
    "total [AUD] = {total_cost_aud:,.0f}"
)


def table(record: Record) -> str:
    """Policies against what they cause, with the certificate and the time of the run."""
    summary = record["summary"]
    rows = [{"policy": name.replace("_", "-"), **totals} for name, totals in summary["policies"].items()]
    length = "hours" if summary["slot_hours"] == 1 else f"slots of {60 * summary['slot_hours']:g} min"
    note = (
        "{slots} {length}, {origins} origins, {sites} sites, {kinds} classes; certified gap {certified_gap:.1e} after "
        "{iterations} iterations; {wall_seconds:.0f} s for the whole command."
    )
    more = {"length": length, "kinds": len(summary["classes"]), "wall_seconds": record["wall_seconds"]}
    return with_sentence(record, tabulate(COLUMNS, rows, left=1), fill(note, {**summary, **more}))


BENCHMARK = harness.Benchmark(
    "run_command",
    __doc__,
    run,
    tables=dict.fromkeys(_RECORDS, table),
    options=(option("--config", type=Path, help="of the run; without it, the embedded scenario"),),
    records=_RECORDS,
    float64=False,
)

if __name__ == "__main__":
    raise SystemExit(harness.main(BENCHMARK))
