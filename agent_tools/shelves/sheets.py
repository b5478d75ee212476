"""Reads a table that a person made, CSV or XLSX: a header of known columns, then lines of text.

What people's spreadsheets do is expected: columns in any order and case, commas, semicolons or tabs between fields, a
byte order mark, Latin-1, numbers that were text. This module does not know what the columns mean.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from agent_tools.errors import ConfigError, shorten

SUFFIXES = (".csv", ".tsv", ".xlsx")
MOST_BYTES = 32_000_000
MOST_ROWS = 100_000
_MOST_UNPACKED = 256_000_000
"""Bytes that the parts of a workbook may have once unpacked."""
_MOST_COLUMNS = 200

Line = tuple[int, list[str]]
"""Number of a line, 1 the first of the file, and its fields."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: its number in the file, and its fields by column; those left out are empty."""

    line: int
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table.

    Attributes:
        rows: in the order of the file, blank ones left out.
        columns: those of the known columns that it has.
        notices: what a person should know about how it was read.
    """

    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    notices: tuple[str, ...] = ()


def read_sheet(path: Path, known: Sequence[str], required: Sequence[str]) -> Sheet:
    """The table in a file; of a workbook, its first sheet.

    Args:
        path: .csv, .tsv or .xlsx.
        known: names of the columns that mean something, lower case; others are left out with a notice.
        required: those of them without which it cannot be used.

    Raises:
        ConfigError: it is missing, is no such file, is larger than `MOST_BYTES` or `MOST_ROWS`, lacks a column that is
            required, has one twice, or a line has more fields than there are columns.
    """
    lines = _workbook_lines(path) if path.suffix.lower() == ".xlsx" else _text_lines(path)
    lines = (line for line in lines if any(line[1]))
    number, names = next(lines, (1, []))
    header = [" ".join(name.lower().split()) for name in names]
    _check_header(path, number, header, known, required)
    rows: list[Row] = []
    for line, fields in lines:
        if len(rows) == MOST_ROWS:
            raise ConfigError(f"file={path.name} has more lines than {MOST_ROWS}: expected at most those. Split it.")
        if any(fields[len(header) :]):
            raise ConfigError(
                f"line={line} of {path.name} has {len(fields)} fields: expected {len(header)}, as the header has. "
                "Put quotes around a field that holds the separator."
            )
        given = dict(zip(header, fields, strict=False))
        rows.append(Row(line, {name: given.get(name, "") for name in known}))
    unknown = [name for name in header if name and name not in known]
    notices = (f"columns not used: {', '.join(shorten(name, 40) for name in unknown[:10])}",) if unknown else ()
    return Sheet(tuple(rows), tuple(name for name in known if name in header), notices)


def _check_header(path: Path, line: int, header: list[str], known: Sequence[str], required: Sequence[str]) -> None:
    missing = [name for name in required if name not in header]
    if missing:
        found = ", ".join(shorten(name, 40) for name in header[:20] if name) or "none"
        raise ConfigError(
            f"columns={found} in line {line} of {path.name} lack {', '.join(missing)}: "
            f"expected a header with {', '.join(known)}. Add the missing ones to its first line."
        )
    twice = next((name for name in known if header.count(name) > 1), None)
    if twice:
        raise ConfigError(f"column={twice} of {path.name} is there twice: expected it once. Remove one of them.")


# --- text -----------------------------------------------------------------------------------------------------


def _text_lines(path: Path) -> Iterator[Line]:
    text = _decoded(path, _bytes_of(path))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), skipinitialspace=True)
    before = 0
    try:
        for fields in reader:
            yield before + 1, [field.strip() for field in fields]
            before = reader.line_num
    except csv.Error as error:
        raise ConfigError(
            f"line={before + 1} of {path.name} cannot be read ({error}): expected a table of text. Correct that line."
        ) from None


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise ConfigError(
            f"file={shorten(path)} cannot be read ({why}): expected a .csv or .xlsx file. Check its name."
        ) from None
    if len(data) > MOST_BYTES:
        raise ConfigError(f"file={path.name} is larger than {MOST_BYTES // 10**6} MB: expected less. Split it.")
    return data


def _decoded(path: Path, data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if b"\0" in data:
        raise ConfigError(
            f"file={path.name} is not text: expected a table as .csv or .xlsx. Save it as one of these two."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _delimiter(text: str) -> str:
    """What is between the names of the header: they hold none of the three themselves."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=header.count)


# --- workbooks ------------------------------------------------------------------------------------------------


def _workbook_lines(path: Path) -> Iterator[Line]:
    from openpyxl import load_workbook

    data = _bytes_of(path)
    unusable = ConfigError(
        f"file={path.name} is not a workbook that can be read: expected .xlsx. Save it anew as .xlsx or .csv."
    )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            unpacked = sum(part.file_size for part in parts.infolist())
    except (zipfile.BadZipFile, ValueError) as error:
        raise unusable from error
    if unpacked > _MOST_UNPACKED:
        raise ConfigError(
            f"file={path.name} unpacks to {unpacked // 10**6} MB: expected at most {_MOST_UNPACKED // 10**6}. Split it."
        )
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        try:
            cells: Iterable[tuple[Any, ...]] = book.worksheets[0].iter_rows(max_col=_MOST_COLUMNS, values_only=True)
            for number, row in enumerate(cells, 1):
                fields = [_text(value) for value in row]
                while fields and not fields[-1]:
                    fields.pop()
                yield number, fields
        finally:
            book.close()
    # openpyxl has no error of its own for a damaged part: KeyError, IndexError, ValueError, its XML parser's, zlib's.
    except Exception as error:
        raise unusable from error


def _text(value: object) -> str:
    """A cell as the person sees it."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, date):
        # "4-8" typed into a spreadsheet turns into a date. What stood there is gone, so it is told, not guessed.
        return f"the date {value:%Y-%m-%d}"
    return str(value).strip()
