"""Readers of the files that users bring, each to one validated table in UTC by the start of the interval."""

from jaxsched.scenarios.readers._clock import clock
from jaxsched.scenarios.readers._formats import FORMATS, Format, Readable, describe, read, recognise
from jaxsched.scenarios.readers._mapped import QUANTITIES, Mapped, read_mapped
from jaxsched.scenarios.readers._network import RoundTrips
from jaxsched.scenarios.readers._plain import tidy, write_tidy
from jaxsched.scenarios.readers._rates import RequestRates
from jaxsched.scenarios.readers._raw import ReadError
from jaxsched.scenarios.readers._recording import Recording, column_times
from jaxsched.scenarios.readers._requests import RequestLog, RequestStatistics
from jaxsched.scenarios.readers._rows import OriginRow, Rows, SiteRow, origin_row, site_row
from jaxsched.scenarios.readers._times import iso_time, offset_name

__all__ = [
    "FORMATS",
    "QUANTITIES",
    "Format",
    "Mapped",
    "OriginRow",
    "ReadError",
    "Readable",
    "Recording",
    "RequestLog",
    "RequestRates",
    "RequestStatistics",
    "RoundTrips",
    "Rows",
    "SiteRow",
    "clock",
    "column_times",
    "describe",
    "iso_time",
    "offset_name",
    "origin_row",
    "read",
    "read_mapped",
    "recognise",
    "site_row",
    "tidy",
    "write_tidy",
]
