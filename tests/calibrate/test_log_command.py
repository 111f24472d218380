"""The command fits a user's log of requests, scores what it did not fit, and says what is wrong with one it cannot use."""

import dataclasses
import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from jaxsched.calibrate import CalibrationError, LatencyScore, load_model, score_latency, split_log
from jaxsched.calibrate._latency import MOST_SERVERS
from jaxsched.cli._app import app
from jaxsched.cli._calibrate_log import beyond, loads_to_predict, unmatched
from jaxsched.config import LatencyConfig
from jaxsched.config._calibration import LatencySection
from jaxsched.models import ServingSite
from jaxsched.scenarios.readers import RequestLog, read
from jaxsched.simulation import replay

EXAMPLES = Path(__file__).parents[2] / "examples"
# What both logs of the example were made with (examples/calibrate-requests.toml).
SERVERS, TOKEN_TIME, FULL_RATE = 6, 8e-4, 19.51
CONFIG = """
name = "small"
[log]
file = "quiet.csv"
others = ["later/quiet.csv"]
[latency]
most_servers = 7
held_out_share = 0.25
loads = [0.5, 0.95]
extrapolate = true
simulated_requests = 1000
"""


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("log")
    # Two files of one base name.
    (path / "later").mkdir()
    for name, target in (("quiet", "quiet.csv"), ("busy", "later/quiet.csv")):
        pd.read_csv(EXAMPLES / f"served-{name}.csv", nrows=800).to_csv(path / target, index=False)
    (path / "fit.toml").write_text(CONFIG, encoding="utf-8")
    done = run("calibrate", path / "fit.toml", "--out", path / "out", "--json")
    assert done.exit_code == 0, done.output
    return path, json.loads(done.stdout)


def test_the_truth_of_the_log_comes_back(folder):
    path, summary = folder
    found = {row["name"]: row for row in summary["parameters"]}
    assert found["servers"]["estimate"] == SERVERS
    assert found["token_time"]["estimate"] == pytest.approx(TOKEN_TIME, rel=0.02)
    assert found["token_time"]["standard_error"] < 0.02 * TOKEN_TIME
    assert found["token_time"]["unit"] == "s/token"
    assert summary["rate_per_s"] / summary["utilisation"] == pytest.approx(FULL_RATE, rel=0.1)
    assert json.loads((path / "out" / "summary.json").read_text(encoding="utf-8")) == summary
    assert float(load_model(path / "out" / "model.json").servers) == SERVERS


def test_what_was_not_fitted_is_predicted(folder):
    scores = {row["name"]: row for row in folder[1]["heldout"]}
    assert set(scores) == {"held out", "later/quiet.csv"}
    assert scores["held out"]["requests"] == 200
    for row in scores.values():
        assert abs(row["replayed_median_error"]) < 0.05
        assert abs(row["replayed_p99_error"]) < 0.1


def test_higher_loads_wait_longer(folder):
    low, high = folder[1]["predictions"]
    assert (low["utilisation"], high["utilisation"]) == (0.5, 0.95)
    assert high["law_median_s"] > low["law_median_s"]
    assert high["simulated_median_s"] > low["simulated_median_s"]


def test_a_load_beyond_the_logs_is_named_as_extrapolated(folder):
    low, high = folder[1]["predictions"]
    assert (low["extrapolated"], high["extrapolated"]) == (False, True)
    assert any("loads of 0.95 are extrapolated" in sentence for sentence in folder[1]["warnings"])


def test_the_log_itself_is_scored_beside_what_was_not_fitted(folder):
    row = folder[1]["fitted_log"]
    assert row["name"] == "fitted"
    assert abs(row["replayed_median_error"]) < 0.05
    # Two minutes of requests have no windows to score.
    assert row["hourly_r2"] is None


def test_every_file_is_written(folder):
    there = {path.name for path in (folder[0] / "out").iterdir()}
    tables = {"model.json", "summary.json", "manifest.json", "heldout.csv", "predictions.csv"}
    assert there == tables | {"latency.png", "servers.png"}


def test_logs_of_one_base_name_are_both_recorded(folder):
    record = json.loads((folder[0] / "out" / "manifest.json").read_text(encoding="utf-8"))["inputs"]
    assert {key: entry["path"] for key, entry in record.items()} == {
        "log.file": "quiet.csv",
        "log.others[0]": "later/quiet.csv",
    }
    assert record["log.file"]["sha256"] != record["log.others[0]"]["sha256"]


