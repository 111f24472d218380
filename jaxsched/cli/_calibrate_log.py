"""What `jaxsched calibrate` does with a log of requests."""

import dataclasses
import math
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
from rich.console import Console

from jaxsched._extras import needs
from jaxsched._output import sha256, write_json
from jaxsched._version import __version__
from jaxsched.calibrate import (
    LatencyFit,
    LatencyScore,
    fit_latency,
    latency_table,
    model_text,
    score_latency,
    split_log,
)
from jaxsched.calibrate._latency_result import measured_times
from jaxsched.config import ConfigError, LatencyConfig
from jaxsched.models import ServingSite
from jaxsched.report._failures import apart
from jaxsched.scenarios.readers import RequestLog, read

# Loads that are predicted where none are asked for.
_LOADS = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_PREDICTED = (
    "utilisation",
    "rate_per_s",
    "law_median_s",
    "law_p99_s",
    "simulated_median_s",
    "simulated_p99_s",
    "extrapolated",
)
# Where median or 99th percentile of the log itself are missed by more than this, it is not matched.
_UNMATCHED = 0.25
_PACKAGES = ("jax", "equinox", "optimistix", "optax", "numpy", "pandas")


def write_latency_fit(config: LatencyConfig, path: Path, draft: Path, *, as_json: bool) -> list[str]:
    """Fit the log of a configuration, write what was found into a folder, print it, and return the file names."""
    earlier, others = logs(config, path)
    found = fitted_site(config, earlier)
    matched = score_latency(found.site, earlier, "fitted")
    scores = [score_latency(found.site, log, name) for name, log in others.items()]
    highest = max([found.highest_utilisation, *(score.utilisation for score in scores)])
    predicted = predictions(found, config, highest)
    told = (*found.warnings, *unmatched(matched), *beyond(config, highest))
    found, scored = dataclasses.replace(found, warnings=told), latency_table(scores)
    summary = _summary(config, path, found, scored, predicted)
    summary["fitted_log"] = _rows(latency_table([matched]))[0]
    known = {"parameters": summary["parameters"], "servers_identified": found.identified}
    text = model_text(found.site, {**summary["provenance"], **known})
    (draft / "model.json").write_text(text, encoding="utf-8")
    write_json(draft / "summary.json", summary)
    write_json(
        draft / "manifest.json", {"jaxsched": __version__, "calibration": config.model_dump(), **summary["provenance"]}
    )
    scored.to_csv(draft / "heldout.csv", index=False)
    predicted.to_csv(draft / "predictions.csv", index=False)
    names = ["model.json", "summary.json", "manifest.json", "heldout.csv", "predictions.csv"]
    if config.report.plots:
        with apart(draft, "plots"):
            needs("drawing", "matplotlib")
            from jaxsched.report._latency_plots import draw_latency

            names += draw_latency(found, scored, predicted, draft, config.name)
    if as_json:
        print((draft / "summary.json").read_text(encoding="utf-8"), end="")
    else:
        _print(found, pd.concat([latency_table([matched]), scored], ignore_index=True), predicted)
    return names


def logs(config: LatencyConfig, path: Path) -> tuple[RequestLog, dict[str, RequestLog]]:
    """The part of the log that is fitted, and by name what is scored: all of it can be, before anything is fitted.

    Raises:
        CalibrationError: If there are too few times to fit or to score.
        ConfigError: As `read_log`.
    """
    earlier, later = split_log(read_log(path, config.log.file), config.latency.held_out_share)
    scored = {"held out": later, **{name: read_log(path, name) for name in config.log.others}}
    for log in (earlier, *scored.values()):
        measured_times(log)
    return earlier, scored


def read_log(path: Path, name: str) -> RequestLog:
    """The log that a configuration names.

    Raises:
        ConfigError: If the file is something else than a log of requests with times to first token.
        ReadError: If it cannot be read.
    """
    log = read(path.resolve().parent / name)
    if not isinstance(log, RequestLog) or "ttft_s" not in log.table:
        raise ConfigError(
            f"{name}: is no log of requests with TTFT; give one row per request with the columns arrival, prompt_tokens, "
            "output_tokens and ttft_s."
        )
    return log


def fitted_site(config: LatencyConfig, log: RequestLog) -> LatencyFit:
    """The fit that a configuration asks for."""
    how = config.latency
    start = ServingSite() if how.network_ms is None else ServingSite(network=jnp.asarray(how.network_ms / 1000.0))
    return fit_latency(log, start=start, most_servers=how.most_servers, bootstrap=how.bootstrap, seed=how.seed)


