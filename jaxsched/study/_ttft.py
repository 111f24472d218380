"""Time to first token of the requests of a schedule, their mean and tail."""

import numpy as np
from scipy.special import ndtri

from jaxsched.models import HARDWARE
from jaxsched.study._build import Study

# Prompt lengths at the middle of so many equally likely parts represent the distribution of prefill times.
_LENGTHS = 20
_BIN_SECONDS = 5e-4
_LONGEST_SECONDS = 60.0


def ttft_seconds(study: Study, routing: np.ndarray, wait: np.ndarray, quantile: float = 0.95) -> tuple[float, float]:
    """Mean and quantile of the time to first token over all requests of a schedule.

        TTFT = RTT + wait + prefill(prompt length)

    The wait is the mean of its site and hour; prompt lengths follow the log-normal distribution of their class, so the
    quantile holds the spread of places, hours, hardware and prompt lengths, not that of waiting times within an hour.

    Arguments:
        study: The study.
        routing: Requests per second [slot, origin, site, class].
        wait: Mean wait [slot, site] [s].
        quantile: Which quantile.

    Returns:
        Mean and quantile [s].
    """
    slot, origin, site, kind = np.nonzero(routing > 1e-9 * max(float(routing.max()), 1e-300))
    flow = routing[slot, origin, site, kind].astype(float)
    if flow.size == 0:
        return 0.0, 0.0
    base = study.scenario.rtt[origin, site] + wait[slot, site]
    mean = float(flow @ (base + study.prefill[site, kind]) / flow.sum())
    lengths = _prefill_quantiles(study)
    bins = int(_LONGEST_SECONDS / _BIN_SECONDS)
    counts = np.zeros(bins + 1)
    for part in range(_LENGTHS):
        index = np.minimum((base + lengths[site, kind, part]) / _BIN_SECONDS, bins).astype(int)
        counts += np.bincount(index, weights=flow, minlength=bins + 1)
    reached = np.searchsorted(np.cumsum(counts), quantile * counts.sum())
    return mean, float((reached + 1) * _BIN_SECONDS)


def _prefill_quantiles(study: Study) -> np.ndarray:
    """Prefill time at the middle of equally likely parts of the prompt lengths [site, class, part] [s]."""
    classes = study.scenario.classes
    normal = ndtri((np.arange(_LENGTHS) + 0.5) / _LENGTHS)
    tokens = np.exp(classes[["input_mu"]].to_numpy(float) + classes[["input_sigma"]].to_numpy(float) * normal)
    tables = {}
    for name, hardware in HARDWARE.items():
        profiles = [hardware.profiles[model] for model in classes["model"]]
        tables[name] = np.array(
            [
                p.prefill_fixed + p.prefill_linear * n + p.prefill_quadratic * n**2
                for p, n in zip(profiles, tokens, strict=True)
            ]
        )
    return np.array([tables[name] for name in study.scenario.sites["hardware"]])
