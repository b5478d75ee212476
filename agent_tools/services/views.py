"""Looks at a picture: the whole of it or windows of it, as a segmenter of small weights needs them.

Where each look lies, which looks a set of things is best seen in, and how the mask logits of a look lie over the
picture's pixels. This module does not know models, prompts or masks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent_tools.pictures import Picture

Floats = NDArray[np.float32]

LEAST_ROOM = 0.05
"""Share of a closer look that has to be free round a thing: its outline is judged by what lies about it."""
LARGEST = 0.42
"""Largest share of a closer look's side that a thing may take, for the same reason."""
_APART = 0.7
"""Steps from one closer look to the next, at most, as a share of its side."""
_LEAST_SIDE = 40
"""Pixels of the shorter side of the closest look: closer, there is nothing more to see."""


@dataclass(frozen=True, slots=True)
class View:
    """A window of a picture, the whole of it or a closer look, and how it lies in the square the model sees.

    Attributes:
        left: column where the window begins, pixels of the picture.
        top: row where the window begins, pixels of the picture.
        width: of the window, pixels.
        height: of the window, pixels.
        square: side of the square, pixels.
        cells: side of the mask logits.
    """

    left: int
    top: int
    width: int
    height: int
    square: int
    cells: int

    @property
    def shrunk(self) -> tuple[int, int]:
        """Width and height of the window inside the square, pixels of the square."""
        scale = self.square / max(self.width, self.height)
        return max(1, int(self.width * scale + 0.5)), max(1, int(self.height * scale + 0.5))

    def to_square(self, coordinates: NDArray[np.float32]) -> NDArray[np.float32]:
        """(..., 2) float32 x, y in pixels of the picture → pixels of the square."""
        width, height = self.shrunk
        scale = np.array([width / self.width, height / self.height], np.float32)
        return (coordinates - np.array([self.left, self.top], np.float32)) * scale

    def pixels(self, array: NDArray[Any]) -> NDArray[Any]:
        """The window of something at the whole picture's size, (H, W, ...)."""
        return array[self.top : self.top + self.height, self.left : self.left + self.width]

    def upsampling(self) -> tuple[Axis, Axis]:
        """What every cell adds to every pixel of the window, down its rows and across its columns.

        ``rows.weights @ logits @ columns.weights.T`` is the mask at the window's size. The reference enlarges the
        logits to the square, crops the picture out and resizes it, each bilinearly. Both steps are linear and
        separable, so that their product gives any part of the result without the rest of it.
        """
        width, height = self.shrunk
        return (
            Axis.through(self.cells, self.square, height, self.height),
            Axis.through(self.cells, self.square, width, self.width),
        )


@dataclass(frozen=True, slots=True)
class Axis:
    """How the cells of the mask logits spread over the pixels of a window, along one axis.

    Attributes:
        weights: (pixels, cells) float32; those of a pixel add up to one.
        first: (pixels,) int64, the first cell that weighs on a pixel; never falls.
        last: (pixels,) int64, the last one; never falls.
    """

    weights: Floats
    first: NDArray[np.int64]
    last: NDArray[np.int64]

    @classmethod
    @lru_cache(maxsize=64)
    def through(cls, cells: int, square: int, shrunk: int, pixels: int) -> Axis:
        """Cells enlarged to `square`, of which the first `shrunk` are resized to `pixels`; bilinearly, twice."""
        low, high, share = _between(cells, square)
        enlarged = np.zeros((square, cells), np.float32)
        enlarged[np.arange(square), low] = 1 - share
        enlarged[np.arange(square), high] += share
        near, far, part = _between(shrunk, pixels)
        weights = enlarged[near] * (1 - part)[:, None] + enlarged[far] * part[:, None]
        axis = cls(weights, low[near], high[far])
        for array in (axis.weights, axis.first, axis.last):
            array.setflags(write=False)  # every look of these sizes shares them
        return axis

    def reach(self, marked: NDArray[np.int64]) -> tuple[slice, slice]:
        """The pixels on which cells from the first to the last of `marked`, indices that rise, weigh.

        Returns:
            the stretch of pixels, empty where there are none, and that of all cells that weigh on those.
        """
        if not len(marked):
            return slice(0, 0), slice(0, 0)
        begin = int(np.searchsorted(self.last, marked[0]))
        end = int(np.searchsorted(self.first, marked[-1], side="right"))
        if begin >= end:
            return slice(0, 0), slice(0, 0)
        return slice(begin, end), slice(int(self.first[begin]), int(self.last[end - 1]) + 1)

    def widened(self, pixels: slice, margin: int) -> tuple[slice, slice]:
        """A stretch of pixels, not empty, with up to `margin` more either side, and the cells that weigh on those."""
        begin, end = max(0, pixels.start - margin), min(len(self.first), pixels.stop + margin)
        return slice(begin, end), slice(int(self.first[begin]), int(self.last[end - 1]) + 1)


