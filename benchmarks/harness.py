"""What a benchmark is, the list of all of them, and the one command line that runs, records and checks any.

python -m benchmarks                            # every subject and its question
python -m benchmarks NAME [--check] [options]

A subject is a module with a `BENCHMARK`: what it asks, how it measures, what it requires of a record, and the tables that a
record makes. A run writes its record to `benchmarks/results`; with --check it ends with 1 where a requirement is missed, each
in a sentence. It ends with 2 where it cannot run, for want of a GPU or of data.
"""

import argparse
import dataclasses
import importlib
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import jax

from benchmarks._markdown import Record
from benchmarks._record import RESULTS, write_result

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CANNOT_RUN = 2
# A new benchmark is a module and its name here.
SUBJECTS = (
    "admm_gap",
    "exact",
    "gradients",
    "iterations",
    "scaling",
    "cores",
    "largest",
    "robustness",
    "ill_conditioned",
    "envelope_day",
    "sensitivity",
    "run_command",
    "read_prices",
    "calibration_latency",
    "calibration_serving",
    "calibration_cooling",
    "calibration_chillers",
    "solve_time",
    "gradient_peers",
    "gpu",
)
# An argument of the command line: its flag, and what `argparse` is told of it.
Option = tuple[str, dict[str, Any]]


class CannotRunError(Exception):
    """A sentence that says what is missing on this machine."""


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """One question, and the way to its answer.

    Attributes:
        name: The module.
        about: Its docstring, whose first paragraph is the question that it answers.
        run: From the options to what is recorded.
        failures: A sentence for each requirement that a record misses.
        table: From a record to Markdown; it goes by the name of the record.
        options: Beside --name, --out and --check.
        records: Names of the result files; the name must be given where none is the benchmark's own.
        more_tables: By name, those that are made of the first record beside `table`.
        packages: Those whose versions are recorded beside the usual ones.
        float64: Whether JAX is set to float64 before the run.
        finish: What is done once the record is written.
    """

    name: str
    about: str | None
    run: Callable[[argparse.Namespace], dict[str, Any]]
    failures: Callable[[Record], list[str]] = lambda record: []
    table: Callable[[Record], str] | None = None
    options: tuple[Option, ...] = ()
    records: tuple[str, ...] = ()
    more_tables: dict[str, Callable[[Record], str]] = dataclasses.field(default_factory=dict)
    packages: tuple[str, ...] = ()
    float64: bool = True
    finish: Callable[[argparse.Namespace], None] = lambda options: None

    def __post_init__(self) -> None:
        # A module that is run by itself, `python -m benchmarks.NAME`, is the subject of that name.
        run, module = getattr(sys.modules["__main__"], "__spec__", None), f"benchmarks.{self.name}"
        if run is not None and run.name == module and module not in sys.modules:
            raise SystemExit(main(benchmark(self.name), sys.argv[1:]))

    @property
    def question(self) -> str:
        """What it answers."""
        return " ".join((self.about or "").split("\n\n")[0].split())

    @property
    def results(self) -> tuple[str, ...]:
        """Names of the result files."""
        return self.records or (self.name,)

    @property
    def tables(self) -> dict[str, Callable[[Record], str]]:
        """Every table by its name."""
        return {**(dict.fromkeys(self.results, self.table) if self.table else {}), **self.more_tables}

    def source(self, table: str) -> str:
        """The record that a table is made of."""
        return table if table in self.results else self.results[0]


def benchmark(name: str) -> Benchmark:
    """A subject by its name."""
    return importlib.import_module(f"benchmarks.{name}").BENCHMARK


def parser(subject: Benchmark) -> argparse.ArgumentParser:
    """The command line of a subject."""
    found = argparse.ArgumentParser(prog=f"python -m benchmarks {subject.name}", description=subject.question)
    for flag, settings in subject.options:
        found.add_argument(flag, **settings)
    own = subject.name in subject.results
    default: dict[str, Any] = {"default": subject.name} if own else {"required": True}
    found.add_argument("--name", help="name of the result file", **default)
    found.add_argument("--out", type=Path, default=RESULTS, help="folder of the result file")
    found.add_argument("--check", action="store_true", help="end with 1 where a requirement is missed")
    return found


def main(subject: Benchmark, arguments: Sequence[str] | None = None) -> int:
    """Measure, record, say what is missed, and return the exit status."""
    options = parser(subject).parse_args(arguments)
    if subject.float64:
        jax.config.update("jax_enable_x64", True)
    try:
        content = subject.run(options)
    except CannotRunError as error:
        say(str(error))
        return CANNOT_RUN
    say(f"written: {write_result(options.name, content, options.out, subject.packages).name}")
    subject.finish(options)
    missed = subject.failures(content)
    for sentence in missed:
        say(sentence)
    return 1 if options.check and missed else 0


def beyond(name: str, *limits: tuple[float, float, str]) -> list[str]:
    """A sentence for each value that is not at most what is allowed: a value, the most, and what is said of both."""
    return [f"{name}: {said.format(value, most)}" for value, most, said in limits if not value <= most]


def told(cases: Iterable[Any]) -> list[Any]:
    """The cases of a run, each said in short as soon as it is there."""
    found = []
    for case in cases:
        found.append(case)
        known = {key: value for key, value in case.items() if isinstance(value, (str, int, float))}
        say(", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in known.items()))
    return found


def say(sentence: Any) -> None:
    """Progress and verdicts go to the error stream."""
    print(sentence, file=sys.stderr, flush=True)


def need_data(path: Path = DATA) -> Path:
    """A file or folder of the real data.

    Raises:
        CannotRunError: If it is not here.
    """
    if not path.exists():
        raise CannotRunError("the folder ../shared/data with the real data files is not here; this benchmark needs it.")
    return path


def of_cases(judge: Callable[[Any], list[str]], *keys: str) -> Callable[[Record], list[str]]:
    """Failures of a record whose cases are judged one by one."""
    return lambda record: [sentence for key in keys or ("cases",) for case in record[key] for sentence in judge(case)]


def option(flag: str, **settings: Any) -> Option:
    """An argument of the command line."""
    return flag, settings


def sizes(default: Iterable[str], choices: Iterable[str] | None = None) -> Option:
    """The option of problem sizes, of some or of any that can be drawn."""
    return option("--sizes", nargs="+", default=list(default), choices=choices, help="origins x sites")


def repeats(default: int) -> Option:
    """The option of repetitions."""
    return option("--repeats", type=int, default=default, help="calls whose median counts")
