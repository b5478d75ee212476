"""How boxes stand: the roll of the camera, rows, columns, and whether they stand in a grid.

Boxes are (N, 4) float64 arrays, xyxy in pixels of the upright picture, origin top left; a row or column is a list of
indices into them. This module does not know handles, masks, or what stands there.
"""

from __future__ import annotations

from statistics import median

import numpy as np
from numpy.typing import NDArray

SAME_BAND = 0.5
"""Two things stand in one row when they share this part of the height of the smaller one; in one column, of the width
of the narrower one."""
MOST_ROLL = 0.18
"""Steepest slope (tangent, about 10 degrees) that is taken for a camera held askew rather than for a staircase."""
ALIGNED = 0.25
"""In a grid, middles stray from the middle of their row or column by at most this part of a thing's extent."""
MOST_ASKED = 400
"""Things whose neighbours are looked at for the slope of the rows."""
SETTLED = 64
"""Things from which on one more hardly moves the median of a band, which is then found anew at every so many."""
FILLED = 2 / 3
"""A grid has things in at least this share of its places."""

Boxes = NDArray[np.float64]


def roll(boxes: Boxes) -> float:
    """The slope of the rows: 0 for a picture that is level, or where neighbours are few or do not agree.

    The median over the slopes between neighbours (Theil and Sen's robust line, over neighbours only): those side by
    side, or, where there are few, those one above the other, whose columns lean as far as rows would rise.
    """
    slope = _slope(boxes, boxes[:, 3])
    if slope is None:
        lean = _slope(boxes[:, [1, 0, 3, 2]], (boxes[:, 0] + boxes[:, 2]) / 2)
        slope = 0.0 if lean is None else -lean
    return slope


def rows(boxes: Boxes) -> list[list[int]]:
    """The rows things stand in, top row first, each from left to right; a camera held askew tilts all of them alike."""
    across = (boxes[:, 0] + boxes[:, 2]) / 2
    return _bands(boxes[:, [1, 3]] - (roll(boxes) * across)[:, None], across)


def columns(boxes: Boxes) -> list[list[int]]:
    """The columns things stand in, left column first, each from top to bottom; see `rows`."""
    down = (boxes[:, 1] + boxes[:, 3]) / 2
    return _bands(boxes[:, [0, 2]] + (roll(boxes) * down)[:, None], down)


def in_grid(boxes: Boxes) -> bool:
    """Whether things stand in two or more rows and columns, each alone in its place, in line, and few places empty."""
    if len(boxes) < 4:
        return False
    lines, stacks = rows(boxes), columns(boxes)
    if min(len(lines), len(stacks)) < 2 or len(boxes) < FILLED * len(lines) * len(stacks):
        return False
    row_of = {index: number for number, line in enumerate(lines) for index in line}
    if any(len({row_of[index] for index in stack}) < len(stack) for stack in stacks):
        return False
    across, down = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    along = across + roll(boxes) * down
    widths = boxes[:, 2] - boxes[:, 0]
    strays = [np.abs(along[stack] - np.median(along[stack])) / widths[stack] for stack in stacks]
    return bool(np.concatenate(strays).max() <= ALIGNED)


def _bands(spans: Boxes, across: NDArray[np.float64]) -> list[list[int]]:
    """Indices by the band they lie in, bands from low to high, each in order of `across`.

    1. From the low end up, a thing joins the band whose span it shares most of, at least `SAME_BAND` of the smaller
       extent, else it begins a band. A band's span is the median of its things, so that one tall bottle neither drags
       a row down nor bridges two, and short and tall things on one shelf are one row.
    2. Once all bands are known, every thing moves to the band that fits it best.
    """
    if not len(spans):
        return []
    members: list[list[int]] = []
    medians = np.zeros((0, 2))
    for index in np.argsort(spans.sum(1), kind="stable"):
        shares = _shared(spans[index : index + 1], medians)[0]
        best = int(np.argmax(shares)) if members else -1
        if best >= 0 and shares[best] >= SAME_BAND:
            members[best].append(int(index))
            if len(members[best]) <= SETTLED or len(members[best]) % SETTLED == 0:
                medians[best] = [median(side) for side in spans[members[best]].T.tolist()]
        else:
            members.append([int(index)])
            medians = np.vstack([medians, spans[index]])
    far = np.abs(spans.mean(1)[:, None] - medians.mean(1)[None, :])
    # The distance only decides where two bands fit equally well.
    home = np.argmax(_shared(spans, medians) - 1e-6 * far / max(1e-9, float(far.max())), axis=1)
    settled = sorted(set(home.tolist()), key=lambda band: median(spans[home == band].mean(1).tolist()))
    by_place = np.argsort(across, kind="stable").tolist()
    return [[index for index in by_place if home[index] == band] for band in settled]


def _slope(boxes: Boxes, stands_on: NDArray[np.float64]) -> float | None:
    """Median slope of `stands_on`, (N,), between neighbours side by side; 0 where they disagree, None if too few."""
    slopes: list[float] = []
    x, widths, heights = (boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    # Of very many things a part, evenly chosen, tells the slope as well.
    for index in range(0, len(boxes), max(1, -(-len(boxes) // MOST_ASKED))):
        shared = np.minimum(boxes[index, 3], boxes[:, 3]) - np.maximum(boxes[index, 1], boxes[:, 1])
        beside = shared >= SAME_BAND * np.minimum(heights[index], heights)
        beside &= x - x[index] >= np.minimum(widths[index], widths) / 2
        if beside.any():
            right = np.flatnonzero(beside)[np.argmin(x[beside])]
            slopes.append(float((stands_on[right] - stands_on[index]) / (x[right] - x[index])))
    if len(slopes) < 4:
        return None
    slope = median(slopes)
    spread = median(abs(each - slope) for each in slopes)
    return slope if spread < abs(slope) <= MOST_ROLL else 0.0


def _shared(spans: Boxes, bands: Boxes) -> NDArray[np.float64]:
    """Part of the smaller of two spans (low, high) that both share: (N, 2) and (B, 2) to (N, B)."""
    shared = np.minimum(spans[:, None, 1], bands[None, :, 1]) - np.maximum(spans[:, None, 0], bands[None, :, 0])
    smaller = np.minimum((spans[:, 1] - spans[:, 0])[:, None], (bands[:, 1] - bands[:, 0])[None, :])
    return np.asarray(np.maximum(0.0, shared) / np.maximum(1e-9, smaller), np.float64)
