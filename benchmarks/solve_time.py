"""Seconds and memory to a certified accuracy, of the package and of every solver that a user could take instead.

python -m benchmarks.solve_time [--sizes 20x20 50x100] [--limit 300] [--check]

Finished cases are kept in a partial file, and a run that was cut off goes on behind them.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import jax

from benchmarks._record import RESULTS, machine, write_result
from benchmarks.peers.compare import failures, ratios
from benchmarks.peers.measure import measure, tolerances
from benchmarks.peers.problems import Case
from benchmarks.peers.registry import PEERS

_SINGLE = ("20x20", "50x100", "200x500", "500x1000")
_PARTIAL = Path(__file__).resolve().parent.parent / "runs" / "solve_time.partial.jsonl"
_PACKAGES = ("osqp", "scs", "highspy", "ortools", "piqp", "moreau", "mpax")


def cases() -> list[Case]:
    """Every case, small ones first, so that what times out is not tried at larger sizes."""
    found = [Case(size, variant) for size in _SINGLE for variant in ("linear", "quadratic", "queueing")]
    found.append(Case("2000x2000", "queueing"))
    found += [Case(size, "queueing", classes=3) for size in _SINGLE]
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
    asked = {name: tolerances(case, name) for name in names}
    asked = {
        name: tuple(t for t in wanted if not any(n == name and t <= slow for n, slow in late))
        for name, wanted in asked.items()
    }
    return {name: wanted for name, wanted in asked.items() if wanted}


def finished(path: Path, stamp: dict[str, Any]) -> list[dict[str, Any]]:
    """Cases that an earlier run with the same code and limits finished."""
    if not path.exists():
        return []
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    same = [line["case"] for line in lines if line["stamp"] == stamp]
    if len(same) < len(lines):
        print(f"{len(lines) - len(same)} finished cases are of other code or limits: measured again", file=sys.stderr)
    return same


def run(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure what is not finished yet, and keep each case as soon as it is."""
    about = machine()
    # Changed code that is not committed cannot be told apart from other changes, but its commit can.
    stamp = {key: about[key] for key in ("commit", "uncommitted_changes", "processor")}
    stamp |= {"limit": options.limit, "rounds": options.rounds, "peers": options.peers}
    done = finished(options.partial, stamp)
    options.partial.parent.mkdir(parents=True, exist_ok=True)
    found = []
    for case in [c for c in cases() if c.size in options.sizes and str(c) not in options.skip]:
        known = [d for d in done if all(d[k] == getattr(case, k) for k in ("size", "variant", "classes", "slots"))]
        if not known:
            print(case, file=sys.stderr, flush=True)
            known = [measure(case, plan(case, options.peers, found), options.limit, options.rounds)]
            with options.partial.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"stamp": stamp, "case": known[0]}) + "\n")
        found.append({**known[0], "ratios": ratios(known[0])})
    return found


def main() -> int:
    """Measure, record, and with --check say whether the requirements are met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    sizes = list(dict.fromkeys(case.size for case in cases()))
    parser.add_argument("--sizes", nargs="+", choices=sizes, default=sizes)
    names = [str(case) for case in cases()]
    parser.add_argument("--skip", nargs="+", choices=names, default=[], metavar="CASE", help="cases to leave out")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), help="solvers, ours among them")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds that one solve may take")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of what takes less than 8 s")
    parser.add_argument("--partial", type=Path, default=_PARTIAL, help="file of the cases that are finished")
    parser.add_argument("--name", default="solve_time", help="name of the result file")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the result file")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a requirement is missed")
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    found = run(options)
    content = {"limit_seconds": options.limit, "rounds": options.rounds, "cases": found}
    path = write_result(options.name, content, options.out, _PACKAGES)
    options.partial.unlink(missing_ok=True)
    print(f"written: {path.name}", file=sys.stderr)
    missed = [sentence for case in found for sentence in failures(case)]
    for sentence in missed:
        print(sentence, file=sys.stderr)
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
