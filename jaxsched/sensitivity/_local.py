"""First-order effects of every input and parameter on what the optimal schedule costs and does."""

import dataclasses
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxsched._results import RESULTS
from jaxsched._schedule import Schedule
from jaxsched._solve import solve
from jaxsched._units import SECONDS_PER_HOUR
from jaxsched.gradients import optimal_cost
from jaxsched.models.terms import TIMED
from jaxsched.sensitivity._effects import OUTPUTS, effects
from jaxsched.sensitivity._names import Quantity, choose, quantities
from jaxsched.sensitivity._shift import wet_bulb_per_degree
from jaxsched.solvers import ADMM, InteriorPoint
from jaxsched.study import Inputs, Study, build_problem, build_study

# Share of its value by which an input moves in a tornado, and degrees for a temperature.
STEP_SHARE, STEP_DEGREES = 0.1, 1.0


@dataclasses.dataclass(frozen=True)
class Effect:
    """What a change of one input or parameter does to one output, to first order, the schedule following.

    Attributes:
        quantity: What changes.
        output: Key of `OUTPUTS`.
        gradient: Change of the output if every entry of the input grows by one of its unit.
        elasticity: Relative change of the output over that of the input, every entry in proportion; NaN for temperatures.
        step: What a change is called: `+1 K` or `+10 %`.
        change: Change of the output over that step, in its unit.
    """

    quantity: Quantity
    output: str
    gradient: float
    elasticity: float
    step: str
    change: float


@dataclasses.dataclass(frozen=True)
class LocalSensitivity:
    """Derivatives at the optimum.

    Attributes:
        study: In float64.
        inputs: What was differentiated with respect to; `facility_limit` is [slot, site].
        schedule: The exact schedule.
        values: Outputs [output].
        gradients: Derivatives of each output as `Inputs`; of the total cost by the envelope theorem, of the others
            through the schedule.
        capacity_dual: What one more GPU of capacity would save [slot, site] [AUD/GPU].
        wet_bulb_slope: Rise of the wet bulb with the dry bulb at equal vapour pressure [slot, site] [1].
    """

    study: Study
    inputs: Inputs
    schedule: Schedule
    values: np.ndarray
    gradients: dict[str, Inputs]
    capacity_dual: np.ndarray
    wet_bulb_slope: np.ndarray

    def effects(self, output: str = "total_cost_aud", parameters: Sequence[str] | None = None) -> list[Effect]:
        """Effects on an output, the largest first.

        Arguments:
            output: Key of `OUTPUTS`.
            parameters: Names or groups; all where not given.

        Raises:
            ValueError: If there is no such output, parameter or group.
        """
        slopes = {one.name: one.value for one in quantities(self._slopes(output))}
        value = float(self.values[list(OUTPUTS).index(output)])
        found = [
            self._effect(one, output, slopes[one.name], value) for one in choose(quantities(self.inputs), parameters)
        ]
        return sorted(found, key=lambda effect: -abs(effect.change))

    def warming(self, output: str = "total_cost_aud") -> np.ndarray:
        """Change of an output per degree of warming, the wet bulb following at equal vapour pressure [slot, site]."""
        weather = self._slopes(output).conditions
        return np.asarray(weather.dry_bulb) + np.asarray(weather.wet_bulb) * self.wet_bulb_slope

    def power_limit(self) -> np.ndarray:
        """What one more MW at the meter would save [slot, site] [AUD/MW]."""
        return -1000.0 * np.asarray(self.gradients["total_cost_aud"].facility_limit)

    def latency(self) -> np.ndarray:
        """What one more millisecond to each site costs [slot, site] [AUD/ms].

        The derivative of the cost to the round-trip time is the requests that take it, so that it can be told by hour.
        """
        requests = np.asarray(self.schedule.routing, float).sum((1, 3))
        hours, weight = self.study.scenario.slot_hours, float(getattr(self.inputs.site_model.weights, TIMED.name))
        return requests * (SECONDS_PER_HOUR / 1000.0) * hours * weight

    def _slopes(self, output: str) -> Inputs:
        if output not in self.gradients:
            raise ValueError(f"there is no output `{output}`; outputs are {', '.join(self.gradients)}.")
        return self.gradients[output]

    def _effect(self, quantity: Quantity, output: str, slope: np.ndarray, value: float) -> Effect:
        slope, at = np.asarray(slope, float), np.asarray(quantity.value, float)
        total, proportional = float(slope.sum()), float((slope * at).sum())
        if quantity.is_temperature:
            change, step, elasticity = STEP_DEGREES * total, f"+{STEP_DEGREES:g} K", float("nan")
        else:
            change, step = STEP_SHARE * proportional, f"+{STEP_SHARE:.0%}"
            elasticity = proportional / value if value else float("nan")
        return Effect(quantity, output, total, elasticity, step, change)


