"""Request logs: lengths, burstiness and counts are those of the file."""

import numpy as np
import pandas as pd
import pytest

from jaxsched.scenarios.readers import ReadError, read
from tests.scenarios.readers.samples import SAMPLES, rows, write

TRACES = {"code": ("AzureLLMInferenceTrace_code.csv", 8_819), "chat": ("AzureLLMInferenceTrace_conv.csv", 19_366)}


@pytest.mark.parametrize("name", TRACES)
def test_statistics_of_the_azure_traces_are_those_of_their_rows(shared_data, name):
    file, number = TRACES[name]
    log = read(shared_data / "llm_traces" / file)
    raw = pd.read_csv(shared_data / "llm_traces" / file)
    found = log.statistics()
    assert found.requests == number
    assert found.input_mean == pytest.approx(raw["ContextTokens"].mean(), rel=1e-12)
    assert found.input_mean_square == pytest.approx((raw["ContextTokens"].astype(float) ** 2).mean(), rel=1e-12)
    assert found.output_mean == pytest.approx(raw["GeneratedTokens"].mean(), rel=1e-12)
    assert found.output_mu == pytest.approx(np.log(raw["GeneratedTokens"]).mean(), rel=1e-12)
    times = pd.to_datetime(raw["TIMESTAMP"])
    between = times.diff().dt.total_seconds()
    hourly = between[times.dt.floor("h").eq(times.dt.floor("h").shift())].groupby(times.dt.floor("h"))
    pooled = ((hourly.std(ddof=0) / hourly.mean()) ** 2 * hourly.size()).sum() / hourly.size().sum()
    # An hour of thousands of requests tells its burstiness c up to c / n.
    assert found.arrival_cv2 == pytest.approx(pooled, rel=0.05)
    assert found.rate == pytest.approx((number - 1) / between.sum(), rel=1e-6)
    assert log.table["request_class"].unique().tolist() == [name]


@pytest.mark.parametrize("minutes", [1, 5, 30, 60])
@pytest.mark.parametrize("name", TRACES)
def test_counts_conserve_the_requests_whatever_the_slot(shared_data, name, minutes):
    file, number = TRACES[name]
    counts = read(shared_data / "llm_traces" / file).counts(pd.Timedelta(minutes=minutes))
    assert int(counts.to_numpy().sum()) == number
    assert set(counts.index.to_series().diff().dropna()) <= {pd.Timedelta(minutes=minutes)}


def test_a_regular_log_has_no_burstiness_and_a_poisson_log_has_one(tmp_path):
    regular = read(write(tmp_path, "splitwise")).statistics()
    assert regular.arrival_cv2 == pytest.approx(0.0, abs=1e-12)
    assert regular.rate == pytest.approx(1 / 3)
    arrivals = np.random.default_rng(5).exponential(2.0, 20_000).cumsum()
    lines = (f"{t:.6f},100,10" for t in arrivals)
    poisson = read(write(tmp_path, "vidur", rows(SAMPLES["vidur"].splitlines()[0], *lines))).statistics()
    # Three standard errors of a squared coefficient of variation of 20,000 exponential times.
    assert poisson.arrival_cv2 == pytest.approx(1.0, abs=3 * np.sqrt(8 / 20_000))


def test_requests_without_an_answer_are_left_out_of_burstgpt(tmp_path):
    log = read(write(tmp_path, "burstgpt"))
    assert len(log.table) == 5
    assert log.notes[0] == "1 requests without an answer were left out"
    assert log.table["request_class"].unique().tolist() == ["ChatGPT"]
    assert log.statistics().input_mean == pytest.approx((400 + 401 + 403 + 404 + 405) / 5)


def test_a_log_of_failures_only_is_refused(tmp_path):
    text = rows(SAMPLES["burstgpt"].splitlines()[0], "1,ChatGPT,400,0,400,x", "2,ChatGPT,400,0,400,x")
    with pytest.raises(ReadError, match="has no requests that were answered"):
        read(write(tmp_path, "burstgpt", text))


def test_a_trace_whose_name_tells_no_service_has_one_class(tmp_path):
    assert read(write(tmp_path, "azure_trace")).table["request_class"].unique().tolist() == ["all"]


