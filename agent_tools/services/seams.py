"""Puts together what several looks at one picture saw: no thing counted twice, none lost where windows meet.

A look is a window of the picture and what a detector found in it; the first shows the whole picture. Looks overlap, and
three rules follow.

1. A look sees a thing once: two boxes of one look are never the same thing, however much they overlap.
2. A box that ends where its window does, inside the picture, is likely a piece. It is compared with what another look
   saw only as far as its own window reaches.
3. Each thing is judged by one look: the closest that shows all of it with room around, else a wider one. That look's
   box and score stand, so that scores keep the meaning they have for a single look; and what it does not see is not
   there, unless it ran out of room.

This module does not know models, phrases' words, or how windows were chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agent_tools.masks import Boxes, box_area, box_intersection
from agent_tools.services.base import Detections

Window = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels of the picture, x1 and y1 exclusive."""

SAME = 0.4
"""IoU from which boxes of two looks may be one thing. Low, as rule 1 keeps neighbours apart."""
INSIDE = 0.7
"""Share of a piece inside a thing from which it is taken for a piece of that thing."""
ROOMY = 0.7
"""Width or height of a thing, as a share of the window's, up to which a closer look judges it."""
BORDER = 0.015
"""Share of a window's sides within which a box's side counts as lying on the border."""
_BLOCK = 256
"""Boxes compared with all others at a time, to bound the memory."""


@dataclass(frozen=True, slots=True)
class Look:
    """A window of a picture and what was found in it.

    Attributes:
        window: where it lies.
        found: boxes in pixels of the picture, inside the window.
    """

    window: Window
    found: Detections

    @classmethod
    def at(cls, window: Window, found: Detections) -> Look:
        """A look at a window, from what was found in pixels of the window."""
        return cls(window, replace(found, boxes=found.boxes + np.array(window[:2] * 2, np.float32)))


@dataclass(frozen=True, slots=True)
class _Sights:
    """Every box of one phrase, from all looks, and the looks' windows.

    Attributes:
        boxes: (N, 4) float32 xyxy, pixels of the picture.
        scores: (N,) float32.
        looks: (N,) int64, which look saw it.
        cut: (N,) bool, whether it ends at a border of its window that is not the picture's.
        windows: (L, 4) float32 xyxy, pixels of the picture; the first is the picture.
        full: (L,) bool, whether the look ran out of room.
    """

    boxes: Boxes
    scores: NDArray[np.float32]
    looks: NDArray[np.int64]
    cut: NDArray[np.bool_]
    windows: Boxes
    full: NDArray[np.bool_]

    @classmethod
    def of(cls, looks: Sequence[Look], phrase: int) -> _Sights:
        """All that the looks saw of a phrase."""
        mine = [np.flatnonzero(look.found.phrase_indices == phrase) for look in looks]
        boxes = np.concatenate([look.found.boxes[rows] for look, rows in zip(looks, mine, strict=True)])
        scores = np.concatenate([look.found.scores[rows] for look, rows in zip(looks, mine, strict=True)])
        numbers = np.repeat(np.arange(len(looks)), [len(rows) for rows in mine])
        windows = np.array([look.window for look in looks], np.float32)
        full = np.array([look.found.saturated for look in looks], bool)
        cut = np.asarray((_room(boxes, windows[numbers], windows[0]) <= 0).any(1), bool)
        return cls(boxes, scores, numbers, cut, windows, full)


def put_together(looks: Sequence[Look], phrase: int) -> tuple[Boxes, NDArray[np.float32]]:
    """The things of one phrase that the looks saw.

    Args:
        looks: one or more, the whole picture first.
        phrase: index of the phrase.

    Returns:
        (M, 4) float32 boxes in pixels of the picture and (M,) float32 scores, one a thing.
    """
    sights = _Sights.of(looks, phrase)
    verdicts = list(_judged(sights, list(_groups(sights))))
    boxes = np.array([box for box, _, _ in verdicts], np.float32).reshape(-1, 4)
    scores = np.array([score for _, score, _ in verdicts], np.float32)
    # What no look could judge is a thing only where it is no piece of a thing that was judged.
    sure = np.array([judged for _, _, judged in verdicts], bool)
    inside = box_intersection(boxes, boxes[sure]).max(1, initial=0) / np.maximum(box_area(boxes), 1e-6)
    kept = sure | (inside < INSIDE)
    return boxes[kept], scores[kept]


