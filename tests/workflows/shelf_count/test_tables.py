"""The tables of a run: what stands in them, and what a spreadsheet may not take it for."""

from __future__ import annotations

import csv
import errno
import gc
import resource
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from openpyxl import load_workbook

from agent_tools.errors import ConfigError
from agent_tools.shelves.products import Expected, Product
from agent_tools.shelves.results import Correction, Finding, ProductCount, ShelfCount, ShelfObject, ShelfRow
from tests.workflows.shelf_count.made_up import PRODUCTS, StoreInMemory
from workflows.shelf_count import workbook
from workflows.shelf_count.results_kept import PictureResult, ShelfPicture
from workflows.shelf_count.tables import write_tables

ROWS = tuple(ShelfRow(n, ((0, 50.0 * (n - 1)), (100, 50.0 * (n - 1)), (100, 50.0 * n), (0, 50.0 * n))) for n in (1, 2))
OIL = Product("007", ("bottle",), "Olivenöl", expected=(Expected(2, 2, row=1), Expected(1, 3, row=-1)))
TEA = Product("8", ("box",), "Tea")


def oil_and_tea() -> ShelfCount:
    objects = (
        ShelfObject("007", 1, (10, 5, 30, 45), 0.9, 0.97),
        ShelfObject("007", 2, (10, 55, 30, 95), 0.9, 0.99),
        ShelfObject("007", 2, (40, 55, 60, 95), 0.3, 0.3, counted=False),
    )
    counts = (
        ProductCount("007", 0, 2, 2, 3, 0.66, review=True, why=("one more may stand there",)),
        ProductCount("007", 1, 1, 1, 1, 0.97),
        ProductCount("007", 2, 1, 1, 2, 0.69, review=True, why=("one more may stand there",)),
    )
    findings = (Finding("missing", "007", 1, (2, 2), 1, 0.93), Finding("gap", "007", 1, None, 0, 0.8, (40, 5, 60, 45)))
    return ShelfCount(100, 100, ROWS, objects, counts, findings, {"8": "has no word for box"})


def run_of_three() -> StoreInMemory:
    results = [
        PictureResult(ShelfPicture("a/1.jpg", "Bern", "oil", "2026-11-01"), oil_and_tea()),
        PictureResult(ShelfPicture("a/2.jpg", "Bern", "oil"), oil_and_tea(), same_as="a/1.jpg"),
        PictureResult(ShelfPicture("a/3.jpg", "Bern", "oil"), error="picture=3.jpg is empty"),
    ]
    return StoreInMemory(results, (OIL, TEA))


def lines_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def sheet_of(folder: Path, title: str) -> list[tuple[object, ...]]:
    return list(load_workbook(folder / "shelves.xlsx")[title].iter_rows(values_only=True))


def test_counts_csv_small_run_is_exactly_this(tmp_path: Path) -> None:
    write_tables(tmp_path, run_of_three())
    first = "a/1.jpg,Bern,oil,2026-11-01"
    second = "a/2.jpg,Bern,oil,"
    wanted = [
        "picture,store,shelf,time,row,sku,name,count,low,high,confidence,saturated,review,why,corrected,error,same_as",
        f"{first},all,007,Olivenöl,2,2,3,0.66,no,yes,one more may stand there,no,,",
        f"{first},1,007,Olivenöl,1,1,1,0.97,no,no,,no,,",
        f"{first},2,007,Olivenöl,1,1,2,0.69,no,yes,one more may stand there,no,,",
        f"{first},all,8,Tea,,,,,,yes,the detector has no word for box,no,,",
        f"{second},all,007,Olivenöl,2,2,3,0.66,no,yes,one more may stand there,no,,a/1.jpg",
        f"{second},1,007,Olivenöl,1,1,1,0.97,no,no,,no,,a/1.jpg",
        f"{second},2,007,Olivenöl,1,1,2,0.69,no,yes,one more may stand there,no,,a/1.jpg",
        f"{second},all,8,Tea,,,,,,yes,the detector has no word for box,no,,a/1.jpg",
        "a/3.jpg,Bern,oil,,,,,,,,,,,,no,picture=3.jpg is empty,",
    ]
    assert (tmp_path / "counts.csv").read_bytes() == b"\xef\xbb\xbf" + "".join(f"{x}\r\n" for x in wanted).encode()


def test_expected_csv_tells_met_expectations_differences_and_gaps(tmp_path: Path) -> None:
    write_tables(tmp_path, run_of_three())
    lines = [line[4:] for line in lines_of(tmp_path / "expected.csv")]
    assert lines[1:4] == [
        ["1", "007", "Olivenöl", "2", "1", "missing", "0.93", "", "", "", ""],
        ["2", "007", "Olivenöl", "1 to 3", "1", "as expected", "", "", "", "", ""],
        ["1", "007", "Olivenöl", "", "0", "empty place", "0.8", "40", "5", "60", "45"],
    ]


def test_xlsx_sheets_hold_numbers_filters_and_a_frozen_heading(tmp_path: Path) -> None:
    write_tables(tmp_path, run_of_three())
    book = load_workbook(tmp_path / "shelves.xlsx")
    assert book.sheetnames == ["Totals", "Expected against found", "Counts", "Review", "Errors"]
    for sheet in book:
        assert sheet.freeze_panes == "A2", sheet.title
        assert sheet.auto_filter.ref == sheet.dimensions, sheet.title
    assert [cell.value for cell in book["Totals"][2]] == ["007", "Olivenöl", 1, 2, 2, 3, "3 to 5", 1]
    assert [cell.value for cell in book["Counts"][2]][7:11] == [2, 2, 3, 0.66]
    assert sheet_of(tmp_path, "Errors")[1:] == [("a/3.jpg", "Bern", "oil", None, "picture=3.jpg is empty")]


