"""The problem of one slot as the solvers see it, with every route or with a list of candidates."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxsched.problem._site_cost import AbstractSiteCost


def scatter_routes(
    routes: Float[Array, "kind origin route"], sites: Int[Array, "kind origin route"], count: int
) -> Float[Array, "kind origin site"]:
    """Values of listed routes at so many sites, 0 where no route is listed."""
    empty = jnp.zeros((*routes.shape[:2], count), routes.dtype)
    return jnp.put_along_axis(empty, sites, routes, -1, inplace=False)


class SlotProblem(eqx.Module):
    """The problem of one slot in the layout of the solvers: kind first, route last.

    Attributes:
        demand: Requests per second.
        route_cost: Cost of one request per second on each route.
        work: Load of one request per second of a kind at a site.
        capacity: Largest load.
        allowed: Routes that may be used; all where None.
        site_cost: Cost of load.
        sites: Site at which each route ends; where None, every origin has a route to every site, in their order.
        whole: The problem with every route, of which this one holds candidates; it is what a bound must be proved for.
        most: `most_load` where it has been worked out already.
    """

    demand: Float[Array, "kind origin"]
    route_cost: Float[Array, "kind origin route"]
    work: Float[Array, "kind site"]
    capacity: Float[Array, " site"]
    allowed: Bool[Array, "kind origin route"] | None
    site_cost: AbstractSiteCost
    sites: Int[Array, "kind origin route"] | None = None
    whole: "SlotProblem | None" = None
    most: Float[Array, " site"] | None = None

    def at_routes(self, values: Array) -> Array:
        """What each route finds at its site of values [kind, site] or [site]: [kind, #origin, route] or so."""
        if self.sites is None:
            return values[..., None, :] if values.ndim == 2 else values[None, None, :]
        places = self.sites if values.ndim == 1 else self.sites + self._first()
        return values.reshape(-1).at[places].get(mode="promise_in_bounds")

    def to_sites(self, flow: Float[Array, "kind origin route"]) -> Float[Array, "kind site"]:
        """Sum over the routes that end at each site."""
        if self.sites is None:
            return flow.sum(1)
        places = (self.sites + self._first()).reshape(-1)
        total = jnp.zeros(self.work.size, flow.dtype)
        return total.at[places].add(flow.reshape(-1), mode="promise_in_bounds").reshape(self.work.shape)

    def load(self, routing: Float[Array, "kind origin route"]) -> Float[Array, " site"]:
        """Load that a routing puts on each site."""
        return (self.to_sites(routing) * self.work).sum(0)

    def most_load(self) -> Float[Array, " site"]:
        """Load that a site can be asked to carry at most: its capacity, or all demand that may come."""
        if self.most is not None:
            return self.most
        if self.allowed is None:
            every = (self.demand.sum(1)[:, None] * self.work).sum(0)
        else:
            every = self.load(jnp.where(self.allowed, self.demand[..., None], 0.0))
        rounded_up = every * (1.0 + 1e3 * jnp.finfo(every.dtype).eps)
        return jnp.minimum(self.capacity, rounded_up)

    def open_routes(self) -> Bool[Array, "#kind #origin route"]:
        """Routes that may carry something: allowed, and to a site with capacity."""
        to_open = self.at_routes(self.capacity > 0)
        return to_open if self.allowed is None else to_open & self.allowed

    def reached(self, routes: Bool[Array, "kind origin route"]) -> Bool[Array, " site"]:
        """Sites at which some of the marked routes end."""
        if self.sites is None:
            return routes.any((0, 1))
        none = jnp.zeros(self.capacity.shape, bool)
        return none.at[self.sites].max(routes, mode="promise_in_bounds")

    def priced(self, prices: Float[Array, " site"]) -> Float[Array, "kind #origin route"]:
        """Cost of one request per second on each route, its load included."""
        return self.route_cost + self.priced_work(prices)

    def priced_work(self, prices: Float[Array, " site"]) -> Float[Array, "kind #origin route"]:
        """Cost of the load of one request per second on each route."""
        return self.at_routes(self.work * prices[None, :])

    def _first(self) -> Int[Array, "kind 1 1"]:
        kinds, sites = self.work.shape
        return (jnp.arange(kinds, dtype=jnp.int32) * sites)[:, None, None]
