"""How many seconds and megabytes does a certified 1e-3, 1e-4, 1e-6, 1e-8 take, beside every solver that a user could take
instead?

Finished cases are kept in a partial file, and a run that was cut off goes on behind them.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks import harness
from benchmarks._record import machine
from benchmarks.family import SIZES, VARIANTS, Case
from benchmarks.harness import option, say
from benchmarks.peers.compare import MORE_TABLES, TABLE, failures, ratios
from benchmarks.peers.measure import measure, tolerances
from benchmarks.peers.registry import PEERS

_PARTIAL = Path(__file__).resolve().parent.parent / "runs" / "solve_time.partial.jsonl"


def cases() -> list[Case]:
    """Every case, small ones first, so that what times out is not tried at larger sizes."""
    found = [Case(size, variant) for size in SIZES for variant in VARIANTS]
    found.append(Case("2000x2000", "queueing"))
    found += [Case(size, "queueing", classes=3) for size in SIZES]
    found += [Case(size, "quadratic", classes=3) for size in ("50x100", "200x500")]
    found += [Case(size, "queueing", slots=24) for size in ("20x20", "50x100", "200x500")]
    return [*found, Case("200x500", "quadratic", slots=24), Case("50x100", "queueing", classes=3, slots=24)]


def plan(case: Case, names: list[str], done: list[dict[str, Any]]) -> dict[str, tuple[float, ...]]:
    """Whom to ask for what; not who ran out of time on a smaller case of the same kind."""
    late = set()
    for earlier in done:
        alike = all(earlier[key] == getattr(case, key) for key in ("variant", "classes", "slots"))
        if alike and earlier["size"] != case.size:
            late |= {(run["peer"], run["tolerance"]) for run in earlier["runs"] if run["outcome"] == "timeout"}
    asked = {
        name: tuple(t for t in tolerances(case, name) if not any(n == name and t <= slow for n, slow in late))
        for name in names
    }
    return {name: wanted for name, wanted in asked.items() if wanted}


def finished(path: Path, stamp: dict[str, Any]) -> list[dict[str, Any]]:
    """Cases that an earlier run with the same code and limits finished."""
    if not path.exists():
        return []
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    same = [line["case"] for line in lines if line["stamp"] == stamp]
    if len(same) < len(lines):
        say(f"{len(lines) - len(same)} finished cases are of other code or limits: measured again")
    return same


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure what is not finished yet, and keep each case as soon as it is."""
    about = machine()
    # Changed code that is not committed cannot be told apart from other changes, but its commit can.
    stamp = {key: about[key] for key in ("commit", "uncommitted_changes", "processor")}
    stamp |= {"limit": options.limit, "rounds": options.rounds, "peers": options.peers}
    done = finished(options.partial, stamp)
    options.partial.parent.mkdir(parents=True, exist_ok=True)
    found = []
    for case in [c for c in cases() if c.size in options.sizes and str(c) not in options.skip]:
        known = [d for d in done if case.alike(d)]
        if not known:
            say(case)
            known = [measure(case, plan(case, options.peers, found), options.limit, options.rounds)]
            with options.partial.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"stamp": stamp, "case": known[0]}) + "\n")
        found.append({**known[0], "ratios": ratios(known[0])})
    return {"limit_seconds": options.limit, "rounds": options.rounds, "cases": found}


_SIZES, _NAMES = list(dict.fromkeys(case.size for case in cases())), [str(case) for case in cases()]
BENCHMARK = harness.Benchmark(
    "solve_time",
    __doc__,
    run,
    harness.of_cases(failures),
    TABLE,
    options=(
        harness.sizes(_SIZES, _SIZES),
        option("--skip", nargs="+", choices=_NAMES, default=[], metavar="CASE", help="cases to leave out"),
        option("--peers", nargs="+", choices=PEERS, default=list(PEERS), help="solvers, ours among them"),
        option("--limit", type=float, default=300.0, help="seconds that one solve may take"),
        option("--rounds", type=int, default=3, help="repetitions of what takes less than 8 s"),
        option("--partial", type=Path, default=_PARTIAL, help="file of the cases that are finished"),
    ),
    more_tables=MORE_TABLES,
    packages=("osqp", "scs", "highspy", "ortools", "piqp", "moreau", "mpax"),
    finish=lambda options: options.partial.unlink(missing_ok=True),
)

if __name__ == "__main__":
    raise SystemExit(harness.main(BENCHMARK))
