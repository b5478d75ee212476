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

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Look:
    """A window of a picture and what was found in it.

    Attributes:
        window: where it lies.
        found: boxes in pixels of the picture, inside the window.
    """

    window: Window
    found: Detections


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
    verdicts = [verdict for group in _groups(sights) if (verdict := _judged(sights, group)) is not None]
    boxes = np.array([box for box, _, _ in verdicts], np.float32).reshape(-1, 4)
    scores = np.array([score for _, score, _ in verdicts], np.float32)
    # What no look could judge is a thing only where it is no piece of a thing that was judged.
    sure = np.array([judged for _, _, judged in verdicts], bool)
    inside = box_intersection(boxes, boxes[sure]).max(1, initial=0) / np.maximum(box_area(boxes), 1e-6)
    kept = sure | (inside < INSIDE)
    return boxes[kept], scores[kept]


def _room(boxes: Boxes, windows: Boxes, picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 4): pixels between each side of a box and its window's; infinite where the window ends with the picture.

    A side that lies on the border, or beyond it, has no room: zero or less.
    """
    sides = np.tile(windows[:, 2:] - windows[:, :2], 2)
    gaps = np.concatenate([boxes[:, :2] - windows[:, :2], windows[:, 2:] - boxes[:, 2:]], axis=1)
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
    """Two looks at a time, pairs of boxes that are alike enough to be one thing: (P, 2) indices and (P,) IoU."""
    rows = [np.flatnonzero(sights.looks == look) for look in range(len(sights.windows))]
    for a, b in itertools.combinations([look for look, mine in enumerate(rows) if len(mine)], 2):
        ones = sights.boxes[rows[a]][:, None].repeat(len(rows[b]), 1)
        others = sights.boxes[rows[b]][None].repeat(len(rows[a]), 0)
        # What is cut in one window shows, in the other, more than it should be compared with.
        ones = np.where(sights.cut[rows[b]][None, :, None], _within(ones, sights.windows[b]), ones)
        others = np.where(sights.cut[rows[a]][:, None, None], _within(others, sights.windows[a]), others)
        low, high = np.maximum(ones[..., :2], others[..., :2]), np.minimum(ones[..., 2:], others[..., 2:])
        shared = np.clip(high - low, 0, None).prod(-1)
        area = (ones[..., 2:] - ones[..., :2]).prod(-1) + (others[..., 2:] - others[..., :2]).prod(-1)
        likeness = shared / np.maximum(area - shared, 1e-6)
        row, column = np.nonzero(likeness >= SAME)
        yield np.stack([rows[a][row], rows[b][column]], 1), likeness[row, column]


def _within(boxes: NDArray[np.float32], window: NDArray[np.float32]) -> NDArray[np.float32]:
    """(..., 4) boxes as far as a window shows them; without area where it does not."""
    low = np.clip(boxes[..., :2], window[:2], window[2:])
    return np.concatenate([low, np.maximum(low, np.clip(boxes[..., 2:], window[:2], window[2:]))], axis=-1)


def _judged(sights: _Sights, group: NDArray[np.int64]) -> tuple[NDArray[np.float32], float, bool] | None:
    """Box, score and whether a look that shows all of it saw it; None: the look to judge it does not see it."""
    whole = group[~sights.cut[group]]
    if len(whole):
        extent = sights.boxes[whole[np.argmax(sights.scores[whole])]]
    else:
        extent = np.concatenate([sights.boxes[group, :2].min(0), sights.boxes[group, 2:].max(0)])
    seen_by = {int(sights.looks[index]): index for index in group}
    for look in _judges(sights, extent):
        if look in seen_by:
            index = seen_by[look]
            return sights.boxes[index], float(sights.scores[index]), True
        if not sights.full[look]:
            return None
    return extent, float(sights.scores[group].max()), False


def _judges(sights: _Sights, box: NDArray[np.float32]) -> list[int]:
    """The looks that show all of a box: the closest with room for it first, of equals the one it is most central in."""
    windows, picture = sights.windows, sights.windows[0]
    room = _room(np.tile(box, (len(windows), 1)), windows, picture).min(1)
    sides = windows[:, 2:] - windows[:, :2]
    # Along a side that shows as much as the picture does, no look has more room.
    share = np.where(sides == picture[2:] - picture[:2], 0, (box[2:] - box[:2]) / sides).max(1)
    roomy, area = share <= ROOMY, sides.prod(1)
    order = np.lexsort((-room, np.where(roomy, area, -area), ~roomy))
    return [int(look) for look in order if room[look] > 0]
