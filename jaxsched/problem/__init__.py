"""The abstract routing problem: demand, routes, shared capacity and a convex cost of load at each site."""

from jaxsched.problem._abstract import AbstractProblem
from jaxsched.problem._candidates import CandidateProblem, restrict_routes
from jaxsched.problem._prepared import PreparedProblem
from jaxsched.problem._problem import Problem
from jaxsched.problem._site_cost import AbstractSiteCost, CongestionCost
from jaxsched.problem._slot import SlotProblem, scatter_routes

__all__ = [
    "AbstractProblem",
    "AbstractSiteCost",
    "CandidateProblem",
    "CongestionCost",
    "PreparedProblem",
    "Problem",
    "SlotProblem",
    "restrict_routes",
    "scatter_routes",
]
