"""What an optimal schedule is sensitive to: derivatives, variance shares, scenarios and frontiers."""

from jaxsched.sensitivity._cases import Case, carbon_path, default_cases, drought, growth, heat_waves, outages
from jaxsched.sensitivity._effects import OUTPUTS, effects
from jaxsched.sensitivity._frontier import AIMS, Frontier, frontier, knee_of
from jaxsched.sensitivity._global import Indices, Range, Sampled, sample
from jaxsched.sensitivity._limits import Limited, least_cost_within, limits
from jaxsched.sensitivity._local import Effect, LocalSensitivity, local
from jaxsched.sensitivity._names import GROUPS, Quantity, quantities
from jaxsched.sensitivity._ranges import DEFAULT_RANGES, response
from jaxsched.sensitivity._shift import Shift, shifted
from jaxsched.sensitivity._solve_cases import Answers, CaseSolver, prepare, solve_cases

__all__ = [
    "AIMS",
    "DEFAULT_RANGES",
    "GROUPS",
    "OUTPUTS",
    "Answers",
    "Case",
    "CaseSolver",
    "Effect",
    "Frontier",
    "Indices",
    "Limited",
    "LocalSensitivity",
    "Quantity",
    "Range",
    "Sampled",
    "Shift",
    "carbon_path",
    "default_cases",
    "drought",
    "effects",
    "frontier",
    "growth",
    "heat_waves",
    "knee_of",
    "least_cost_within",
    "limits",
    "local",
    "outages",
    "prepare",
    "quantities",
    "response",
    "sample",
    "shifted",
    "solve_cases",
]
