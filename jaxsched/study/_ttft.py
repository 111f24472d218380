"""The tail of the time to first token of the requests of a schedule."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import ndtri

from jaxsched.study._inputs import serving_at
from jaxsched.study._study import Study

# Number of equally likely parts whose middle prompt lengths represent the distribution of prefill times.
_LENGTHS = 20
_BIN_SECONDS = 5e-4
_LONGEST_SECONDS = 60.0


def ttft_quantile(study: Study, routing: np.ndarray, wait: np.ndarray, quantile: float = 0.95) -> float:
    """Quantile of the time to first token over all requests of a schedule [s]; 0 where there are none.

        TTFT = RTT + wait + prefill(prompt length)

    The wait is the mean of its site and hour; prompt lengths follow the log-normal distribution of their class, so the
    quantile holds the spread of places, hours, hardware and prompt lengths, not that of waiting times within an hour.

    Arguments:
        study: The study.
        routing: Requests per second [slot, origin, site, class].
        wait: Mean wait [slot, site] [s].
        quantile: Which quantile.
    """
    slot, origin, site, request_class = np.nonzero(routing > 1e-9 * max(float(routing.max()), 1e-300))
    flow = routing[slot, origin, site, request_class].astype(float)
    if flow.size == 0:
        return 0.0
    base = study.scenario.rtt[origin, site] + wait[slot, site]
    lengths = _prefill_quantiles(study)
    bins = int(_LONGEST_SECONDS / _BIN_SECONDS)
    counts = np.zeros(bins + 1)
    for part in range(_LENGTHS):
        index = np.minimum((base + lengths[site, request_class, part]) / _BIN_SECONDS, bins).astype(int)
        counts += np.bincount(index, weights=flow, minlength=bins + 1)
    reached = np.searchsorted(np.cumsum(counts), quantile * counts.sum())
    return float((reached + 1) * _BIN_SECONDS)


def _prefill_quantiles(study: Study) -> np.ndarray:
    """Prefill time at the middle of equally likely parts of the prompt lengths [site, class, part] [s]."""
    classes = study.scenario.classes
    normal = ndtri((np.arange(_LENGTHS) + 0.5) / _LENGTHS)
    tokens = np.exp(classes[["input_mu"]].to_numpy(float) + classes[["input_sigma"]].to_numpy(float) * normal)
    laws = serving_at(study.scenario, study.serving)
    at_sites = jax.tree.map(lambda leaf: leaf[..., None], laws)
    each = jnp.asarray(tokens)[None]
    return np.asarray(at_sites.prefill(each, each**2), float)
