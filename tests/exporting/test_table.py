"""CSV exports, read back with the csv module as a spreadsheet would."""

import csv
import re

import numpy as np
import pytest

from agent_tools.exporting import export
from agent_tools.exporting.table import plain_cell
from agent_tools.pictures import Picture

FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")


def rows(folder, delimiter: str = ",") -> list[list[str]]:
    with (folder / "objects.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))


def records(folder) -> dict[str, dict[str, str]]:
    head, *body = rows(folder)
    return {record["handle"]: record for record in (dict(zip(head, row, strict=True)) for row in body)}


def test_csv_has_one_row_an_object_with_what_is_known_of_it(tmp_path, both) -> None:
    read = records(export(both, "csv", tmp_path / "out").folder)
    things = {thing.handle: (picture, thing) for picture, things in both.items() for thing in things}
    assert set(read) == set(things)
    for handle, (picture, thing) in things.items():
        record = read[handle]
        assert (record["picture"], record["label"]) == (picture.name, thing.label)
        assert (record["width"], record["height"]) == (str(picture.width), str(picture.height))
        assert record["score"] == ("" if thing.score is None else f"{thing.score:.4f}")
        assert record["area"] == ("" if thing.mask is None else str(thing.mask.area))
        assert (record["turn"], record["model"]) == (str(thing.turn), thing.model)
        assert record["review"] == ("yes" if thing.review else "no")
    assert [read["m6"][side] for side in ("x0", "y0", "x1", "y1")] == ["100.5", "30.25", "130", "50"]
    assert [read["m3"][side] for side in ("x0", "y0", "x1", "y1")] == ["115", "70", "130", "90"]
    assert {read["m1"]["picture_id"], read["m7"]["picture_id"]} == {"1", "2"}


def test_csv_colour_is_that_of_the_object(tmp_path, thing) -> None:
    pixels = np.full((40, 80, 3), 255, np.uint8)
    pixels[:, :40] = (200, 20, 30)
    picture = Picture.from_array(pixels)
    things = [thing("m1", "can", 1.0, (0, 0, 40, 40), None), thing("m2", "can", 1.0, (40, 0, 80, 40), None)]
    read = records(export({picture: things}, "csv", tmp_path / "out").folder)
    assert [read["m1"]["colour"], read["m2"]["colour"]] == ["red", "white"]


EVIL = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\tcan",
    "  =1",
    "\uff1d1+1",
    "\uff20x",
    'a;=cmd|"/c calc"!A1',
    "a,-2",
    "a\n+3",
    '";=1',
]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_no_cell_begins_a_formula_whatever_separates_them(tmp_path, table, thing, separator: str) -> None:
    things = [
        thing(f"m{number}", label, 0.5, (0, 0, 9, 9), None, model=label) for number, label in enumerate(EVIL, start=1)
    ]
    folder = export({table: things}, "csv", tmp_path / "out").folder
    cells = [cell for row in rows(folder, separator) for cell in row]
    assert cells
    assert [cell for cell in cells if FORMULA.match(cell) or cell.startswith(("\t", "\r", "\n"))] == []


def test_csv_picture_named_like_a_formula_is_neutralised(tmp_path, thing) -> None:
    picture = Picture.from_array(np.zeros((9, 9, 3), np.uint8), "=HYPERLINK(1).png")
    folder = export({picture: [thing("m1", "can", 0.5, (0, 0, 9, 9), None)]}, "csv", tmp_path / "out").folder
    assert records(folder)["m1"]["picture"] == "'=HYPERLINK(1).png"


@pytest.mark.parametrize("text", ["red apple", "t-shirt", "a + b", "7-up, diet", "me@home", "1=1", "", "café; rot"])
def test_plain_cell_ordinary_text_is_left_as_it_is(text: str) -> None:
    assert plain_cell(text) == text