def local_sensitivity(study: Study, *, schedule: Schedule | None = None) -> LocalSensitivity:
    """Derivatives of total cost, energy, carbon, water and mean time to first token to every input and parameter.

    The schedule is solved exactly: ADMM, then interior-point iterations from its answer. The total cost has its
    derivative by the envelope theorem; the other outputs move with the schedule and have theirs by implicit
    differentiation (`solve`), one factorisation for all of them.

    Arguments:
        study: The study; it is built again in float64 where its problem is not.
        schedule: A schedule of the study to start from, whatever found it.

    Raises:
        ValueError: If JAX is not set to float64 (`jax.config.update("jax_enable_x64", True)`).
        SolveError: If the exact solve comes to rest above its tolerance.
    """
    if jnp.asarray(0.0).dtype != jnp.float64:
        raise ValueError("exact derivatives need float64: call jax.config.update('jax_enable_x64', True) first.")
    if study.problem.demand.dtype != jnp.float64:
        study = build_study(study.scenario, dtype=np.float64)
    inputs = study.inputs
    limit = jnp.broadcast_to(inputs.facility_limit, study.cap.shape)
    inputs = eqx.tree_at(lambda i: i.facility_limit, inputs, limit)
    if schedule is None:
        schedule = solve(study.problem, ADMM(rtol=1e-3, check_every=20, max_steps=2000), throw=False)
    exact = solve(study.problem, InteriorPoint(), warm_start=schedule, throw=False)
    if not bool(exact.result == RESULTS.successful):
        exact = solve(study.problem, InteriorPoint(), warm_start=exact)
    values, of_problem, slopes = _derivatives(study, inputs, exact)
    return LocalSensitivity(
        study=study,
        inputs=inputs,
        schedule=exact,
        values=np.asarray(values),
        gradients=dict(zip(OUTPUTS, slopes, strict=True)),
        capacity_dual=-np.broadcast_to(np.asarray(of_problem.capacity), study.cap.shape),
        wet_bulb_slope=wet_bulb_per_degree(study),
    )


def _derivatives(study: Study, inputs: Inputs, exact: Schedule):
    @eqx.filter_jit
    def of_cost(inputs, schedule):
        problem, pull = eqx.filter_vjp(lambda i: build_problem(study, i), inputs)
        of_problem = eqx.filter_grad(lambda p: optimal_cost(p, schedule))(problem)
        return of_problem, pull(of_problem)[0]

    @eqx.filter_jit
    def of_others(inputs, schedule):
        def outputs(inputs):
            # It starts at an answer that is proved.
            answer = solve(build_problem(study, inputs), InteriorPoint(), warm_start=schedule, throw=False)
            return effects(study, inputs, answer.routing)

        values, pull = eqx.filter_vjp(outputs, inputs)
        # One after the other: compiled once, and the memory of one.
        return values, jax.lax.map(lambda unit: pull(unit)[0], jnp.eye(len(OUTPUTS))[1:])

    of_problem, cost = of_cost(inputs, exact)
    values, others = of_others(inputs, exact)
    apart = [jax.tree.map(lambda leaf, n=n: leaf[n], others) for n in range(len(OUTPUTS) - 1)]
    return values, of_problem, [cost, *apart]