def test_loads_beyond_the_logs_are_left_out_and_named():
    how = {"file": "a.csv"}
    asked = LatencyConfig.model_validate({"name": "a", "log": how, "latency": {"loads": [0.5, 0.9]}})
    (sentence,) = beyond(asked, 0.8)
    assert "loads of 0.9 lie beyond the highest load of the logs, 0.8, and are not predicted" in sentence
    assert "latency.extrapolate = true" in sentence
    assert beyond(asked, 0.95) == ()
    assert loads_to_predict(asked, 0.8) == [0.5]
    assert loads_to_predict(LatencyConfig.model_validate({"name": "a", "log": how}), 0.55) == [0.3, 0.5, 0.55]
    assert beyond(LatencyConfig.model_validate({"name": "a", "log": how}), 0.4) == ()


def test_most_servers_is_never_asked_to_be_raised_beyond_what_is_allowed():
    with pytest.raises(ValidationError):
        LatencySection(most_servers=MOST_SERVERS + 1)
    LatencySection(most_servers=MOST_SERVERS)


def test_a_site_that_does_not_give_back_its_own_log_is_named():
    score = LatencyScore("fitted", 100, 1.0, 0.5, 0.1, 1.0, 0.1, 1.0, 0.1, 0.5, *[float("nan")] * 4)
    (sentence,) = unmatched(score)
    assert "does not give back the log that it was fitted to (p99 0.5 s where 1 s were measured)" in sentence
    assert unmatched(dataclasses.replace(score, replayed_p99_s=0.95)) == ()


def test_windows_of_ten_minutes_and_of_an_hour_are_scored():
    arrived = np.sort(np.random.default_rng(0).uniform(0, 6 * 3600, 3000))
    site = ServingSite(servers=jnp.asarray(2.0), token_time=jnp.asarray(5e-3))
    tokens = np.full(3000, 100.0)
    done = replay(site, jnp.asarray(np.diff(arrived, prepend=arrived[0])), jnp.asarray(tokens), jnp.asarray(tokens))
    columns = {"arrived": pd.Timestamp("2024-01-15") + pd.to_timedelta(arrived - arrived[0], unit="s")}
    columns |= {"prompt_tokens": tokens, "answer_tokens": tokens, "request_class": "all"}
    truth = np.asarray(done.ttft)
    noisy = truth * np.exp(0.5 * np.random.default_rng(1).normal(size=3000))
    score = score_latency(site, RequestLog("log", pd.DataFrame({**columns, "ttft_s": noisy}), "UTC", True, "a.csv"))
    # Errors of single requests average out: sixfold longer windows err less.
    assert 0.0 < score.hourly_cv_rmse < score.ten_minute_cv_rmse < 0.6
    exact = score_latency(site, RequestLog("log", pd.DataFrame({**columns, "ttft_s": truth}), "UTC", True, "a.csv"))
    assert exact.hourly_r2 == pytest.approx(1.0)


def test_a_configuration_is_checked_without_fitting(folder):
    done = run("validate", folder[0] / "fit.toml")
    assert done.exit_code == 0
    assert "800 of 800 requests have a TTFT" in done.stdout


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"quiet.csv"', '"none.csv"', "none.csv"),
        ('"quiet.csv"', '"lengths.csv"', "is no log of requests with TTFT"),
        ('"quiet.csv"', '"short.csv"', "each part needs at least 50"),
        ("most_servers = 7", "most_server = 7", "unknown key `latency.most_server`"),
        ("loads = [0.5, 0.95]", "loads = [1.5]", "latency.loads"),
    ],
)
def test_what_cannot_be_fitted_is_said_and_nothing_is_left(folder, tmp_path, old, new, words):
    table = pd.read_csv(folder[0] / "quiet.csv")
    table.to_csv(tmp_path / "quiet.csv", index=False)
    (tmp_path / "later").mkdir()
    table.to_csv(tmp_path / "later" / "quiet.csv", index=False)
    azure = {"TIMESTAMP": pd.Timestamp("2023-11-16") + pd.to_timedelta(table["arrival"], "s")}
    azure |= {"ContextTokens": table["prompt_tokens"], "GeneratedTokens": table["output_tokens"]}
    pd.DataFrame(azure).to_csv(tmp_path / "lengths.csv", index=False)
    table.head(120).to_csv(tmp_path / "short.csv", index=False)
    (tmp_path / "fit.toml").write_text(CONFIG.replace(old, new), encoding="utf-8")
    done = run("calibrate", tmp_path / "fit.toml", "--out", tmp_path / "out")
    assert done.exit_code != 0
    assert words in done.output.replace("\n", " ")
    assert not (tmp_path / "out").exists()


def test_a_log_without_times_to_first_token_cannot_be_scored(folder):
    site, log = load_model(folder[0] / "out" / "model.json"), read(folder[0] / "quiet.csv")
    log.table["ttft_s"] = float("nan")
    with pytest.raises(CalibrationError, match="'ttft_s' holds 0 times"):
        score_latency(site, log)
    with pytest.raises(CalibrationError, match="split into 796 and 4"):
        split_log(log, 0.005)
