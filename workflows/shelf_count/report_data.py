"""What the report's page knows of each picture, as compact JSON-able lists.

Texts that many pictures share (reasons, what is expected) stand once and are pointed at, so that ten thousand pictures
are a few megabytes. This module does not know files, drawings or HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from agent_tools.shelves.products import Product
from agent_tools.shelves.results import FindingKind, ShelfCount
from workflows.shelf_count.drawings import colour_of_product
from workflows.shelf_count.results_kept import PictureResult
from workflows.shelf_count.settled import names_of, place_of, reasons, wants_review
from workflows.shelf_count.totals import expected_in_all
from workflows.shelf_count.wording import KINDS, difference

KIND_ORDER: tuple[FindingKind, ...] = get_args(FindingKind)


class ReportData:
    """Turns results into lists, and keeps the texts they point at."""

    def __init__(self, folder: Path, products: Sequence[Product]) -> None:
        self._folder, self._products, self._names = folder, products, names_of(products)
        self._places = {product.sku: place for place, product in enumerate(products)}
        self._whys: dict[str, int] = {}
        self._wants: dict[tuple[tuple[int, int, int], ...], int] = {}

    def picture(self, result: PictureResult, count: ShelfCount | None) -> list[Any]:
        """One picture, as `report.js` reads it.

        Returns:
            [address, link, store, shelf, time, error, same_as, doubt in 1/1000, review, corrected (0 no, 1 seen,
            2 changed), reasons, counts, findings, expected, not asked for]; a count is [product, row, n, low, high,
            percent sure, saturated, review], a finding [kind, product or -1, row, words, percent sure].
        """
        picture, correction = result.picture, result.correction
        changed = 0 if correction is None else 2 if correction.removed or correction.added else 1
        told: list[Any] = [picture.address, place_of(self._folder, picture.address), picture.store, picture.shelf]
        told += [picture.time, result.error, result.same_as]
        if count is None:
            return [*told, 0, 0, changed, [], [], [], -1, []]
        why = [self._whys.setdefault(reason, len(self._whys)) for reason in reasons(count, self._names)]
        counts = [
            [self._place(c.sku), c.row, c.n, c.low, c.high, _percent(c.confidence), int(c.saturated), int(c.review)]
            for c in count.counts
            if c.sku not in count.unknown
        ]
        findings = [
            [
                KIND_ORDER.index(each.kind),
                self._place(each.sku) if each.sku else -1,
                each.row,
                difference(each, self._names.get(each.sku, each.sku)),
                _percent(each.confidence),
            ]
            for each in count.findings
        ]
        unknown = [[self._place(sku), reason] for sku, reason in count.unknown.items()]
        review = int(wants_review(result, count))
        doubt = round(1000 * count.doubt)
        return [*told, doubt, review, changed, why, counts, findings, self._expected(result, count), unknown]

    def shared(self) -> dict[str, Any]:
        """What the pictures point at; ask when all of them are done."""
        return {
            "products": [[sku, self._names.get(sku, sku), _hex(place)] for sku, place in self._places.items()],
            "kinds": [[kind, KINDS[kind]] for kind in KIND_ORDER],
            "whys": list(self._whys),
            "wants": list(self._wants),
        }

    def _place(self, sku: str) -> int:
        return self._places.setdefault(sku, len(self._places))

    def _expected(self, result: PictureResult, count: ShelfCount) -> int:
        """Where `wants` says what should be on the picture: (product, fewest, most or -1); -1: nothing is said."""
        told: list[tuple[int, int, int]] = []
        for place, product in enumerate(self._products):
            wanted = expected_in_all(product, result, count)
            if wanted is not None:
                told.append((place, wanted[0], -1 if wanted[1] is None else wanted[1]))
        return self._wants.setdefault(tuple(told), len(self._wants)) if told else -1


def _percent(share: float) -> int:
    return round(100 * share)


def _hex(place: int) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour_of_product(place))
