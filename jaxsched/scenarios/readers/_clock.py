"""Clocks as people write them."""

import re
from zoneinfo import ZoneInfo


def clock(zone: str) -> str:
    """A clock as pandas knows it, from an IANA name, `UTC` or an offset such as `UTC+10` or `UTC+9:30`.

    Raises:
        ValueError: If there is no such clock.
    """
    found = re.fullmatch(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?([0-5]\d))?", zone.strip())
    if found is not None:
        hours, minutes = int(found[2]), int(found[3] or 0)
        if hours * 60 + minutes > 14 * 60:
            raise ValueError(f"zone {zone!r} lies more than 14 hours from UTC; correct the offset.")
        return f"UTC{found[1]}{hours:02d}:{minutes:02d}"
    try:
        return ZoneInfo(zone.strip()).key
    except (ValueError, OSError, LookupError):
        raise ValueError(f"zone {zone!r} is not known; give an IANA name, UTC, or an offset such as UTC+10.") from None
