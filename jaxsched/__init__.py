"""Differentiable, certified scheduling of LLM inference over geo-distributed edge data centres."""

import importlib
from typing import TYPE_CHECKING, Any

from jaxsched._version import __version__

if TYPE_CHECKING:
    from jaxsched._blas import one_blas_thread
    from jaxsched._devices import device_mesh
    from jaxsched._results import RESULTS, InfeasibleError, SolveError
    from jaxsched._schedule import History, Schedule, Stats
    from jaxsched._solve import solve
    from jaxsched.gradients import GradientError, grad_check, optimal_cost
    from jaxsched.problem import AbstractSiteCost, CongestionCost, Deferrable, Problem
    from jaxsched.solvers import ADMM, AbstractSolver, Candidates, InteriorPoint, Proportional

__all__ = [
    "ADMM",
    "RESULTS",
    "AbstractSiteCost",
    "AbstractSolver",
    "Candidates",
    "CongestionCost",
    "Deferrable",
    "GradientError",
    "History",
    "InfeasibleError",
    "InteriorPoint",
    "Problem",
    "Proportional",
    "Schedule",
    "SolveError",
    "Stats",
    "__version__",
    "device_mesh",
    "grad_check",
    "one_blas_thread",
    "optimal_cost",
    "solve",
]

# Loaded when a name of theirs is first used, so that what needs no JAX (the command line's help, say) does not wait for it.
_HOMES = ("_blas", "_devices", "_results", "_schedule", "_solve", "gradients", "problem", "solvers")
_PARTS = ("calibrate", "config", "gradients", "models", "problem", "report", "scenarios", "sensitivity", "simulation",
          "solvers", "study")  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _PARTS:
        return importlib.import_module(f"jaxsched.{name}")
    if name in __all__:
        for home in _HOMES:
            found = getattr(importlib.import_module(f"jaxsched.{home}"), name, None)
            if found is not None:
                globals()[name] = found
                return found
    raise AttributeError(f"module 'jaxsched' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PARTS})
