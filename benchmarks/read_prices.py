"""How long, and in how much memory, does a fresh process read a year of five-minute prices of five regions, and is every price
as it was written?"""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import harness
from benchmarks._markdown import Table
from benchmarks.harness import beyond, told
from benchmarks.process import asked_once

REGIONS = ("NSW1", "QLD1", "SA1", "TAS1", "VIC1")
INTERVALS = 365 * 24 * 12
# What the reader may take: seconds of reading, and megabytes of the whole process with everything that it imports.
MOST_SECONDS, MOST_MEGABYTES = 2.0, 500.0


def write_year(path: Path) -> pd.Series:
    """A file in the form of AEMO's price and demand tables, with a spike to the cap and one to the floor; its prices."""
    stamps = pd.date_range("2023-01-01 00:05", periods=INTERVALS, freq="5min").strftime("%Y/%m/%d %H:%M:%S")
    draw = np.random.default_rng(0)
    parts = [
        pd.DataFrame(
            {
                "REGION": region,
                "SETTLEMENTDATE": stamps,
                "TOTALDEMAND": draw.uniform(1e3, 9e3, INTERVALS).round(2),
                "RRP": draw.normal(80.0, 50.0, INTERVALS).round(2),
                "PERIODTYPE": "TRADE",
            }
        )
        for region in REGIONS
    ]
    frame = pd.concat(parts, ignore_index=True)
    frame.loc[[1000, 2000], "RRP"] = [16_600.0, -1_000.0]
    frame.to_parquet(path, index=False) if path.suffix == ".parquet" else frame.to_csv(path, index=False)
    return frame["RRP"]


def measure(path: Path, prices: pd.Series, repeats: int) -> dict[str, Any]:
    """Median seconds and largest memory of fresh processes that read the file; what was read is checked."""
    runs = [asked_once("benchmarks._reading:prepare", path=str(path)) for _ in range(repeats)]
    first = runs[0]
    if first["rows"] != len(prices) or not np.isclose(first["sum"], prices.sum(), rtol=1e-12):
        raise RuntimeError("the rows that were read are not those that were written")
    if (first["min"], first["max"]) != (prices.min(), prices.max()):
        raise RuntimeError("a spike of the price was changed")
    return {
        "format": path.suffix.lstrip("."),
        "rows": first["rows"],
        "file_megabytes": path.stat().st_size / 1e6,
        "seconds": statistics.median(run["seconds"] for run in runs),
        "import_seconds": statistics.median(run["import_seconds"] for run in runs),
        "imported_megabytes": max(run["imported_megabytes"] for run in runs),
        "megabytes": max(run["megabytes"] for run in runs),
    }


def failures(case: dict[str, Any]) -> list[str]:
    """A sentence for each requirement that a case misses."""
    return beyond(
        case["format"],
        (case["seconds"], MOST_SECONDS, "{:.2f} s, {:g} are allowed"),
        (case["megabytes"], MOST_MEGABYTES, "{:.0f} MB, {:g} are allowed"),
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """A file of each format."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"year.{ending}" for ending in ("csv", "parquet")]
        return {"cases": told(measure(path, write_year(path), options.repeats) for path in paths)}


table = Table(
    "a year of five-minute prices = {format} | rows = {rows:,} | file [MB] = {file_megabytes:.0f} | seconds = {seconds:.2f} | "
    "memory [MB] = {megabytes:.0f} | of which imports [MB] = {imported_megabytes:.0f}",
    left=1,
    listed=False,
)
BENCHMARK = harness.Benchmark(
    "read_prices", __doc__, run, harness.of_cases(failures), table, (harness.repeats(5),), float64=False
)
