"""The abstract routing problem: demand, routes, shared capacity and a convex cost of load at each site."""

from jaxsched.problem._arranged import AnyProblem, ArrangedProblem
from jaxsched.problem._candidates import CandidateProblem, restricted
from jaxsched.problem._problem import Problem
from jaxsched.problem._site_cost import AbstractSiteCost, CongestionCost
from jaxsched.problem._slot import SlotProblem, spread_out

__all__ = [
    "AbstractSiteCost",
    "AnyProblem",
    "ArrangedProblem",
    "CandidateProblem",
    "CongestionCost",
    "Problem",
    "SlotProblem",
    "restricted",
    "spread_out",
]
