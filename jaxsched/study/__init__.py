"""From a scenario to schedules and what they do: build the problem, solve it, compare policies."""

from jaxsched.study._build import build_study
from jaxsched.study._evaluate import Outcome, evaluate
from jaxsched.study._inputs import Inputs, site_cost
from jaxsched.study._policies import POLICIES
from jaxsched.study._servable import problems_of
from jaxsched.study._study import Study, build_problem
from jaxsched.study._ttft import ttft_quantile
from jaxsched.study._with import with_prefill

__all__ = [
    "POLICIES",
    "Inputs",
    "Outcome",
    "Study",
    "build_problem",
    "build_study",
    "evaluate",
    "problems_of",
    "site_cost",
    "ttft_quantile",
    "with_prefill",
]
