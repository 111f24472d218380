"""How well do the laws of prefill, decode, GPU power and round-trip time predict settings, models and cities that no fit has
seen?"""

import argparse
import itertools
import statistics
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
from pyproj import Geod

from benchmarks import harness
from benchmarks._held_out import scored, unseen
from benchmarks._markdown import Record, Table
from benchmarks._serving_times import columns, decode_cases, prefill_cases
from benchmarks.harness import DATA, beyond, need_data, option
from jaxsched.calibrate import Descent, Observations, Pinball, fit
from jaxsched.models import ITPower, RoundTripTime

_SHORT = {"num_gpus": "gpus", "avg_power_watts": "watts", "output_throughput_tokens_per_sec": "throughput"}
# Held-out prompts are scored in these ranges of tokens, and settings of decoding in these of sequences.
TOKENS, SEQUENCES = (0, 256, 1024, 4096, 65_536), (0, 1, 8, 64)
CITY_FOLDS = 5
# Largest held-out median relative error that --check allows.
MOST = {"prefill": 0.15, "decode": 0.10, "gpu_power": 0.06, "round_trip_time": 0.25}


def power_groups() -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Kind of GPU, model, and measurements of each of its precisions, tasks and numbers of GPUs with at least five batches."""
    table = pd.read_csv(DATA / "llm_profile" / "mlenergy_llm_energy.csv.gz")
    keys = ["gpu_model", "model_id", "num_gpus", "weight_precision", "task"]
    for key, rows in table.groupby([*keys, "par_tensor_parallel", "par_expert_parallel"], dropna=False):
        if len(rows) >= 5:
            rows = rows.sort_values("output_throughput_tokens_per_sec").rename(columns=_SHORT)
            yield str(key[0]), str(key[1]), rows.assign(share=rows["throughput"] / rows["throughput"].max())


def power_law(model: ITPower, inputs: Any) -> Any:
    """Power of GPUs [kW] of which a share of their greatest throughput is asked; that throughput counts as known."""
    gpus, share = inputs
    return model(gpus, gpus * share)


def power_case(name: str, rows: pd.DataFrame, group: np.ndarray, *features: str, robust: bool = True) -> dict[str, Any]:
    """Held-out predictions of the power of GPUs alone: the measurements leave the server out."""
    gpus, share, watts = columns(rows, "gpus", "share", "watts")
    given = dict(zip(features, columns(rows, *features), strict=True))
    start, names = ITPower(server_power=jnp.asarray(0.0)), ("idle_power", "active_power")
    found = unseen(start, power_law, (gpus, share), watts / 1e3, group, names, given, robust)
    return {"case": name, "observed": watts / 1e3, "at": share, "predictions": found}


def power_cases() -> Iterator[dict[str, Any]]:
    """Power of each group against throughput: each batch is held out in turn."""
    for gpu, model, rows in power_groups():
        found = power_case(f"{model} on {gpu}", rows, np.arange(len(rows)), "throughput", robust=False)
        yield {**found, "gpu": gpu}


def pooled_power() -> Iterator[dict[str, Any]]:
    """One law for a kind of GPU: each model is held out in turn."""
    every = pd.concat([rows.assign(kind=gpu, model=model) for gpu, model, rows in power_groups()])
    for kind, rows in every.groupby("kind"):
        group = np.unique(rows["model"].to_numpy(str), return_inverse=True)[1]
        yield power_case(f"any model on {kind}", rows, group, "gpus", "share")


def city_pairs() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Distance [km], mean round-trip time [s], and both cities of each ordered pair of unlike cities."""
    servers = pd.read_csv(DATA / "latency" / "wondernetwork_servers.csv").set_index("id")
    pings = pd.read_parquet(DATA / "latency" / "wondernetwork_rtt_ms_2020.parquet")
    pings = pings[pings["source"].isin(servers.index) & pings["destination"].isin(servers.index)]
    ends = [servers.loc[pings[end]] for end in ("source", "destination")]
    unlike = (ends[0]["city"].to_numpy() != ends[1]["city"].to_numpy()) & (pings["avg"].to_numpy() > 0)
    at = [end[name].to_numpy(float)[unlike] for end in ends for name in ("longitude", "latitude")]
    cities = np.unique(servers["city"])
    codes = [np.searchsorted(cities, end["city"].to_numpy()[unlike]) for end in ends]
    return Geod(ellps="WGS84").inv(*at)[2] / 1e3, pings["avg"].to_numpy(float)[unlike] / 1e3, codes[0], codes[1]


def distance_law(model: RoundTripTime, inputs: Any) -> Any:
    """Logarithm of the round-trip time between cores."""
    return jnp.log(model(inputs))


