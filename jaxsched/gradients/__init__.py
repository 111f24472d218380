"""Derivatives of optimal costs and schedules with respect to everything that a problem holds, and a check of them."""

from jaxsched.gradients._check import GradCheck, GradientError, grad_check
from jaxsched.gradients._envelope import optimal_cost, slot_costs
from jaxsched.gradients._implicit import constant, follow, with_derivatives

__all__ = [
    "GradCheck",
    "GradientError",
    "constant",
    "follow",
    "grad_check",
    "optimal_cost",
    "slot_costs",
    "with_derivatives",
]
