"""Variance-based and screening indices of any function, over a whole range of its parameters."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxsched._extras import needs

# Rows of a sample that are evaluated under one vmap; the memory of a solve grows with it.
CHUNK = 64
_CONFIDENCE = 0.95
_RESAMPLES = 200

Function = Callable[[Any], Any]
Progress = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class Range:
    """A parameter that varies.

    Attributes:
        name: What it is called.
        low: Smallest value.
        high: Largest value, above `low`; all values between are equally likely.
        unit: Its unit.
    """

    name: str
    low: float
    high: float
    unit: str = "1"


@dataclasses.dataclass(frozen=True)
class Indices:
    """Sensitivity indices with the half-widths of their 95 % confidence intervals, [parameter, output] each.

    Attributes:
        ranges: The parameters.
        outputs: Names of the outputs.
        samples: Base samples (Sobol) or trajectories (Morris).
        values: By name: `first` and `total` (Sobol, shares of the variance), or `mean_absolute`, `mean` and `deviation`
            (Morris, elementary effects in units of the output over the whole range).
        half_widths: Of `first` and `total`, or of `mean_absolute`.
    """

    ranges: tuple[Range, ...]
    outputs: tuple[str, ...]
    samples: int
    values: dict[str, np.ndarray]
    half_widths: dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Sample:
    """A sample, what the function was there, and how to turn both into indices.

    Attributes:
        ranges: The parameters.
        outputs: Names of the outputs.
        method: `sobol` or `morris`.
        samples: Base samples or trajectories.
        points: [row, parameter].
        values: [row, output].
        seed: Of the sample and of the intervals.
    """

    ranges: tuple[Range, ...]
    outputs: tuple[str, ...]
    method: str
    samples: int
    points: np.ndarray
    values: np.ndarray
    seed: int

    def indices(self, samples: int | None = None) -> Indices:
        """Indices of all samples, or of the first `samples`.

        Raises:
            ValueError: If there are fewer.
        """
        count = self.samples if samples is None else samples
        if not 1 <= count <= self.samples:
            raise ValueError(f"samples is {count}; the sample has {self.samples}.")
        rows = count * (len(self.ranges) + (2 if self.method == "sobol" else 1))
        analyse = _sobol_indices if self.method == "sobol" else _morris_indices
        return analyse(self, self.points[:rows], self.values[:rows], count)

    def convergence(self) -> list[Indices]:
        """Indices of the first quarter, the first half and all of the samples: what does not settle is not known yet."""
        counts = sorted({max(self.samples // part, 2) for part in (8, 4, 2, 1)})
        return [self.indices(count) for count in counts if count <= self.samples]


def sample(
    function: Function,
    ranges: Sequence[Range],
    *,
    outputs: Sequence[str],
    method: str = "sobol",
    samples: int = 64,
    chunk: int = CHUNK,
    seed: int = 0,
    progress: Progress | None = None,
) -> Sample:
    """Evaluate a function over a sample of its parameters, chunks of the matrix under one `vmap`.

    Arguments:
        function: From the parameters [parameter] to the outputs [output], in JAX.
        ranges: The parameters.
        outputs: Names of the outputs.
        method: `sobol` (Saltelli's design, first-order and total indices) or `morris` (trajectories).
        samples: Base samples of Sobol, a power of two of at least 2, or trajectories of Morris, at least 2.
        chunk: Rows a call.
        seed: Of the sample.
        progress: Called with rows done and rows in all.

    Raises:
        ValueError: For no parameter, a range without width, a number of samples that does not fit, or an output that is
            not a number.

    Source:
        Saltelli et al., "Variance based sensitivity analysis of model output" (2010); Morris, "Factorial sampling plans
        for preliminary computational experiments" (1991); designs and estimators of SALib.
    """
    _check(ranges, method, samples, chunk)
    points = _design(ranges, method, samples, seed)
    called = eqx.filter_jit(jax.vmap(function))
    values = []
    for start in range(0, len(points), chunk):
        rows = points[start : start + chunk]
        # The last chunk is filled up, so that nothing is compiled for its size.
        padded = np.concatenate([rows, np.repeat(rows[-1:], chunk - len(rows), axis=0)])
        values.append(np.asarray(called(jnp.asarray(padded)), float)[: len(rows)])
        if progress is not None:
            progress(min(start + chunk, len(points)), len(points))
    found = np.concatenate(values).reshape(len(points), -1)
    if found.shape[1] != len(outputs):
        raise ValueError(f"the function gives {found.shape[1]} outputs, but {len(outputs)} are named.")
    _check_numbers(ranges, outputs, points, found)
    return Sample(tuple(ranges), tuple(outputs), method, samples, points, found, seed)


def _check(ranges: Sequence[Range], method: str, samples: int, chunk: int) -> None:
    if method not in ("sobol", "morris"):
        raise ValueError(f"method is {method!r}; give 'sobol' or 'morris'.")
    if not ranges:
        raise ValueError("there is no parameter to vary; give at least one Range.")
    names = [one.name for one in ranges]
    if len(set(names)) < len(names):
        raise ValueError(f"two ranges have one name among {', '.join(names)}; name each parameter once.")
    for one in ranges:
        if not (np.isfinite(one.low) and np.isfinite(one.high) and one.low < one.high):
            raise ValueError(
                f"the range of {one.name} is [{one.low:g}, {one.high:g}]; low must be a number below high."
            )
    if samples < 2 or (method == "sobol" and samples & (samples - 1)):
        wanted = "a power of two of at least 2" if method == "sobol" else "at least 2"
        raise ValueError(f"samples is {samples}; {method} needs {wanted}.")
    if chunk < 1:
        raise ValueError(f"chunk is {chunk}; it must be at least 1.")


def _check_numbers(ranges: Sequence[Range], outputs: Sequence[str], points: np.ndarray, values: np.ndarray) -> None:
    broken = np.argwhere(~np.isfinite(values))
    if len(broken):
        row, output = broken[0].tolist()
        at = ", ".join(f"{one.name} = {value:g}" for one, value in zip(ranges, points[row], strict=True))
        raise ValueError(
            f"{outputs[output]} is not a number at {at} ({len(broken)} such values); narrow the range of a parameter."
        )


def _problem(ranges: Sequence[Range]) -> dict[str, Any]:
    return {
        "num_vars": len(ranges),
        "names": [one.name for one in ranges],
        "bounds": [[one.low, one.high] for one in ranges],
    }


def _design(ranges: Sequence[Range], method: str, samples: int, seed: int) -> np.ndarray:
    needs("a global sensitivity study", "SALib")
    from SALib.sample import morris, sobol

    if method == "sobol":
        return np.asarray(sobol.sample(_problem(ranges), samples, calc_second_order=False, seed=seed))
    return np.asarray(morris.sample(_problem(ranges), samples, num_levels=4, seed=seed))


def _sobol_indices(sampled: Sample, points: np.ndarray, values: np.ndarray, count: int) -> Indices:
    from SALib.analyze import sobol

    problem, columns = _problem(sampled.ranges), []
    for output in values.T:
        if np.ptp(output) <= 1e-12 * np.abs(output).max():
            # An output that does not vary has no variance to share out.
            columns.append({key: np.zeros(len(sampled.ranges)) for key in ("S1", "ST", "S1_conf", "ST_conf")})
            continue
        columns.append(
            sobol.analyze(
                problem,
                output,
                calc_second_order=False,
                num_resamples=_RESAMPLES,
                conf_level=_CONFIDENCE,
                seed=sampled.seed,
            )
        )

    def table(key: str) -> np.ndarray:
        return np.stack([np.asarray(column[key], float) for column in columns], 1)

    return Indices(
        sampled.ranges,
        sampled.outputs,
        count,
        {"first": table("S1"), "total": table("ST")},
        {"first": table("S1_conf"), "total": table("ST_conf")},
    )


def _morris_indices(sampled: Sample, points: np.ndarray, values: np.ndarray, count: int) -> Indices:
    from SALib.analyze import morris

    problem = _problem(sampled.ranges)
    columns = [
        morris.analyze(
            problem, points, output, num_levels=4, num_resamples=_RESAMPLES, conf_level=_CONFIDENCE, seed=sampled.seed
        )
        for output in values.T
    ]

    def table(key: str) -> np.ndarray:
        return np.stack([np.asarray(column[key], float) for column in columns], 1)

    return Indices(
        sampled.ranges,
        sampled.outputs,
        count,
        {"mean_absolute": table("mu_star"), "mean": table("mu"), "deviation": table("sigma")},
        {"mean_absolute": table("mu_star_conf")},
    )
