"""Strict settings for every test: float64, no silent rank or dtype promotion, warnings are errors.

What one test has compiled serves all others, in every process that the tests start: programs lie in a folder of this run.
Programs are compiled with little optimisation, since most take far longer to compile than to run. With `XLA_FLAGS` set, if
only to nothing, tests run what users run.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before JAX is imported, which reads them then; workers and processes that tests start inherit them.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false")
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="jaxsched-programs-")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)

import jax

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

# Files of the mark `fast` (`make test-fast`): what is checked in less than a minute on two cores.
FAST = (
    "models/test_cooling.py",
    "models/test_declarations.py",
    "models/test_plant.py",
    "models/test_serving.py",
    "models/test_terms.py",
    "models/test_water.py",
    "calibrate/test_former_files.py",
    "report/test_clocks.py",
    "scenarios/test_join.py",
    "solvers/test_projection.py",
    "solvers/test_proximal_step.py",
    "test_names.py",
    "test_problem.py",
)
_TESTS = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(item.path.is_relative_to(_TESTS / name) for name in FAST):
            item.add_marker("fast")


_SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout; tests that need it are skipped where it is absent."""
    if not _SHARED_DATA.is_dir():
        pytest.skip("the folder ../shared/data with the real data files is not here")
    return _SHARED_DATA


@pytest.fixture(scope="module", autouse=True)
def _few_compiled_programs() -> Iterator[None]:
    """Drop compiled programs after each file: a few files leave 20,000 memory maps, and Linux ends a process at 65,530."""
    yield
    jax.clear_caches()
