"""The inverse problem: parameters from the schedules that somebody runs, through the solver."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxsched._parameters import is_concrete
from jaxsched._results import RESULTS
from jaxsched._solve import solve
from jaxsched.calibrate._fit import Fit, fit
from jaxsched.calibrate._methods import AbstractMethod
from jaxsched.calibrate._observations import CalibrationError, Observations
from jaxsched.problem import Problem
from jaxsched.solvers import AbstractSolver, InteriorPoint

Model = TypeVar("Model")
Quantity = Literal["load", "routing"]


@dataclasses.dataclass(frozen=True, eq=False)
class Scheduled:
    """What the optimal schedule of a model shows, as `fit` asks for; equal ones share what was compiled.

    Attributes:
        problem: From the model to its routing problem.
        quantity: What is shown.
        solver: How it is solved.
    """

    problem: Callable[[Any], Problem]
    quantity: Quantity
    solver: AbstractSolver

    def __call__(self, model: Any, _: Any) -> Array:
        posed = self.problem(model)
        # While a fit goes on, a step that leads where nothing is found is only a bad one.
        schedule = solve(posed, self.solver, throw=all(map(is_concrete, jax.tree.leaves(posed))))
        values = schedule.load if self.quantity == "load" else schedule.to_dense()
        # Not a number where it was not found, so that no step ends there.
        return jnp.where(schedule.result == RESULTS.successful, values, jnp.nan)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Scheduled) or (self.problem, self.quantity) != (other.problem, other.quantity):
            return False
        return bool(eqx.tree_equal(self.solver, other.solver))

    def __hash__(self) -> int:
        return hash((self.problem, self.quantity))


def fit_schedules(
    model: Model,
    problem: Callable[[Model], Problem],
    observed: Any,
    *,
    parameters: Sequence[str],
    quantity: Quantity = "load",
    solver: AbstractSolver | None = None,
    weights: Any = None,
    times: Any = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    priors: Mapping[str, tuple[float, float]] | None = None,
    method: AbstractMethod | None = None,
    held_out: Any = None,
    folds: int = 0,
    starts: int = 1,
    bootstrap: int = 0,
    block_hours: float = 24.0,
    seed: int = 0,
) -> Fit[Model]:
    """The parameters under which the schedules that were observed are optimal, or as nearly so as can be.

        minimise  sum w (observed - solve(problem(model)).load)^2

    over the named parameters, by `fit`, with its bounds, standard errors and warnings of what schedules cannot tell. Each
    step solves the problem, and moves along the implicit derivative of `solve` in forward mode: one factorisation serves
    all parameters. That derivative is of the optimum smoothed by a small barrier; the schedules that are compared are not
    smoothed. The answer is therefore that of the exact schedules. Standard errors hold where loads follow the parameters
    smoothly; where sites come into use or fill up within the noise they are too small. float64 is necessary in practice.

    Schedules tell ratios only: costs that are all twice as high give the same schedule, so one price at least must be known.

    Arguments:
        model: Any pytree whose parameters vary, the start: `study.inputs`, a part of it, or a module of your own.
        problem: From the model to its routing problem, in JAX: `functools.partial(build_problem, study)` for `study.inputs`. The
            cost must be strictly convex for schedules to follow parameters smoothly; that of a study is. Further fits with
            the same function are not compiled again.
        observed: Load [slot, site], in the unit of the problem's, or routing [slot, origin, site(, class)] [requests/s];
            NaN where missing.
        parameters: Dotted names (`parameter_names(model)`), for instance `site_model.weights.carbon`.
        quantity: What was observed.
        solver: `InteriorPoint()` where not given, whose derivative needs no further solve.
        weights: Weight of each value, >= 0, proportional to 1 / variance, of the shape of `observed` or [slot]; equal where
            not given.
        times: Start of each slot, for blocks of time [slot].
        bounds: As in `fit`.
        priors: As in `fit`.
        method: As in `fit`.
        held_out: As in `fit`; rows are slots.
        folds: As in `fit`, but none where not given: every fold is fitted again.
        starts: As in `fit`, but one where not given: the misfit of smooth schedules has seldom several minima.
        bootstrap: As in `fit`.
        block_hours: As in `fit`.
        seed: As in `fit`.

    Returns:
        The fit. `fit.predict(fit.model, ())` is the schedule under the fitted parameters.

    Raises:
        CalibrationError: If an argument cannot be used, or no problem near the start can be solved.
        InfeasibleError: If the work does not fit under the model that was given.
        SolveError: If the solver does not reach its tolerance under the model that was given.

    Source:
        Inverse optimisation by implicit differentiation: Blondel et al. (2022), NeurIPS 35:5230; Chan, Mahmood and Zhu
        (2025), Oper. Res. 73:1046.
    """
    if quantity not in ("load", "routing"):
        raise CalibrationError(f"quantity is {quantity!r}; give 'load' or 'routing'.")
    data = _checked(observed, problem(model), quantity)
    solver = InteriorPoint() if solver is None else solver
    return fit(
        model,
        Observations((), data, weights, times, unit="requests/s" if quantity == "routing" else "", features={}),
        parameters=parameters,
        predict=Scheduled(problem, quantity, solver),
        bounds=bounds,
        priors=priors,
        method=method,
        held_out=held_out,
        folds=folds,
        starts=starts,
        bootstrap=bootstrap,
        block_hours=block_hours,
        seed=seed,
    )


def _checked(observed: Any, problem: Problem, quantity: Quantity) -> np.ndarray:
    try:
        values = np.asarray(observed, float)
    except (TypeError, ValueError):
        raise CalibrationError("observed holds something that is not a number; NaN stands for missing.") from None
    slots, origins, sites, classes = problem.shape
    names, shape = "[slot, site]", (slots, sites)
    if quantity == "routing" and problem.has_classes:
        names, shape = "[slot, origin, site, class]", (slots, origins, sites, classes)
    elif quantity == "routing":
        names, shape = "[slot, origin, site]", (slots, origins, sites)
    if values.shape != shape:
        raise CalibrationError(f"observed has shape {values.shape}; the {quantity} here is {names} = {shape}.")
    if np.isinf(values).any():
        raise CalibrationError("observed holds an infinite value; NaN stands for missing.")
    return values
