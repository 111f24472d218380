"""A measuring process answers orders, and says why where it cannot."""

import pytest

from benchmarks.process import MeasuringProcess, asked_once, peak_kilobytes, reset_peak


def test_what_goes_wrong_in_the_process_is_said_with_its_error_stream():
    with pytest.raises(RuntimeError, match=r"has no attribute 'none'"):
        asked_once("benchmarks.clock:none")
    with pytest.raises(RuntimeError, match="TypeError"):
        asked_once("benchmarks.clock:Clock")
    with pytest.raises(RuntimeError, match=r"No module named 'benchmarks.no_such'"):
        asked_once("benchmarks.no_such:prepare")


def test_a_process_that_ended_is_not_alive_and_may_be_closed_again():
    process = MeasuringProcess("benchmarks.clock:none")
    assert process.ready()["outcome"] == "died"
    assert not process.alive
    process.close()


def test_the_peak_grows_with_what_is_held_and_can_be_forgotten():
    reset_peak()
    before = peak_kilobytes()
    block = b"x" * 200_000_000
    assert peak_kilobytes() - before > 150_000
    del block
    reset_peak()
    assert peak_kilobytes() - before < 100_000
