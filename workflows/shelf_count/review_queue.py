"""What waits for a person, the most doubtful first, and what that person puts right, one picture after the other.

This module does not know how a page is served, and it shows and changes nothing but pictures of its queue.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from io import BytesIO
from threading import RLock
from typing import Any

from PIL import Image
from pydantic import TypeAdapter, ValidationError

from agent_tools.errors import ToolInputError, shorten
from agent_tools.pictures import Picture
from agent_tools.shelves.results import Correction, ShelfCount
from workflows.shelf_count import addresses
from workflows.shelf_count.drawings import colour_of_product, same_box
from workflows.shelf_count.results_kept import PictureResult
from workflows.shelf_count.settled import (
    CorrectableStore,
    ReadableStore,
    names_of,
    reasons,
    settled,
    wants_review,
    with_correction,
)
from workflows.shelf_count.wording import KINDS, difference, spread

PREVIEW_SIDE = 1800
"""Longest side of what the page shows, pixels."""
MOST_BOXES = 5000
"""Boxes that one correction may hold."""
_CORRECTION = TypeAdapter(Correction)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One picture of the queue.

    Attributes:
        picture: its address.
        store: where it was taken.
        shelf: which shelf.
        doubt: chance that some count of it is wrong, in [0, 1].
        why: the reasons, each once.
        counts: the counts in doubt, in words.
    """

    picture: str
    store: str
    shelf: str
    doubt: float
    why: tuple[str, ...]
    counts: tuple[str, ...]


def waiting(store: ReadableStore, *, everything: bool = False) -> list[Waiting]:
    """The queue, the most doubtful first.

    Args:
        store: the run.
        everything: all pictures that could be counted, not only those that a person should see.
    """
    products = store.products.products
    names = names_of(products)
    queue = []
    for result in store.results():
        count = settled(result, products)
        if count is None or not (everything or wants_review(result, count)):
            continue
        doubtful = [each for each in count.counts if each.row == 0 and each.review]
        counts = tuple(f"{names.get(each.sku, each.sku)} {spread(each)}" for each in doubtful)
        picture = result.picture
        why = reasons(count, names)
        told = (picture.address, picture.store, picture.shelf, round(count.doubt, 4), why, counts)
        queue.append(Waiting(*told))
    return sorted(queue, key=lambda each: -each.doubt)  # stable: equal doubts stay in the order of the pictures


class Review:
    """A person going through the queue; safe to ask from several threads."""

    def __init__(self, store: CorrectableStore, *, everything: bool = False) -> None:
        self._store, self._products = store, store.products.products
        self._places = {product.sku: place for place, product in enumerate(self._products)}
        self._names = names_of(self._products)
        self._lock = RLock()
        self._before: list[tuple[int, Correction | None]] = []
        self.touched = False

        self.queue = waiting(store, everything=everything)
        self._preview = lru_cache(maxsize=4)(_preview)

    @property
    def saved(self) -> int:
        """How many pictures were saved, less those undone since."""
        return len({place for place, _ in self._before})

    def start(self) -> dict[str, Any]:
        """What the page needs before its first picture."""
        products = [
            [product.sku, self._names[product.sku], "#{:02x}{:02x}{:02x}".format(*colour_of_product(place))]
            for place, product in enumerate(self._products)
        ]
        return {"list": self._store.products.name, "products": products, "queue": [asdict(one) for one in self.queue]}

    def picture(self, place: int) -> dict[str, Any]:
        """One picture: its size, what the models saw, what was put right before, and the counts.

        Raises:
            ToolInputError: there is no such place in the queue.
        """
        result, count = self._at(place)
        correction = result.correction or Correction()
        objects = [
            {
                "product": self._places.get(each.sku, -1),
                "row": each.row,
                "box": each.box,
                "counted": each.counted,
                "removed": any(sku == each.sku and same_box(box, each.box) for sku, box in correction.removed),
            }
            for each in count.objects
        ]
        added = [{"product": self._places.get(sku, -1), "box": box} for sku, box in correction.added]
        seen = {"width": count.width, "height": count.height, "objects": objects, "added": added}
        return {**seen, **self._numbers(settled(result, self._products) or count)}

    def numbers(self, place: int, body: bytes) -> dict[str, Any]:
        """The counts that a correction would come to; nothing is kept.

        Raises:
            ToolInputError: no such place, or not a correction.
        """
        result, count = self._at(place)
        return self._numbers(with_correction(result, self._read(body, count), self._products) or count)

    def save(self, place: int, body: bytes) -> dict[str, Any]:
        """Keep a correction, at once and durably.

        Raises:
            ToolInputError: no such place, or not a correction.
            ConfigError: the disk cannot be written.
        """
        with self._lock:
            result, count = self._at(place)
            self._store.correct(result.picture.address, self._read(body, count))
            self._before.append((place, result.correction))
            self.touched = True
        return {"saved": len(self._before)}

    def undo(self) -> dict[str, Any]:
        """Take back what was saved last: its place in the queue, or None where nothing is left to take back."""
        with self._lock:
            if not self._before:
                return {"place": None}
            place, correction = self._before.pop()
            self._store.correct(self.queue[place].picture, correction)
            return {"place": place}

    def preview(self, place: int) -> bytes:
        """The picture of a place, scaled down, as JPEG.

        Raises:
            ToolInputError: there is no such place in the queue; or the picture cannot be opened.
            ConfigError: the driver for its address is missing.
        """
        self._at(place)
        return self._preview(self.queue[place].picture)

    def _at(self, place: int) -> tuple[PictureResult, ShelfCount]:
        if not 0 <= place < len(self.queue):
            raise ToolInputError(
                f"place={shorten(place)} is not in the queue: expected 0 to {len(self.queue) - 1}. Load the page again."
            )
        result = self._store.result(self.queue[place].picture)
        assert result.count is not None  # only counted pictures are in the queue
        return result, result.count

    def _numbers(self, count: ShelfCount) -> dict[str, Any]:
        counts = [
            {"product": self._places.get(each.sku, -1), "row": each.row, "n": each.n, "text": spread(each)}
            for each in count.counts
            if each.sku not in count.unknown
        ]
        findings = [
            {"kind": each.kind, "title": KINDS[each.kind], "product": self._places.get(each.sku, -1), "text": text}
            for each in count.findings
            if (text := difference(each, self._names.get(each.sku, each.sku)))
        ]
        return {"counts": counts, "findings": findings}

    def _read(self, body: bytes, count: ShelfCount) -> Correction:
        """A correction from the page, checked: known products, boxes on the picture."""
        try:
            correction = _CORRECTION.validate_json(body)
        except ValidationError as error:
            raise ToolInputError(
                f"correction={shorten(error.errors()[0]['msg'])} is wrong: expected removed, added and confirmed. "
                "Load the page again."
            ) from None
        told = (*correction.removed, *correction.added)
        if len(told) > MOST_BOXES or not all(sku in self._places and _on(box, count) for sku, box in told):
            raise ToolInputError(
                f"correction={len(told)} boxes do not fit: expected at most {MOST_BOXES}, on the picture, each of a "
                "product of the list. Load the page again."
            )
        return correction


def _on(box: Sequence[float], count: ShelfCount) -> bool:
    x0, y0, x1, y1 = box
    return (
        all(map(math.isfinite, box)) and x0 < x1 <= count.width + 1 and y0 < y1 <= count.height + 1 and min(box) >= -1
    )


def _preview(address: str) -> bytes:
    picture = Picture.from_bytes(addresses.read(address))
    image = Image.fromarray(picture.array)
    image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    file = BytesIO()
    image.save(file, "JPEG", quality=86)
    return file.getvalue()
