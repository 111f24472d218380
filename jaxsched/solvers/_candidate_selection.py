"""Which routes of each demand to keep, and how what they carry moves when they change."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxsched._schedule import Schedule
from jaxsched.problem import Problem, SlotProblem
from jaxsched.problem._demand import scatter_routes
from jaxsched.problem._scales import dearest_ordinary
from jaxsched.solvers._aggregation import cluster_origins
from jaxsched.solvers._certificate import cheapest_route
from jaxsched.solvers._layout import class_first
from jaxsched.solvers._repair import proportional

# A route that carries less of its demand is given up for a cheaper one.
_CARRIES = 1e-6
# One of so many places, and one at least, goes to the cheapest route whatever the others carry. With one of 4, routes that
# carry something go and come again where candidates are few, and the interior point stalls at 1e-3.
_FRESH = 16
# Routes whose costs differ by less than this share are ties.
_TIE = 1e-5
# What all routes of a demand cost more than its cheapest counts up to so many times what the cheapest tenth do: far sites
# in full, penalties hardly.
_FAR = 1000.0
# One of so many places at most goes to a site because no other demand is readier for it.
_LEFT = 2


def select_candidates(
    slot: SlotProblem, prices: Float[Array, " site"], flow: Float[Array, "class origin site"], width: int
) -> Int[Array, "class origin route"]:
    """Sites of the candidates of each demand: those that carry most, then the cheapest at given prices.

    Every site is left to the demand that gives up least for it, up to half of the places of a demand. Other routes that
    carry nothing are not kept, and some places are never kept for those that carry something.

    Arguments:
        slot: The problem with every route.
        prices: Prices of load.
        flow: What each route carries.
        width: Number of candidates, at most the number of sites.
    """
    block, usable = slot.blocks[0], slot.usable_routes()[0]
    exact = jnp.where(usable, block.priced(prices), jnp.inf)
    scattered = _TIE * _scattered(usable.shape, exact.dtype)
    cost = jnp.where(usable, exact + scattered * jnp.abs(exact), jnp.inf)
    least = exact.min(-1, keepdims=True)
    least = jnp.where(jnp.isfinite(least), least, 0.0)
    demand = jnp.where(block.demand > 0, block.demand, 1.0)[..., None]
    share = jnp.where(usable, (1.0 - scattered) * flow / demand, 0.0)
    # Ahead of all others: a site without any candidate would fall to the price of its first request, and all would want it.
    ordinary = jnp.minimum(exact, dearest_ordinary(exact, usable, _FAR))
    extent = jnp.where(usable, ordinary - least, 0.0).sum(-1, keepdims=True)
    given_up = jnp.where(usable, (exact - least) / jnp.where(extent > 0, extent, 1.0), jnp.inf)
    share = share + _readiest(usable, given_up, max(width // _LEFT, 1))
    # Below every cost of the row, the more the larger the flow.
    first = least - (1.0 + jnp.abs(least)) * (1.0 + share)
    kept = max(width - max(width // _FRESH, 1), 1)
    least_kept = jax.lax.top_k(share, kept)[0][..., -1:]
    keeps = (share > _CARRIES) & (share >= least_kept)
    return jax.lax.top_k(-jnp.where(keeps, first, cost), width)[1].astype(jnp.int32)


def _scattered(shape: tuple[int, ...], dtype: Any) -> Float[Array, "class origin site"]:
    """Numbers in [0, 1) without a pattern, the same every time: of routes that cost alike, each demand keeps others.

    Multiples of irrational numbers, of which only the fractions are kept, fill the interval evenly.
    """
    steps = (0.7548776662466927, 0.5698402909980532, 0.4142135623730951)
    places = [(step * (1 + np.arange(size)) ** 2) % 1.0 for step, size in zip(steps, shape, strict=True)]
    request_class, origin, site = (jnp.asarray(place, dtype) for place in places)
    return (
        request_class[:, None, None] + origin[None, :, None] * (1.0 + 7.0 * site[None, None, :]) + site[None, None, :]
    ) % 1.0


def _readiest(
    usable: Bool[Array, "class origin site"], given_up: Float[Array, "class origin site"], most: int
) -> Float[Array, "class origin site"]:
    """About 1 for the one route to each site whose demand gives up least by it, the more the less that is; 0 for others.

    A demand is left `most` of them: with few demands and very many sites they would take all of its places. What a
    demand gives up is what the route costs more than its cheapest, as a share of what all its ordinary routes do.
    """
    rows = given_up.reshape(-1, given_up.shape[-1])
    readiest = usable & jax.nn.one_hot(rows.argmin(0), len(rows), dtype=bool, axis=0).reshape(usable.shape)

    def among_first() -> Bool[Array, "class origin site"]:
        ready = jnp.where(readiest, -given_up, -jnp.inf)
        return readiest & (ready >= jax.lax.top_k(ready, most)[0][..., -1:])

    # To sort takes a quarter of the whole choice (2,000 x 2,000 x 3 on a CPU) and is seldom called for.
    left = jax.lax.cond(jnp.any(readiest.sum(-1) > most), among_first, lambda: readiest)
    return jnp.where(left, 1.0 - _CARRIES * jnp.minimum(given_up, 1.0), 0.0)


def places(
    old: Int[Array, "class origin route"], new: Int[Array, "class origin route"], sites: int
) -> Int[Array, "class origin route"]:
    """Where each new candidate stood among the old ones; -1 where it did not."""
    classes, origins, width = old.shape
    rows = jnp.arange(classes)[:, None, None], jnp.arange(origins)[None, :, None]
    order = jnp.broadcast_to(jnp.arange(width, dtype=jnp.int32), old.shape)
    stood = jnp.full((classes, origins, sites), -1, jnp.int32).at[(*rows, old)].set(order)
    return jnp.take_along_axis(stood, new, -1)


def missing_reduced_cost(slot: SlotProblem, prices: Float[Array, " site"]) -> Float[Array, ""]:
    """What all demands would save at given prices by their cheapest route if it is no candidate."""
    assert slot.whole is not None
    dear, cheap = (cheapest_route(problem, problem.priced(prices))[0] for problem in (slot, slot.whole))
    return jnp.where(jnp.isfinite(dear) & jnp.isfinite(cheap), dear - cheap, 0.0).sum()


def first_flows(
    problem: Problem, slot: SlotProblem, index: Array, warm_start: Schedule | None, group: int
) -> tuple[Float[Array, "class origin site"], Float[Array, " site"]]:
    """Flows on every route of one slot, and prices, from an answer to this problem or to the coarse one.

    Without an answer, the proportional routing at its marginal costs, which carries nothing that must be kept.
    """
    if warm_start is None:
        routing = proportional(slot)
        load = jnp.minimum(slot.load(routing), slot.capacity)
        return jnp.zeros_like(routing[0]), slot.site_cost.derivatives(load)[1]
    block, dtype, count = slot.blocks[0], slot.dtype, len(slot.capacity)
    usable, prices = slot.usable_routes()[0], warm_start.prices[index].astype(dtype)
    flow = class_first(problem, warm_start.routing[index][None])[0].astype(dtype)
    if warm_start.sites is not None:
        flow = scatter_routes(flow, class_first(problem, warm_start.sites[index][None])[0], count)
    if flow.shape[1] != problem.shape[1]:
        group_of, _ = cluster_origins(problem, group)
        total = flow.sum(-1, keepdims=True)
        share = flow / jnp.where(total > 0, total, 1.0)
        flow = share[:, group_of] * block.demand[..., None]
        # What its group may take can be prohibitive for one of its members.
        cost = jnp.broadcast_to(block.priced(prices), flow.shape)
        flow = jnp.where(cost <= dearest_ordinary(cost, usable), flow, 0.0)
    return jnp.where(usable, flow, 0.0), prices
