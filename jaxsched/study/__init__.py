"""From a scenario to schedules and what they do: build the problem, solve it, compare policies."""

from jaxsched.study._build import UTILISATION_LIMIT, Study, build, site_cost, with_cooling
from jaxsched.study._evaluate import Outcome, check_feasible, evaluate
from jaxsched.study._policies import (
    BLIND_PARTIAL_PUE,
    POLICIES,
    cheapest,
    greenest,
    nearest,
    proportional,
    temperature_aware,
    temperature_blind,
)
from jaxsched.study._repose import Inputs, inputs_of, pose, repose, service_of, serving_names
from jaxsched.study._servable import busiest_share, problems_of
from jaxsched.study._site_cost import PhysicalSiteCost
from jaxsched.study._ttft import ttft_seconds
from jaxsched.study._with import PLACES, with_prefill

__all__ = [
    "BLIND_PARTIAL_PUE",
    "PLACES",
    "POLICIES",
    "UTILISATION_LIMIT",
    "Inputs",
    "Outcome",
    "PhysicalSiteCost",
    "Study",
    "build",
    "busiest_share",
    "cheapest",
    "check_feasible",
    "evaluate",
    "greenest",
    "inputs_of",
    "nearest",
    "pose",
    "problems_of",
    "proportional",
    "repose",
    "service_of",
    "serving_names",
    "site_cost",
    "temperature_aware",
    "temperature_blind",
    "ttft_seconds",
    "with_cooling",
    "with_prefill",
]
