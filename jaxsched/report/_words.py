"""Names of inputs and parameters as a planner reads them."""

import re
from collections.abc import Sequence

# What the name of a field alone does not say.
_WORDS = {
    "serving.prefill_fixed": "prefill: fixed time",
    "serving.prefill_linear": "prefill: time per token of the prompt",
    "serving.prefill_quadratic": "prefill: time per pair of tokens",
    "serving.token_fixed": "decoding: time per token, one request",
    "serving.token_per_sequence": "decoding: time per token and further request",
    "serving.batch": "decoding: requests together",
    "serving.gpus_per_replica": "GPUs per copy of a model",
    "carbon.scope3": "carbon: upstream of the power station",
    "carbon.embodied": "carbon: embodied in hardware",
    "price.network_adder": "network charges",
    "price": "wholesale price",
    "queue.variability": "queueing: variability",
    "weights.carbon": "price of carbon",
    "weights.water": "price of water",
    "weights.waiting": "worth of waiting",
    "facility_limit": "power limit at the meter",
    "gpus": "number of GPUs",
    "replicas": "copies of a model",
    "rtt": "round-trip time",
}
_GROUPS = {"it_power": "IT power", "electrical": "power supply"}
_SHORT = {"ups": "UPS", "pdu": "PDU", "it": "IT"}


def readable(name: str) -> str:
    """A quantity in words, such as `water of airside economiser: cycles`.

    Arguments:
        name: As `jaxsched.sensitivity` names it, for example `site_model.plants.AirsideEconomiser.water.cycles`.
    """
    rest = re.sub(r"^(site_model|conditions)\.", "", name)
    if rest in _WORDS:
        return _WORDS[rest]
    first, *inner = rest.split(".")
    if first == "plants":
        return _of_plant(inner)
    group = _GROUPS.get(first, _plain(first))
    if len(inner) < 2:
        return ": ".join([group, *map(_plain, inner)])
    return f"{group} {_plain(inner[0])}: {' '.join(map(_plain, inner[1:]))}"


def _of_plant(inner: Sequence[str]) -> str:
    """What belongs to a plant, by the path from it: plant, part and field; or part and field of the only one."""
    at = next((n for n, part in enumerate(inner) if part in ("cooling", "water", "wetting")), 0)
    words = [*inner[at + 1 :]] if inner[at] == "cooling" else inner[at:]
    plant = " ".join(map(_plain, inner[:at]))
    if inner[at] == "water":
        plant, words = f"water of {plant}" if plant else "water", inner[at + 1 :]
    return f"{plant or 'cooling'}: {' '.join(map(_plain, words))}"


def _plain(part: str) -> str:
    """Words of a class or a field: DirectExpansion, DirectExpansion[1], rated_share."""
    part = re.sub(r"\[(\d+)\]", lambda number: f" {int(number[1]) + 1}", part)
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", part).replace("_", " ").lower().split()
    return " ".join(_SHORT.get(word, word) for word in words)
