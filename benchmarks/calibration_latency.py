"""Does a log at a low load give back servers, service time and burstiness, and how far off are median and p99 that it predicts
for higher loads?"""

import argparse
import functools
import operator
from collections.abc import Callable, Iterator
from typing import Any

import ciw
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from ciw import dists as distributions

from benchmarks import harness
from benchmarks._held_out import number
from benchmarks._markdown import Record, Table, fill
from benchmarks.clock import timed
from benchmarks.harness import DATA, need_data, told
from jaxsched.calibrate import LatencyFit, fit_latency
from jaxsched.models import Prefill, ServingSite
from jaxsched.scenarios.readers import RequestLog, read
from jaxsched.simulation import replay, simulate

AZURE = DATA / "llm_traces" / "AzureLLMInferenceTrace_conv.csv"
LOG_REQUESTS, AZURE_LOG_REQUESTS = 20_000, 9_000
LOG_UTILISATION, UTILISATIONS = 0.45, (0.6, 0.7, 0.8, 0.9)
# Standard deviation of ln TTFT that is measured over the true one.
NOISE = 0.05
# What --check allows: standard errors between true and fitted parameters or their relative error, and that of simulated percentiles.
MOST_ERRORS, MOST_SHARE, MOST_P99 = 4.0, 0.02, 0.25

