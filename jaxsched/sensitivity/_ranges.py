"""A study as a function of a few uncertain numbers, to be sampled."""

import dataclasses
from collections.abc import Callable, Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsched._names import did_you_mean
from jaxsched._schedule import Schedule
from jaxsched._solve import solve
from jaxsched.models import TERMS
from jaxsched.sensitivity._effects import effects
from jaxsched.sensitivity._global import Range
from jaxsched.sensitivity._shift import Perturbation, perturbed
from jaxsched.solvers import ADMM
from jaxsched.study import Study, build_problem

DEFAULT_RANGES = (
    Range("warming", -2.0, 4.0, "K"),
    *(Range(term.factor, *term.sampled, "times") for term in TERMS),
    Range("carbon_intensity", 0.7, 1.2, "times"),
    Range("demand", 0.8, 1.25, "times"),
    Range("latency", 0.8, 1.3, "times"),
)
"""What a study is sampled over where nothing else is said, fields of `Perturbation`; the widths are assumptions."""

_MOST_STEPS = 400


def response(
    study: Study, ranges: Sequence[Range] = DEFAULT_RANGES, *, rtol: float = 1e-3, base: Schedule | None = None
) -> Callable[[Float[Array, " parameter"]], Float[Array, " output"]]:
    """The outputs of the optimal schedule as a function of perturbations, for `sample`; NaN where nothing can be scheduled.

    Arguments:
        study: The study.
        ranges: Fields of `Perturbation`.
        rtol: Certified gap of each solve.
        base: Schedule of the study that every solve starts from.

    Raises:
        ValueError: If a range is no field of `Perturbation`, or leaves the values it may take.
    """
    fields = {field.name: field for field in dataclasses.fields(Perturbation)}
    for one in ranges:
        if one.name not in fields:
            raise ValueError(f"there is no parameter `{one.name}`; {did_you_mean(one.name, fields)}")
        low, high = fields[one.name].metadata["valid"]
        if not low <= one.low <= one.high <= high:
            raise ValueError(
                f"the range of {one.name} is [{one.low:g}, {one.high:g}]; it must lie in [{low:g}, {high:g}]."
            )
    names, inputs = [one.name for one in ranges], study.inputs
    solver = ADMM(rtol=rtol, max_steps=_MOST_STEPS, check_every=10)
    if base is None:
        base = solve(study.problem, ADMM(rtol=rtol, max_steps=10 * _MOST_STEPS))

    def outputs(values: Float[Array, " parameter"]) -> Float[Array, " output"]:
        there = perturbed(study, inputs, Perturbation(**dict(zip(names, values, strict=True))))
        answer = solve(build_problem(study, there), solver, warm_start=base, throw=False)
        served = jnp.isfinite(answer.objective)
        return jnp.where(served, effects(study, there, answer.routing), jnp.nan)

    return outputs
