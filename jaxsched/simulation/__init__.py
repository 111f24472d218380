"""Request-level simulation of a site: arrivals, waits and times to first token, one request at a time."""

from jaxsched.simulation._arrivals import gamma_arrivals
from jaxsched.simulation._simulate import SimulatedRequests, replay, simulate

__all__ = [
    "SimulatedRequests",
    "gamma_arrivals",
    "replay",
    "simulate",
]
