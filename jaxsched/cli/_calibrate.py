"""What `jaxsched calibrate` does."""

import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jax
import pandas as pd
from rich.console import Console

from jaxsched._extras import needs
from jaxsched._output import sha256, whole_directory, write_json
from jaxsched._version import __version__
from jaxsched.calibrate import (
    CalibrationError,
    Cauchy,
    Column,
    Descent,
    Fit,
    Huber,
    LeastSquares,
    Observations,
    Posterior,
    fit,
    last_part,
    model_of,
    model_text,
    observations_of,
    posterior,
    predictor_of,
)
from jaxsched.calibrate._fit_job import FitJob
from jaxsched.calibrate._parameters import FreeParameters
from jaxsched.cli._calibrate_log import check_log, write_latency_fit
from jaxsched.config import CalibrationConfig, ConfigError, LatencyConfig, load_calibration
from jaxsched.report._failures import apart
from jaxsched.scenarios.readers import ReadError
from jaxsched.scenarios.readers._clock import clock
from jaxsched.scenarios.readers._recording import column_times

_METHODS = {"squared": LeastSquares(), "huber": Descent(Huber()), "cauchy": Descent(Cauchy())}
_PACKAGES = ("jax", "equinox", "optimistix", "optax", "numpy", "pandas")


def perform_calibration(path: Path, out: Path, *, as_json: bool, overwrite: bool) -> None:
    """Load, fit, score, write and print."""
    jax.config.update("jax_enable_x64", True)
    config = load_calibration(path)
    with whole_directory(out, overwrite=overwrite) as draft, _in_a_sentence(path):
        if isinstance(config, LatencyConfig):
            names = write_latency_fit(config, path, draft, as_json=as_json)
        else:
            names = _write_fit(config, path, draft, as_json=as_json)
    if not as_json:
        print(f"written to {out}: {', '.join(names)}")


@contextmanager
def _in_a_sentence(path: Path) -> Iterator[None]:
    """A block in which whatever a value can do wrong names the configuration."""
    try:
        yield
    except (ConfigError, ReadError):
        raise
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error


def _write_fit(config: CalibrationConfig, path: Path, draft: Path, *, as_json: bool) -> list[str]:
    """Fit, write all files, print what was found, and return the names of the files.

    The fit is written before anything is drawn from it: what fails then costs only itself.
    """
    found, source = fitted(config, path)
    summary = {"name": config.name, "model": config.model.kind, **found.summary(), "provenance": source}
    text = model_text(found.model, {**source, "parameters": summary["parameters"], "heldout": summary["heldout"]})
    (draft / "model.json").write_text(text, encoding="utf-8")
    write_json(draft / "summary.json", summary)
    found.parameters.to_csv(draft / "parameters.csv")
    write_json(draft / "manifest.json", {"jaxsched": __version__, "calibration": config.model_dump(), **source})
    names, shown = ["model.json", "summary.json", "parameters.csv", "manifest.json"], str(found)
    if config.fit.posterior_samples:
        with apart(draft, "posterior"):
            drawn = _drawn(config, found)
            rows = drawn.table.reset_index().to_dict("records")
            drawn.table.to_csv(draft / "posterior.csv")
            summary["posterior"] = {"parameters": rows, "warnings": list(drawn.warnings)}
            write_json(draft / "summary.json", summary)
            names.append("posterior.csv")
            shown += f"\nposterior:\n{drawn}"
    if config.report.plots:
        with apart(draft, "plots"):
            needs("drawing", "matplotlib")
            from jaxsched.report._calibration_plots import draw_fit

            names += draw_fit(found, config.report.against, draft, config.name)
    if as_json:
        print((draft / "summary.json").read_text(encoding="utf-8"), end="")
    else:
        Console(highlight=False, soft_wrap=True).print(shown, markup=False)
    return names


def check_calibration(path: Path) -> None:
    """Load a configuration of a calibration and its file, and say how much of it can be used."""
    jax.config.update("jax_enable_x64", True)
    config = load_calibration(path)
    if isinstance(config, LatencyConfig):
        with _in_a_sentence(path):
            print(check_log(config, path))
        return
    with _in_a_sentence(path):
        data = _observations(config, path)
        model, asked = _asked(config, data)
        free = FreeParameters.of(model, asked["parameters"], asked["bounds"], asked["priors"])
        FitJob.of(model, data, free, asked["predict"], _METHODS[config.fit.loss], asked["held_out"])
    rows = int(pd.DataFrame(data.inputs).assign(observed=data.observed).notna().all(axis=1).sum())
    print(f"{path}: good. {type(model).__name__}, {rows} of {len(data.observed)} rows have every value.")


