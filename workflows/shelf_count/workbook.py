"""An XLSX workbook that is written row by row, so that its size does not matter to memory.

Numbers stay numbers; text is neutralised (`agent_tools.exporting.table`) and freed of what XML cannot hold. This module
does not know what the sheets say.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openpyxl import Workbook as OpenWorkbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from agent_tools.exporting.table import plain_cell

ROOM = 1_048_576
"""Rows a sheet of Excel has."""
LONGEST = 32_767
"""Characters a cell of Excel has."""
WIDTHS = {"picture": 44, "name": 24, "why": 60, "error": 80, "counts": 44, "same_as": 44, "time": 20, "difference": 14}
"""Columns that are wider than their heading, in characters."""
_HEADING = (Font(bold=True, color="FFFFFF"), PatternFill("solid", fgColor="1F5F56"), Alignment(vertical="center"))


class Sheet:
    """One sheet: a frozen, filtered heading, then lines as long as there is room."""

    def __init__(self, sheet: Any, columns: Sequence[str]) -> None:
        self._sheet, self._columns, self._rows, self._left_out = sheet, columns, 1, 0
        sheet.freeze_panes = "A2"
        for place, column in enumerate(columns, start=1):
            width = WIDTHS.get(column, max(11, len(column) + 4))
            sheet.column_dimensions[get_column_letter(place)].width = width
        sheet.append([self._heading(column) for column in columns])

    def add(self, line: Sequence[Any]) -> None:
        """Write a line; one that has no room is only counted."""
        if self._rows >= ROOM - 1:  # the last row is for the notice
            self._left_out += 1
            return
        self._rows += 1
        self._sheet.append([_cell(value) for value in line])

    def close(self) -> None:
        """Put the filter over what is there, and say what is not."""
        self._sheet.auto_filter.ref = f"A1:{get_column_letter(len(self._columns))}{self._rows}"
        if self._left_out:
            notice = f"{self._left_out} more lines have no room in a sheet of Excel: they are in the CSV file."
            self._sheet.append([notice])

    def _heading(self, column: str) -> Any:
        cell = WriteOnlyCell(self._sheet, column[:1].upper() + column[1:].replace("_", " "))
        cell.font, cell.fill, cell.alignment = _HEADING
        return cell


class Workbook:
    """Sheets, in the order they are asked for."""

    def __init__(self) -> None:
        self._book = OpenWorkbook(write_only=True)
        self._sheets: list[Sheet] = []

    def sheet(self, title: str, columns: Sequence[str]) -> Sheet:
        """One more sheet; lines may go to all of them in turn."""
        self._sheets.append(Sheet(self._book.create_sheet(title), columns))
        return self._sheets[-1]

    def save(self, path: Path) -> None:
        """Write the file; nothing can be added after.

        Raises:
            OSError: no space or permission.
        """
        for sheet in self._sheets:
            sheet.close()
        self._book.save(path)


def _cell(value: Any) -> Any:
    """A value that XLSX can hold; empty text is an empty cell, so that a column of numbers stays one."""
    if not isinstance(value, str):
        return value
    whole = value.encode("utf-8", "backslashreplace").decode()
    return plain_cell(ILLEGAL_CHARACTERS_RE.sub("\ufffd", whole))[:LONGEST] or None
