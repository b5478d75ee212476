"""Reads a product list that a person made: a CSV file or a workbook with a line for each product, row and shelf.

    sku,phrases,name,examples,expected,row,store,shelf
    4011,banana,Bananas,,4-8,1,,
    3107,orange; mandarin,Oranges,"orange.jpg#10,10,80,80",6,2,,fruit

A product may stand on several lines, one for each place that something is expected in. Phrases become what a detector
is asked for: English, lower case, singular.
This module does not open pictures, and it does not know which phrases a detector knows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from agent_tools.colours import COLOURS, basic_colour
from agent_tools.errors import ConfigError, ToolInputError, shorten
from agent_tools.shelves.products import Example, Expected, Product, ProductList
from agent_tools.shelves.results import Box
from agent_tools.shelves.sheets import SUFFIXES, Row, read_sheet
from prompts.noun_forms import singular_phrase
from prompts.thing_names import english_name

COLUMNS = ("sku", "phrases", "name", "examples", "expected", "row", "store", "shelf", "colour")
MOST_EXPECTED = 10_000
MOST_ROWS_OF_A_SHELF = 50
_LONGEST_PHRASE = 120
_MOST_PHRASES = 50
_RANGE = re.compile(r"(\d{1,9})(?:\s*(?:-|\u2013|\.\.|to)\s*(\d{1,9})|\s*(\+))?")
_ROW = re.compile(r"[+-]?\d{1,9}")


def read_products(source: str | Path, name: str | None = None) -> ProductList:
    """The products of a list.

    Args:
        source: a .csv, .tsv or .xlsx file (its first sheet). Examples are found beside it.
        name: of the list; None: the file's.

    Raises:
        ConfigError: the file cannot be read, a column is missing, or a line says what cannot be; names the line.
    """
    path = Path(source).expanduser()
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(
            f"products={shorten(path.name)} is not a table: expected a file ending in {', '.join(SUFFIXES)}. "
            "Save the list as one of these."
        )
    sheet = read_sheet(path, COLUMNS, ("sku",))
    if not {"phrases", "examples"} & set(sheet.columns):
        raise ConfigError(
            f"columns={', '.join(sheet.columns)} of {path.name} lack phrases: expected {', '.join(COLUMNS)}. "
            "Add a column phrases: what each product is called, in plain words."
        )
    reading = _Reading(path)
    for row in sheet.rows:
        reading.take(row)
    return ProductList(name or path.name, tuple(reading.products()), (*sheet.notices, *reading.notices))


@dataclass
class _Lines:
    """What the lines of one product say, taken together; `line` is the first of them."""

    line: int
    phrases: tuple[str, ...] = ()
    name: str = ""
    examples: dict[Example, None] = field(default_factory=dict)
    expected: dict[tuple[int | None, str, str], Expected] = field(default_factory=dict)
    colour: str = ""


class _Reading:
    """Takes the lines of a list one after the other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notices: list[str] = []
        self._known: dict[str, _Lines] = {}

    def take(self, row: Row) -> None:
        """One line more."""
        sku = row.fields["sku"]
        if not sku:
            raise self._wrong(row, "sku", "is empty", "the number of a product")
        lines = self._known.setdefault(sku, _Lines(row.line))
        phrases = self._phrases(row)
        if phrases and lines.phrases and set(phrases) != set(lines.phrases):
            raise self._wrong(row, "phrases", f"differs from line {lines.line}", f"the same for sku {shorten(sku)}")
        name = " ".join(row.fields["name"].split())
        if name and lines.name and name != lines.name:
            raise self._wrong(row, "name", f"differs from line {lines.line}", f"the same for sku {shorten(sku)}")
        colour = self._colour(row)
        if colour and lines.colour and colour != lines.colour:
            raise self._wrong(row, "colour", f"differs from line {lines.line}", f"the same for sku {shorten(sku)}")
        lines.phrases, lines.name, lines.colour = lines.phrases or phrases, lines.name or name, lines.colour or colour
        lines.examples |= dict.fromkeys(self._examples(row))
        expected = self._expected(row)
        if expected is not None:
            place = (expected.row, expected.store, expected.shelf)
            if lines.expected.setdefault(place, expected) != expected:
                raise self._wrong(
                    row, "expected", f"is the second number for sku {shorten(sku)} in one place", "one for each place"
                )

    def products(self) -> Iterator[Product]:
        """What was taken, in the order of the list."""
        if not self._known:
            raise ConfigError(f"products={self.path.name} holds no products: expected a line for each. Add them.")
        for sku, lines in self._known.items():
            if not lines.phrases and not lines.examples:
                raise ConfigError(
                    f"sku={shorten(sku)} in line {lines.line} of {self.path.name} has neither phrases nor examples: "
                    "expected one of them. Write into phrases what it is called."
                )
            expected = tuple(lines.expected.values())
            yield Product(sku, lines.phrases, lines.name, tuple(lines.examples), expected, lines.colour)

    def _phrases(self, row: Row) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for said in re.split(r"[;\n]", row.fields["phrases"]):
            phrase = " ".join(said.split()).strip(" .").lower()
            if re.search(r"[,|/\t]", phrase) or len(phrase) > _LONGEST_PHRASE:
                raise self._wrong(row, "phrases", "is not a list of names", "names with a semicolon between them")
            if phrase:
                found[self._english(phrase)] = None
        if len(found) > _MOST_PHRASES:
            raise self._wrong(row, "phrases", f"are {len(found)}", f"at most {_MOST_PHRASES}")
        return tuple(found)

    def _english(self, phrase: str) -> str:
        english = english_name(phrase)
        if english is None:
            return singular_phrase(phrase)
        notice = f"{phrase} is read as {english}"
        if notice not in self.notices:
            self.notices.append(notice)
        return english

    def _colour(self, row: Row) -> str:
        said = row.fields["colour"].strip().lower()
        try:
            return basic_colour(english_name(said) or said) if said else ""
        except ToolInputError:
            raise self._wrong(row, "colour", "is no colour known here", f"one of {', '.join(COLOURS)}") from None

    def _expected(self, row: Row) -> Expected | None:
        shelf_row = self._row(row)
        said = row.fields["expected"]
        if not said:
            if shelf_row is not None:
                self.notices.append(f"line {row.line} has a row but no expected number, so it is not compared")
            return None
        found = _RANGE.fullmatch(said)
        if found is None:
            raise self._wrong(row, "expected", "is not a number of things", "6, 4-8 or 4+ (as text, in a spreadsheet)")
        low = int(found[1])
        high = None if found[3] else int(found[2] or low)
        if high is not None and high < low:
            raise self._wrong(row, "expected", "ends before it begins", "the smaller number first")
        if max(low, high or 0) > MOST_EXPECTED:
            raise self._wrong(row, "expected", "is too many", f"at most {MOST_EXPECTED}")
        return Expected(low, high, shelf_row, row.fields["store"], row.fields["shelf"])

    def _row(self, row: Row) -> int | None:
        said = row.fields["row"]
        if not said:
            return None
        number = int(said) if _ROW.fullmatch(said) else 0
        if not 1 <= abs(number) <= MOST_ROWS_OF_A_SHELF:
            raise self._wrong(
                row, "row", "is not a shelf row", f"1 (top) to {MOST_ROWS_OF_A_SHELF}, or -1 (bottom) and so on up"
            )
        return number

    def _examples(self, row: Row) -> Iterator[Example]:
        for said in re.split(r"[;\n]", row.fields["examples"]):
            if said.strip():
                picture, box = self._crop(row, said.strip())
                yield Example(self._address(picture), box)

    def _crop(self, row: Row, said: str) -> tuple[str, Box | None]:
        picture, mark, corners = said.rpartition("#")
        if not mark or not Path(picture).suffix:
            return said, None
        try:
            x0, y0, x1, y1 = (float(corner) for corner in corners.split(","))
        except ValueError:
            x0 = y0 = x1 = y1 = math.nan
        if not (0 <= x0 < x1 < math.inf and 0 <= y0 < y1 < math.inf):
            raise self._wrong(row, "examples", "has a crop that is none", "picture.jpg#x0,y0,x1,y1 in pixels")
        return picture, (x0, y0, x1, y1)

    def _address(self, picture: str) -> str:
        """Where a picture is; a relative path is one beside the list."""
        if "://" in picture:
            return picture
        return str(self.path.parent.absolute() / Path(picture).expanduser())

    def _wrong(self, row: Row, column: str, wrong: str, expected: str) -> ConfigError:
        value = shorten(row.fields[column], 60)
        return ConfigError(
            f"{column}={value} in line {row.line} of {self.path.name} {wrong}: expected {expected}. Correct that line."
        )