def _between(cells: int, points: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Bilinear resizing along one axis: for each of `points` its two cells, and the share of the second, in 0..1."""
    at = ((np.arange(points) + 0.5) * (cells / points) - 0.5).clip(0)
    low = np.minimum(at.astype(np.int64), cells - 1)
    return low, np.minimum(low + 1, cells - 1), (at - low).astype(np.float32)


def choose_views(
    picture: Picture, extents: Sequence[NDArray[np.float32] | None], zoom: float, square: int, cells: int
) -> list[View]:
    """The look that each thing is best seen in, as few different ones as will do.

    Looks get closer by steps of `zoom`. A thing may be seen in the closest look that holds it with room to spare, or in
    one a step further away where other things are seen too: every look has to be encoded.

    Args:
        picture: looked at.
        extents: (4,) float32 xyxy pixels round each thing; None where its size is not known: the whole picture.
        zoom: share of each side that the next closer look shows, in (0, 1); 0: there are no closer looks.
        square: side of the square that the model sees, pixels.
        cells: side of its mask logits.
    """
    looks = _pyramid(picture.width, picture.height, zoom, square, cells)
    level = np.array([number for number, views in enumerate(looks) for _ in views])
    views = [view for step in looks for view in step]
    known = [index for index, extent in enumerate(extents) if extent is not None]
    chosen = [views[0]] * len(extents)
    if len(views) == 1 or not known:
        return chosen
    held = _holds(views, np.array([extents[index] for index in known], np.float32), picture)
    closest = np.where(held, level, 0).max(axis=1)
    fitting = held & (level >= closest[:, None] - 1) & ((level > 0) | (closest[:, None] == 0))
    waiting = np.ones(len(known), bool)
    while waiting.any():
        # The look that most things still need; of equals the closest.
        best = int(np.lexsort((level, fitting[waiting].sum(axis=0)))[-1])
        for row in np.flatnonzero(waiting & fitting[:, best]):
            chosen[known[row]] = views[best]
        waiting &= ~fitting[:, best]
    return chosen


@lru_cache(maxsize=64)
def _pyramid(full_width: int, full_height: int, zoom: float, square: int, cells: int) -> list[list[View]]:
    """The whole picture, then rows of windows that overlap, closer and closer."""
    looks = [[View(0, 0, full_width, full_height, square, cells)]]
    share = zoom
    while zoom and share * min(full_width, full_height) >= _LEAST_SIDE:
        width, height = int(full_width * share), int(full_height * share)
        looks.append(
            [
                View(left, top, width, height, square, cells)
                for top in _starts(full_height, height)
                for left in _starts(full_width, width)
            ]
        )
        share *= zoom
    return looks


def _starts(full: int, part: int) -> list[int]:
    """Where windows of `part` pixels begin so that they cover `full`, evenly, at most `_APART` of one apart."""
    starts = np.linspace(0, full - part, int(np.ceil((full - part) / (_APART * part))) + 1)
    return [round(start) for start in starts.tolist()]


def _holds(views: Sequence[View], extents: NDArray[np.float32], picture: Picture) -> NDArray[np.bool_]:
    """Which views (V) show which things (N) well, (N, V); the first, the whole picture, shows everything."""
    windows = np.array([(view.left, view.top, view.width, view.height) for view in views], np.float32)
    start, sides = windows[:, :2], windows[:, 2:]
    end, limits = start + sides, np.array([picture.width, picture.height], np.float32)
    before = np.where(start > 0, (extents[:, None, :2] - start) / sides, np.inf)
    after = np.where(end < limits, (end - extents[:, None, 2:]) / sides, np.inf)
    small = (extents[:, None, 2:] - extents[:, None, :2]) <= LARGEST * sides
    roomy = ((np.minimum(before, after) >= LEAST_ROOM) & small).all(axis=2)
    return np.asarray(roomy | (np.arange(len(views)) == 0), bool)
