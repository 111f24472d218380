"""Every input and parameter of a study by name, with its unit and what it belongs to."""

import dataclasses
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from jaxsched._names import did_you_mean, leaves
from jaxsched.models import TERMS
from jaxsched.models.terms import WEIGHTED
from jaxsched.study import Inputs

# Which group a name belongs to: the first that its beginning fits. Names that are no quantities of the world are left out.
_GROUPS = (
    ("conditions.dry_bulb", "weather"), ("conditions.wet_bulb", "weather"),
    *((f"conditions.{term.signal.name}", term.group) for term in TERMS if term.signal is not None),
    *((f"site_model.weights.{term.name}", term.group) for term in WEIGHTED), ("site_model.price", "electricity price"),
    ("site_model.it_power", "IT power"), ("site_model.electrical", "electrical"), ("site_model.plants.*water", "water"),
    ("site_model.plants", "cooling"), ("site_model.carbon", "carbon"), ("site_model.queue", "queueing"),
    ("site_model", "capacity"), ("facility_limit", "capacity"), ("rtt", "latency"), ("demand", "demand"), ("serving", "serving"),
)  # fmt: skip
_LEFT_OUT = ("membership", "switch", "width")
GROUPS = tuple(dict.fromkeys(group for _, group in _GROUPS))


@dataclasses.dataclass(frozen=True)
class Quantity:
    """An input or a parameter.

    Attributes:
        name: Where it is, for example `site_model.plants.DirectExpansion.cooling.pump_share`.
        unit: Its unit.
        group: What it belongs to.
        value: Its array.
    """

    name: str
    unit: str
    group: str
    value: Any

    @property
    def is_temperature(self) -> bool:
        """Whether only differences of it mean something, so that a change in per cent does not."""
        return self.unit == "degC"


def quantities(inputs: Inputs) -> list[Quantity]:
    """Every input and parameter; a tree of derivatives of the inputs gives them under the same names."""
    found = []
    for leaf in leaves(inputs):
        if "unit" in leaf.metadata and leaf.name.rsplit(".", 1)[-1] not in _LEFT_OUT:
            group = next(group for prefix, group in _GROUPS if fnmatchcase(leaf.name, f"{prefix}*"))
            found.append(Quantity(leaf.name, leaf.metadata["unit"], group, leaf.value))
    return found


def choose(named: Sequence[Quantity], wanted: Sequence[str] | None) -> list[Quantity]:
    """The quantities whose name or group is asked for; all where nothing is.

    Raises:
        ValueError: If nothing has such a name or group, or the choice is empty.
    """
    if wanted is None:
        return list(named)
    if not wanted:
        raise ValueError("no parameter is asked for; name some, or a group: " + ", ".join(GROUPS) + ".")
    known = [*GROUPS, *(one.name for one in named)]
    for name in wanted:
        if name not in known:
            hint = did_you_mean(name, known, f"groups are {', '.join(GROUPS)}.")
            raise ValueError(f"there is no parameter or group `{name}`; {hint}")
    chosen = [one for one in named if one.name in wanted or one.group in wanted]
    if not chosen:
        raise ValueError(f"the groups {', '.join(wanted)} hold no parameter of this study; ask for others.")
    return chosen
