"""Prefill and decode times of measured profiles, predicted by fits that had not seen their settings."""

from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pandas as pd

from benchmarks._held_out import unseen
from benchmarks.harness import DATA
from jaxsched.models import HARDWARE, FlooredPrefill, InterTokenLatency, Prefill

LENGTH_FOLDS = 5


def profiles() -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Kind of GPU, model of `HARDWARE` and measurements [s] of each model, GPU and number of GPUs."""
    splitwise = pd.read_csv(DATA / "llm_profile" / "splitwise_perf_model.csv")
    splitwise[["prompt_time", "token_time"]] /= 1e3
    # The other file counts seconds, and the whole answer instead of a token.
    sage = pd.read_csv(DATA / "llm_profile" / "sageserve_llama3_a100_perf.csv")
    sage["token_time"] /= sage["token_size"]
    for table, reference in ((splitwise, "llama-70b"), (sage, "llama-8b")):
        for _, rows in table.groupby(["model", "hardware", "tensor_parallel"]):
            yield rows["hardware"].iloc[0][:4], reference, rows.reset_index(drop=True)


def title(rows: pd.DataFrame) -> str:
    """Model, GPU and number of GPUs."""
    first = rows.iloc[0]
    return f"{first['model']}, {first['tensor_parallel']} x {first['hardware']}"


def columns(rows: pd.DataFrame, *names: str) -> list[np.ndarray]:
    """Columns as numbers."""
    return [rows[name].to_numpy(float) for name in names]


def prefill_cases() -> Iterator[dict[str, Any]]:
    """Prefill of each profile by both laws: each pair of prompt length and batch is held out in turn."""
    for gpu, reference, rows in profiles():
        # SageServe's time of a batch hardly grows beyond two prompts: it is not the time to read all of them.
        if reference == "llama-8b":
            rows = rows[rows["batch_size"] == 1]
        prompt, batch, seconds = columns(rows, "prompt_size", "batch_size", "prompt_time")
        yield prefill_case(title(rows), prompt, batch, seconds, prompt * 1e4 + batch, default_prefill(gpu, reference))
    rows = pd.read_csv(DATA / "llm_profile" / "sageserve_llama31_8b_tp4_prefill.csv")
    prompt, seconds = columns(rows, "PromptLength", "ExecTime")
    lengths, which = np.unique(prompt, return_inverse=True)
    fold = np.random.default_rng(0).permutation(np.arange(lengths.size) % LENGTH_FOLDS)[which]
    yield prefill_case(
        "Llama-3.1-8B, 4 x a100, 287 lengths",
        prompt,
        np.ones_like(prompt),
        seconds,
        fold,
        default_prefill("a100", "llama-8b"),
    )


def default_prefill(gpu: str, reference: str) -> Prefill:
    """What the package has for a kind of GPU and a model of this size."""
    known = HARDWARE[gpu].profiles[reference]
    return Prefill(*(jnp.asarray(v) for v in (known.prefill_fixed, known.prefill_linear, known.prefill_quadratic)))


def prefill_case(name, prompt, batch, seconds, group, default: Prefill) -> dict[str, Any]:
    """Held-out predictions of the prefill time of one profile."""
    inputs = prompt * batch, prompt * prompt * batch
    features = {"tokens": inputs[0], "squares": inputs[1]}
    found = unseen(default, call, inputs, seconds, group, ("fixed", "linear", "quadratic"), features)
    start = FlooredPrefill(default.fixed + default.linear * 256.0, default.linear, default.quadratic + 1e-10)
    floored = unseen(start, call, inputs, seconds, group, ("floor", "linear", "quadratic", "sharpness"), features)
    return {
        "case": name,
        "observed": seconds,
        "at": inputs[0],
        "predictions": {
            "calibrated": floored["calibrated"],
            "quadratic law": found["calibrated"],
            "default": found["default"],
            "polynomial": found["polynomial"],
        },
    }


def call(model: Any, inputs: Any) -> Any:
    """The model at its inputs."""
    return model(*inputs)


def decode_cases() -> Iterator[dict[str, Any]]:
    """Time per token of each profile: each pair of prompt length and batch is held out in turn."""
    for gpu, reference, rows in profiles():
        known = HARDWARE[gpu].profiles[reference]
        default = InterTokenLatency(jnp.asarray(known.token_fixed), jnp.asarray(known.token_per_sequence))
        start = eqx.tree_at(lambda m: m.per_context, default, jnp.asarray(1e-8))
        prompt, batch, answer, seconds = columns(rows, "prompt_size", "batch_size", "token_size", "token_time")
        # A sequence holds its prompt and on average half of its answer.
        inputs = batch, prompt + 0.5 * answer
        features = {"batch": batch, "context": batch * inputs[1]}
        names = ("fixed", "per_sequence", "per_context")
        found = unseen(start, call, inputs, seconds, prompt * 1e4 + batch, names, features)
        found["default"] = np.asarray(default(*(jnp.asarray(a) for a in inputs)))
        yield {"case": title(rows), "observed": seconds, "at": batch, "predictions": found}
