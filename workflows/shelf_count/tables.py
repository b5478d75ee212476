"""The tables of a run: two CSV files for programs, and one XLSX for people.

One pass over the pictures writes all of them. Of a picture nothing stays in memory but its doubt and its address, which
the sheet of those to review is sorted by. Every text is neutralised as in `agent_tools.exporting.table`: no cell begins
a formula. The CSV files depend on nothing but the results. This module does not know how a run is kept.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from agent_tools.exporting.table import plain_cell
from agent_tools.shelves.products import Product
from agent_tools.shelves.results import Finding, ProductCount, ShelfCount
from workflows.shelf_count.results_kept import PictureResult
from workflows.shelf_count.settled import ReadableStore, names_of, reasons, settled, wants_review
from workflows.shelf_count.totals import Totals, row_of
from workflows.shelf_count.whole_files import whole_file
from workflows.shelf_count.wording import KINDS, amount
from workflows.shelf_count.workbook import Workbook

Row = tuple[Any, ...]

PICTURE = ("picture", "store", "shelf", "time")
COUNTS = (
    *(*PICTURE, "row", "sku", "name", "count", "low", "high", "confidence", "saturated", "review", "why"),
    *("corrected", "error", "same_as"),
)
"""`row` is "all" for the whole picture; `low` and `high` hold with a chance of 95 %; `same_as` names an earlier picture
of the very same bytes, which the totals do not count twice."""
EXPECTED = (
    *(*PICTURE, "row", "sku", "name", "expected", "found", "difference", "confidence"),
    *("x0", "y0", "x1", "y1"),
)
"""One line for each expectation, met or not, and for each other finding; the box of an empty place in pixels."""
TOTALS = ("sku", "name", "pictures", "count", "at least", "at most", "expected", "pictures with differences")
REVIEW = (*PICTURE, "doubt", "why", "counts")
ERRORS = (*PICTURE, "error")
_AMOUNTS = ("missing", "surplus")


def write_tables(folder: Path, store: ReadableStore) -> list[Path]:
    """Write ``counts.csv``, ``expected.csv`` and ``shelves.xlsx``; earlier ones stay until the new ones are whole.

    Args:
        folder: of the run.
        store: what was counted, and what people put right.

    Returns:
        the files, as written.

    Raises:
        ConfigError: a file cannot be written: no space, no permission, or open in another program.
    """
    paths = [folder / name for name in ("counts.csv", "expected.csv", "shelves.xlsx")]
    with ExitStack() as files:
        drafts = [files.enter_context(whole_file(path)) for path in paths]
        counts = files.enter_context(drafts[0].open("w", encoding="utf-8-sig", errors="backslashreplace", newline=""))
        expected = files.enter_context(drafts[1].open("w", encoding="utf-8-sig", errors="backslashreplace", newline=""))
        book = Workbook()
        sheets = {
            "Totals": book.sheet("Totals", TOTALS),
            "Expected": book.sheet("Expected against found", EXPECTED),
            "Counts": book.sheet("Counts", COUNTS),
            "Review": book.sheet("Review", REVIEW),
            "Errors": book.sheet("Errors", ERRORS),
        }
        pairs = (
            (csv.writer(counts), COUNTS, sheets["Counts"], count_lines),
            (csv.writer(expected), EXPECTED, sheets["Expected"], expected_lines),
        )
        for file, columns, _, _ in pairs:
            file.writerow(columns)
        products, totals, queue = store.products.products, Totals(store.products.products), []
        for place, result in enumerate(store.results()):
            count = settled(result, products)
            totals.add(result, count)
            for file, _, sheet, lines in pairs:
                for line in lines(result, count, products):
                    file.writerow([_text(value) for value in line])
                    sheet.add(line)
            if count is None:
                sheets["Errors"].add((*_picture(result), result.error))
            elif wants_review(result, count):
                queue.append((-count.doubt, place, result.picture.address))
        for line in totals.lines():
            sheets["Totals"].add(line)
        for _, _, address in sorted(queue):
            sheets["Review"].add(_review_line(store.result(address), products))
        counts.close()
        expected.close()
        book.save(drafts[2])
    return paths


def count_lines(result: PictureResult, count: ShelfCount | None, products: Sequence[Product]) -> Iterator[Row]:
    """The lines of ``counts.csv`` for one picture: product by product, the whole picture before its rows."""
    if count is None:
        empty = ("",) * (len(COUNTS) - len(PICTURE) - 3)
        yield *_picture(result), *empty, _corrected(result), result.error, result.same_as
        return
    names = names_of(products)
    order = {product.sku: place for place, product in enumerate(products)}
    told = (_corrected(result), result.error, result.same_as)
    found: list[ProductCount] = [each for each in count.counts if each.sku not in count.unknown]
    for each in sorted(found, key=lambda each: (order.get(each.sku, len(order)), each.sku, each.row)):
        row = each.row or "all"
        numbers = (each.n, each.low, each.high, round(each.confidence, 4), _yes(each.saturated), _yes(each.review))
        yield *_picture(result), row, each.sku, names.get(each.sku, each.sku), *numbers, "; ".join(each.why), *told
    for sku, why in sorted(count.unknown.items(), key=lambda pair: (order.get(pair[0], len(order)), pair[0])):
        # A product that was never asked for has no count: 0 would be a claim.
        yield (
            *_picture(result),
            "all",
            sku,
            names.get(sku, sku),
            "",
            "",
            "",
            "",
            "",
            "yes",
            f"the detector {why}",
            *told,
        )


def expected_lines(result: PictureResult, count: ShelfCount | None, products: Sequence[Product]) -> Iterator[Row]:
    """The lines of ``expected.csv`` for one picture: expectations in the order of the list, then what else differs."""
    if count is None:
        return
    names = names_of(products)
    found = {(each.sku, each.row): each.n for each in count.counts}
    left = list(count.findings)
    for product in products:
        for each in product.expected_in(result.picture.store, result.picture.shelf):
            if product.sku in count.unknown:
                continue
            row = row_of(each, count)
            mine = [
                one for one in left if (one.sku, one.row) == (product.sku, row) and one.kind in ("missing", "surplus")
            ]
            for one in mine:
                left.remove(one)
                yield *_picture(result), *_finding(one, names)
            if not mine:
                wanted = amount(each.low, each.high)
                numbers = (wanted, found.get((product.sku, row), 0), "as expected", "", *[""] * 4)
                yield *_picture(result), row or "all", product.sku, names[product.sku], *numbers
    for one in left:
        yield *_picture(result), *_finding(one, names)


def _finding(finding: Finding, names: dict[str, str]) -> Row:
    wanted = "" if finding.expected is None else amount(*finding.expected)
    box = [""] * 4 if finding.box is None else [round(side, 1) for side in finding.box]
    name = names.get(finding.sku, finding.sku)
    kind, sure = KINDS[finding.kind].lower(), round(finding.confidence, 4)
    return finding.row or "all", finding.sku, name, wanted, finding.found, kind, sure, *box


def _review_line(result: PictureResult, products: Sequence[Product]) -> Row:
    count = settled(result, products)
    assert count is not None  # only counted pictures are in the queue
    names = names_of(products)
    counts = [f"{names.get(each.sku, each.sku)}: {each.n}" for each in count.counts if each.row == 0 and each.review]
    return *_picture(result), round(count.doubt, 4), "; ".join(reasons(count, names)), "; ".join(counts)


def _picture(result: PictureResult) -> Row:
    picture = result.picture
    return picture.address, picture.store, picture.shelf, picture.time


def _corrected(result: PictureResult) -> str:
    """Whether a person has had a hand in it: "no", "seen" where all was right, "yes" where something was not."""
    if result.correction is None:
        return "no"
    return "yes" if result.correction.removed or result.correction.added else "seen"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _text(value: object) -> object:
    return plain_cell(value) if isinstance(value, str) else value
