"""How many seconds and megabytes does a certified 1e-3, 1e-4, 1e-6, 1e-8 take, beside every solver that a user could take
instead?"""

import argparse
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import harness
from benchmarks._markdown import Record, Table, fill
from benchmarks._record import machine
from benchmarks.family import SIZES, VARIANTS, Case, title
from benchmarks.harness import option, say
from benchmarks.peers.measure import measure, tolerances
from benchmarks.peers.registry import EXACT, OURS, PEERS

ACCURACIES = (1e-3, 1e-4, 1e-6, 1e-8)
_FLOWS = ("min-cost flow, 32 arcs", "min-cost flow, 128 arcs")
# What the certified accuracy of an answer may be above what was asked: rounding in two evaluations of one cost.
_ROUNDING = 1e-10
_LARGE = ("200x500", "500x1000")
# What the brief table shows: sizes that matter, at a rough and at an exact accuracy.
_BRIEF_SIZES, _BRIEF_ACCURACIES = (*_LARGE, "2000x2000"), (1e-3, 1e-8)
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


def seconds(run: Record) -> float:
    """From arrays to an answer, compiling apart."""
    return run["model"] + run["solve"]


def fastest(case: Record, accuracy: float, peers: Iterable[str] | None) -> Record | None:
    """The fastest run of some solvers that reached an accuracy; of all that are not ours where none are named."""
    wanted = None if peers is None else set(peers)
    good = [
        run
        for run in case["runs"]
        if run.get("accuracy") is not None
        and run["accuracy"] <= accuracy * (1 + 1e-6) + _ROUNDING
        and (run["peer"] not in OURS if wanted is None else run["peer"] in wanted)
    ]
    return min(good, key=seconds, default=None)


def ratios(case: Record) -> list[dict[str, Any]]:
    """At each accuracy: ours, the best peer, and how many times longer that peer takes."""
    found = []
    for accuracy in ACCURACIES:
        mine, theirs = (_entry(fastest(case, accuracy, peers)) for peers in (OURS, None))
        times = [theirs[key] / mine[key] if mine and theirs else None for key in ("seconds", "first_seconds")]
        found.append({"accuracy": accuracy, "ours": mine, "peer": theirs, "ratio": times[0], "first_ratio": times[1]})
    return found


def _entry(run: Record | None) -> dict[str, Any] | None:
    """What a record keeps of the fastest run; its first seconds are those of a fresh process, compiling included."""
    if run is None:
        return None
    kept = {key: run[key] for key in ("peer", "tolerance", "accuracy", "megabytes")}
    return {**kept, "seconds": seconds(run), "first_seconds": seconds(run) + run["compile"]}


def goals(case: Record) -> list[tuple[str, float | None, float]]:
    """What is required of a case: a sentence, the measured ratio (None where there is none), and the least one."""

    def ratio(ours_at: float, ours: Iterable[str], peer_at: float, peers: Iterable[str] | None) -> float | None:
        mine, theirs = fastest(case, ours_at, ours), fastest(case, peer_at, peers)
        if mine is None:
            return 0.0
        return None if theirs is None else seconds(theirs) / seconds(mine)

    if case["size"] not in _LARGE:
        return []
    if case["classes"] > 1:
        return [(f"against the best peer at {t:g}", ratio(t, OURS, t, None), 20.0) for t in (1e-3, 1e-8)]
    wanted: list[tuple[str, float | None, float]] = []
    if case["variant"] == "queueing" and case["slots"] == 1:
        # Asked for 1e-9 it comes to 1.6e-8 at 200x500: it need not be quite as accurate.
        clarabel = ratio(1e-8, (EXACT,), 1e-7, ("Clarabel",))
        wanted.append(("exact at 1e-8 against Clarabel at 1e-7", clarabel, 20.0))
        wanted.append(("exact at 1e-8 against min-cost flow at 1e-5", ratio(1e-8, (EXACT,), 1e-5, _FLOWS), 1.0))
    if case["variant"] == "queueing":
        wanted.append(("ADMM against min-cost flow at 1e-3", ratio(1e-3, OURS[:2], 1e-3, _FLOWS), 2.0))
    if case["variant"] == "quadratic":
        wanted.append(("against PIQP at 1e-8", ratio(1e-8, OURS, 1e-8, ("PIQP",)), 4.0))
    return wanted


