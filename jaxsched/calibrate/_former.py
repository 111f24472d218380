"""Model files of earlier versions, put into the form of this one before they are read."""

from typing import Any

from jaxsched.calibrate._observations import CalibrationError

# Laws that held the temperature and width of their wetting themselves.
_WETTED = {"IndirectEvaporative": ("threshold", "gate_width"), "EvaporativeWater": ("threshold", "width")}


def current(value: dict[str, Any], file: str, where: str) -> dict[str, Any]:
    """A model of a file in the form of this version; any other is given back as it is.

    Raises:
        CalibrationError: If what it said cannot be said any more, with what to do.
    """
    name = value["class"]
    if name in _WETTED and _WETTED[name][0] in value:
        threshold, width = (value.get(field) for field in _WETTED[name])
        rest = {field: each for field, each in value.items() if field not in _WETTED[name]}
        return {**rest, "wetting": {"class": "Wetting", "threshold": threshold, "width": width}}
    if name == "SiteModel" and "cooling" in value and "water" in value:
        rest = {field: each for field, each in value.items() if field not in ("cooling", "water")}
        return {**rest, "plants": _plants(value["cooling"], value["water"], file, where)}
    if name in ("MixedCooling", "MixedWater"):
        raise CalibrationError(
            f"{file}: `{where}` is a {name} of an earlier version; a plant is now one model of cooling and water. Save each of "
            "its members as a model of its own, and put them in by study.with_(model, at=...)."
        )
    return value


def _plants(cooling: dict[str, Any], water: dict[str, Any], file: str, where: str) -> dict[str, Any]:
    """Cooling and water of an earlier site model as plants."""
    mixed = cooling["class"] == "MixedCooling", water["class"] == "MixedWater"
    if not any(mixed):
        return {"class": "Plant", "cooling": cooling, "water": water, "wetting": None}
    if not all(mixed) or cooling["membership"] != water["membership"]:
        raise CalibrationError(
            f"{file}: `{where}` mixes cooling and water otherwise; a plant is now one model of both. Build the study anew, and "
            "put its models in by study.with_(model, at=...)."
        )
    plants = [
        {"class": "Plant", "cooling": one, "water": its, "wetting": None}
        for one, its in zip(cooling["plants"], water["kinds"], strict=True)
    ]
    return {"class": "MixedPlants", "plants": plants, "membership": cooling["membership"]}
