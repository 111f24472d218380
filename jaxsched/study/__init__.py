"""From a scenario to schedules and what they do: build the problem, solve it, compare policies."""

from jaxsched.study._build import build
from jaxsched.study._evaluate import Outcome, check_feasible, evaluate
from jaxsched.study._inputs import UTILISATION_LIMIT, Inputs, site_cost
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
from jaxsched.study._servable import busiest_share, problems_of
from jaxsched.study._site_cost import PhysicalSiteCost
from jaxsched.study._study import Study, pose, serving_names, with_cooling
from jaxsched.study._ttft import ttft_quantile
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
    "nearest",
    "pose",
    "problems_of",
    "proportional",
    "serving_names",
    "site_cost",
    "temperature_aware",
    "temperature_blind",
    "ttft_quantile",
    "with_cooling",
    "with_prefill",
]
