"""What runs in a fresh process that reads prices; nothing is imported before the reader, whose imports are measured."""

import time
from collections.abc import Callable
from typing import Any

from benchmarks.process import peak_kilobytes


def prepare(path: str) -> Callable[[], dict[str, Any]]:
    """What reads a file of prices and tells seconds, memory, and what was read."""

    def answer() -> dict[str, Any]:
        started = time.perf_counter()
        from jaxsched.scenarios.readers import read

        imported, before = time.perf_counter(), peak_kilobytes()
        table: Any = read(path).table  # pyright: ignore[reportAttributeAccessIssue]
        seconds, price = time.perf_counter() - imported, table["price_aud_per_mwh"]
        return {
            "import_seconds": imported - started,
            "seconds": seconds,
            "imported_megabytes": before / 1000,
            "megabytes": peak_kilobytes() / 1000,
            "rows": len(table),
            "sum": float(price.sum()),
            "min": float(price.min()),
            "max": float(price.max()),
        }

    return answer