def round_trip_case(every: int = 1) -> dict[str, Any]:
    """A fifth of the cities is held out in turn: no pair with one of them is fitted, pairs among them are scored."""
    distance, seconds, source, destination = (column[::every] for column in city_pairs())
    fold = np.random.default_rng(0).permutation(np.arange(max(source.max(), destination.max()) + 1) % CITY_FOLDS)
    bare = RoundTripTime(access=jnp.asarray(0.0))
    found = {name: np.full(seconds.shape, np.nan) for name in ("calibrated", "low", "high", "polynomial")}
    for part in range(CITY_FOLDS):
        fitted = (fold[source] != part) & (fold[destination] != part)
        scored_rows = (fold[source] == part) & (fold[destination] == part)
        weights = fitted.astype(float)
        data = Observations(distance, np.log(seconds), weights=weights, unit="ln s")
        for name, share in (("calibrated", 0.5), ("low", 0.1), ("high", 0.9)):
            one = fit(
                bare, data, parameters=("base", "inflation"), predict=distance_law, folds=0, starts=2,
                method=Descent(Pinball(jnp.asarray(share)), steps=60),
            )  # fmt: skip
            found[name][scored_rows] = np.asarray(one.model(jnp.asarray(distance[scored_rows])))
        plain = np.polynomial.Polynomial.fit(distance[fitted], seconds[fitted], 2)
        found["polynomial"][scored_rows] = plain(distance[scored_rows])
    known = np.isfinite(found["calibrated"])
    inside = (seconds >= found.pop("low")) & (seconds <= found.pop("high"))
    found["default"] = np.asarray(bare(jnp.asarray(distance)))
    return {
        "case": f"pairs of {fold.size} cities",
        "observed": seconds[known],
        "at": distance[known],
        "predictions": {name: values[known] for name, values in found.items()},
        "share_between_10_and_90_percent": float(inside[known].mean()),
    }


def summary(cases: list[dict[str, Any]], edges: tuple[float, ...]) -> dict[str, Any]:
    """Scores of all cases together, by range of what the law grows with, and of each case."""
    observed, at = (np.concatenate([case[name] for case in cases]) for name in ("observed", "at"))
    names = cases[0]["predictions"]
    together = {name: np.concatenate([case["predictions"][name] for case in cases]) for name in names}
    ranges = [
        {"above": low, "to": high, "scores": scored(observed, together, (at > low) & (at <= high))}
        for low, high in itertools.pairwise(edges)
    ]
    return {
        "scores": scored(observed, together),
        "ranges": [one for one in ranges if one["scores"]["default"]["count"] > 1],
        "cases": [
            {
                **{key: value for key, value in case.items() if key not in ("observed", "at", "predictions")},
                "scores": scored(case["observed"], case["predictions"]),
            }
            for case in cases
        ],
    }


STUDIES = {
    "prefill": lambda: summary(list(prefill_cases()), TOKENS),
    "decode": lambda: summary(list(decode_cases()), SEQUENCES),
    "gpu_power": lambda: summary(list(power_cases()), (0.0, 0.25, 0.5, 1.0)),
    "gpu_power_of_unseen_models": lambda: summary(list(pooled_power()), (0.0, 0.25, 0.5, 1.0)),
    "round_trip_time": lambda: summary([round_trip_case()], (0.0, 500.0, 2000.0, 5000.0, 21_000.0)),
}


def failures(record: Record) -> list[str]:
    """A sentence for each study whose law is too far off, or no better than the default."""
    missed = []
    for name, study in record["studies"].items():
        found, default = (study["scores"][way]["median_relative_error"] for way in ("calibrated", "default"))
        missed += beyond(
            name,
            (found, MOST.get(name, np.inf), "held-out median error {:.1%}, {:.0%} is allowed"),
            (found, default, "{:.1%}, and the default is better: {:.1%}"),
        )
    return missed


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Fit and score."""
    need_data()
    return {"seed": 0, "dtype": "float64", "studies": {name: STUDIES[name]() for name in options.only}}


# Of each study: what is predicted, what is held out at once, and the unit of its ranges.
_WHAT = {
    "prefill": ("prefill time", "prompt length and batch", "tokens"),
    "decode": ("time per token", "prompt length and batch", "sequences"),
    "gpu_power": ("GPU power, own model", "batch", "share of greatest throughput"),
    "gpu_power_of_unseen_models": ("GPU power, unseen model", "model", "share of greatest throughput"),
    "round_trip_time": ("round-trip time", "a fifth of the cities", "km"),
}


def _rows(record: Record) -> Iterator[dict[str, Any]]:
    for name, study in record["studies"].items():
        what, held_out, unit = _WHAT[name]
        yield {"what": what, "held_out": held_out, "range": "all", **study["scores"]}
        for one in study["ranges"]:
            yield {"what": "", "held_out": "", "range": f"{one['above']:g} to {one['to']:g} {unit}", **one["scores"]}


def _notes(record: Record) -> list[str]:
    prefill, round_trip = (record["studies"][name] for name in ("prefill", "round_trip_time"))
    plain = prefill["scores"]["quadratic law"]["median_relative_error"]
    each = [case["scores"]["calibrated"]["median_relative_error"] for case in prefill["cases"]]
    within = round_trip["cases"][0]["share_between_10_and_90_percent"]
    return [
        f"Prefill is `FlooredPrefill`; the quadratic `Prefill` of the scheduling problem reaches {plain:.1%}. "
        f"Two thirds of the values are of one profile; by profile the medians go from {min(each):.1%} to {max(each):.1%}, half of "
        f"them below {statistics.median(each):.1%}.",
        f"Round trips: {within:.1%} of the pairs of unseen cities lie between the fitted 10 % and 90 % quantiles.",
    ]


table = Table(
    "quantity = {what} | held out at once = {held_out} | range = {range} | values = {calibrated/count:,} | calibrated = "
    "{calibrated/median_relative_error:.1%} | default = {default/median_relative_error:.1%} | polynomial = "
    "{polynomial/median_relative_error:.1%}",
    left=3,
    rows=_rows,
    notes=(
        "Median relative errors of settings that the fit had not seen; repeats of a setting are held out together. "
        "Polynomial: of second degree in the same inputs, least squares of relative errors.",
        _notes,
    ),
)
BENCHMARK = harness.Benchmark(
    "calibration_serving",
    __doc__,
    run,
    failures,
    table,
    (option("--only", choices=STUDIES, nargs="+", default=list(STUDIES), help="studies to run"),),
)
