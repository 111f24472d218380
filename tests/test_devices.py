"""Slots and origins over several devices and processes: the same answer as on one device."""

import json
import math
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from jax.sharding import Mesh

from jaxsched import device_mesh, solve
from tests.oracles import plain_problem

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 240  # seconds, after which a process is ended
# Sums over origins in another order; ADMM carries that through a hundred iterations.
ROUNDING = 1e-9
SHAPE = re.compile(r"[a-z]+\d*\[([\d,]*)\]")


def start(devices: int, *arguments: int, flags: str = "") -> subprocess.Popen:
    """One process of `several_devices`, on a number of virtual CPUs, whatever devices there are."""
    # Optimising these small programs would take longer than running them.
    flags += f" --xla_force_host_platform_device_count={devices} --xla_backend_optimization_level=0"
    return subprocess.Popen(
        [sys.executable, "-m", "tests.several_devices", *map(str, arguments)],
        cwd=ROOT,
        # Compiled here, or the compiler would leave no programs to read.
        env={**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags, "JAX_ENABLE_COMPILATION_CACHE": "false"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answers(*processes: subprocess.Popen) -> list[dict]:
    """What each printed last; none outlives this."""
    try:
        printed = [process.communicate(timeout=PATIENCE) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    for process, (_, errors) in zip(processes, printed, strict=True):
        assert process.returncode == 0, errors[-3000:]
    return [json.loads(output.splitlines()[-1]) for output, _ in printed]


def assert_same(one: dict, other: dict) -> None:
    assert other["iterations"] == one["iterations"]
    for name in ("objective", "bound", "load", "routing"):
        np.testing.assert_allclose(other[name], one[name], rtol=ROUNDING, atol=ROUNDING, err_msg=name)
    assert abs(other["gap"] - one["gap"]) < ROUNDING


@pytest.fixture(scope="module")
def programs(tmp_path_factory) -> Path:
    """Where the compiler leaves the iterations that it has compiled for one process of eight devices."""
    return tmp_path_factory.mktemp("programs")


@pytest.fixture(scope="module")
def found(programs) -> dict:
    """What that process found."""
    return answers(start(8, flags=f"--xla_dump_to={programs} --xla_dump_hlo_module_re=.*iterate.*"))[0]


@pytest.mark.parametrize("solver", ["ADMM", "InteriorPoint"])
def test_any_mesh_gives_the_answer_of_one_device(found, solver):
    alone, *spread = found[solver]
    assert alone["gap"] <= 1e-6
    assert spread
    for one in spread:
        assert_same(alone, one)


def test_devices_exchange_loads_of_sites_and_no_routes(found, programs):
    texts = [path.read_text(encoding="utf-8") for path in programs.glob("*after_optimizations.txt")]
    # The first of eight parts is the ADMM on (4, 2): two slots on each device, two classes, four sites.
    (text,) = (text for text in texts if "num_partitions=8" in text)
    exchanges = re.findall(r"= (.*) (all-\w+|collective-\w+|reduce-scatter)(?:-start)?\(.*op_name=\"(.*?)\"", text)
    assert {how for _, how, _ in exchanges} == {"all-reduce"}
    of_loads = 2 * 2 * 4
    sizes = [
        math.prod(map(int, filter(None, dims.split(",")))) for what, *_ in exchanges for dims in SHAPE.findall(what)
    ]
    assert max(sizes) == of_loads
    # The iteration; a round of the repair, which adds up what can move and the loads afterwards.
    inner = [what for what, _, where in exchanges if "shard_map/vmap()/while/body" in where]
    assert [SHAPE.findall(what) for what in inner] == [["2,2,4"]] * 3


def test_candidates_over_devices_prove_the_same_optimum(found):
    (spread,), exact = found["Candidates"], found["InteriorPoint"][0]
    assert spread["gap"] <= 1e-6
    assert spread["bound"] <= exact["objective"]
    assert exact["bound"] <= spread["objective"]
    assert np.shape(spread["routing"]) == np.shape(exact["routing"])


def test_work_that_may_wait_is_shared_out_by_periods(found):
    one, *others = found["waiting"]["found"]
    assert one["gap"] <= 1e-8
    for other in others:
        for name in ("objective", "bound", "load", "routing", "deferred_price"):
            np.testing.assert_allclose(other[name], one[name], rtol=1e-6, atol=1e-7, err_msg=name)
    np.testing.assert_allclose(*found["waiting"]["gradients"], rtol=1e-5)


def test_memory_is_that_of_each_device(found):
    alone, chunked = found["ADMM"][0], found["chunked"]
    assert found["chunks"] == 3
    # Each chunk goes on to its own tolerance.
    np.testing.assert_allclose(chunked["objective"], alone["objective"], rtol=1e-6)
    assert chunked["gap"] <= 1e-6


def test_gradients_over_devices_are_those_of_one_device(found):
    alone, spread = found["gradients"]
    assert abs(alone) > 1.0
    assert spread == pytest.approx(alone, rel=1e-8)


def test_devices_of_one_cpu_do_not_wait_for_one_another(found):
    assert math.isfinite(found["large"]["gradient"])
    assert found["large"]["gradient"] != 0.0
    assert found["large"]["gap"] <= 1e-2


def test_two_processes_prove_what_one_proves(found):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    both = answers(*(start(2, port, 2, index) for index in range(2)))
    for one in both:
        assert one["devices"] == 4
        assert_same(found["ADMM"][0], one)
        assert "unlike problems" in one["error"]


def test_a_mesh_that_does_not_fit_is_refused_by_name():
    device = jax.devices()[0]
    with pytest.raises(ValueError, match=r"2 parts of slots times 1 of origins need 2 devices, there are 1"):
        device_mesh(slots=2, devices=[device])
    with pytest.raises(ValueError, match="each must be at least 1"):
        device_mesh(origins=0)
    with pytest.raises(ValueError, match="axis 'batch'"):
        solve(plain_problem(), mesh=Mesh(np.array([device]), ("batch",)))
