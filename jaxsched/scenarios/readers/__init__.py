"""Readers of the files that users bring, each to one validated table in UTC by the start of the interval."""

from jaxsched.scenarios.readers._formats import describe, read, recognise
from jaxsched.scenarios.readers._mapped import QUANTITIES, Mapped, read_mapped
from jaxsched.scenarios.readers._network import RoundTrips
from jaxsched.scenarios.readers._plain import tidy, write_tidy
from jaxsched.scenarios.readers._rates import RequestRates
from jaxsched.scenarios.readers._raw import ReadError
from jaxsched.scenarios.readers._recording import Recording
from jaxsched.scenarios.readers._requests import RequestLog
from jaxsched.scenarios.readers._rows import Rows

__all__ = [
    "QUANTITIES",
    "Mapped",
    "ReadError",
    "Recording",
    "RequestLog",
    "RequestRates",
    "RoundTrips",
    "Rows",
    "describe",
    "read",
    "read_mapped",
    "recognise",
    "tidy",
    "write_tidy",
]
