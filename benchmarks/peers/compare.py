"""Ours beside the best of the others at each accuracy, and what is required of that."""

from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.peers.registry import EXACT, OURS

ACCURACIES = (1e-3, 1e-4, 1e-6, 1e-8)
_FLOWS = ("min-cost flow, 32 arcs", "min-cost flow, 128 arcs")
# What the certified accuracy of an answer may be above what was asked: rounding in two evaluations of one cost.
_ROUNDING = 1e-10


def seconds(run: Mapping[str, Any]) -> float:
    """From arrays to an answer, compiling apart."""
    return run["model"] + run["solve"]


def first_seconds(run: Mapping[str, Any]) -> float:
    """From arrays to an answer in a fresh process, compiling included."""
    return seconds(run) + run["compile"]


def fastest(case: Mapping[str, Any], accuracy: float, peers: Iterable[str] | None) -> Mapping[str, Any] | None:
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


def ratios(case: Mapping[str, Any]) -> list[dict[str, Any]]:
    """At each accuracy: ours, the best peer, and how many times longer that peer takes."""
    found = []
    for accuracy in ACCURACIES:
        ours, peer = fastest(case, accuracy, OURS), fastest(case, accuracy, None)
        row = {"accuracy": accuracy, "ours": _entry(ours), "peer": _entry(peer), "ratio": None, "first_ratio": None}
        if ours and peer:
            row["ratio"] = seconds(peer) / seconds(ours)
            row["first_ratio"] = first_seconds(peer) / first_seconds(ours)
        found.append(row)
    return found


def _entry(run: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if run is None:
        return None
    kept = {key: run[key] for key in ("peer", "tolerance", "accuracy", "megabytes")}
    return {**kept, "seconds": seconds(run), "first_seconds": first_seconds(run)}


def goals(case: Mapping[str, Any]) -> list[tuple[str, float | None, float]]:
    """What is required of a case: a sentence, the measured ratio (None where there is none), and the least one."""
    size, variant, classes, slots = (case[key] for key in ("size", "variant", "classes", "slots"))
    large = size in ("200x500", "500x1000")
    wanted: list[tuple[str, float | None, float]] = []
    if classes == 1 and variant == "queueing" and large:
        if slots == 1:
            # Asked for 1e-9 it comes to 1.6e-8 at 200x500: it need not be quite as accurate.
            clarabel = _ratio(case, 1e-8, (EXACT,), 1e-7, ("Clarabel",))
            wanted.append(("exact at 1e-8 against Clarabel at 1e-7", clarabel, 20.0))
            wanted.append(
                ("exact at 1e-8 against min-cost flow at 1e-5", _ratio(case, 1e-8, (EXACT,), 1e-5, _FLOWS), 1.0)
            )
        wanted.append(("ADMM against min-cost flow at 1e-3", _ratio(case, 1e-3, OURS[:2], 1e-3, _FLOWS), 2.0))
    if classes == 1 and variant == "quadratic" and large:
        wanted.append(("against PIQP at 1e-8", _ratio(case, 1e-8, OURS, 1e-8, ("PIQP",)), 4.0))
    if classes > 1 and large:
        for accuracy in (1e-3, 1e-8):
            wanted.append(
                (f"against the best peer at {accuracy:g}", _ratio(case, accuracy, OURS, accuracy, None), 20.0)
            )
    return wanted


def _ratio(
    case: Mapping[str, Any], ours_at: float, ours: Iterable[str], peer_at: float, peers: Iterable[str] | None
) -> float | None:
    mine, theirs = fastest(case, ours_at, ours), fastest(case, peer_at, peers)
    if mine is None:
        return 0.0
    return None if theirs is None else seconds(theirs) / seconds(mine)


def failures(case: Mapping[str, Any]) -> list[str]:
    """What a case misses: ratios below what is required, and runs of ours that are not as accurate as they were asked."""
    name = f"{case['size']} {case['variant']}, {case['classes']} classes, {case['slots']} slots"
    missed = [
        f"{name}: {what}: {ratio:.2g} times as fast, {least:g} are required"
        for what, ratio, least in goals(case)
        if ratio is not None and not ratio >= least
    ]
    for run in case["runs"]:
        if run["peer"] in OURS and not run.get("accuracy", float("inf")) <= run["tolerance"] * (1 + 1e-6) + _ROUNDING:
            reached = f"reached {run['accuracy']:.1e}" if "accuracy" in run else f"{run['outcome']}, {run['status']}"
            missed.append(f"{name}: {run['peer']} at {run['tolerance']:g}: {reached}")
    return missed
