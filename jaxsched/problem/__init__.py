"""The abstract routing problem: demand, routes, shared capacity and a convex cost of load at each site."""

from jaxsched.problem._abstract import AbstractProblem
from jaxsched.problem._candidates import CandidateProblem
from jaxsched.problem._coupled import CoupledProblem, arrangement, in_periods, list_routes, prepared, restrict_routes
from jaxsched.problem._deferrable import Deferrable
from jaxsched.problem._demand import AbstractDemand, Demands, FixedDemand, Routes, SlottedDemand, pairs, scatter_routes
from jaxsched.problem._prepared import PreparedProblem
from jaxsched.problem._problem import Problem
from jaxsched.problem._site_cost import AbstractSiteCost, CongestionCost
from jaxsched.problem._slot import SlotProblem, summed

__all__ = [
    "AbstractDemand",
    "AbstractProblem",
    "AbstractSiteCost",
    "CandidateProblem",
    "CongestionCost",
    "CoupledProblem",
    "Deferrable",
    "Demands",
    "FixedDemand",
    "PreparedProblem",
    "Problem",
    "Routes",
    "SlotProblem",
    "SlottedDemand",
    "arrangement",
    "in_periods",
    "list_routes",
    "pairs",
    "prepared",
    "restrict_routes",
    "scatter_routes",
    "summed",
]
