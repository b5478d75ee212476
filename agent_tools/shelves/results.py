"""What counting one shelf picture gives. Plain values, so that they can be kept as JSON and read back.

This module does not know how anything is found, and nothing of files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Box = tuple[float, float, float, float]
"""xyxy, pixels of the upright picture."""
FindingKind = Literal["missing", "surplus", "misplaced", "gap"]


def rounded(box: Sequence[float]) -> Box:
    """A box as it is kept, to a tenth of a pixel."""
    x0, y0, x1, y1 = (round(side, 1) for side in box)
    return (x0, y0, x1, y1)


@dataclass(frozen=True, slots=True)
class ShelfRow:
    """One shelf row; rows tilt alike where the camera was held askew.

    Attributes:
        number: 1 is the top row.
        corners: x, y of its top left, top right, bottom right and bottom left corner, pixels; may lie outside the
            picture.
    """

    number: int
    corners: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class ShelfObject:
    """One thing on a shelf.

    Attributes:
        sku: the product that it was taken for.
        row: number of its shelf row.
        box: xyxy, pixels.
        score: the detector's, in [0, 1].
        chance: that it is one of that product, in [0, 1]; 1 where a person said so.
        counted: whether it is part of the count; others are near misses, which only widen the range.
        by: what it was found by: "words", "example", "neighbour" (it looks like what stands beside it) or "person".
    """

    sku: str
    row: int
    box: Box
    score: float
    chance: float
    counted: bool = True
    by: Literal["words", "example", "neighbour", "person"] = "words"


@dataclass(frozen=True, slots=True)
class ProductCount:
    """How many of a product, in one row or in all.

    Attributes:
        sku: which product.
        row: number of the row; 0: the whole picture.
        n: the count.
        low: what it is at least, with a chance of 95 %.
        high: what it is at most, likewise.
        confidence: chance that the count is exactly right, in [0, 1]; one that is as expected is seldom wrong.
        saturated: whether the detector ran out of room, so that there may be more.
        review: whether a person should look.
        why: the reasons for that, in words.
    """

    sku: str
    row: int
    n: int
    low: int
    high: int
    confidence: float
    saturated: bool = False
    review: bool = False
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference between what should be there and what was found.

    Attributes:
        kind: fewer than expected, more, in a row where it does not belong, or an empty place.
        sku: which product; empty for a gap that no product lacks.
        row: number of the row; 0: the whole picture.
        expected: fewest and most; None for the most: no bound; None: nothing was said of it there.
        found: how many there are.
        confidence: chance that there is such a difference, in [0, 1].
        box: where, for a gap; else None.
    """

    kind: FindingKind
    sku: str
    row: int
    expected: tuple[int, int | None] | None
    found: int
    confidence: float
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class ShelfCount:
    """All that one picture of a shelf gave.

    Attributes:
        width: of the upright picture, pixels.
        height: likewise.
        rows: top row first.
        objects: everything counted, and the near misses.
        counts: of each product one for the whole picture (row 0), and one for each row where it is found or expected.
        findings: differences from what is expected, surest first; empty where nothing is expected.
        unknown: sku → why the detector was not asked for it.
    """

    width: int
    height: int
    rows: tuple[ShelfRow, ...] = ()
    objects: tuple[ShelfObject, ...] = ()
    counts: tuple[ProductCount, ...] = ()
    findings: tuple[Finding, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)

    @property
    def saturated(self) -> bool:
        """Whether the detector ran out of room."""
        return any(count.saturated for count in self.counts)

    @property
    def doubt(self) -> float:
        """What the review queue is sorted by: the chance that some count of the picture is wrong, in [0, 1]."""
        return max((1 - count.confidence for count in self.counts), default=0.0)


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person put right on one picture.

    Attributes:
        removed: (sku, box) of things that are not what they were counted as.
        added: (sku, box) of things that were missed.
        confirmed: whether the person has seen the picture and all else is right.
    """

    removed: tuple[tuple[str, Box], ...] = ()
    added: tuple[tuple[str, Box], ...] = ()
    confirmed: bool = False
