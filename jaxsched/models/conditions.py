"""What the outside world does to a site, and what its effects are worth."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel, parameter
from jaxsched.models.terms import SIGNALS, WEIGHTED


def told(fields: Mapping[str, Any]) -> str:
    """The lines of a docstring that say what the fields of a class are, from what each declares."""
    lines = (f"        {name}: {field.metadata['about']} [{field.metadata['unit']}]." for name, field in fields.items())
    return "\n".join(lines)


_CONDITIONS = {
    "dry_bulb": parameter(unit="degC", valid=(-20.0, 55.0), about="Outdoor air temperature"),
    "wet_bulb": parameter(unit="degC", valid=(-25.0, 40.0), about="Outdoor wet-bulb temperature"),
    **{signal.name: signal.field() for signal in SIGNALS},
}
_WEIGHTS = {term.name: term.worth.field() for term in WEIGHTED if term.worth is not None}


class Conditions(AbstractModel):
    __doc__ = f"""Weather and signals at the sites, those of the terms. Each field is a scalar, [site] or [slot, site].

    Units say AUD for the currency of the scenario, whatever that is.

    Attributes:
{told(_CONDITIONS)}
    Valid for:
        The ranges of the fields, which hold every Australian record (50.7 degC) and a heat wave beyond it; the
        chillers are fitted in [-5, 45] degC and extrapolate smoothly beyond.
    Source:
        Data of a scenario.
    """
    __annotations__ = dict.fromkeys(_CONDITIONS, Float[Array, "..."])
    locals().update(_CONDITIONS)

    if TYPE_CHECKING:

        def __init__(self, **fields: Any) -> None: ...
        def __getattr__(self, name: str) -> Float[Array, "..."]: ...


class Weights(AbstractModel):
    __doc__ = f"""What a unit of each term of the objective is worth, in the currency of the scenario, for which units say AUD.

    Attributes:
{told(_WEIGHTS)}
    Valid for:
        Non-negative weights, which keep the cost convex.
    Source:
        The study: each is a choice.
    """
    __annotations__ = dict.fromkeys(_WEIGHTS, Float[Array, "..."])
    locals().update(_WEIGHTS)

    if TYPE_CHECKING:

        def __init__(self, **fields: Any) -> None: ...
        def __getattr__(self, name: str) -> Float[Array, "..."]: ...
