"""The abstract routing problem: demand, routes, shared capacity and a convex cost of load at each site."""

from jaxsched.problem._abstract import AbstractProblem
from jaxsched.problem._deferrable import Deferrable
from jaxsched.problem._demand import AbstractDemand
from jaxsched.problem._problem import Problem
from jaxsched.problem._site_cost import AbstractSiteCost, CongestionCost
from jaxsched.problem._slot import SlotProblem

__all__ = [
    "AbstractDemand",
    "AbstractProblem",
    "AbstractSiteCost",
    "CongestionCost",
    "Deferrable",
    "Problem",
    "SlotProblem",
]
