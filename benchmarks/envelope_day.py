"""Are site costs with a straight part and a kink of the slope, as sleeping servers give them, certified on the default day?"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

import jaxsched
from benchmarks import harness
from benchmarks._markdown import Record, Table
from benchmarks.harness import beyond, told
from jaxsched.scenarios import australia
from jaxsched.study import build_study

# The certified gap that each solver must reach.
TOLERANCES = {"InteriorPoint": 1e-8, "ADMM": 1e-4}
MOST = 2000
_BISECTIONS = 60


class EnvelopeCost(jaxsched.AbstractSiteCost):
    """The convex envelope of a cost and of nothing at no load.

        f(L) = slope L  up to the knee,    cost(L)  beyond,    slope = cost(knee) / knee = cost'(knee)

    Attributes:
        cost: Cost of a site whose servers are all on.
        knee: Load where the line touches it [slot, site].
        slope: Slope of the line [slot, site].
    """

    cost: jaxsched.AbstractSiteCost
    knee: Float[Array, "slot site"]
    slope: Float[Array, "slot site"]

    def __call__(self, load):
        return jnp.where(load <= self.knee, self.slope * load, self.cost(jnp.maximum(load, self.knee)))

    def load_limit(self):
        return self.cost.load_limit()


def envelope(problem: jaxsched.Problem) -> jaxsched.Problem:
    """The same problem with the envelope of its site costs, the knee found by bisection."""
    slots, axes = problem.slots()

    def one_slot(slot: Any) -> tuple[Array, Array]:
        def tangent_is_below(load: Array) -> Array:
            cost, marginal = jax.jvp(slot.site_cost, (load,), (jnp.ones_like(load),))
            return marginal * load < cost

        def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
            low, high = ends
            middle = 0.5 * (low + high)
            below = tangent_is_below(middle)
            return jnp.where(below, middle, low), jnp.where(below, high, middle)

        ends = (jnp.zeros_like(slot.capacity), slot.capacity)
        knee = jax.lax.fori_loop(0, _BISECTIONS, halve, ends)[1]
        return knee, slot.site_cost(knee) / jnp.where(knee > 0, knee, 1.0)

    knee, slope = jax.vmap(one_slot, in_axes=(axes,))(slots)
    return eqx.tree_at(lambda p: p.site_cost, problem, EnvelopeCost(problem.site_cost, knee, slope))


def measure(**size: Any) -> dict[str, Any]:
    """Certified gap and iterations of both solvers on a scenario of a size."""
    problem = envelope(build_study(australia(start="2024-01-15", **size)).problem)
    cost: Any = problem.site_cost

    def one(name: str) -> dict[str, Any]:
        solver = getattr(jaxsched, name)(rtol=TOLERANCES[name], max_steps=MOST if name == "ADMM" else 100)
        schedule = jaxsched.solve(problem, solver, throw=False)
        return {
            "solver": name,
            "gap": float(schedule.gap),
            "steps": int(schedule.stats.num_steps),
            "objective": float(schedule.objective),
            "share_below_knee": float((schedule.load < cost.knee).mean()),
        }

    shape = dict(zip(("slots", "origins", "sites", "classes"), problem.shape, strict=True))
    return {**shape, "rows": told(map(one, TOLERANCES))}


def failures(row: Record) -> list[str]:
    """A gap above the tolerance that was asked for."""
    return beyond(row["solver"], (row["gap"], TOLERANCES[row["solver"]], "gap {:.1e}, asked for {:.0e}"))


table = Table(
    "solver = `{solver}` | asked for = {asked:.0e} | certified gap = {gap:.1e} | iterations = {steps} | "
    "cost [AUD] = {objective:,.2f} | loads on the straight part = {share_below_knee*100:.0f} %",
    left=1,
    rows=lambda record: [{**row, "asked": TOLERANCES[row["solver"]]} for row in record["rows"]],
    notes=("{slots} slots of {origins} x {sites}, {classes} classes, float64.",),
    listed=False,
)
BENCHMARK = harness.Benchmark(
    "envelope_day", __doc__, lambda options: measure(slots=24), harness.of_cases(failures, "rows"), table
)