def test_rows_out_of_order_are_put_in_order_of_arrival(tmp_path):
    lines = SAMPLES["splitwise"].splitlines()
    mixed = read(write(tmp_path, "splitwise", rows(lines[0], *lines[:0:-1]))).table
    pd.testing.assert_frame_equal(mixed, read(write(tmp_path, "splitwise")).table)


def test_too_few_requests_and_requests_at_one_instant_have_no_rate(tmp_path):
    header = SAMPLES["splitwise"].splitlines()[0]
    with pytest.raises(ReadError, match="at least 3 are needed for a rate"):
        read(write(tmp_path, "splitwise", rows(header, "1,10,10", "2,10,10"))).statistics()
    with pytest.raises(ReadError, match="all requests arrive at the same time"):
        read(write(tmp_path, "splitwise", rows(header, *3 * ["1,10,10"]))).statistics()


def test_the_rates_of_servegen_are_read_as_written(shared_data):
    file = shared_data / "llm_traces" / "servegen_total_rate_10min.parquet"
    found, raw = read(file), pd.read_parquet(file).sort_values(["model", "t_s"])
    order = raw["model"].astype(str).argsort(kind="stable")
    expected = raw["rate_req_s"].iloc[order].to_numpy(float)
    np.testing.assert_array_equal(found.table["rate_requests_per_s"].to_numpy(), expected)
    by_model = found.table.groupby("place", observed=True)["rate_requests_per_s"].mean()
    assert by_model[["m-large", "m-mid", "m-small"]].round().tolist() == [196.0, 1790.0, 1174.0]


def test_times_to_first_token_are_read_with_seconds_or_times_and_gaps_stay_gaps(tmp_path):
    by_time = read(write(tmp_path, "latency_log")).table
    assert by_time["ttft_s"].tolist() == [0.1, 0.11, 0.12, 0.13, 0.14, 0.15]
    text = rows("arrival,prompt_tokens,output_tokens,ttft_s", "0.0,100,10,0.2", "1.5,300,20,", "1.25,200,5,0.4")
    log = read(write(tmp_path, "latency_log", text))
    assert not log.dated
    assert log.table["arrived"].diff().dt.total_seconds().tolist()[1:] == [1.25, 0.25]
    np.testing.assert_array_equal(log.table["ttft_s"], [0.2, 0.4, np.nan])
    own = rows("arrived_s,prompt_tokens,answer_tokens,TTFT_s", "0,100,10,0.2", "1,300,20,0.3")
    assert read(write(tmp_path, "request_log", own)).describe()["units"]["ttft_s"] == "s"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("3.0,300,20,250000", r"SA1\.csv: row 3, column 'ttft_s': '250000' is not from 1e-06 to 3600; check the value"),
        ("3.0,300,20,0", r"row 3, column 'ttft_s': '0' is not from 1e-06"),
        ("noon,300,20,0.2", r"row 3, column 'arrival': 'noon' is not a number"),
        ("3.0,,20,0.2", r"row 3, column 'prompt_tokens': is empty; give a number"),
    ],
)
def test_a_bad_cell_of_a_latency_log_is_named(tmp_path, row, sentence):
    text = rows("arrival,prompt_tokens,output_tokens,ttft_s", "0.0,100,10,0.2", row)
    with pytest.raises(ReadError, match=sentence):
        read(write(tmp_path, "latency_log", text))


def poisson(by_hour, days: int) -> np.ndarray:
    """Arrivals [s] that are exactly Poisson within every hour, at the rate of its hour of the day [requests/s]."""
    rng = np.random.default_rng(3)
    rates = np.tile(np.asarray(by_hour, float), days)
    hours = [3600.0 * n + np.sort(rng.uniform(0.0, 3600.0, rng.poisson(3600.0 * r))) for n, r in enumerate(rates)]
    return np.concatenate(hours)


def burstiness_of(folder, seconds) -> float:
    lines = (f"{second:.6f},100,10" for second in seconds)
    return read(write(folder, "vidur", rows(SAMPLES["vidur"].splitlines()[0], *lines))).statistics().arrival_cv2


# Three standard errors of the squared coefficient of variation of 4,000 exponential times.
POISSON = 3 * np.sqrt(8 / 4_000)


def test_day_and_night_are_no_burstiness(tmp_path):
    arrivals = poisson([0.001] * 6 + [0.3] * 12 + [0.001] * 6, days=2)
    assert burstiness_of(tmp_path, arrivals) == pytest.approx(1.0, abs=POISSON)