def test_xlsx_review_sheet_is_sorted_by_doubt(tmp_path: Path) -> None:
    results = []
    for place, sure in enumerate((0.9, 0.2, 0.5, 1.0)):
        counts = (ProductCount("007", 0, 1, 1, 1, sure, review=sure < 1, why=("hard to see",)),)
        results.append(PictureResult(ShelfPicture(f"{place}.jpg"), ShelfCount(9, 9, counts=counts)))
    results.append(replace(results[1], picture=ShelfPicture("seen.jpg"), correction=Correction(confirmed=True)))
    store = StoreInMemory(results, (OIL,))
    store.correct("0.jpg", None)
    write_tables(tmp_path, StoreInMemory(results[:4], (OIL,)))
    assert [line[0] for line in sheet_of(tmp_path, "Review")] == ["Picture", "1.jpg", "2.jpg", "0.jpg"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "a;=1+1", "=cmd|' /C calc'!A0"])
def test_tables_text_like_a_formula_never_begins_a_cell_with_one(tmp_path: Path, name: str) -> None:
    results = [
        PictureResult(ShelfPicture(name, name, name, name), oil_and_tea()),
        PictureResult(ShelfPicture(f"{name} 2"), error=name),
    ]
    write_tables(tmp_path, StoreInMemory(results, (Product("007", (), name),)))
    for file in ("counts.csv", "expected.csv"):
        for cell in (cell for line in lines_of(tmp_path / file) for cell in line):
            assert not any(part.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r")) for part in cell.split(";"))
    for sheet in load_workbook(tmp_path / "shelves.xlsx"):
        assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row), sheet.title


def test_tables_texts_that_no_file_can_hold_are_written_all_the_same(tmp_path: Path) -> None:
    names = ("bell\x07.jpg", "cut\udcff.jpg", "line\nbreak.jpg", "long" * 10_000)
    write_tables(tmp_path, StoreInMemory([PictureResult(ShelfPicture(name), oil_and_tea()) for name in names], (OIL,)))
    pictures = {line[0] for line in sheet_of(tmp_path, "Counts")}
    assert {"bell\ufffd.jpg", "cut\\udcff.jpg", "line\nbreak.jpg"} < pictures
    assert len(lines_of(tmp_path / "counts.csv")) == 17


def test_tables_corrected_picture_has_the_new_counts_everywhere(tmp_path: Path) -> None:
    objects = tuple(ShelfObject("4011", 1, (20.0 * n, 5, 20.0 * n + 15, 45), 0.9, 0.9) for n in range(4))
    counts = (ProductCount("4011", 0, 4, 3, 4, 0.6, review=True, why=("look",)), ProductCount("4011", 1, 4, 3, 4, 0.6))
    store = StoreInMemory([PictureResult(ShelfPicture("1.jpg"), ShelfCount(100, 100, ROWS, objects, counts))], PRODUCTS)
    removed = tuple((each.sku, each.box) for each in objects[:2])
    store.correct("1.jpg", Correction(removed=removed, added=(("4011", (80, 55, 95, 95)),), confirmed=True))
    write_tables(tmp_path, store)
    mine = {line[4]: line[7] for line in lines_of(tmp_path / "counts.csv") if line[5] == "4011"}
    assert (mine["all"], mine["1"], mine["2"]) == ("3", "2", "1")
    assert {line[14] for line in lines_of(tmp_path / "counts.csv")[1:]} == {"yes"}
    assert sheet_of(tmp_path, "Totals")[1][3] == 3
    assert len(sheet_of(tmp_path, "Review")) == 1


def test_tables_of_equal_results_are_equal_byte_for_byte(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write_tables(tmp_path / folder, run_of_three())
    for file in ("counts.csv", "expected.csv"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.parametrize(
    ("fault", "told"),
    [(PermissionError(errno.EACCES, "denied"), "Close it"), (OSError(errno.ENOSPC, "No space left"), "Make room")],
)
def test_tables_file_that_cannot_be_written_leaves_the_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: OSError, told: str
) -> None:
    (tmp_path / "counts.csv").write_text("earlier")

    def refuse(self: Path, target: Path) -> Path:
        raise fault

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(ConfigError, match=told):
        write_tables(tmp_path, run_of_three())
    assert (tmp_path / "counts.csv").read_text() == "earlier"
    assert [path.name for path in tmp_path.iterdir()] == ["counts.csv"]


def test_xlsx_more_lines_than_a_sheet_holds_are_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "ROOM", 5)
    write_tables(tmp_path, run_of_three())
    lines = sheet_of(tmp_path, "Counts")
    assert len(lines) == 5
    assert lines[-1][0] == "6 more lines have no room in a sheet of Excel: they are in the CSV file."
    assert len(lines_of(tmp_path / "counts.csv")) == 10


class ManyPictures(StoreInMemory):
    """Ten thousand results made as they are asked for, with the memory of the process taken down on the way."""

    def __init__(self) -> None:
        super().__init__([], (OIL, TEA))
        self.resident: list[int] = []

    def results(self):
        count = replace(oil_and_tea(), counts=(ProductCount("007", 0, 2, 2, 2, 0.99),), findings=(), unknown={})
        for place in range(10_000):
            if place % 500 == 0:
                gc.collect()
                self.resident.append(int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize())
            yield PictureResult(ShelfPicture(f"shop/{place:05}.jpg", "Bern", "oil"), count)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of the process as Linux tells it")
def test_tables_of_ten_thousand_pictures_take_no_more_memory_than_of_a_thousand(tmp_path: Path) -> None:
    store = ManyPictures()
    write_tables(tmp_path, store)
    assert max(store.resident) - store.resident[2] < 4_000_000, store.resident
