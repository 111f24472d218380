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
_GROUPS = {"it_power": "IT power", "electrical": "power supply", "cooling": "", "water": "water of"}
_SHORT = {"ups": "UPS", "pdu": "PDU", "it": "IT"}
_PLANTS = {"TowerWater": "towers", "DryWater": "dry plants", "EvaporativeWater": "evaporative plants"}


def readable(name: str, plants: Sequence[str] = ()) -> str:
    """A quantity in words, such as `water of airside economiser: threshold`.

    Arguments:
        name: As `jaxsched.sensitivity` names it, for example `site_model.water.EvaporativeWater[1].threshold`.
        plants: Classes of the plants in order, which say what a number in brackets stands for.
    """
    rest = re.sub(r"^(site_model|conditions)\.", "", name)
    if rest in _WORDS:
        return _WORDS[rest]
    first, *inner = rest.split(".")
    if not inner:
        return _plain(first)
    group = _GROUPS.get(first, _plain(first))
    numbered = re.fullmatch(r"(\w+)\[(\d+)\]", inner[0])
    if numbered is not None:
        number = int(numbered[2])
        inner[0] = plants[number] if number < len(plants) else f"plant {number + 1}"
    if len(inner) == 1:
        return f"{group.removesuffix(' of')}: {_plain(inner[0])}"
    return f"{group} {_plain(inner[0])}: {' '.join(map(_plain, inner[1:]))}".strip()


def _plain(part: str) -> str:
    """Words of a class or a field: DirectExpansion, rated_share."""
    if part in _PLANTS:
        return _PLANTS[part]
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", part).replace("_", " ").lower().split()
    return " ".join(_SHORT.get(word, word) for word in words)
