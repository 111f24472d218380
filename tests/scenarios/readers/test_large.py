"""A large file of garbage is refused in bounded memory, and a good one read in little."""

import gzip
import os
import subprocess
import sys
import tracemalloc

import pandas as pd
import pytest

from jaxsched.scenarios.readers import read
from tests.scenarios.readers.samples import SAMPLES, rows, write
from tests.scenarios.readers.test_broken import sentence

# What may be allocated to refuse a file of a gigabyte; the file itself would be 1024 of it.
MIB = 2**20
MOST = 64 * MIB


@pytest.mark.parametrize("kind", ["aemo_price_and_demand", "nemweb_price", "open_meteo_csv", "open_meteo_json", "epw"])
@pytest.mark.parametrize("many", [1, 60_000])
def test_a_gigabyte_of_nothing_after_a_good_beginning_is_refused_in_bounded_memory(tmp_path, kind, many):
    lines = SAMPLES[kind].splitlines(keepends=True)
    path = write(tmp_path, kind, "".join(lines + lines[-2:-1] * many))
    os.truncate(path, 1024 * MIB)
    tracemalloc.start()
    message = sentence(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "NUL bytes" in message or "is larger than 64 MB" in message or "row" in message
    assert most < MOST + (96 * MIB if kind in ("open_meteo_json", "epw") else 0)


def test_a_line_without_end_is_refused_in_bounded_memory(tmp_path):
    path = write(tmp_path, "aemo_price_and_demand", SAMPLES["aemo_price_and_demand"] + "x" * (48 * MIB))
    tracemalloc.start()
    message = sentence(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "row 8 does not end; the file is damaged or no table." in message
    assert most < 24 * MIB


def test_a_small_archive_that_unpacks_to_a_large_line_is_refused_in_bounded_memory(tmp_path):
    path = tmp_path / "trace.csv.gz"
    path.write_bytes(gzip.compress(SAMPLES["vidur"].encode() + b"7" * (96 * MIB), compresslevel=1))
    tracemalloc.start()
    message = sentence(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "row 8 does not end" in message
    assert most < 24 * MIB


def test_a_large_file_of_garbage_rows_is_refused_by_its_beginning(tmp_path):
    path = write(
        tmp_path, "aemo_price_and_demand", SAMPLES["aemo_price_and_demand"] + "what,is,this,row,?\n" * 5_000_000
    )
    tracemalloc.start()
    message = sentence(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "row 8, column " in message
    assert most < 24 * MIB


def test_the_process_stays_small_while_a_gigabyte_is_refused(tmp_path):
    garbage = tmp_path / "garbage.csv"
    garbage.write_text(SAMPLES["aemo_price_and_demand"])
    hole, endless = write(tmp_path, "vidur"), tmp_path / "endless.csv"
    os.truncate(hole, 1024 * MIB)
    endless.write_text(SAMPLES["splitwise"] + "7" * (96 * MIB))
    with garbage.open("a") as file:
        for _ in range(96):
            file.write("what,is,this,row,?\n" * 55_000)
    code = (
        "import resource, sys\nfrom jaxsched.scenarios.readers import ReadError, read\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for path in sys.argv[1:]:\n    try:\n        read(path)\n        print('read', path)\n"
        "    except ReadError:\n        pass\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(garbage), str(hole), str(endless)], capture_output=True, text=True, check=True
    )
    # Megabytes beyond what the imports take; the files hold about 100, 100 and 1024.
    assert int(done.stdout) < 64


def test_a_row_of_a_large_table_costs_few_bytes(tmp_path):
    times = pd.date_range("2024-01-01 00:05", periods=50_000, freq="5min").strftime("%Y/%m/%d %H:%M:%S")
    lines = (f"NSW1,{time},7000.25,{n}.75,TRADE" for n, time in enumerate(times))
    path = write(tmp_path, "aemo_price_and_demand", rows(SAMPLES["aemo_price_and_demand"].splitlines()[0], *lines))
    read(path)  # what is imported or kept once does not count
    tracemalloc.start()
    found = read(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Text as Python's own strings would take 60 bytes a cell, 300 a row, before anything is made of it.
    assert most / len(found.table) < 250
