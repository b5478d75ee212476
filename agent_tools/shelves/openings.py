"""Looks once more into the openings of a row: what is there may be one more of what stands beside it.

Facings of a product look the same and stand on one board, so that a thing that the detector missed can be told by its
neighbours: their look is slid along the opening, and how alike it is says whether another one stands there or nothing.
The weights were fitted by `python -m workflows.demo_models.opening_calibration` on rendered shelves of validation
seeds. This module does not know detectors, words or products.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from agent_tools.masks import box_iou
from agent_tools.shelves.appearance import Appearance, compared_in_pairs

ROOM = 0.75
"""Of the width of what stands beside it, what an opening has to be wide to have room for one more."""
BESIDE = 2
"""Neighbours on each side whose look is tried."""
STEP = 1 / 10
"""Of a thing's width, how far the look is moved from one trial to the next."""
TUCKED = 0.15
"""Of a thing's width, how far one more may reach behind its neighbours."""
APART = 0.25
"""IoU from which two trials are about one thing."""
MOST_TRIALS = 400
"""Places tried in one opening, at most."""
LOOKS_ALIKE = ((0.0,) * 7, 0.0)
"""What each measure of `appearance.COMPARED` counts, and the bias, for one more thing being there."""

Boxes = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Opening:
    """A stretch of a row with nothing in it.

    Attributes:
        left: where it begins, pixels.
        right: where it ends.
        beside: indices of the things beside it, the nearest first.
    """

    left: float
    right: float
    beside: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OneMore:
    """What may stand in an opening.

    Attributes:
        box: xyxy, pixels.
        like: index of the thing that it looks like.
        chance: that one more of it stands there, in [0, 1].
    """

    box: tuple[float, float, float, float]
    like: int
    chance: float


def openings(boxes: Boxes, row: Sequence[int], left: float, right: float) -> list[Opening]:
    """Where one more would fit in a row.

    Args:
        boxes: (N, 4) xyxy pixels of all things.
        row: indices of those of the row.
        left: where the shelf begins, pixels.
        right: where it ends.
    """
    line = sorted(row, key=lambda index: float(boxes[index, 0] + boxes[index, 2]))
    found = []
    for place, (before, after) in enumerate(pairwise([None, *line, None])):
        begin = left if before is None else float(boxes[line[:place], 2].max())
        end = right if after is None else float(boxes[after, 0])
        beside = [line[i] for i in _outwards(place, len(line))]
        if not beside:
            continue
        wide = max(float(boxes[index, 2] - boxes[index, 0]) for index in (before, after) if index is not None)
        if end - begin >= ROOM * wide:
            found.append(Opening(begin, end, tuple(beside)))
    return found


def _outwards(place: int, many: int) -> list[int]:
    """Places in a line nearest to the space before `place`, up to `BESIDE` on each side."""
    return [each for step in range(BESIDE) for each in (place - 1 - step, place + step) if 0 <= each < many]


def one_more(
    array: NDArray[np.uint8], boxes: Boxes, looks: Appearance, opening: Opening, slope: float
) -> list[OneMore]:
    """What may stand in an opening, likeliest first; nothing overlaps.

    Args:
        array: the picture, (H, W, 3) uint8 RGB.
        boxes: (N, 4) xyxy pixels of all things.
        looks: of all things.
        opening: where.
        slope: tangent of the rows.
    """
    places, like = trials(boxes, opening, slope, array.shape[1], array.shape[0])
    if not len(places):
        return []
    chance = alike(Appearance.of(array, places), looks.only(like))
    found: list[OneMore] = []
    free = np.ones(len(places), bool)
    overlap = box_iou(places, places)
    while free.any():
        best = int(np.argmax(np.where(free, chance, -1.0)))
        x0, y0, x1, y1 = places[best].tolist()
        found.append(OneMore((x0, y0, x1, y1), int(like[best]), float(chance[best])))
        free &= overlap[best] < APART
        free[best] = False
    return found


def trials(boxes: Boxes, opening: Opening, slope: float, width: int, height: int) -> tuple[Boxes, NDArray[np.int64]]:
    """The boxes (T, 4) that are tried in an opening, and the thing whose size each has, (T,)."""
    places: list[tuple[float, float, float, float]] = []
    like: list[int] = []
    for index in opening.beside:
        x0, y0, x1, y1 = (float(side) for side in boxes[index])
        wide = x1 - x0
        first, last = max(0.0, opening.left - TUCKED * wide), min(width, opening.right + TUCKED * wide) - wide
        if last < first:
            continue
        number = min(MOST_TRIALS // len(opening.beside), int((last - first) / max(1.0, STEP * wide)) + 1)
        for x in np.linspace(first, last, max(2, number)).tolist():
            drop = slope * (x - x0)
            if y0 + drop < height - 1 and y1 + drop > 1:
                places.append((x, max(0.0, y0 + drop), x + wide, min(float(height), y1 + drop)))
                like.append(index)
    return np.array(places, np.float32).reshape(-1, 4), np.array(like, np.int64)


def alike(there: Appearance, examples: Appearance) -> NDArray[np.float64]:
    """The chance of each of N places to show one more of its own example, (N,)."""
    weights, bias = LOOKS_ALIKE
    apart = compared_in_pairs(there, examples)
    return np.asarray(1 / (1 + np.exp(-(apart @ np.array(weights) + bias))), np.float64)