def fitted(config: CalibrationConfig, path: Path) -> tuple[Fit, dict[str, Any]]:
    """The fit that a configuration describes, and where its data come from.

    Raises:
        ConfigError: If the file, a column, the model or a setting cannot be used.
    """
    with _in_a_sentence(path):
        data = _observations(config, path)
        model, asked = _asked(config, data)
        how = config.fit
        found = fit(
            model,
            data,
            **asked,
            method=_METHODS[how.loss],
            starts=how.starts,
            bootstrap=how.bootstrap,
            block_hours=how.block_hours,
            seed=how.seed,
        )
    return found, _provenance(config, path, found)


def _asked(config: CalibrationConfig, data: Observations) -> tuple[Any, dict[str, Any]]:
    """The model to fit, and what `fit` and its checks need to know."""
    model, how = model_of(config.model.kind, config.model.start), config.fit
    if how.posterior_samples and find_spec("numpyro") is None:
        raise CalibrationError('fit.posterior_samples needs the extra `posterior`: pip install "jaxsched[posterior]".')
    return model, {
        "parameters": how.parameters,
        "predict": predictor_of(model, config.model.component, config.model.constants, data.inputs),
        "bounds": {name: _ends(*ends) for name, ends in how.bounds.items()},
        "priors": {name: (prior[0], prior[1]) for name, prior in how.priors.items()},
        "held_out": last_part(len(data.observed) if data.times is None else data.times, how.held_out_share),
    }


def _ends(low: float | None, high: float | None) -> tuple[float, float]:
    """Bounds as `fit` takes them."""
    return -math.inf if low is None else low, math.inf if high is None else high


def _drawn(config: CalibrationConfig, found: Fit) -> Posterior:
    samples = config.fit.posterior_samples
    return posterior(found, samples=samples, warmup=max(samples // 2, 100), seed=config.fit.seed)


def _observations(config: CalibrationConfig, path: Path) -> Observations:
    given = config.inputs
    file = path.resolve().parent / given.file
    table = _table(file)
    try:
        columns = {name: Column(**section.model_dump()) for name, section in given.columns.items()}
        return observations_of(table, Column(**given.observed.model_dump()), columns, _times(table, config))
    except CalibrationError as error:
        raise ConfigError(f"{file.name}: {error}") from None


def _table(file: Path) -> pd.DataFrame:
    try:
        table = pd.read_parquet(file) if file.suffix in (".parquet", ".pq") else pd.read_csv(file)
    except FileNotFoundError:
        raise ConfigError(f"{file}: there is no such file; correct `inputs.file`.") from None
    except (OSError, ValueError, EOFError, LookupError, zlib.error) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(f"{file}: cannot be read as a table ({first}); give a CSV or parquet file.") from None
    if table.empty:
        raise ConfigError(f"{file}: has no rows; give a file with measurements.")
    return table


def _times(table: pd.DataFrame, config: CalibrationConfig) -> pd.DatetimeIndex | None:
    """Times on the clock of the file, so that hours of the day are those of the place."""
    given = config.inputs
    if given.time is None:
        return None
    if given.time not in table.columns:
        raise CalibrationError(f"there is no column {given.time!r}; there are {', '.join(map(str, table.columns))}.")
    try:
        zone = clock(given.zone)
    except ValueError as error:
        raise CalibrationError(f"inputs.zone: {error}") from None
    name = Path(given.file).name
    header = 1 if name.endswith((".parquet", ".pq")) else 2
    return column_times(table[given.time], zone, name, header)


def _provenance(config: CalibrationConfig, path: Path, found: Fit) -> dict[str, Any]:
    file = path.resolve().parent / config.inputs.file
    times = found.observations.times
    span = train = None
    if times is not None:
        times = times.tz_convert("UTC")
        span = [times.min().isoformat(), times.max().isoformat()]
        train = [times[~found.held_out].min().isoformat(), times[~found.held_out].max().isoformat()]
    return {
        "file": file.name,
        "sha256": sha256(file),
        "rows": len(found.observations.observed),
        "values_used": int(found.observations.used.sum()),
        "times_utc": span,
        "fitted_times_utc": train,
        "held_out_share": config.fit.held_out_share,
        "seed": config.fit.seed,
        "versions": {"jaxsched": __version__, **{name: metadata.version(name) for name in _PACKAGES}},
    }
