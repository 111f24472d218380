"""Turn result files into Markdown tables, and put them into documents.

python -m benchmarks.table                     # print every table
python -m benchmarks.table --write README.md   # replace what lies between <!-- table:NAME --> (or file:PATH) marks
python -m benchmarks.table --check README.md   # exit with 1 where a document says something else
"""

import argparse
import functools
import re
from pathlib import Path

from benchmarks._markdown import tabulate
from benchmarks._record import RESULTS, read_result
from benchmarks.harness import SUBJECTS, Benchmark, benchmark, say

_MARKS = re.compile(r"(<!-- table:(\w+) -->\n).*?(<!-- /table:\2 -->)", flags=re.DOTALL)
_FILES = re.compile(r"(<!-- file:([\w./-]+) -->\n).*?(<!-- /file:\2 -->)", flags=re.DOTALL)
_ROOT = Path(__file__).resolve().parent.parent


@functools.cache
def owners() -> dict[str, Benchmark]:
    """The benchmark of each table."""
    return {table: subject for subject in map(benchmark, SUBJECTS) for table in subject.tables}


def subjects() -> str:
    """Every program, its question and its result files."""
    found = [(subject, [f"`{name}.json`" for name in subject.results]) for subject in map(benchmark, SUBJECTS)]
    rows = [{"name": s.name, "question": s.question, "files": ", ".join(files)} for s, files in found]
    return tabulate("program = `{name}` | question = {question} | result = {files}", rows, left=3)


def make(name: str, folder: Path = RESULTS) -> str:
    """A table as its result file has it.

    Raises:
        ValueError: If there is no such table.
        FileNotFoundError: If it was never measured.
    """
    if name == "subjects":
        return subjects()
    if name not in owners():
        raise ValueError(f"there is no table {name!r}; there are {', '.join(owners())}.")
    subject = owners()[name]
    return subject.tables[name](read_result(subject.source(name), folder))


def fill(text: str, folder: Path = RESULTS) -> str:
    """A document with every marked table as the result files have it, and every marked file as it is.

    Raises:
        ValueError: If a mark names no table.
    """

    def quoted(match: re.Match[str]) -> str:
        path = Path(match[2])
        content = (_ROOT / path).read_text(encoding="utf-8")
        return f"{match[1]}```{path.suffix.lstrip('.')}\n{content}```\n{match[3]}"

    tables = _MARKS.sub(lambda match: f"{match[1]}{make(match[2], folder)}\n{match[3]}", text)
    return _FILES.sub(quoted, tables)


def main(arguments: list[str] | None = None) -> int:
    """Print, write or check."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.table", description="Tables from result files.")
    parser.add_argument("--write", type=Path, nargs="+", default=[], help="documents whose tables are replaced")
    parser.add_argument("--check", type=Path, nargs="+", default=[], help="documents whose tables are compared")
    options = parser.parse_args(arguments)
    stale = []
    for path in [*options.write, *options.check]:
        text = path.read_text(encoding="utf-8")
        fresh = fill(text)
        if path in options.write:
            path.write_text(fresh, encoding="utf-8")
        elif fresh != text:
            stale.append(path.name)
    if not options.write and not options.check:
        for name, subject in owners().items():
            if (RESULTS / f"{subject.source(name)}.json").exists():
                print(f"## {name}\n\n{make(name)}\n")
    for name in stale:
        say(f"{name}: its tables differ from the result files; run python -m benchmarks.table --write {name}")
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
