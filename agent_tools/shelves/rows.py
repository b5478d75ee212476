"""The rows of a shelf: where things stand, and the edges of the boards they stand on.

Things side by side are a row (`agent_tools.arrangement`); the edges of boards, which run right across the picture, tell
three cases apart that things alone do not: goods piled two high are one row, a row of which nothing is left is one all
the same, and what stands just under a board does not hang from it. The camera may be held askew: all heights are
measured along the slope of the rows. This module does not know products, nor what stands there.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from agent_tools import arrangement
from agent_tools.shelves.results import ShelfRow

_LONGEST = 640
"""Pixels of the longer side at which edges are looked for: more shows the grain of the wood."""
_COLUMNS = 24
"""Parts across the picture in each of which an edge has to show."""
_SLOPES = np.linspace(-0.1, 0.1, 41)
"""Slopes (tangents) of the boards that are tried where the things do not tell."""
_EDGE = 0.35
"""Contrast, of the strongest in its part of the picture, that at least two thirds of the parts must show of a board."""
_SAME_FLOOR = 0.45
"""Share of the usual distance between boards within which two lines of things stand on one board."""
_MISSING = 1.55
"""Distance between boards, in usual ones, from which a row in between may be empty."""
_NEAR = 0.28
"""How far from where an empty row's board should be, in usual distances, its edge may lie."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a picture.

    Attributes:
        rows: top row first.
        row_of: (N,) int64, the number of the row in which each thing stands; 1 is the top one.
        slope: tangent of the rows, positive where they fall to the right.
    """

    rows: tuple[ShelfRow, ...]
    row_of: NDArray[np.int64]
    slope: float

    def place(self, boxes: NDArray[np.float32]) -> NDArray[np.int64]:
        """The number of the row in which other things (M, 4) stand, (M,) int64: their middle tells; 0 without rows."""
        if not self.rows:
            return np.zeros(len(boxes), np.int64)
        x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
        floors = np.array([row.corners[3][1] for row in self.rows])
        return 1 + np.searchsorted(floors[:-1], np.asarray(y - self.slope * x)).astype(np.int64)


def find_rows(array: NDArray[np.uint8], boxes: NDArray[np.float32], expected: int = 0) -> Rows:
    """The rows that things stand in, empty rows between and beside them included.

    Args:
        array: the picture, (H, W, 3) uint8 RGB.
        boxes: (N, 4) float32 xyxy pixels of the things.
        expected: rows that there should be; 0: not known. It is a hint: no row is made up for it.
    """
    height, width = array.shape[:2]
    things = boxes.astype(np.float64).reshape(-1, 4)
    edges = _Edges.of(array, arrangement.roll(things) if len(things) >= 4 else None)
    floors = _floors(things, edges, height)
    if not floors:
        return Rows((), np.zeros(len(things), np.int64), edges.slope)
    levels = _with_empty([level for level, _ in floors], things, edges, height, expected)
    row_of = np.ones(len(things), np.int64)
    for level, members in floors:
        row_of[members] = 1 + int(np.argmin([abs(level - each) for each in levels]))
    return Rows(_drawn(levels, things, row_of, edges.slope, width), row_of, edges.slope)


@dataclass(frozen=True, slots=True)
class _Edges:
    """How strongly an edge runs right across the picture at each height.

    Attributes:
        strength: (L,) float64 in [0, 1]; the first is for `lowest`.
        lowest: height (y at x = 0, along the slope) of the first, pixels of the picture.
        step: pixels of the picture from one to the next.
        slope: tangent.
    """

    strength: NDArray[np.float64]
    lowest: float
    step: float
    slope: float

    @classmethod
    def of(cls, array: NDArray[np.uint8], slope: float | None) -> _Edges:
        """The edges of a picture along a slope; None or 0: along the one that shows them best."""
        height, width = array.shape[:2]
        scale = min(1.0, _LONGEST / max(height, width))
        size = max(_COLUMNS, round(width * scale)), max(8, round(height * scale))
        grey = cv2.cvtColor(cv2.resize(array, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        steep = np.abs(cv2.Sobel(cv2.GaussianBlur(grey, (1, 3), 0.8), cv2.CV_32F, 0, 1, ksize=3))
        parts = cv2.resize(steep, (_COLUMNS, size[1]), interpolation=cv2.INTER_AREA).astype(np.float64)
        parts /= np.maximum(parts.max(axis=0), 1.0)
        middles = (np.arange(_COLUMNS) + 0.5) * size[0] / _COLUMNS
        best: tuple[float, NDArray[np.float64], float, int] | None = None
        for tried in _SLOPES if not slope else (slope - 0.006, slope, slope + 0.006):
            strength, first = _profile(parts, middles, float(tried))
            clear = float((strength**2).sum())
            # Level unless another slope is clearly better: pictures are mostly held so.
            clear *= 1.0 if slope else 1.0 - 0.5 * abs(float(tried))
            if best is None or clear > best[0]:
                best = clear, strength, float(tried), first
        assert best is not None
        return cls(best[1], best[3] / scale, 1 / scale, best[2])

    def at(self, level: float, reach: float) -> tuple[float, float]:
        """The strongest edge within `reach` pixels of a height: how strong, and where."""
        places = self.lowest + self.step * np.arange(len(self.strength))
        near = np.flatnonzero(np.abs(places - level) <= max(reach, self.step))
        if not len(near):
            return 0.0, level
        best = near[np.argmax(self.strength[near])]
        return float(self.strength[best]), float(places[best])


def _profile(parts: NDArray[np.float64], middles: NDArray[np.float64], slope: float) -> tuple[NDArray[np.float64], int]:
    """Along a slope, the contrast that two thirds of a picture's parts show at each height.

    Args:
        parts: (H, parts) contrast in [0, 1], of each part from left to right.
        middles: (parts,) where their middles are, pixels from the left.
        slope: tangent.

    Returns:
        (L,) float64 in [0, 1] from the height of the second value on, in pixels at the left edge.
    """
    height = len(parts)
    drops = np.rint(slope * middles).astype(np.int64)
    first, last = -int(drops.max()), height - int(drops.min())
    rows = np.arange(first, last)[:, None] + drops[None, :]
    inside = (rows >= 0) & (rows < height)
    seen = np.where(inside, parts[rows.clip(0, height - 1), np.arange(parts.shape[1])[None]], 0.0)
    return np.quantile(seen, 1 / 3, axis=1), first


def _floors(boxes: NDArray[np.float64], edges: _Edges, height: int) -> list[tuple[float, list[int]]]:
    """The height of what each line of things stands on, from the top, and the things; piled goods are one line."""
    level = boxes[:, 3] - edges.slope * (boxes[:, 0] + boxes[:, 2]) / 2
    lines = [(float(np.median(level[line])), line) for line in arrangement.rows(boxes)]
    lines.sort(key=lambda line: line[0])
    usual = _usual([each for each, _ in lines], boxes, height)
    found: list[tuple[float, list[int]]] = []
    for at, line in lines:
        if found and at - found[-1][0] < _SAME_FLOOR * usual and not _board_between(found[-1][0], at, edges):
            found[-1] = (at, [*found[-1][1], *line])
        else:
            found.append((at, line))
    return found


def _board_between(upper: float, lower: float, edges: _Edges) -> bool:
    """Whether a board shows right under the upper of two lines of things."""
    reach = 0.35 * (lower - upper)
    return edges.at(upper + 0.5 * reach, 0.5 * reach)[0] >= _EDGE


def _usual(levels: list[float], boxes: NDArray[np.float64], height: int) -> float:
    """The usual distance from one board to the next, pixels: of neighbouring rows, at least what stands there needs."""
    tall = float(np.median(boxes[:, 3] - boxes[:, 1])) if len(boxes) else height / 3
    steps = [below - above for above, below in pairwise(levels) if below - above > 0.8 * tall]
    return median(steps) if steps else max(1.15 * tall, 1.0)


def _with_empty(
    levels: list[float], boxes: NDArray[np.float64], edges: _Edges, height: int, expected: int
) -> list[float]:
    """The heights of all boards: those that things stand on, and those of empty rows whose edges show."""
    steps = [below - above for above, below in pairwise(levels)]
    usual = min(steps) if steps else 0.0
    tall = float(np.median(boxes[:, 3] - boxes[:, 1]))
    if usual < 1.05 * tall:
        usual = _usual(levels, boxes, height)
    if expected > 1 and (not steps or expected > len(levels)):
        usual = height / expected if not steps else min(usual, max(height / expected, 1.05 * tall))
    found = list(levels)
    for above, below in pairwise(levels):
        between = round((below - above) / usual) - 1
        if (below - above) / usual >= _MISSING:
            found += _boards([above + (below - above) * k / (between + 1) for k in range(1, between + 1)], usual, edges)
    room = expected - len(found) if expected else 1
    top = levels[0]
    while room > 0 and top - usual > 0.55 * usual:
        board = _boards([top - usual], usual, edges)
        if not board:
            break
        found, top, room = [*found, *board], board[0], room - 1
    bottom = levels[-1]
    while room > 0 and bottom + 0.75 * usual < height:
        board = _boards([bottom + usual], usual, edges)
        if not board:
            break
        found, bottom, room = [*found, *board], board[0], room - 1
    return sorted(found)


def _boards(wanted: list[float], usual: float, edges: _Edges) -> list[float]:
    """Of heights where a board may be, those where an edge shows, moved to it."""
    seen = [edges.at(level, _NEAR * usual) for level in wanted]
    return [level for strength, level in seen if strength >= _EDGE]


def _drawn(
    levels: list[float], boxes: NDArray[np.float64], row_of: NDArray[np.int64], slope: float, width: int
) -> tuple[ShelfRow, ...]:
    """The rows as quadrilaterals, each from the board above, or the tallest thing, down to its own board."""
    rows = []
    for number, level in enumerate(levels, start=1):
        mine = boxes[row_of == number]
        tops = mine[:, 1] - slope * (mine[:, 0] + mine[:, 2]) / 2
        usual = median([b - a for a, b in pairwise(levels)]) if len(levels) > 1 else 0.0
        above = levels[number - 2] if number > 1 else level - usual
        top = max(above, float(tops.min())) if len(tops) and number > 1 else min([above, *tops.tolist()])
        falls = slope * width
        rows.append(
            ShelfRow(number, ((0.0, top), (float(width), top + falls), (float(width), level + falls), (0.0, level)))
        )
    return tuple(rows)
