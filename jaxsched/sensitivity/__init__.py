"""What an optimal schedule is sensitive to: derivatives, variance shares, scenarios and frontiers."""

from jaxsched.sensitivity._cases import Case, carbon_path, default_cases, drought, growth, heat_waves, outages
from jaxsched.sensitivity._effects import OUTPUTS
from jaxsched.sensitivity._frontier import AIMS, Frontier, frontier
from jaxsched.sensitivity._global import Range, Sample, sample
from jaxsched.sensitivity._limits import EpsilonConstraint, least_cost_within, limits
from jaxsched.sensitivity._local import LocalSensitivity, local_sensitivity
from jaxsched.sensitivity._ranges import DEFAULT_RANGES, response
from jaxsched.sensitivity._shift import Perturbation, perturbed
from jaxsched.sensitivity._solve_cases import Answers, prepare, solve_cases

__all__ = [
    "AIMS",
    "DEFAULT_RANGES",
    "OUTPUTS",
    "Answers",
    "Case",
    "EpsilonConstraint",
    "Frontier",
    "LocalSensitivity",
    "Perturbation",
    "Range",
    "Sample",
    "carbon_path",
    "default_cases",
    "drought",
    "frontier",
    "growth",
    "heat_waves",
    "least_cost_within",
    "limits",
    "local_sensitivity",
    "outages",
    "perturbed",
    "prepare",
    "response",
    "sample",
    "solve_cases",
]
