"""Table of GPUs and of how they serve two reference models. Host side: plain numbers, no arrays."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from jaxsched.models.decode import inter_token_latency
from jaxsched.models.prefill import check_prompt_moments, mean_prefill

REFERENCE_BATCH: Mapping[str, int] = MappingProxyType({"llama-8b": 64, "llama-70b": 32})
"""Sequences which a busy replica decodes together; an assumption, about half of what memory allows."""

SERVER_POWER_W = 150.0
"""Server power without GPUs, per GPU [W]: 1.2 kW per server of eight (mlco2/ecologits)."""

_TDP_H100_W = 700.0
# Time per decoded token of an 8B model at batch one [ms]: weights over memory bandwidth at 70 % of its peak.
_DECODE_FLOOR_MS = {"h100": 6.8, "h200": 4.8, "a100": 11.2, "l40s": 26.0}


@dataclasses.dataclass(frozen=True)
class ServingProfile:
    """How one kind of GPU serves one model.

    Attributes:
        gpus_per_replica: GPUs which hold one copy of the model.
        prefill_fixed: Prefill time a + b n + c n^2 of n tokens: a [s].
        prefill_linear: b [s/token].
        prefill_quadratic: c [s/token^2].
        token_fixed: Inter-token latency c0 + d B at batch B: c0 [s].
        token_per_sequence: d [s].
        batch: Reference batch B of a busy replica.
        gpu_power: Power of one GPU at that batch [W].
        basis: Where the numbers come from, and which are assumptions.
    """

    gpus_per_replica: int
    prefill_fixed: float
    prefill_linear: float
    prefill_quadratic: float
    token_fixed: float
    token_per_sequence: float
    batch: int
    gpu_power: float
    basis: str

    @property
    def inter_token_latency(self) -> float:
        """Time between two tokens of a sequence at the reference batch [s]."""
        return inter_token_latency(self.token_fixed, self.token_per_sequence, self.batch)


@dataclasses.dataclass(frozen=True)
class Hardware:
    """One kind of GPU.

    Attributes:
        name: Name for people.
        idle_power: GPU that holds a model and serves nobody: bare idle and context [W].
        server_power: Server without GPUs, per GPU [W].
        tdp: Thermal design power [W].
        profiles: Serving profile by model.
        source: Where the powers come from, and which are assumptions.
    """

    name: str
    idle_power: float
    server_power: float
    tdp: float
    profiles: Mapping[str, ServingProfile]
    source: str

    @property
    def peak_power(self) -> float:
        """Power of a busy GPU with the model that draws most [W]; what its hall is built for."""
        return max(profile.gpu_power for profile in self.profiles.values())

    @property
    def active_power(self) -> float:
        """Power of a busy GPU, plain mean over the models [W]; an assumption where both are served."""
        return sum(profile.gpu_power for profile in self.profiles.values()) / len(self.profiles)

    def profile(self, model: str) -> ServingProfile:
        """How it serves a model.

        Raises:
            ValueError: An unknown model.
        """
        if model not in self.profiles:
            known = ", ".join(sorted(self.profiles))
            raise ValueError(f"{self.name} has no serving profile of model {model!r}; known models: {known}.")
        return self.profiles[model]


def mean_prefill_seconds(
    hardware: Hardware, model: str, input_tokens_mean: float, input_tokens_mean_square: float
) -> float:
    """Mean prefill time of a model's requests.

        E[t] = a + b E[n] + c E[n^2]

    The mean square matters: with log-normal lengths E[n^2] is well above E[n]^2.

    Arguments:
        hardware: Kind of GPU.
        model: Key of `hardware.profiles`.
        input_tokens_mean: E[n] [token].
        input_tokens_mean_square: E[n^2] [token^2].

    Returns:
        Time [s].

    Raises:
        ValueError: An unknown model, or a mean square below the square of the mean.
    """
    profile = hardware.profile(model)
    check_prompt_moments(input_tokens_mean, input_tokens_mean_square)
    return mean_prefill(
        profile.prefill_fixed,
        profile.prefill_linear,
        profile.prefill_quadratic,
        input_tokens_mean,
        input_tokens_mean_square,
    )


def work_per_request(
    hardware: Hardware,
    model: str,
    input_tokens_mean: float,
    input_tokens_mean_square: float,
    output_tokens_mean: float,
) -> float:
    """GPU time that one request takes: its prefill, and its share of the decoding batch.

        g = gpus_per_replica (E[prefill] + output_tokens_mean ITL(B) / B),    ITL(B) = c0 + d B

    Arguments:
        hardware: Kind of GPU.
        model: Key of `hardware.profiles`.
        input_tokens_mean: E[n] of the prompt [token].
        input_tokens_mean_square: E[n^2] of the prompt [token^2].
        output_tokens_mean: Mean length of the answer [token].

    Returns:
        Work [GPU s].

    Raises:
        ValueError: As `mean_prefill_seconds`.

    Source:
        Derived; the rule that prefill and decode share a replica's time holds for chunked prefill.
    """
    profile = hardware.profile(model)
    prefill = mean_prefill_seconds(hardware, model, input_tokens_mean, input_tokens_mean_square)
    return request_work(
        profile.gpus_per_replica, prefill, output_tokens_mean, profile.inter_token_latency, profile.batch
    )


def request_work(gpus_per_replica: Any, prefill: Any, output_mean: Any, token_latency: Any, batch: Any) -> Any:
    """GPU time of a request from its prefill time [s], its answer [token] and the latency of a token [s] [GPU s].

    Works on numbers and on arrays, so that tables of the host and traced models share one formula.
    """
    return gpus_per_replica * (prefill + output_mean * token_latency / batch)


def _measured_h100(model: str) -> tuple[int, tuple[float, float], float]:
    """GPUs per replica, inter-token latency coefficients [s] and GPU power [W] on H100.

    Power is affine in the replica's token throughput, B / ITL(B).
    """
    gpus, base, per_throughput, fixed, per_sequence = {
        "llama-8b": (1, 477.0, 0.0236, 6.20e-3, 0.081e-3),
        "llama-70b": (4, 1671.0, 0.1328, 15.28e-3, 0.107e-3),
    }[model]
    batch = REFERENCE_BATCH[model]
    throughput = batch / (fixed + per_sequence * batch)
    return gpus, (fixed, per_sequence), (base + per_throughput * throughput) / gpus


def _profile_on(
    gpu: str, model: str, tdp: float, prefill: tuple[float, float, float], prefill_basis: str
) -> ServingProfile:
    """Profile on one kind of GPU, decode and power scaled from the measured H100."""
    gpus, token_latency, power = _measured_h100(model)
    slower = _DECODE_FLOOR_MS[gpu] / _DECODE_FLOOR_MS["h100"]
    if gpu == "h100":
        decode_basis = "inter-token latency and power: fits to ml-energy/leaderboard measurements"
    else:
        decode_basis = (
            "inter-token latency: derived, H100 fit times the ratio of the memory-bandwidth floors; "
            "power: assumption, H100 fit times the ratio of design powers"
        )
    return ServingProfile(
        gpus_per_replica=gpus,
        prefill_fixed=prefill[0],
        prefill_linear=prefill[1],
        prefill_quadratic=prefill[2],
        token_fixed=token_latency[0] * slower,
        token_per_sequence=token_latency[1] * slower,
        batch=REFERENCE_BATCH[model],
        gpu_power=power * tdp / _TDP_H100_W,
        basis=f"prefill: {prefill_basis}; {decode_basis}; reference batch: assumption",
    )


_FIT = "fit to Llama-2-70B measurements of Mutinifni/splitwise-sim"
_ROOFLINE = "derived by roofline, launch overhead of 10 ms assumed"
# Two floating-point operations per parameter and token, over four L40S at 32 % of 362e12 operations/s.
_L40S_70B_LINEAR = 2 * 70e9 / (4 * 362e12 * 0.32)
_PREFILL = {
    "h100": {"llama-8b": ((0.010, 3.6e-5, 0.0), _ROOFLINE), "llama-70b": ((0.0357, 6.04e-5, 7.3e-9), _FIT)},
    "h200": {
        "llama-8b": ((0.010, 3.6e-5, 0.0), _ROOFLINE),
        "llama-70b": ((0.0357, 6.04e-5, 7.3e-9), f"as H100, whose compute peak is the same: {_FIT}"),
    },
    "a100": {
        "llama-8b": ((0.010, 1.35e-4, 0.0), _ROOFLINE),
        "llama-70b": ((0.0415, 1.567e-4, 1.459e-8), _FIT),
    },
    "l40s": {
        "llama-8b": ((0.010, 1.38e-4, 0.0), _ROOFLINE),
        "llama-70b": ((0.010, _L40S_70B_LINEAR, 0.0), _ROOFLINE),
    },
}
# Idle power: bare idle plus 38 W of an open context, the middle of 26 to 50 W (66 W on the L40S).
_POWER = {
    "h100": ("NVIDIA H100 SXM", 75.0 + 38.0, 700.0, "bare idle 75 W: weak source (H100 class)"),
    "h200": ("NVIDIA H200 SXM", 74.0 + 38.0, 700.0, "bare idle 74 W: weak source (vendor page)"),
    "a100": (
        "NVIDIA A100 SXM 80 GB",
        37.5 + 38.0,
        400.0,
        "bare idle 37.5 W: derived from 1500 W of an idle DGX A100 (Mutinifni/splitwise-sim) less its servers",
    ),
    "l40s": ("NVIDIA L40S", 35.0 + 66.0, 350.0, "bare idle 35 W: assumption"),
}


def _hardware(gpu: str) -> Hardware:
    name, idle, tdp, source = _POWER[gpu]
    profiles = {
        model: _profile_on(gpu, model, tdp, prefill, basis) for model, (prefill, basis) in _PREFILL[gpu].items()
    }
    return Hardware(
        name=name,
        idle_power=idle,
        server_power=SERVER_POWER_W,
        tdp=tdp,
        profiles=MappingProxyType(profiles),
        source=f"{source}; context power: arXiv 2605.23918; server share: mlco2/ecologits; TDP: data sheet",
    )


HARDWARE: Mapping[str, Hardware] = MappingProxyType({gpu: _hardware(gpu) for gpu in _POWER})
"""Kinds of GPU by short name: h100, h200, a100, l40s."""