def predictions(found: LatencyFit, config: LatencyConfig, highest: float) -> pd.DataFrame:
    """Median and 99th percentile of TTFT at loads, by the law and by simulation.

    Loads above the highest of the logs [1] are left out, unless the configuration asks for them.
    """
    full, how = found.rate / found.utilisation, config.latency
    rows = []
    for number, load in enumerate(loads_to_predict(config, highest)):
        law = found.predict(load * full, extrapolate=True)
        seed = how.seed + number
        run = found.simulate(load * full, requests=how.simulated_requests, seed=seed, extrapolate=True)
        # The site begins empty: the first part is left out.
        simulated = np.quantile(np.asarray(run.ttft)[len(run.ttft) // 10 :], [0.5, 0.99])
        rows.append(
            {
                "utilisation": load,
                "rate_per_s": load * full,
                "law_median_s": law["p50_s"],
                "law_p99_s": law["p99_s"],
                "simulated_median_s": float(simulated[0]),
                "simulated_p99_s": float(simulated[1]),
                "extrapolated": load > highest,
            }
        )
    return pd.DataFrame(rows, columns=list(_PREDICTED))


def loads_to_predict(config: LatencyConfig, highest: float) -> list[float]:
    """Loads as shares of what the site can serve: as asked for, or some up to the highest of the logs and that itself."""
    how = config.latency
    asked = list(_LOADS) if how.loads is None else how.loads
    if how.extrapolate:
        return asked
    seen = [load for load in asked if load <= highest]
    return [*seen, highest] if how.loads is None and highest < _LOADS[-1] else seen


def unmatched(matched: LatencyScore) -> tuple[str, ...]:
    """A sentence where the fitted site does not even give back the log that it was fitted to."""
    told = []
    for what in ("median", "p99"):
        measured, replayed = getattr(matched, f"{what}_s"), getattr(matched, f"replayed_{what}_s")
        if not abs(replayed / measured - 1.0) <= _UNMATCHED:
            told.append(f"{what} {replayed:.3g} s where {measured:.3g} s were measured")
    if not told:
        return ()
    return (
        f"the fitted site does not give back the log that it was fitted to ({', '.join(told)}): its requests wait for something "
        "that the law has not; do not trust its predictions.",
    )


def beyond(config: LatencyConfig, highest: float) -> tuple[str, ...]:
    """A sentence on the loads that were asked for and lie above the highest of the logs [1]."""
    how = config.latency
    loads = [load for load in (how.loads or (_LOADS if how.extrapolate else ())) if load > highest]
    if not loads:
        return ()
    shown, seen = ", ".join(f"{load:g}" for load in loads), f"the highest load of the logs, {highest:.2g}"
    if how.extrapolate:
        return (f"the predictions at loads of {shown} are extrapolated beyond {seen}.",)
    return (
        f"loads of {shown} lie beyond {seen}, and are not predicted; set `latency.extrapolate = true` for that, or score a "
        "busier log in `log.others`.",
    )


def _summary(
    config: LatencyConfig, path: Path, found: LatencyFit, scored: pd.DataFrame, predicted: pd.DataFrame
) -> dict[str, Any]:
    fit = found.fit.summary()
    arrivals = {"name": "arrival_cv2", "estimate": float(found.site.arrival_cv2), "unit": "1"}
    servers = {"name": "servers", "estimate": float(found.site.servers), "standard_error": None, "unit": "1"}
    parameters = [
        *fit["parameters"],
        {**arrivals, "standard_error": found.arrival_cv2_error},
        {**servers, "plausible": list(found.plausible), "verdict": found.verdict},
    ]
    return {
        "name": config.name,
        "model": "ServingSite",
        "parameters": parameters,
        "rate_per_s": found.rate,
        "utilisation": found.utilisation,
        "highest_utilisation": found.highest_utilisation,
        "servers_identified": found.identified,
        "waiting_share": found.waiting,
        "heldout": _rows(scored),
        "predictions": _rows(predicted),
        "warnings": list(found.warnings),
        "converged": fit["converged"],
        "provenance": _provenance(config, path, found),
    }


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows for JSON, in which what is unknown is None."""
    return [{str(key): _plain(value) for key, value in row.items()} for row in table.to_dict("records")]


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _provenance(config: LatencyConfig, path: Path, found: LatencyFit) -> dict[str, Any]:
    folder = path.resolve().parent
    named = {"log.file": config.log.file}
    named |= {f"log.others[{number}]": name for number, name in enumerate(config.log.others)}
    files: Mapping[str, Any] = {key: {"path": name, "sha256": sha256(folder / name)} for key, name in named.items()}
    return {
        "file": config.log.file,
        "inputs": files,
        "requests_fitted": len(found.between),
        "held_out_share": config.latency.held_out_share,
        "seed": config.latency.seed,
        "versions": {"jaxsched": __version__, **{name: metadata.version(name) for name in _PACKAGES}},
    }


def _print(found: LatencyFit, scored: pd.DataFrame, predicted: pd.DataFrame) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(str(found), markup=False)
    shown = {
        "requests": "requests",
        "utilisation": "load",
        "median_s": "median [s]",
        "p99_s": "p99 [s]",
        "law_median_error": "law: median",
        "law_p99_error": "law: p99",
        "replayed_median_error": "replayed: median",
        "replayed_p99_error": "replayed: p99",
        "ten_minute_cv_rmse": "10 min: CV(RMSE)",
        "hourly_cv_rmse": "hourly: CV(RMSE)",
    }
    table = scored.set_index("name")[list(shown)].rename(columns=shown)
    for column in table.columns[-6:]:
        form = "{:.0%}" if "CV" in column else "{:+.0%}"
        table[column] = table[column].map(lambda error, form=form: "-" if pd.isna(error) else form.format(error))
    console.print(
        f"\nscored; only `fitted` was seen by the fit:\n{table.round(3).to_string(index_names=False)}", markup=False
    )
    if predicted.empty:
        return
    console.print(f"\npredicted:\n{predicted.round(3).to_string(index=False)}", markup=False)


def check_log(config: LatencyConfig, path: Path) -> str:
    """A sentence on how many requests of the log can be used, and at which rate they come."""
    log = read_log(path, config.log.file)
    logs(config, path)
    known = int(log.table["ttft_s"].notna().sum())
    rate = log.statistics().rate
    return f"{path}: good. {known} of {len(log.table)} requests have a TTFT; {rate:.3g} arrive a second."
