"""A change of the world in a few numbers: what scenarios and samples are made of."""

from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsched._parameters import AbstractModel, parameter
from jaxsched.models import TERMS, Term, stull_wet_bulb
from jaxsched.models.conditions import told
from jaxsched.models.terms import WEIGHTED
from jaxsched.scenarios._weather import saturation_pressure
from jaxsched.study import Inputs, Study


def _factor(about: str, most: float) -> Any:
    return parameter(1.0, unit="1", valid=(0.0, most), about=f"Factor on {about}")


def _of_term(term: Term) -> Any:
    return _factor("the wholesale price" if term.worth is None else f"the worth of {term.name}", 1000.0)


_FIELDS = {
    "warming": parameter(
        0.0,
        unit="K",
        valid=(-20.0, 20.0),
        about="Added to the dry-bulb temperature; vapour pressure stays, so that the wet bulb follows",
    ),
    **{term.factor: _of_term(term) for term in TERMS},
    "carbon_intensity": _factor("the emissions of electricity", 10.0),
    "demand": _factor("the requests", 100.0),
    "latency": _factor("round-trip times", 100.0),
    "power_limit": _factor(
        "the facility's power limit; 0 closes a site to requests, whose idle servers stay on", 100.0
    ),
}


class Perturbation(AbstractModel):
    __doc__ = f"""How inputs differ from those of a study. Each field is a scalar, or [site] (`demand`: or [class]).

    Attributes:
{told(_FIELDS)}
    Valid for:
        The ranges of the fields; temperatures up to 55 degC, the wet-bulb law being extrapolated beyond 50.
    Source:
        Definition.
    """
    __annotations__ = dict.fromkeys(_FIELDS, Float[Array, "..."])
    locals().update(_FIELDS)

    if TYPE_CHECKING:

        def __init__(self, **fields: Any) -> None: ...
        def __getattr__(self, name: str) -> Float[Array, "..."]: ...


def perturbed(study: Study, inputs: Inputs, perturbation: Perturbation) -> Inputs:
    """Inputs after a perturbation; also under `jit`, `vmap` and `grad`."""
    conditions, model = inputs.conditions, inputs.site_model
    dry, wet = _warmed(conditions.dry_bulb, jnp.asarray(study.scenario.relative_humidity), perturbation.warming)
    # The study's own wet bulb, which may be a reading, plus what the law says it rises by.
    still = _warmed(
        conditions.dry_bulb, jnp.asarray(study.scenario.relative_humidity), jnp.zeros_like(perturbation.warming)
    )
    weights = model.weights
    priced = [(term.signal.name, term.factor) for term in TERMS if term.worth is None and term.signal is not None]
    return eqx.tree_at(
        lambda i: (
            i.conditions.dry_bulb,
            i.conditions.wet_bulb,
            *(getattr(i.conditions, name) for name, _ in priced),
            i.conditions.carbon_intensity,
            *(getattr(i.site_model.weights, term.name) for term in WEIGHTED),
            i.demand,
            i.rtt,
            i.facility_limit,
        ),
        inputs,
        (
            dry,
            conditions.wet_bulb + (wet - still[1]),
            *(getattr(conditions, name) * _over(getattr(perturbation, factor), 2) for name, factor in priced),
            conditions.carbon_intensity * _over(perturbation.carbon_intensity, 2),
            *(getattr(weights, term.name) * getattr(perturbation, term.factor) for term in WEIGHTED),
            inputs.demand * _over(perturbation.demand, 3),
            inputs.rtt * _over(perturbation.latency, 2),
            inputs.facility_limit * _over(perturbation.power_limit, inputs.facility_limit.ndim),
        ),
    )


def wet_bulb_per_degree(study: Study) -> np.ndarray:
    """Rise of the wet bulb per degree of warming at equal vapour pressure [slot, site] [1]."""
    dry, humidity = study.conditions.dry_bulb, jnp.asarray(study.scenario.relative_humidity)
    zero = jnp.zeros(())
    return np.asarray(jax.jvp(lambda by: _warmed(dry, humidity, by)[1], (zero,), (jnp.ones(()),))[1])


@eqx.filter_jit
def _warmed(
    dry_bulb: Float[Array, "slot site"], humidity: Float[Array, "slot site"], by: Float[Array, "..."]
) -> tuple[Float[Array, "slot site"], Float[Array, "slot site"]]:
    """Dry and wet bulb after a warming at equal vapour pressure."""
    dry = dry_bulb + _over(by, 2)
    drier = humidity * saturation_pressure(dry_bulb, jnp.exp) / saturation_pressure(dry, jnp.exp)
    return dry, stull_wet_bulb(dry, drier)


def _over(value: Float[Array, "..."], rank: int) -> Float[Array, "..."]:
    """A scalar as it is, or a vector along the last of `rank` axes."""
    return value if value.ndim == 0 else value.reshape((1,) * (rank - value.ndim) + value.shape)
