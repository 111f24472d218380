"""Work that may wait: jobs that are served anywhere within a window of slots."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxsched._layout import with_arrays
from jaxsched._parameters import is_concrete
from jaxsched.problem._checks import check_broadcast, check_numbers, given_array, given_indices
from jaxsched.problem._periods import periods_of


class Deferrable(eqx.Module):
    """Jobs whose requests are served in any slots from release to deadline, at any sites that their routes lead to.

        sum_tj x[t,j] = volume,    release <= t <= deadline

    Arguments:
        volume: Requests per second of each job, summed over the slots in which they are served [job], >= 0.
        origin: Origin that sends each job [job]; it names the routes that are allowed.
        kind: Request class of each job [job], which names the load that a request puts on a site; the first if not given.
        release: First slot of each window [job], from 0; the first of the problem if not given.
        deadline: Last slot of each window, itself included [job], not before the release; the last of the problem if not
            given.
        route_cost: Cost of one request per second at a site, the same in all slots, broadcasts to [job, site]; an infinite
            entry removes the site. The route costs of the origin, in each slot, if not given.

    Each but `volume` and `route_cost` may be one number for all jobs.

    Raises:
        ValueError: Where a shape does not fit or a number is out of its range.
    """

    volume: Float[Array, " job"]
    origin: Int[Array, " job"]
    kind: Int[Array, " job"]
    release: Int[Array, " job"]
    deadline: Int[Array, " job"] | None
    route_cost: Float[Array, "#job #site"] | None

    def __init__(
        self,
        volume: Any,
        origin: Any,
        kind: Any = 0,
        release: Any = 0,
        deadline: Any = None,
        route_cost: Any = None,
    ):
        self.volume = given_array(volume, "deferrable.volume")
        if self.volume.ndim != 1 or not len(self.volume):
            raise ValueError(
                f"deferrable.volume has shape {self.volume.shape}; give [job] with one job at least, or leave deferrable out."
            )
        check_numbers(self.volume, "deferrable.volume", ("job",))
        jobs = len(self.volume)
        self.origin, self.kind, self.release = (
            given_indices(value, f"deferrable.{name}", jobs)
            for name, value in (("origin", origin), ("kind", kind), ("release", release))
        )
        self.deadline = None if deadline is None else given_indices(deadline, "deferrable.deadline", jobs)
        self.route_cost = None if route_cost is None else _by_site(given_array(route_cost, "deferrable.route_cost"))


def _by_site(route_cost: Array) -> Array:
    if route_cost.ndim > 2:
        raise ValueError(f"deferrable.route_cost has shape {route_cost.shape}; it must broadcast to [job, site].")
    return route_cost.reshape((1,) * (2 - route_cost.ndim) + route_cost.shape)


class Windows(eqx.Module):
    """The periods of slots that windows join.

    Attributes:
        order: The jobs of each period; the number of jobs where it has fewer than others.
        periods: Slots of each period, one after the other.
    """

    order: Int[Array, "period place"]
    periods: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, jobs: Deferrable, slots: int):
        """Of jobs that fit a number of slots; windows that are not known yet may join anything."""
        if not (is_concrete(jobs.release) and is_concrete(jobs.deadline)):
            self.periods, self.order = (slots,), jnp.arange(len(jobs.volume), dtype=jnp.int32)[None]
            return
        release, deadline = np.asarray(jobs.release), np.asarray(jobs.deadline)
        self.periods = periods_of(release, deadline, slots)
        self.order = jnp.asarray(_order(release, self.periods))


def fitted_jobs(jobs: Deferrable, sizes: tuple[int, int, int, int], dtype: Any) -> Deferrable:
    """Jobs of a problem with these numbers of slots, origins, sites and request classes: checked, and in its precision."""
    slots, origins, sites, classes = sizes
    deadline = jnp.full(len(jobs.volume), slots - 1, jnp.int32) if jobs.deadline is None else jobs.deadline
    for name, values, limit in (
        ("origin", jobs.origin, origins),
        ("kind", jobs.kind, classes),
        ("release", jobs.release, slots),
        ("deadline", deadline, slots),
    ):
        _check_range(values, f"deferrable.{name}", limit)
    _check_windows(jobs.release, deadline)
    cost = jobs.route_cost
    if cost is not None:
        check_broadcast(cost, (len(jobs.volume), sites), "deferrable.route_cost", "[job, site]")
        check_numbers(jnp.where(cost == jnp.inf, 0.0, cost), "deferrable.route_cost", ("job", "site"), lowest=-np.inf)
        cost = cost.astype(dtype)
    return with_arrays(jobs, {"volume": jobs.volume.astype(dtype), "deadline": deadline, "route_cost": cost})


def jobs_within(jobs: Deferrable, slots: range) -> Deferrable | None:
    """The jobs whose windows lie within consecutive slots, counted from the first of these; None where there are none.

    Raises:
        ValueError: If a window lies partly within them.
    """
    release, deadline = np.asarray(jobs.release), np.asarray(jobs.deadline)
    first, last = slots.start, slots.stop - 1
    apart = np.flatnonzero((release <= last) & (deadline >= first) & ((release < first) | (deadline > last)))
    if slots.step != 1 or len(apart):
        cut = (
            f"job {apart[0]} may be served from slot {release[apart[0]]} to {deadline[apart[0]]}" if len(apart) else ""
        )
        raise ValueError(
            f"slots {first} to {last} cut through a window{': ' if cut else ''}{cut}; take consecutive slots, and windows "
            "as a whole."
        )
    inside = np.flatnonzero((release >= first) & (deadline <= last))
    if not len(inside):
        return None
    cost = jobs.route_cost
    arrays = {name: getattr(jobs, name)[inside] for name in ("volume", "origin", "kind", "release", "deadline")}
    arrays |= {name: arrays[name] - first for name in ("release", "deadline")}
    arrays["route_cost"] = cost if cost is None or len(cost) == 1 else cost[inside]
    return with_arrays(jobs, arrays)


def _check_range(values: Array, name: str, limit: int) -> None:
    if not is_concrete(values):
        return
    outside = np.flatnonzero((np.asarray(values) < 0) | (np.asarray(values) >= limit))
    if len(outside):
        job = int(outside[0])
        raise ValueError(f"{name} of job {job} is {int(values[job])}; it must be from 0 to {limit - 1}.")


def _check_windows(release: Array, deadline: Array) -> None:
    if not (is_concrete(release) and is_concrete(deadline)):
        return
    late = np.flatnonzero(np.asarray(deadline) < np.asarray(release))
    if len(late):
        job = int(late[0])
        raise ValueError(
            f"deferrable.deadline of job {job} is slot {int(deadline[job])}, before its release in slot "
            f"{int(release[job])}; the last slot of a window must not come before the first."
        )


def _order(release: np.ndarray, periods: tuple[int, ...]) -> np.ndarray:
    """The jobs of each period in the order in which they were given, filled up with the number of jobs."""
    period_of = np.searchsorted(np.cumsum(periods), release, side="right")
    order = np.full((len(periods), int(np.bincount(period_of).max())), len(release), np.int32)
    for period in range(len(periods)):
        own = np.flatnonzero(period_of == period)
        order[period, : len(own)] = own
    return order