def _room(
    boxes: NDArray[np.float32], windows: NDArray[np.float32], picture: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Pixels between each side of boxes (..., 4) and their windows', (..., 4); infinite where a window ends with the
    picture.

    A side that lies on the border, or beyond it, has no room: zero or less.
    """
    sides = windows[..., [2, 3, 2, 3]] - windows[..., [0, 1, 0, 1]]
    gaps = np.concatenate([boxes[..., :2] - windows[..., :2], windows[..., 2:] - boxes[..., 2:]], axis=-1)
    return np.where(windows == picture, np.inf, gaps - np.maximum(1.0, BORDER * sides)).astype(np.float32)


def _groups(sights: _Sights) -> Iterator[NDArray[np.int64]]:
    """Indices of the boxes that are one thing, thing by thing: the likest pairs join first, one box a look."""
    pairs = [(np.zeros((0, 2), np.int64), np.zeros(0, np.float32)), *_pairs(sights)]
    likeness = np.concatenate([alike for _, alike in pairs])
    likest = np.concatenate([indices for indices, _ in pairs])[np.argsort(-likeness, kind="stable")]
    home = list(range(len(sights.boxes)))
    members = [[index] for index in home]
    seen = [1 << int(look) for look in sights.looks]
    for pair in likest.tolist():
        one, other = (home[index] for index in pair)
        if one == other or seen[one] & seen[other]:
            continue
        seen[one] |= seen[other]
        for member in members[other]:
            home[member] = one
        members[one] += members[other]
        members[other] = []
    return (np.array(each, np.int64) for each in members if each)


def _pairs(sights: _Sights) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Pairs of boxes from different looks that are alike enough to be one thing: (P, 2) indices and (P,) IoU."""
    boxes, looks, cut = sights.boxes, sights.looks, sights.cut
    # What is cut in one window shows, in the other, more than it should be compared with.
    shown = np.stack([_within(boxes, window) for window in sights.windows])  # (L, N, 4)
    for start in range(0, len(boxes), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(boxes)))
        ones = np.where(cut[None, :, None], shown[looks[None], rows[:, None]], boxes[rows, None])
        others = np.where(cut[rows, None, None], shown[looks[rows]], boxes[None])
        sides = np.minimum(ones[..., 2:], others[..., 2:]) - np.maximum(ones[..., :2], others[..., :2])
        shared = np.clip(sides[..., 0], 0, None) * np.clip(sides[..., 1], 0, None)
        likeness = shared / np.maximum(box_area(ones) + box_area(others) - shared, 1e-6)
        row, column = np.nonzero((likeness >= SAME) & (looks[rows, None] < looks))
        yield np.stack([rows[row], column], 1), likeness[row, column]


def _within(boxes: NDArray[np.float32], window: NDArray[np.float32]) -> NDArray[np.float32]:
    """(..., 4) boxes as far as a window shows them; without area where it does not."""
    low = np.clip(boxes[..., :2], window[:2], window[2:])
    return np.concatenate([low, np.maximum(low, np.clip(boxes[..., 2:], window[:2], window[2:]))], axis=-1)


def _judged(sights: _Sights, groups: Sequence[NDArray[np.int64]]) -> Iterator[tuple[NDArray[np.float32], float, bool]]:
    """Box, score and whether a look that shows all of it saw it; nothing where the look to judge does not see it."""
    extents = np.array([_extent(sights, group) for group in groups], np.float32).reshape(-1, 4)
    for group, extent, judges in zip(groups, extents, _judges(sights, extents), strict=True):
        seen_by = dict(zip(sights.looks[group].tolist(), group.tolist(), strict=True))
        look = next((look for look in judges if look in seen_by or not sights.full[look]), None)
        if look is None:
            yield extent, float(sights.scores[group].max()), False
        elif look in seen_by:
            yield sights.boxes[seen_by[look]], float(sights.scores[seen_by[look]]), True


def _extent(sights: _Sights, group: NDArray[np.int64]) -> NDArray[np.float32]:
    """(4,) box of a thing: the best of those that show it whole, else of all its pieces."""
    whole = group[~sights.cut[group]]
    if len(whole):
        return np.asarray(sights.boxes[whole[sights.scores[whole].argmax()]])
    return np.concatenate([sights.boxes[group, :2].min(0), sights.boxes[group, 2:].max(0)])


def _judges(sights: _Sights, boxes: Boxes) -> Iterator[list[int]]:
    """For each box the looks that show all of it: the closest with room for it first, of equals the most central."""
    windows, picture = sights.windows, sights.windows[0]
    room = _room(boxes[:, None], windows[None], picture).min(-1)
    sides = windows[:, 2:] - windows[:, :2]
    # Along a side that shows as much as the picture does, no look has more room.
    shares = (boxes[:, None, 2:] - boxes[:, None, :2]) / sides
    roomy = np.where(sides == picture[2:] - picture[:2], 0, shares).max(-1) <= ROOMY
    area = np.broadcast_to(sides.prod(1), roomy.shape)
    order = np.lexsort((-room, np.where(roomy, area, -area), ~roomy))
    for row, looks in enumerate(order):
        yield [look for look in looks.tolist() if room[row, look] > 0]