def failures(case: Record) -> list[str]:
    """What a case misses: ratios below what is required, and runs of ours that are not as accurate as they were asked."""
    missed = [
        f"{title(case)}: {what}: {ratio:.2g} times as fast, {least:g} are required"
        for what, ratio, least in goals(case)
        if ratio is not None and not ratio >= least
    ]
    for run in case["runs"]:
        if run["peer"] in OURS and not run.get("accuracy", float("inf")) <= run["tolerance"] * (1 + 1e-6) + _ROUNDING:
            reached = f"reached {run['accuracy']:.1e}" if "accuracy" in run else f"{run['outcome']}, {run['status']}"
            missed.append(f"{title(case)}: {run['peer']} at {run['tolerance']:g}: {reached}")
    return missed


def _times(ratio: float | None) -> str:
    """A ratio: two digits, all of them from 100 on."""
    return "-" if ratio is None else f"{ratio:.2g}" if ratio < 99.5 else f"{ratio:.0f}"


def _rows(record: Record) -> Iterator[dict[str, Any]]:
    """Each accuracy of each case, with what the tables show of it."""
    for case in record["cases"]:
        more = [f"{case[axis]} {axis}" for axis in ("classes", "slots") if case[axis] > 1]
        for row in case["ratios"]:
            said = {"times": _times(row["ratio"]), "first_times": _times(row["first_ratio"])}
            name = fill("{ours/peer}", row).removeprefix("jaxsched ")
            yield {**case, **row, **said, "name": name, "brief": ", ".join([case["size"], case["variant"], *more])}


def _brief(record: Record) -> Iterator[dict[str, Any]]:
    for row in _rows(record):
        plain = row["variant"] == "queueing" or row["classes"] == 1 == row["slots"]
        if row["size"] in _BRIEF_SIZES and row["accuracy"] in _BRIEF_ACCURACIES and plain:
            yield row


def _required(record: Record) -> Iterator[dict[str, Any]]:
    for case in record["cases"]:
        for what, ratio, least in goals(case):
            met = "no peer got there" if ratio is None else "yes" if ratio >= least else "no"
            yield {"problem": title(case), "what": what, "least": least, "times": _times(ratio), "met": met}


def _runs(record: Record) -> Iterator[dict[str, Any]]:
    for case in record["cases"]:
        for run in case["runs"]:
            asked = "-" if run["peer"].startswith("min-cost flow") else f"{run['tolerance']:.0e}"
            reached = f"{run['accuracy']:.1e}" if run["outcome"] == "answered" else run["outcome"]
            yield {**case, **run, "asked": asked, "reached": reached}


_CASE = "origins x sites = {size} | site cost = {variant} | classes = {classes} | slots = {slots} | "
table = Table(
    _CASE
    + "accuracy = {accuracy:.0e} | ours = {name} | best peer = {peer/peer} | ours [s] = {ours/seconds:.3g} | peer [s] = "
    "{peer/seconds:.3g} | times as fast = {times} | compiling included = {first_times} | ours [MB] = "
    "{ours/megabytes:.0f} | peer [MB] = {peer/megabytes:.0f}",
    left=4,
    rows=_rows,
    notes=(
        "Seconds go from arrays to answer, compiling apart; the last ratio counts the first call of a fresh process. Accuracy: "
        "every answer is repaired alike, evaluated alike, and compared with one proved bound. MB: peak of the solver's "
        "process. Medians of up to {rounds} interleaved rounds; at most {limit_seconds:g} s a solve.",
    ),
)
MORE_TABLES = {
    # Large problems and two accuracies only.
    "solve_time_brief": Table(
        "problem = {brief} | accuracy = {accuracy:.0e} | ours [s] = {ours/seconds:.3g} | best peer = {peer/peer} | "
        "peer [s] = {peer/seconds:.3g} | times as fast = {times}",
        left=2,
        rows=_brief,
        notes=(
            "Seconds go from arrays to answer, compiling apart; at most {limit_seconds:g} s a solve, a dash where nobody "
            "got there.",
        ),
        listed=False,
    ),
    "solve_time_goals": Table(
        "problem = {problem} | required = {what} | times as fast: at least = {least:g} | measured = {times} | met = {met}",
        left=2,
        rows=_required,
    ),
    # Every run of every solver: accuracy reached, seconds of each phase, memory, or what became of it.
    "solve_time_runs": Table(
        _CASE
        + "solver = {peer} | tolerance = {asked} | accuracy reached = {reached} | model [s] = {model:.3g} | compile [s] = "
        "{compile:.3g} | solve [s] = {solve:.3g} | MB = {megabytes:.0f} | of which before = {megabytes_before:.0f} | "
        "demand error before repair = {demand_error_before_repair:.0e}",
        left=5,
        rows=_runs,
    ),
}
_SIZES, _NAMES = list(dict.fromkeys(case.size for case in cases())), [str(case) for case in cases()]
BENCHMARK = harness.Benchmark(
    "solve_time",
    __doc__,
    run,
    harness.of_cases(failures),
    table,
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
