"""Markdown of the sensitivity benchmark."""

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks._markdown import markdown, measured


def batches(result: Mapping[str, Any]) -> str:
    """What all scenarios take in units of one solve, and how many of them needed no iteration."""
    header = (
        "scenarios",
        "certified to",
        "one cold solve [s]",
        "all scenarios [s]",
        "in units of one",
        "answered from neighbours",
        "first call [s]",
    )
    rows = [
        (
            str(batch["scenarios"]),
            f"{batch['rtol']:g}",
            f"{batch['one_seconds']:.1f}",
            f"{batch['all_seconds']:.1f}",
            f"{batch['ratio']:.1f}",
            f"{batch['not_iterated']} of {batch['scenarios']}",
            f"{batch['first_call_seconds']:.0f}",
        )
        for batch in result["batches"]
    ]
    note = (
        "The default week in float32: heat waves by state, an outage of every site, paths of carbon price, demand and water "
        "price. All seconds but those of the first call are without compilation, and hold the closer schedule of the study "
        "that the scenarios start from. The single solve is timed between parts of the batch; its median counts."
    )
    return "\n".join([markdown(header, rows, left=0), "", f"{note} {measured(result)}"])


def derivatives(result: Mapping[str, Any]) -> str:
    """The largest first-order effects on the total cost of the default week."""
    found = result["local"]
    rows = [(one["parameter"], one["step"], f"{one['aud']:+,.0f}") for one in found["largest"]]
    note = (
        f"Of {found['values']['total_cost_aud']:,.0f} AUD for the week, solved to a certified gap of "
        f"{found['certified_gap']:.1e}. A degree everywhere costs {found['warming_aud_per_k']:,.0f} AUD, a millisecond on every "
        f"route {found['latency_aud_per_ms']:,.0f} AUD. All derivatives of all outputs take "
        f"{found['first_call_seconds']:.0f} s with compilation."
    )
    return "\n".join([markdown(("input", "step", "change [AUD]"), rows, left=1), "", f"{note} {measured(result)}"])


SOURCES = {"sensitivity_batch": "sensitivity", "sensitivity_local": "sensitivity"}
TABLES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "sensitivity_batch": batches,
    "sensitivity_local": derivatives,
}
