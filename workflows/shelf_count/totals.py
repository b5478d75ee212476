"""Adds up a run, product by product. This module does not know where sums are shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agent_tools.shelves.products import Expected, Product
from agent_tools.shelves.results import ShelfCount
from workflows.shelf_count.results_kept import PictureResult
from workflows.shelf_count.settled import in_all
from workflows.shelf_count.wording import amount


@dataclass(slots=True)
class ProductTotal:
    """One product over all pictures.

    Attributes:
        sku: which.
        name: for people.
        pictures: on how many it was looked for.
        n: the sum of the counts.
        low: the sum of what each is at least; all of them at once is rarer than 5 %.
        high: likewise at most.
        saturated: whether some count may be more than `high`.
        expected: fewest and most over the pictures that something is expected on; None for the most: no bound; None:
            nothing is expected anywhere.
        differing: on how many pictures it differs from what is expected.
    """

    sku: str
    name: str
    pictures: int = 0
    n: int = 0
    low: int = 0
    high: int = 0
    saturated: bool = False
    expected: tuple[int, int | None] | None = None
    differing: int = 0


class Totals:
    """The sums; a picture of the same bytes as an earlier one is not counted twice."""

    def __init__(self, products: Sequence[Product]) -> None:
        self._products = products
        self.by_sku = {each.sku: ProductTotal(each.sku, each.name or each.sku) for each in products}

    def add(self, result: PictureResult, count: ShelfCount | None) -> None:
        """Take one picture in."""
        if count is None or result.same_as:
            return
        for sku, each in in_all(count).items():
            total = self.by_sku.setdefault(sku, ProductTotal(sku, sku))
            total.pictures += 1
            total.n += each.n
            total.low += each.low
            total.high += each.high
            total.saturated |= each.saturated
        for sku in {finding.sku for finding in count.findings if finding.sku}:
            self.by_sku.setdefault(sku, ProductTotal(sku, sku)).differing += 1
        for product in self._products:
            self._expect(product, result, count)

    def _expect(self, product: Product, result: PictureResult, count: ShelfCount) -> None:
        wanted = expected_in_all(product, result, count)
        if wanted is None:
            return
        total = self.by_sku[product.sku]
        low, high = total.expected or (0, 0)
        total.expected = (low + wanted[0], None if high is None or wanted[1] is None else high + wanted[1])

    def lines(self) -> Iterator[tuple[Any, ...]]:
        """A line a product, in the order of the list."""
        for each in self.by_sku.values():
            wanted = "" if each.expected is None else amount(*each.expected)
            most = "no bound" if each.saturated else each.high
            yield each.sku, each.name, each.pictures, each.n, each.low, most, wanted, each.differing


def row_of(expected: Expected, count: ShelfCount) -> int:
    """The number of the row an expectation is for on a picture; 0: the whole picture."""
    if expected.row is None:
        return 0
    return expected.row if expected.row > 0 else len(count.rows) + 1 + expected.row


def expected_in_all(product: Product, result: PictureResult, count: ShelfCount) -> tuple[int, int | None] | None:
    """How many of a product should be on a whole picture, fewest and most; None: nothing is said, or it was not sought.

    Where something is said of the whole shelf, what is said of its rows is part of that.
    """
    wanted = product.expected_in(result.picture.store, result.picture.shelf)
    if not wanted or product.sku in count.unknown:
        return None
    whole = [each for each in wanted if each.row is None] or wanted
    bounds = [each.high for each in whole]
    return sum(each.low for each in whole), None if None in bounds else sum(bound or 0 for bound in bounds)
