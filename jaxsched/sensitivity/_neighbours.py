"""Answers that a case can be given without a solve, from solved neighbours: mixed, costed and proved."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsched._schedule import Schedule
from jaxsched.problem import Problem, SlotProblem
from jaxsched.sensitivity._effects import effects_of_flows, route_cost
from jaxsched.sensitivity._shift import Perturbation
from jaxsched.solvers import dual_bound
from jaxsched.study import Inputs, Study
from jaxsched.study._totals import Flows


class Interpolated(eqx.Module):
    """What a mixed answer is worth as an answer of a case.

    Attributes:
        objective: Its cost, infinite where a site is overloaded or closed to what it should take [AUD].
        bound: Proved lower bound on the cost of the case [AUD].
        values: Its outputs.
        load: Mean load over the slots [GPU].
    """

    objective: Float[Array, ""]
    bound: Float[Array, ""]
    values: Float[Array, " output"]
    load: Float[Array, " site"]


@dataclasses.dataclass(frozen=True)
class SolvedCase:
    """A solved case.

    Attributes:
        position: Entries of its perturbation, one after the other.
        flows: Its routing summed over the origins, for demand and round trips of the study itself.
        schedule: Its schedule.
    """

    position: np.ndarray
    flows: Flows
    schedule: Schedule


def position_of(perturbation: Perturbation) -> np.ndarray:
    """Where a perturbation lies in the space of all perturbations with fields of the same lengths."""
    return np.concatenate([np.ravel(np.asarray(leaf, float)) for leaf in jax.tree.leaves(perturbation)])


def share_of(position: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    """How far a position lies on the way from one to another, between 0 and 1."""
    way = high - low
    length = float(way @ way)
    return float(np.clip((position - low) @ way / length, 0.0, 1.0)) if length > 0 else 0.0


def ends_first(count: int) -> Iterator[int]:
    """0 to count - 1: the last first, then what lies in the middle of what is known."""
    spans = [(-1, count)]
    if count:
        yield count - 1
        spans = [(-1, count - 1)]
    while spans:
        low, high = spans.pop(0)
        middle = (low + high) // 2
        if low < middle < high:
            yield middle
            spans += [(low, middle), (middle, high)]


def bracket(known: dict[int, SolvedCase], at: int) -> tuple[SolvedCase, SolvedCase]:
    """The solved cases on either side of one; the same one twice where there is none beyond."""
    low = known[max(n for n in known if n < at)]
    above = [n for n in known if n > at]
    return low, known[min(above)] if above else low


def unperturbed(flows: Flows, perturbation: Perturbation) -> Flows:
    """Flows of a case as those of the study itself: the same shares of its demand."""
    return jax.tree.map(lambda flow: flow / _per_class(perturbation.demand), flows)


def blend(low: Any, high: Any, share: Float[Array, ""]) -> Any:
    """The tree of arrays a share of the way from one to another."""
    return jax.tree.map(lambda a, b: (1 - share).astype(a.dtype) * a + share.astype(b.dtype) * b, low, high)


def interpolate(
    study: Study,
    there: Inputs,
    problem: Problem,
    pair: tuple[Flows, Flows],
    prices: tuple[Float[Array, "slot site"], Float[Array, "slot site"]],
    share: Float[Array, ""],
    perturbation: Perturbation,
) -> Interpolated:
    """What the mix of two routings costs in a case, and what the mix of their prices proves of it.

    A mix of routings that serve the demand serves it, and loads, routes and times mix as the routings do, so that sums over
    the origins are enough to cost it. Any prices prove a bound; those between the solved ones are nearly the best.

    Arguments:
        study: The study.
        there: Inputs of the case.
        problem: Its problem.
        pair: Flows of the neighbours, `unshifted`.
        prices: Their prices of load.
        share: Weight of the second.
        perturbation: What the case changes.
    """
    between = blend(*pair, share)
    requests = between.requests * _per_class(perturbation.demand)
    flows = Flows(requests, between.travelling * _per_class(perturbation.demand) * _per_site(perturbation.latency))
    values = effects_of_flows(study, there, flows)
    slots, axes = problem.slots()
    dtype = problem.demand.dtype
    loads = (requests.astype(dtype) * problem.work[None]).sum(2)

    def one(slot: SlotProblem, load, price):
        fits = jnp.all(load <= slot.capacity)
        marginal = slot.site_cost.derivatives(load)[1]
        tried = jnp.stack([price, 0.5 * (price + marginal)])
        return fits, slot.site_cost(load).sum(), jax.vmap(lambda p: dual_bound(slot, p, load))(tried).max()

    fits, cost, bound = jax.vmap(one, in_axes=(axes, 0, 0))(slots, loads, blend(*prices, share))
    objective = route_cost(study, there, flows) + cost.astype(requests.dtype).sum()
    objective = jnp.where(jnp.all(fits), objective, jnp.inf)
    return Interpolated(objective, bound.astype(requests.dtype).sum(), values, loads.mean(0))


def _per_site(factor: Float[Array, "..."]) -> Float[Array, "..."]:
    """A factor, or one for each site, along the axes [slot, site, class]."""
    return factor if factor.ndim == 0 else factor[None, :, None]


def _per_class(factor: Float[Array, "..."]) -> Float[Array, "..."]:
    """A factor, or one for each class, along the axes [slot, site, class]."""
    return factor if factor.ndim == 0 else factor[None, None, :]
