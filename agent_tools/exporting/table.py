"""CSV: one row an object, safe to open in a spreadsheet.

A cell of text that a spreadsheet would run as a formula gets an apostrophe in front (OWASP, "CSV Injection"). Encoding
UTF-8, separator comma, lines end in CR LF (RFC 4180).

This module does not know folders beyond the one it is given.
"""

from __future__ import annotations

import csv
import re

from agent_tools.colours import colour_of
from agent_tools.exporting.records import Exportable, Job, Sheet, box_of, mask_of

COLUMNS = (
    *("picture", "picture_id", "width", "height", "handle", "label", "score", "x0", "y0", "x1", "y1", "area"),
    *("colour", "review", "turn", "model"),
)
"""Boxes and areas in pixels; `area` and `score` are empty where there is no mask or no score."""
_FORMULA = re.compile(r"(^|[;,\t\r\n])(?=\s*[-=+@\uff0d\uff1d\uff0b\uff20])|^(?=[\t\r\n])")
"""Where a formula could begin: a program that takes another separator sees cells inside a cell."""


def write_table(job: Job) -> None:
    """Write ``objects.csv``."""
    with (job.folder / "objects.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for sheet in job.sheets:
            rows.writerows(_row(sheet, thing) for thing in sheet.objects)


def plain_cell(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula, whatever it takes for a separator."""
    return _FORMULA.sub(r"\1'", text)


def _row(sheet: Sheet, thing: Exportable) -> list[object]:
    mask, picture = mask_of(thing), sheet.picture
    box = box_of(thing, picture)
    return [
        plain_cell(picture.name),
        sheet.id,
        picture.width,
        picture.height,
        plain_cell(thing.handle),
        plain_cell(thing.label),
        "" if thing.score is None else f"{thing.score:.4f}",
        *(f"{side:.7g}" for side in box or thing.box),
        "" if mask is None else mask.area,
        "" if box is None else colour_of(picture.array, mask, box),
        "yes" if thing.review else "no",
        thing.turn,
        plain_cell(thing.model),
    ]
