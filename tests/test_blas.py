"""Threads of BLAS: one while a solve runs on a CPU, as many as before afterwards."""

import threading

import jax
import pytest
from threadpoolctl import threadpool_info

from jaxsched import InteriorPoint, one_blas_thread, solve
from tests import oracles


def _threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


@pytest.fixture
def before():
    if jax.default_backend() != "cpu" or max(_threads()) == 1:
        pytest.skip("there is nothing to limit: JAX is not on a CPU, or BLAS has one thread anyway")
    return _threads()


def test_blas_has_one_thread_inside_and_all_of_them_afterwards(before):
    with one_blas_thread(), one_blas_thread():
        assert max(_threads()) == 1
    assert _threads() == before


def test_an_exception_gives_the_threads_back(before):
    with pytest.raises(KeyboardInterrupt), one_blas_thread():
        raise KeyboardInterrupt
    assert _threads() == before


def test_two_threads_at_once_leave_no_limit_behind(before):
    entered, leave = threading.Event(), threading.Event()

    def stay():
        with one_blas_thread():
            entered.set()
            leave.wait(30)

    other = threading.Thread(target=stay)
    with one_blas_thread():
        other.start()
        assert entered.wait(30)
        assert max(_threads()) == 1
    assert _threads() == before
    leave.set()
    other.join(30)
    assert _threads() == before


def test_a_solve_runs_with_one(before):
    seen = []
    solve(oracles.random_problem(3), InteriorPoint(), progress=lambda *_: seen.append(max(_threads())))
    assert set(seen) == {1}
    assert _threads() == before
