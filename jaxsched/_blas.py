"""Threads of the linear algebra that jaxlib borrows from SciPy on a CPU."""

import functools
import importlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import jax
from threadpoolctl import ThreadpoolController

_limited = threading.Lock()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS and LAPACK work on the calling thread alone while the block runs, where JAX runs on a CPU.

    `solve` does so itself. What calls it inside a `jax.jit` of its own cannot: put the call of the jitted function into the
    block, and wait for its answer there.

        with jaxsched.one_blas_thread():
            loads = jax.block_until_ready(jitted(problem))

    XLA takes Cholesky factors from SciPy's LAPACK and has threads of its own for all else. Those of OpenBLAS wait busily
    for the next factor, on cores that XLA then lacks: an iteration of the interior point at 200x500 takes a third less time
    without them (2 cores). The limit holds for the process. Where several threads solve at once, it is that of the first of
    them, and ends with its block: what is left of the others takes longer, and no limit is left behind.
    """
    if jax.default_backend() != "cpu" or not _limited.acquire(blocking=False):
        yield
        return
    try:
        with _libraries().limit(limits=1):
            yield
    finally:
        _limited.release()


@functools.cache
def _libraries() -> ThreadpoolController:
    # Only what is loaded can be limited. Here and not above: importing the package would take longer for it.
    importlib.import_module("scipy.linalg")
    return ThreadpoolController().select(user_api="blas")