# (arrivals, prompt tokens, answer tokens, TTFT)
Served = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def lengths(number: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Prompt and answer lengths like those of the Azure conversation trace: log-normal, cut at 8,000 and 2,000 tokens."""
    draw = np.random.default_rng(seed)
    prompt, answer = (np.exp(draw.normal(*at, number)) for at in ((6.63, 0.99), (5.02, 0.86)))
    return np.clip(prompt.round(), 1, 8000), np.clip(answer.round(), 1, 2000)


def by_package(site: ServingSite, rate: float, requests: int, seed: int) -> Served:
    """Requests of the package's own simulation."""
    sample = [jnp.asarray(tokens) for tokens in lengths(50_000, 0)]
    done = simulate(site, jax.random.key(seed), jnp.asarray(rate), *sample, requests=requests)
    return done.arrived, np.asarray(done.prompt_tokens), np.asarray(done.answer_tokens), np.asarray(done.ttft)


def by_ciw(site: ServingSite, rate: float, requests: int, seed: int) -> Served:
    """Requests of ciw: its own gamma arrivals, queue and servers; service times in NumPy."""
    prompt, answer = lengths(requests, seed + 1000)
    fixed, linear, quadratic = (float(getattr(site.prefill, name)) for name in ("fixed", "linear", "quadratic"))
    reading = fixed + linear * prompt + quadratic * prompt**2
    cv2 = float(site.arrival_cv2)
    ciw.seed(seed)
    network = ciw.create_network(
        arrival_distributions=[distributions.Gamma(1.0 / cv2, cv2 / rate)],
        service_distributions=[distributions.Sequential((reading + float(site.token_time) * answer).tolist())],
        number_of_servers=[int(site.servers)],
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_customers(requests, method="Finish")
    records = {record.id_number: record for record in simulation.get_all_records()}
    order = np.array(sorted(records))
    # Requests still under way when the last was counted have no record; service times go by arrival.
    arrived, wait = (np.array([getattr(records[n], name) for n in order]) for name in ("arrival_date", "waiting_time"))
    at = order - 1
    kept = at < requests
    at, arrived, wait = at[kept], arrived[kept], wait[kept]
    return arrived, prompt[at], answer[at], wait + reading[at]


@functools.cache
def _azure() -> pd.DataFrame:
    log = read(AZURE)
    assert isinstance(log, RequestLog)
    return log.table


def by_azure(site: ServingSite, rate: float, requests: int, seed: int) -> Served:
    """Arrivals and lengths of the Azure trace, its clock sped up to a rate: the first part for the log, the rest later."""
    table = _azure()
    part = table.iloc[:AZURE_LOG_REQUESTS] if seed == 0 else table.iloc[AZURE_LOG_REQUESTS:]
    between = np.concatenate([[0.0], part["arrived"].diff().dt.total_seconds().to_numpy()[1:]])
    between *= 1.0 / (rate * between[1:].mean())
    prompt, answer = (part[name].to_numpy(float) for name in ("prompt_tokens", "answer_tokens"))
    done = replay(site, *(jnp.asarray(a) for a in (between, prompt, answer)))
    return done.arrived, prompt, answer, np.asarray(done.ttft)


def cases() -> dict[str, tuple[Callable[..., Served], ServingSite, int]]:
    """Where requests come from, the truth, and how many are served at each higher load."""
    other = Prefill(*(jnp.asarray(value) for value in (0.02, 9e-5, 4e-9)))
    return {
        "own simulation": (by_package, site(servers=8.0, arrival_cv2=1.2), 200_000),
        "ciw": (by_ciw, site(prefill=other, token_time=1.1e-3, servers=4.0, arrival_cv2=2.5), 40_000),
        "Azure arrivals": (by_azure, site(servers=6.0), 0),
    }


def site(prefill: Prefill | None = None, **given: float) -> ServingSite:
    """A site with these parameters."""
    return ServingSite(prefill or Prefill(), **{name: jnp.asarray(value) for name, value in given.items()})


def as_log(served: Served, seed: int) -> RequestLog:
    """A log as a user would have it: TTFT measured with noise, one in a hundred missing."""
    draw = np.random.default_rng(seed)
    arrived, prompt, answer, ttft = served
    measured = ttft * np.exp(NOISE * draw.normal(size=ttft.size))
    measured[draw.random(ttft.size) < 0.01] = np.nan
    start = pd.Timestamp("2024-01-15") + pd.to_timedelta(arrived, unit="s")
    columns = {"arrived": start, "prompt_tokens": prompt, "answer_tokens": answer, "request_class": "all"}
    return RequestLog("request_log", pd.DataFrame({**columns, "ttft_s": measured}), "UTC", True, "made up")


def study(name: str) -> dict[str, Any]:
    """One case: the truth, what was fitted, and predictions at higher loads."""
    serve, truth, many = cases()[name]
    sample = [jnp.asarray(tokens) for tokens in lengths(50_000, 0)]
    if serve is by_azure:
        sample = [jnp.asarray(_azure()[c].to_numpy(float)) for c in ("prompt_tokens", "answer_tokens")]
    full = 1.0 / float(truth.utilisation(jnp.asarray(1.0), *sample))
    log = as_log(serve(truth, LOG_UTILISATION * full, LOG_REQUESTS, 0), 0)
    seconds, found = timed(lambda: fit_latency(log))
    loads = [
        predicted(found, log, serve(truth, share * full, many, n + 1), share * full)
        for n, share in enumerate(UTILISATIONS)
    ]
    plausible = found.servers.index[found.servers["plausible"]]
    servers = {"true": float(truth.servers), "estimate": float(found.site.servers)}
    return {
        "case": name,
        "log": {"requests": len(log.table), "rate_per_s": found.rate, "utilisation": LOG_UTILISATION, "noise": NOISE},
        "seconds": seconds,
        "servers": {**servers, "plausible": [int(plausible.min()), int(plausible.max())]},
        "parameters": list(parameters(found, truth, serve is not by_azure)),
        "loads": loads,
        "warnings": list(found.warnings),
    }


def parameters(found: LatencyFit, truth: ServingSite, burstiness_known: bool) -> Iterator[dict[str, Any]]:
    """Each estimate beside the truth, with its standard error; the burstiness of a real trace has no truth."""
    for name, row in found.fit.parameters.iterrows():
        known = {key: row[key] for key in ("unit", "estimate", "standard_error")}
        yield {"name": name, "true": float(operator.attrgetter(str(name))(truth)), **known}
    estimate = {"estimate": float(found.site.arrival_cv2), "standard_error": found.arrival_cv2_error}
    true = float(truth.arrival_cv2) if burstiness_known else None
    yield {"name": "arrival_cv2", "unit": "1", "true": true, **estimate}


def quantities(ttft: np.ndarray) -> dict[str, float]:
    """Mean, median and 99th percentile of TTFT, the first requests, which found the site empty, left out [s]."""
    settled = ttft[ttft.size // 50 :]
    return {"mean_s": settled.mean(), "p50_s": np.quantile(settled, 0.5), "p99_s": np.quantile(settled, 0.99)}


def predicted(found: LatencyFit, log: RequestLog, served: Served, rate: float) -> dict[str, Any]:
    """What was observed at a higher rate, and the relative errors of predictions of it."""
    observed = quantities(served[3])
    # What a planner has without a queue: the percentiles of the log, and the site before the fit.
    unchanged = quantities(log.table["ttft_s"].dropna().to_numpy())
    default = LatencyFit(**{**vars(found), "site": ServingSite()})
    ways = {
        "law": found.predict(rate, extrapolate=True),
        "simulation": quantities(np.asarray(found.simulate(rate, requests=200_000, extrapolate=True).ttft)),
        "replay of the log": quantities(np.asarray(found.replay(rate, extrapolate=True).ttft)),
        "as in the log": unchanged,
    }
    busy = float(default.utilisation * rate / found.rate)
    ways["default"] = default.predict(rate, extrapolate=True) if busy < 1.0 else dict.fromkeys(observed, float("inf"))
    errors = {way: {key: number(values[key] / observed[key] - 1.0) for key in observed} for way, values in ways.items()}
    return {"rate_per_s": rate, "utilisation": found.utilisation * rate / found.rate, **observed, "errors": errors}


def failures(case: dict[str, Any]) -> list[str]:
    """A sentence for each requirement that a case misses."""
    missed = []
    if case["servers"]["estimate"] != case["servers"]["true"]:
        missed.append(f"{case['case']}: {case['servers']['estimate']:g} servers, {case['servers']['true']:g} are true")
    for row in case["parameters"]:
        if row["true"] is None:
            continue
        off = abs(row["estimate"] - row["true"])
        if off > MOST_ERRORS * row["standard_error"] and off > MOST_SHARE * row["true"]:
            missed.append(f"{case['case']}: {row['name']} is {row['estimate']:g}, {row['true']:g} is true")
    for load in case["loads"]:
        error = load["errors"]["simulation"]["p99_s"]
        if case["case"] != "Azure arrivals" and abs(error) > MOST_P99:
            missed.append(f"{case['case']}: p99 at {load['rate_per_s']:.3g}/s is off by {error:+.0%}")
    return missed


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Every case."""
    need_data(AZURE)
    return {"seed": 0, "dtype": "float64", "cases": told(map(study, cases()))}


def _recovered(record: Record) -> list[str]:
    text = (
        "{case}: from {log/requests:,} requests at a load of {log/utilisation:.0%} whose TTFT is measured to {log/noise:.0%}, "
        "{servers/estimate:g} servers (true: {servers/true:g}); off the truth: {off}."
    )
    found = []
    for case in record["cases"]:
        known = (row for row in case["parameters"] if row["true"] is not None)
        off = ", ".join(f"{row['name']} {row['estimate'] / row['true'] - 1:+.1%}" for row in known)
        found.append(fill(text, {**case, "off": off}))
    return found


table = Table(
    "requests of = {case} | load = {utilisation:.2f} | median [s] = {p50_s:.3f} | p99 [s] = {p99_s:.2f} | law: median = "
    "{errors/law/p50_s:+.0%} | law: p99 = {errors/law/p99_s:+.0%} | simulated: median = {errors/simulation/p50_s:+.0%} | "
    "simulated: p99 = {errors/simulation/p99_s:+.0%} | replayed: median = {errors/replay of the log/p50_s:+.0%} | "
    "replayed: p99 = {errors/replay of the log/p99_s:+.0%} | log as it is: p99 = {errors/as in the log/p99_s:+.0%}",
    left=1,
    rows=lambda record: ({**case, **load} for case in record["cases"] for load in case["loads"]),
    notes=(_recovered,),
)
BENCHMARK = harness.Benchmark("calibration_latency", __doc__, run, harness.of_cases(failures), table)
