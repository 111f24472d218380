"""NEMWEB reports: several tables in one file, each with a header of its own."""

import io
from pathlib import Path

import pandas as pd

from jaxsched.scenarios.readers._raw import BadCell, RawTable, ReadError
from jaxsched.scenarios.readers._text import UNREADABLE, names_of, not_utf8, open_text, unreadable


def report_table(path: Path, *about: str) -> RawTable:
    """The rows of one table of a report: those that begin with D and its name, under the header that begins with I.

    Arguments:
        path: The report.
        about: Name of the table and of its part, such as `DISPATCH`, `PRICE`.

    Raises:
        ReadError: If the report has no such table, or a row does not fit its header.
    """
    key, head, rows, numbers = ",".join(about) + ",", "", [], []
    try:
        with io.TextIOWrapper(open_text(path), encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if line.startswith(f"I,{key}"):
                    if head and line.strip() != head:
                        raise ReadError(
                            f"{path.name}: row {number} begins a second {key[:-1]} table; cut the report there."
                        )
                    head = line.strip()
                elif line.startswith(f"D,{key}"):
                    rows.append(line.strip())
                    numbers.append(number)
    except UnicodeDecodeError:
        raise not_utf8(path.name) from None
    except UNREADABLE as error:
        raise unreadable(path, error) from None
    if not head:
        raise ReadError(
            f"{path.name}: is a NEMWEB report without a {' '.join(about)} table; give the report that has it."
        )
    if not rows:
        raise ReadError(
            f"{path.name}: has a header of the {' '.join(about)} table but no rows; give a report with rows."
        )
    return RawTable(path.name, _frame(path, names_of(head), rows, numbers), 0)


def _frame(path: Path, names: list[str], rows: list[str], numbers: list[int]) -> pd.DataFrame:
    """Cells of the rows under the names of the header, by the number of the row in the file."""
    twice = next((name for name in names[4:] if name and names.count(name) > 1), None)
    if twice is not None:
        raise BadCell(f"{path.name}: has two columns named {twice[:60]!r}; rename or remove one.")
    cells = [names_of(row) for row in rows]
    for number, row in zip(numbers, cells, strict=True):
        if len(row) != len(names):
            raise BadCell(
                f"{path.name}: row {number} has {len(row)} cells where the header has {len(names)}; fetch the report again."
            )
    frame = pd.DataFrame(cells, columns=pd.Index(names), index=pd.Index(numbers), dtype="str")
    return frame.loc[:, ~frame.columns.duplicated()].replace("", pd.NA)
