"""Conversions of units that more than one part of the package makes."""

SECONDS_PER_HOUR = 3600.0
