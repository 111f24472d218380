"""Whether the requests of a study can be served at all, and how much of the capacity they need at the least."""

import dataclasses

import numpy as np

from jaxsched._feasibility import find_shortfall
from jaxsched.study._study import Study

# A share of the capacity may exceed 1 by the tolerance of the linear program.
_TOLERANCE = 1e-6
# Slots that cannot be served are counted up to here; each costs a linear program.
_MOST = 50


@dataclasses.dataclass(frozen=True)
class _Groups:
    """The routing of a slot with demands and sites that cannot be told apart taken together.

    Attributes:
        needed: Requests per second of each group of demands [slot, group].
        capacity: Capacity of each group of sites [slot, sites] [GPU].
        work: GPU time of a request [group, sites] [GPU s], infinite where the route is not allowed.
    """

    needed: np.ndarray
    capacity: np.ndarray
    work: np.ndarray


def problems_of(study: Study) -> list[str]:
    """Why the requests of a study cannot be served: a sentence for each reason, none where they can.

    `jaxsched run` and `jaxsched validate` refuse a configuration for these and for no other reasons of its routing. A class
    without an allowed site is named first; then a slot whose requests need more than all capacity, by an exact count (the
    least load that any routing puts on the busiest site of the slot, a linear program).
    """
    stranded = _stranded(study)
    if stranded:
        return stranded
    times = study.scenario.times
    shortfall = find_shortfall(study.problem)
    if shortfall is not None:
        when = times[int(np.argmax(np.asarray(study.problem.demand).sum((1, 2))))]
        return [f"{shortfall} Slots count from {times[0]:%Y-%m-%d %H:%M} UTC; demand peaks at {when:%Y-%m-%d %H:%M}."]
    groups = _grouped(study)
    doubtful = np.flatnonzero(_proportional(groups) > 1.0)
    over: dict[int, float] = {}
    for slot in doubtful[np.argsort(-_least(groups)[doubtful], kind="stable")].tolist():
        share = _share(groups, slot)
        if share > 1.0 + _TOLERANCE:
            over[slot] = share
        if len(over) == _MOST:
            break
    if not over:
        return []
    worst = max(over, key=lambda slot: over[slot])
    number = f"at least {_MOST}" if len(over) == _MOST else str(len(over))
    needs = f"need {over[worst]:.0%} of what the sites that may serve them can do, however they are routed"
    needs = needs if np.isfinite(over[worst]) else "have no site with any capacity that may serve them all"
    return [
        f"{times[worst]:%Y-%m-%d %H:%M} UTC: the requests {needs} ({number} such slots); add capacity, relax a latency limit "
        "or a residency rule, or lower demand."
    ]


def busiest_share(study: Study) -> float:
    """Least share of the capacity that the busiest slot needs, however its requests are routed [1].

    The slot is the one whose work is the largest share of all capacity.
    """
    groups = _grouped(study)
    return _share(groups, int(_least(groups).argmax()))


def _stranded(study: Study) -> list[str]:
    """A sentence for each request class that has an origin without an allowed site: the first such place and the rules."""
    scenario = study.scenario
    stranded = np.any(scenario.demand > 0, axis=0) & ~np.any(study.allowed, axis=1)
    problems = []
    for request_class in np.flatnonzero(np.any(stranded, axis=0)).tolist():
        places = np.flatnonzero(stranded[:, request_class])
        rules = scenario.classes.iloc[request_class]
        problems.append(
            f"{scenario.origins.index[places[0]]} has no allowed site for {scenario.classes.index[request_class]}: its latency limit "
            f"is {rules['latency_limit_s']:g} s and its residency rule {rules['residency']!r} ({len(places)} such origins); "
            "relax one of them or add a site."
        )
    return problems


def _grouped(study: Study) -> _Groups:
    demand, capacity = np.asarray(study.scenario.demand, float), np.asarray(study.cap, float)
    slots, origins, classes = demand.shape
    sites = capacity.shape[1]
    # A row for each origin and class: the work at each site, infinite where the route is not allowed.
    route = np.where(study.allowed, study.work[None], np.inf).transpose(0, 2, 1).reshape(origins * classes, sites)
    asked = demand.reshape(slots, origins * classes)
    used = asked.any(0)
    rows, of_row = np.unique(route[used], axis=0, return_inverse=True)
    needed = np.zeros((slots, len(rows)))
    np.add.at(needed.T, of_row.ravel(), asked[:, used].T)
    columns, of_site = np.unique(rows.T, axis=0, return_inverse=True)
    together = np.zeros((slots, len(columns)))
    np.add.at(together.T, of_site.ravel(), capacity.T)
    return _Groups(needed, together, columns.T)


def _least(groups: _Groups) -> np.ndarray:
    """Share of all capacity that the work needs where every request goes to its quickest site [slot]."""
    quickest = np.min(groups.work, axis=1, initial=np.inf) if groups.work.size else np.zeros(len(groups.work))
    return groups.needed @ quickest / np.maximum(groups.capacity.sum(1), 1e-30)


def _proportional(groups: _Groups) -> np.ndarray:
    """Largest share of a group of sites where every demand is shared by capacity; no routing needs more [slot]."""
    allowed = np.isfinite(groups.work)
    reach = np.maximum(groups.capacity @ allowed.T, 1e-30)
    work = np.where(allowed, groups.work, 0.0)
    return ((groups.needed / reach) @ work).max(1, initial=0.0)


def _share(groups: _Groups, slot: int) -> float:
    """Least share of its capacity that the busiest group of sites is given by any routing of a slot."""
    from scipy.optimize import linprog
    from scipy.sparse import coo_array

    needed, capacity = groups.needed[slot], groups.capacity[slot]
    group, site = np.nonzero(np.isfinite(groups.work) & (capacity > 0)[None, :])
    routes, scale = len(group), max(float(capacity.sum()), 1e-30)
    if not needed.any():
        return 0.0
    if not set(np.flatnonzero(needed)) <= set(group.tolist()):
        return np.inf
    each = np.arange(routes)
    serve = coo_array((np.ones(routes), (group, each)), shape=(len(needed), routes + 1))
    load = groups.work[group, site] * needed[group] / scale
    fill = coo_array(
        (
            np.r_[load, -capacity / scale],
            (np.r_[site, np.arange(len(capacity))], np.r_[each, np.full(len(capacity), routes)]),
        ),
        shape=(len(capacity), routes + 1),
    )
    served = np.isin(np.arange(len(needed)), group).astype(float)
    found = linprog(
        np.r_[np.zeros(routes), 1.0], A_ub=fill, b_ub=np.zeros(len(capacity)), A_eq=serve, b_eq=served, method="highs"
    )
    return float(found.fun) if found.success else np.inf
