"""Draws from the posterior of fitted parameters, by numpyro; an option that needs the extra `posterior`."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from jaxsched._extras import needs
from jaxsched.calibrate._fit import Fit
from jaxsched.calibrate._objective import Objective
from jaxsched.calibrate._observations import CalibrationError

# Chains that have not mixed: r_hat above this, or fewer independent draws than that.
_MIXED, _FEWEST = 1.05, 100.0
# Standard deviation of the chains' starts around the fit, in free numbers.
_SCATTER = 0.1


@dataclasses.dataclass(frozen=True)
class Posterior:
    """Draws of the parameters of a fit, given its data, bounds and priors.

    Attributes:
        table: One row per number and one for the noise: `mean`, `standard_deviation`, `q05`, `q95`, `r_hat` (split
            Gelman-Rubin), `effective_samples`, `unit`, by `name`.
        samples: Draws after warm-up [chain, draw, entry], in the units of the parameters; the noise is last.
        warnings: Whether the chains have mixed, one sentence each.
    """

    table: pd.DataFrame
    samples: np.ndarray
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([self.table.to_string(), *(f"warning: {sentence}" for sentence in self.warnings)])


def posterior(found: Fit, *, samples: int = 1000, warmup: int = 500, chains: int = 4, seed: int = 0) -> Posterior:
    """Draw the parameters of a fit from their posterior, by the no-U-turn sampler started at the fit.

        p(parameters, noise | data) ~ prod noise^-1 exp(-w r^2 / (2 noise^2))  *  priors  *  1 / noise

    with the rows, weights, bounds and normal priors of the fit; a parameter without a prior is uniform within its bounds.
    Weights count relative to their mean. It says more than standard errors where the posterior is skew, lies against a
    bound, or bends. Every prediction is differentiated a few times a draw: meant for laws, not for solved schedules.

    Arguments:
        found: A fit by least squares.
        samples: Draws of each chain after warm-up, >= 10.
        warmup: Draws of each chain that tune the sampler and are dropped, >= 10.
        chains: Number of chains, run side by side, >= 1.
        seed: Of the chains.

    Raises:
        CalibrationError: If the fit is not by least squares, a count is out of its range, or a parameter without bounds,
            prior and effect has no posterior.
        MissingExtra: If numpyro is not installed.

    Source:
        Hoffman and Gelman (2014), J. Mach. Learn. Res. 15:1593; numpyro (Phan, Pradhan and Jankowiak, 2019).
    """
    if samples < 10 or warmup < 10 or chains < 1:
        raise CalibrationError(
            f"samples is {samples}, warmup {warmup}, chains {chains}; give samples and warmup >= 10, chains >= 1."
        )
    if not found.method.is_gaussian:
        raise CalibrationError(
            "the fit has a loss of its own, of which there is no density; fit by least squares for a posterior."
        )
    _check_proper(found)
    objective, weights = found.objective, found.training_weights
    used = weights > 0
    weight = jnp.asarray(np.where(used, weights / weights[used].mean(), 0.0))
    start = objective.bijection.inverse(found.parameters["estimate"].to_numpy(float))
    residual = np.sqrt(np.asarray(weight)) * (found.observations.observed - found.predicted) / float(objective.scale)
    noise = max(float(np.sqrt((residual**2).sum() / used.sum())), 1e-12)
    first = np.append(start, np.log(noise))
    begin = first + _SCATTER * np.random.default_rng(seed).normal(size=(chains, len(first)))
    begin = begin.astype(objective.observed.dtype)
    drawn = _chains(lambda free: _potential(objective, weight, free), begin, samples, warmup, seed)
    free, log_noise = drawn[..., :-1], drawn[..., -1:]
    values = np.asarray(jax.vmap(jax.vmap(objective.bijection))(jnp.asarray(free)))
    every = np.concatenate([values, np.exp(log_noise) * float(objective.scale)], -1)
    names = [*found.parameters.index, "noise"]
    units = [*found.parameters["unit"], found.observations.unit or "1"]
    table = _table(every, names, units)
    return Posterior(table, every, _mixing_warnings(table))


def _check_proper(found: Fit) -> None:
    table = found.parameters
    bounded = np.isfinite(table["low"]) & np.isfinite(table["high"])
    prior = np.asarray(found.objective.prior_precision) > 0
    for name in table.index[table["no_effect"] & ~bounded & ~prior]:
        raise CalibrationError(
            f"{name} has no effect on these data, and neither two bounds nor a prior: it has no posterior. Give it one."
        )


def _potential(objective: Objective, weight: jax.Array, free: jax.Array) -> jax.Array:
    """Minus the logarithm of the posterior density of free numbers, the logarithm of the noise last."""
    inner, log_noise = free[:-1], free[-1]
    # The bijection goes entry by entry, so that the change along (1, 1, ...) is its diagonal.
    values, slopes = jax.jvp(objective.bijection, (inner,), (jnp.ones_like(inner),))
    residual = (objective.observed - objective.predicted(values)) / objective.scale
    number = jnp.sum(weight > 0)
    data = 0.5 * jnp.sum(weight * residual**2) * jnp.exp(-2.0 * log_noise) + number * log_noise
    prior = 0.5 * jnp.sum((objective.prior_precision * (values - objective.prior_mean)) ** 2)
    return data + prior - jnp.sum(jnp.log(jnp.abs(slopes)))


def _chains(
    potential: Callable[[jax.Array], jax.Array], starts: np.ndarray, samples: int, warmup: int, seed: int
) -> np.ndarray:
    """Free numbers drawn [chain, draw, entry], from a start for each chain [chain, entry]."""
    needs("a posterior", "numpyro")
    from numpyro.infer import MCMC, NUTS

    chains = len(starts)
    sampler = NUTS(potential_fn=potential, dense_mass=True)
    run = MCMC(
        sampler,
        num_warmup=warmup,
        num_samples=samples,
        num_chains=chains,
        chain_method="vectorized",
        progress_bar=False,
    )
    begin: Any = jnp.asarray(starts if chains > 1 else starts[0], starts.dtype)
    # numpyro mixes types, which strict promotion would refuse.
    with jax.numpy_dtype_promotion("standard"):
        run.run(jax.random.key(seed), init_params=begin)
    return np.asarray(run.get_samples(group_by_chain=True), float)


def _table(samples: np.ndarray, names: list[str], units: list[str]) -> pd.DataFrame:
    from numpyro.diagnostics import effective_sample_size, split_gelman_rubin

    low, high = np.quantile(samples, [0.05, 0.95], axis=(0, 1))
    return pd.DataFrame(
        {
            "mean": samples.mean((0, 1)),
            "standard_deviation": samples.std((0, 1), ddof=1),
            "q05": low,
            "q95": high,
            "r_hat": split_gelman_rubin(samples),
            "effective_samples": effective_sample_size(samples),
            "unit": units,
        },
        index=pd.Index(names, name="name"),
    )


def _mixing_warnings(table: pd.DataFrame) -> tuple[str, ...]:
    bad = table.index[~((table["r_hat"] <= _MIXED) & (table["effective_samples"] >= _FEWEST))]
    return tuple(
        f"the chains of {name} have not mixed (r_hat {table['r_hat'][name]:.3f}, {table['effective_samples'][name]:.0f} "
        "effective samples); draw more, or give it a prior."
        for name in bad
    )
