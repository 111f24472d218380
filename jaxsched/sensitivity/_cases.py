"""Named scenarios: heat waves, drought, carbon price, outages, growth."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from jaxsched._names import did_you_mean
from jaxsched._parameters import as_array
from jaxsched.sensitivity._shift import Perturbation
from jaxsched.study import Study

# The hottest hour of a case may not pass what the weather model takes [degC].
_HOTTEST = 55.0


@dataclasses.dataclass(frozen=True)
class Case:
    """A scenario: a study under a perturbation.

    Attributes:
        family: What it varies; neighbours in a family follow each other, each solved from the one before.
        name: What it is, unlike every other.
        level: How far it goes, in `unit`.
        unit: Unit of the level.
        perturbation: What changes.
    """

    family: str
    name: str
    level: float
    unit: str
    perturbation: Perturbation


def heat_waves(
    study: Study, degrees: Sequence[float] = tuple(range(1, 9)), regions: Sequence[str] | None = None
) -> list[Case]:
    """Warming of one state or territory at a time, and of all of them, by each number of degrees.

    Arguments:
        study: The study.
        degrees: Warming [K], rising.
        regions: Values of the column `state` of the sites, or `everywhere`; each state and `everywhere` where not given.

    Raises:
        ValueError: If a region has no site, or a site became hotter than the weather model takes.
    """
    states = study.scenario.sites["state"].to_numpy(str)
    known = [*dict.fromkeys(states.tolist()), "everywhere"]
    for name in regions or ():
        _known(name, known, "region")
    cases = []
    for region in known if regions is None else regions:
        inside = np.ones(len(states)) if region == "everywhere" else (states == region).astype(float)
        for warming in degrees:
            hottest = float((study.scenario.dry_bulb + warming * inside[None]).max())
            if not hottest <= _HOTTEST:
                raise ValueError(
                    f"{warming:g} K more in {region} makes {hottest:.1f} degC, above {_HOTTEST:g}, where the models end; "
                    "ask for fewer degrees."
                )
            perturbation = Perturbation(warming=as_array(warming * inside))
            cases.append(Case(f"heat wave in {region}", f"{region} {warming:+g} K", float(warming), "K", perturbation))
    return cases


def drought(factors: Sequence[float] = (1.5, 2, 3, 4, 6, 8, 10, 12)) -> list[Case]:
    """The price of water times each factor."""
    return [
        Case("drought", f"water x {f:g}", float(f), "times", Perturbation(water_price=as_array(f))) for f in factors
    ]


def carbon_path(study: Study, prices: Sequence[float]) -> list[Case]:
    """Prices of carbon, in the currency of the study per tonne.

    Raises:
        ValueError: If the study gives carbon no worth, so that a price cannot be a multiple of it.
    """
    base, unit = study.scenario.weights["carbon"].value, study.scenario.weights["carbon"].unit
    if not base > 0:
        raise ValueError("the study gives carbon no worth (weights.carbon is 0); give it a price above 0.")
    return [
        Case("carbon price", f"carbon {p:g} {unit}", float(p), unit, Perturbation(carbon_price=as_array(p / base)))
        for p in prices
    ]


def growth(factors: Sequence[float]) -> list[Case]:
    """Demand times each factor, everywhere and of every class."""
    return [
        Case("demand growth", f"demand x {f:g}", float(f), "times", Perturbation(demand=as_array(f))) for f in factors
    ]


def outages(study: Study, sites: Sequence[str] | None = None) -> list[Case]:
    """One site at a time takes no requests; its idle servers stay on.

    Raises:
        ValueError: If there is no such site, or there is only one.
    """
    names = study.scenario.sites.index.astype(str).tolist()
    if len(names) < 2:
        raise ValueError("the study has one site; an outage of it leaves nothing to schedule. Add a site.")
    cases = []
    for name in names if sites is None else sites:
        _known(name, names, "site")
        open_sites = np.array([float(other != name) for other in names])
        cases.append(
            Case(f"outage of {name}", f"{name} out", 1.0, "site", Perturbation(power_limit=as_array(open_sites)))
        )
    return cases


def default_cases(study: Study) -> list[Case]:
    """Heat waves of 1 to 8 K in every state and everywhere, drought, a path of carbon prices, growth and every outage."""
    cases = [*heat_waves(study), *drought(), *growth(np.round(np.linspace(1.02, 1.3, 15), 4).tolist())]
    if study.scenario.weights["carbon"].value > 0:
        now = study.scenario.weights["carbon"].value
        cases += carbon_path(study, np.round(now * np.linspace(1.1, 4.0, 30), 2).tolist())
    return cases + (outages(study) if len(study.scenario.sites) > 1 else [])


def _known(name: str, known: Sequence[str], what: str) -> None:
    if name not in known:
        raise ValueError(f"there is no {what} `{name}`; {did_you_mean(name, known)}")
