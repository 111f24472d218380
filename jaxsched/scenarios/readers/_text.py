"""Open text files carefully: what cannot be a table is refused before it fills the memory."""

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from pathlib import Path
from typing import Any, BinaryIO, cast

# How much of a text file is looked at to tell what it is.
_PEEK_BYTES = 65_536
# The longest line of a table, and the most text that is read; both far beyond any file that is known.
_LONGEST_LINE = 1_000_000
_MOST_BYTES = 4_000_000_000
_MOST_JSON_BYTES = 64_000_000
_DELIMITERS = (",", ";", "\t", "|")
# What the first bytes say of files that are no plain text.
_MAGIC = (
    (b"\xff\xfe", "is text in UTF-16; save it as UTF-8."),
    (b"\xfe\xff", "is text in UTF-16; save it as UTF-8."),
    (b"\x1f\x8b", "is compressed by gzip; give its name the ending .gz."),
    (b"PK\x03\x04", "is an Excel workbook or a ZIP archive; save the sheet as CSV, or unpack it."),
    (b"PAR1", "is a parquet file; give its name the ending .parquet."),
)
EMPTY = ("", "NA", "N/A", "NaN", "nan", "null", "None")
"""What a cell without a value holds."""
UNREADABLE = (OSError, EOFError, zlib.error)


class ReadError(ValueError):
    """A file that cannot be read as what it should be; one sentence with file, row, column and the remedy."""

    def __init__(self, sentence: str):
        # Names of files and columns are the user's: a line break in one must not break the sentence.
        super().__init__("".join(c if c.isprintable() else " " for c in sentence))


def open_bytes(path: Path) -> BinaryIO:
    """The bytes of a file, unpacked where its name ends in .gz."""
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix.lower() == ".gz" else path.open("rb")


def unreadable(path: Path, error: BaseException) -> ReadError:
    """The error of the machine or of a broken archive as a sentence."""
    if isinstance(error, FileNotFoundError):
        return ReadError(f"{path}: there is no such file; check the path.")
    if isinstance(error, EOFError | zlib.error | gzip.BadGzipFile):
        return ReadError(f"{path.name}: is no gzip archive, or its end is missing; fetch it again.")
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return ReadError(f"{path.name}: cannot be read ({str(reason).rstrip('.')}); check its path and permissions.")


def peek(path: Path) -> str:
    """The beginning of a text file, gzipped or not.

    Raises:
        ReadError: If the file is missing, empty, or no text in UTF-8.
    """
    try:
        with open_bytes(path) as file:
            head = file.read(_PEEK_BYTES)
    except (*UNREADABLE, ValueError) as error:
        raise unreadable(path, error) from None
    if not head.strip():
        raise ReadError(f"{path.name}: is empty; give a file with a header and rows.")
    for magic, what in _MAGIC:
        if head.startswith(magic):
            raise ReadError(f"{path.name}: {what}")
    if b"\0" in head:
        raise _nul(path.name, head.count(b"\n", 0, head.index(b"\0")) + 1)
    try:
        # A character may be cut in two at the end of what was read.
        return codecs.getincrementaldecoder("utf-8-sig")().decode(head, final=len(head) < _PEEK_BYTES)
    except UnicodeDecodeError as error:
        row = head.count(b"\n", 0, error.start) + 1
        raise not_utf8(path.name, row) from None


def _nul(name: str, row: int) -> ReadError:
    return ReadError(f"{name}: row {row} holds NUL bytes, so the file is damaged or no text; fetch or save it again.")


def not_utf8(name: str, row: int | None = None) -> ReadError:
    """The sentence for bytes that are no UTF-8."""
    where = "" if row is None else f" row {row}"
    return ReadError(f"{name}:{where} is not text in UTF-8; save the file as UTF-8.")


class _Checked(io.RawIOBase):
    """Bytes of a text file, refused as soon as they cannot be a table: NUL bytes, an endless line, endless text."""

    def __init__(self, file: BinaryIO, name: str):
        self._file, self._name = file, name
        self._row, self._open, self._total = 1, 0, 0

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        chunk = self._file.read(len(buffer))
        nul = chunk.find(b"\0")
        if nul >= 0:
            raise _nul(self._name, self._row + chunk.count(b"\n", 0, nul))
        last = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
        self._open = len(chunk) - last - 1 if last >= 0 else self._open + len(chunk)
        self._row += chunk.count(b"\n")
        self._total += len(chunk)
        if self._open > _LONGEST_LINE:
            raise ReadError(f"{self._name}: row {self._row} does not end; the file is damaged or no table.")
        if self._total > _MOST_BYTES:
            raise ReadError(f"{self._name}: is too large to read as text; cut it into parts, or save it as parquet.")
        buffer[: len(chunk)] = chunk
        return len(chunk)


def open_text(path: Path) -> BinaryIO:
    """The bytes of a text file, checked as they are read.

    Raises:
        ReadError: If it cannot be opened; reading raises it where the bytes cannot be a table.
    """
    try:
        return cast(BinaryIO, io.BufferedReader(_Checked(open_bytes(path), path.name), 1 << 18))
    except UNREADABLE as error:
        raise unreadable(path, error) from None


def whole_text(path: Path, most_bytes: int) -> str:
    """All of a text file that is not a table, up to a size.

    Raises:
        ReadError: If it is larger, or no text in UTF-8.
    """
    try:
        with open_bytes(path) as file:
            body = file.read(most_bytes + 1)
    except UNREADABLE as error:
        raise unreadable(path, error) from None
    if len(body) > most_bytes:
        raise ReadError(f"{path.name}: is larger than {most_bytes // 1_000_000} MB; fetch fewer years or variables.")
    if b"\0" in body:
        raise _nul(path.name, body.count(b"\n", 0, body.index(b"\0")) + 1)
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(path.name, body.count(b"\n", 0, error.start) + 1) from None


def json_body(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        ReadError: If it is no JSON, or too large.
    """
    text = whole_text(path, _MOST_JSON_BYTES)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0][:160].rstrip(".")
        raise ReadError(f"{path.name}: is not valid JSON ({reason}); fetch it again.") from None


def lines_of(head: str) -> list[str]:
    """Lines as an editor counts them; `str.splitlines` would cut at other characters too."""
    return re.split(r"\r\n|\n|\r", head)


def header_line(path: Path, skip: int = 0) -> str:
    """The line with the names of the columns.

    Raises:
        ReadError: If there is no such line, or it does not end.
    """
    head = peek(path)
    lines = lines_of(head)
    if len(lines) <= skip or not lines[skip].strip():
        raise ReadError(f"{path.name}: row {skip + 1} is no header; the first row names the columns.")
    if len(lines) == skip + 1 and len(head.encode()) >= _PEEK_BYTES - 4:
        raise ReadError(f"{path.name}: row {skip + 1} does not end; the file is damaged or no table.")
    return lines[skip]


def delimiter(line: str) -> str:
    """What stands between the names of a header."""
    return max(_DELIMITERS, key=line.count)


def names_of(line: str) -> list[str]:
    """Names in a header."""
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=delimiter(line), skipinitialspace=True))]
    except (csv.Error, StopIteration):
        return [name.strip().strip('"') for name in line.split(delimiter(line))]
