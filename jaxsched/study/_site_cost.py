"""The physical sites as a cost of load that the solver can use."""

from jaxtyping import Array, Float

from jaxsched._parameters import parameter
from jaxsched.models.site import ConditionedSite
from jaxsched.problem import AbstractSiteCost


class PhysicalSiteCost(AbstractSiteCost):
    """Energy, carbon, water and waiting at each site over a slot, as a convex function of its load [currency].

        f(L) = hours cost(L)

    Attributes:
        site: Cost of a load at the conditions of each slot [currency/h].
        hours: Length of a slot [h].
    """

    site: ConditionedSite
    hours: Array = parameter(unit="h", valid=(1e-6, 1e6))

    def __call__(self, load: Float[Array, " site"]) -> Float[Array, " site"]:
        return self.hours * self.site(load)
