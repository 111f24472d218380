"""Whether the work of a problem can fit, found on the host before anything is solved."""

import jax.numpy as jnp
import numpy as np

from jaxsched.problem import Deferrable, Problem

# Work may exceed capacity by this many rounding errors before it is called infeasible.
_ROUNDINGS = 64.0


def find_shortfall(problem: Problem) -> str | None:
    """A sentence that names why no routing can exist, or None; needs concrete values.

    It finds demand and jobs without an allowed route, slots whose work exceeds all capacity, and slots whose capacity the
    windows of jobs ask too much of. Subtler conflicts of routes and capacities are proved by the prices while iterating.
    """
    demand, work = np.asarray(problem.demand, np.float64), np.asarray(problem.work, np.float64)
    slots, origins, sites, classes = problem.shape
    least = np.broadcast_to(work.min(0), (slots, origins, classes))
    if problem.allowed is not None:
        allowed = np.asarray(problem.allowed)
        reachable = np.broadcast_to(allowed.any(2), (slots, origins, classes))
        stranded = np.argwhere((demand > 0) & ~reachable)
        if len(stranded):
            slot, origin, of_class = stranded[0].tolist()
            return (
                f"Slot {slot}, origin {origin}, class {of_class}: {demand[slot, origin, of_class]:g} requests/s have no allowed "
                f"route ({len(stranded)} such demands); allow a route or drop the demand."
            )
        routes = np.broadcast_to(allowed, (*allowed.shape[:2], sites, classes))
        cheapest = np.where(routes, work[None, None], np.inf).min(2)
        least = np.broadcast_to(np.where(np.isfinite(cheapest), cheapest, 0.0), (slots, origins, classes))
    needed = (demand * least).sum((1, 2))
    offered = np.broadcast_to(np.asarray(problem.capacity, np.float64).sum(1), (slots,))
    rounding = _ROUNDINGS * float(jnp.finfo(problem.demand.dtype).eps)
    short = needed - offered * (1 + rounding)
    if (short > 0).any():
        slot = int(short.argmax())
        return (
            f"Slot {slot}: the requests need a load of {needed[slot]:g} where all sites together offer "
            f"{offered[slot]:g}, {needed[slot] - offered[slot]:g} short ({int((short > 0).sum())} such slots); add capacity "
            "or lower demand."
        )
    if problem.deferrable is None:
        return None
    return _short_windows(problem, problem.deferrable, np.maximum(offered - needed, 0.0), rounding * offered.sum())


def _short_windows(problem: Problem, jobs: Deferrable, spare: np.ndarray, rounding: float) -> str | None:
    """A sentence that names jobs whose windows are too narrow for them, given what the other work leaves of each slot."""
    release, deadline = np.asarray(jobs.release), np.asarray(jobs.deadline)
    least, room = _of_each_job(problem, jobs)
    needed = np.asarray(jobs.volume, np.float64) * least
    stranded = np.flatnonzero((needed > 0) & ~np.isfinite(needed))
    if len(stranded):
        job = int(stranded[0])
        return (
            f"Job {job}: its volume of {float(jobs.volume[job]):g} requests/s has no allowed route in its window of slots "
            f"{release[job]} to {deadline[job]} ({len(stranded)} such jobs); allow a route, widen the window or drop the job."
        )
    needed = np.where(np.asarray(jobs.volume) > 0, needed, 0.0)
    narrow = np.flatnonzero(needed > room + rounding)
    if len(narrow):
        job = int(narrow[0])
        return (
            f"Job {job}: it needs a load of {needed[job]:g} where the sites that it may use offer {room[job]:g} in slots "
            f"{release[job]} to {deadline[job]} ({len(narrow)} such jobs); widen the window, add capacity or lower the volume."
        )
    return _short_interval(needed, release, deadline, spare, rounding)


def _of_each_job(problem: Problem, jobs: Deferrable) -> tuple[np.ndarray, np.ndarray]:
    """Least load of one request of each job, infinite without a route, and all capacity that it may use."""
    slots, _, sites, _ = problem.shape
    work = np.asarray(problem.work, np.float64)
    capacity = np.broadcast_to(np.asarray(problem.capacity, np.float64), (slots, sites))
    release, deadline = np.asarray(jobs.release), np.asarray(jobs.deadline)
    least, room = np.zeros(len(release)), np.zeros(len(release))
    cost = None if jobs.route_cost is None else np.broadcast_to(np.asarray(jobs.route_cost), (len(release), sites))
    for job, (origin, of_class) in enumerate(zip(np.asarray(jobs.origin), np.asarray(jobs.kind), strict=True)):
        window = slice(release[job], deadline[job] + 1)
        usable = capacity[window] > 0
        if problem.allowed is not None:
            allowed = np.asarray(problem.allowed)
            own = allowed[window] if len(allowed) > 1 else allowed
            usable = usable & own[:, origin % own.shape[1], :, of_class]
        if cost is not None:
            usable = usable & np.isfinite(cost[job])
        least[job] = np.where(usable.any(0), work[:, of_class], np.inf).min()
        room[job] = (capacity[window] * usable).sum()
    return least, room


def _short_interval(
    needed: np.ndarray, release: np.ndarray, deadline: np.ndarray, spare: np.ndarray, rounding: float
) -> str | None:
    """A sentence that names consecutive slots in which jobs that must be served within them do not fit (Hall)."""
    slots = len(spare)
    of_window = np.zeros((slots, slots))
    np.add.at(of_window, (release, deadline), needed)
    # Of all windows from a first slot on, up to a last one.
    within = of_window[::-1].cumsum(0)[::-1].cumsum(1)
    total = np.concatenate([[0.0], spare.cumsum()])
    short = np.triu(within - (total[None, 1:] - total[:-1, None])) - rounding
    if not (short > 0).any():
        return None
    # The narrowest of those that lack most.
    first, last = np.argwhere(short >= short.max() * (1 - 1e-12))[-1].tolist()
    jobs = np.flatnonzero((release >= first) & (deadline <= last) & (needed > 0))
    named = ", ".join(map(str, jobs[:5].tolist())) + (", ..." if len(jobs) > 5 else "")
    return (
        f"Slots {first} to {last}: deferrable jobs {named} must be served within them and need a load of "
        f"{within[first, last]:g} where the other work leaves {total[last + 1] - total[first]:g}, "
        f"{short[first, last] + rounding:g} short; widen windows, add capacity or lower volumes."
    )
