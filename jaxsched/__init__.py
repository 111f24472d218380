"""Differentiable, certified scheduling of LLM inference over geo-distributed edge data centres."""

from jaxsched._blas import one_blas_thread
from jaxsched._devices import device_mesh
from jaxsched._results import RESULTS, InfeasibleError, SolveError
from jaxsched._schedule import History, Schedule, Stats
from jaxsched._solve import solve
from jaxsched._version import __version__
from jaxsched.gradients import GradCheck, GradientError, grad_check, optimal_cost
from jaxsched.problem import AbstractSiteCost, CongestionCost, Problem
from jaxsched.solvers import (
    ADMM,
    AbstractMetric,
    AbstractSolver,
    Candidates,
    FlowMetric,
    InteriorPoint,
    Proportional,
    UniformMetric,
)

__all__ = [
    "ADMM",
    "RESULTS",
    "AbstractMetric",
    "AbstractSiteCost",
    "AbstractSolver",
    "Candidates",
    "CongestionCost",
    "FlowMetric",
    "GradCheck",
    "GradientError",
    "History",
    "InfeasibleError",
    "InteriorPoint",
    "Problem",
    "Proportional",
    "Schedule",
    "SolveError",
    "Stats",
    "UniformMetric",
    "__version__",
    "device_mesh",
    "grad_check",
    "one_blas_thread",
    "optimal_cost",
    "solve",
]