def test_two_busy_times_days_apart_are_no_burstiness(tmp_path):
    busy = poisson([0.5, 0.5], days=1)
    assert burstiness_of(tmp_path, np.concatenate([busy, busy + 2 * 86_400.0])) == pytest.approx(1.0, abs=POISSON)


@pytest.mark.parametrize("cv2", [0.25, 12.0])
def test_burstiness_within_hours_is_found(tmp_path, cv2):
    between = np.random.default_rng(4).gamma(1 / cv2, cv2, 30_000)
    assert burstiness_of(tmp_path, between.cumsum()) == pytest.approx(cv2, rel=0.1)


@pytest.mark.parametrize(("step", "rate"), [(3.0, 4.0), (1.0, 4.0), (1 / 3, 5.0), (60.0, 0.3)])
def test_stamps_in_steps_are_noticed_and_spread_within_the_step(tmp_path, step, rate):
    seconds = np.floor(poisson([rate], days=1) / step) * step
    lines = (f"{second:.6f},100,10" for second in seconds)
    log = read(write(tmp_path, "vidur", rows(SAMPLES["vidur"].splitlines()[0], *lines)))
    assert f"arrivals are stamped in steps of {step:g} s, and " in log.notes[0]
    assert log.describe()["step_seconds"] == pytest.approx(step, abs=2e-6)
    assert log.statistics().arrival_cv2 == pytest.approx(1.0, abs=3 * np.sqrt(8 / len(seconds)))
    once, again = log.spread().table["arrived"], log.spread().table["arrived"]
    assert once.equals(again)
    moved = (once - log.table["arrived"]).dt.total_seconds()
    assert moved.between(0.0, step).all()
    assert once.is_monotonic_increasing


def test_requests_that_truly_come_together_are_left_so(tmp_path):
    together = np.repeat(np.random.default_rng(6).exponential(30.0, 500).cumsum(), 4)
    log = read(
        write(
            tmp_path,
            "vidur",
            rows("arrived_at,num_prefill_tokens,num_decode_tokens", *(f"{t:.6f},9,9" for t in together)),
        )
    )
    assert not log.notes
    assert log.spread() is log
    assert log.statistics().arrival_cv2 > 5.0


@pytest.mark.parametrize(("column", "row"), [("num_prefill_tokens", "{n},0,5"), ("num_decode_tokens", "{n},5,0")])
def test_a_log_without_any_tokens_is_refused_by_its_column(tmp_path, column, row):
    lines = [row.format(n=n) for n in range(5)]
    text = rows("arrived_at,num_prefill_tokens,num_decode_tokens", *lines)
    with pytest.raises(
        ReadError, match=rf"SA1\.csv: row 2, column '{column}': is 0, as in all 5 rows; a request has tokens"
    ):
        read(write(tmp_path, "vidur", text))


def test_times_of_a_latency_log_are_of_their_own_clock_or_said_to_be_taken_for_utc(tmp_path):
    head = "arrival,prompt_tokens,output_tokens,ttft_s"
    for stamp, said in (
        ("2024-02-01T10:00:0{n}+10:00", ()),
        ("2024-02-01T00:00:0{n}", ("have no offset and are taken for UTC",)),
    ):
        log = read(write(tmp_path, "latency_log", rows(head, *(stamp.format(n=n) + ",9,9,0.1" for n in range(4)))))
        assert log.table["arrived"].iloc[0] == pd.Timestamp("2024-02-01")
        assert (log.dated, log.zone) == (True, "UTC")
        assert all(words in note for words, note in zip(said, log.notes, strict=True))


@pytest.mark.parametrize(("first", "unit"), [(1_706_745_600, "seconds"), (1_706_745_600_000, "milliseconds")])
def test_numbers_that_count_from_1970_are_dates_with_a_note(tmp_path, first, unit):
    lines = (f"{first + n},9,9,0.1" for n in range(4))
    log = read(write(tmp_path, "latency_log", rows("arrival,prompt_tokens,output_tokens,ttft_s", *lines)))
    assert log.dated
    assert log.table["arrived"].iloc[0] == pd.Timestamp("2024-02-01")
    assert log.notes[0] == f"its times are taken for {unit} since 1970-01-01 UTC"
