"""Solvers behind one interface, and the pieces that they share."""

from jaxsched.solvers._admm import ADMM
from jaxsched.solvers._base import AbstractSolver
from jaxsched.solvers._candidates import Candidates
from jaxsched.solvers._certificate import dual_bound
from jaxsched.solvers._interior_point import InteriorPoint
from jaxsched.solvers._layout import answered, by_slot, class_first, fixed_part, laid_out
from jaxsched.solvers._metric import AbstractMetric, FlowMetric, UniformMetric
from jaxsched.solvers._point import PrimalDualPoint
from jaxsched.solvers._proportional import Proportional

__all__ = [
    "ADMM",
    "AbstractMetric",
    "AbstractSolver",
    "Candidates",
    "FlowMetric",
    "InteriorPoint",
    "PrimalDualPoint",
    "Proportional",
    "UniformMetric",
    "answered",
    "by_slot",
    "class_first",
    "dual_bound",
    "fixed_part",
    "laid_out",
]
