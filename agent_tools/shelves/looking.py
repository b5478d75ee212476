"""Looks for phrases on a picture of a shelf, closer where things are small, and tells things from boxes.

A detector's own ways of looking closer (`agent_tools.services.tiling`) know when its model is out of its depth. Here
more is known: a shelf is full of things of much the same size, so that it pays earlier, whatever the detector. This
module does not know products, rows or counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agent_tools.masks import Boxes, box_area, box_intersection, box_iou, enclosing_groups, suppress
from agent_tools.pictures import Picture
from agent_tools.services.base import Detections, Detector, Proposals
from agent_tools.services.seams import Look, Window, put_together
from agent_tools.services.tiling import OVERLAP, laid_over, tile

COMFORTABLE = 0.17
"""Narrow side of a thing, as a share of the look's shorter side, from which a closer look shows nothing new."""
FEW = 4
"""Candidates up to which nothing is known of the usual size."""
MOST = 24
"""Looks at a picture, at most."""
LEAST_SIDE = 400
"""Pixels of the picture across a look's shorter side, at least, where a detector does not say what size it sees."""
LARGE = 1200
"""Pixels of a picture's shorter side from which nothing found means to look closer: things may be too small to see."""
DISTANT = 0.4
"""Part of the shorter side that a look then shows."""
LONG = 2.0
"""Longer side over shorter side from which the whole picture is too small to a model to be judged by."""
ASPECT = 4 / 3
"""Width over height of a look."""
SAME, INSIDE = 0.3, 0.55
"""Boxes with this IoU, or of which the smaller one lies inside the other by this share, are one thing: goods on a shelf
stand side by side."""
TOGETHER = 0.5
"""IoU from which boxes of two phrases are about the same thing, rather than about a part of it."""


@dataclass(frozen=True, slots=True)
class Things:
    """What may stand on a shelf, each thing once.

    Attributes:
        boxes: (N, 4) float32 xyxy, pixels of the picture.
        scores: (N, P) float32 in [0, 1], the detector's for each phrase; 0 where it gave none.
    """

    boxes: Boxes
    scores: NDArray[np.float32]


def look_closely(detector: Detector, picture: Picture, phrases: Sequence[str]) -> Detections:
    """What a detector finds on a picture, and in parts of it where the picture or what was found asks for that.

    Raises:
        ServiceError: the detector failed.
    """
    whole = detector.detect([picture], [phrases])[0]
    windows = windows_for(picture.width, picture.height, whole, _least_side(detector))
    if not windows:
        return whole
    # One after the other: of a panorama, all tiles at once would be the whole of it once more.
    looks = [Look((0, 0, picture.width, picture.height), whole)]
    forget = getattr(detector, "forget", None)
    for window in windows:
        part = tile(picture, window)
        found = detector.detect([part], [phrases])[0]
        if forget is not None:
            forget(part.digest)
        looks.append(Look.at(window, found))
    boxes, scores, claimed = [], [], []
    for index in range(len(phrases)):
        some, their_scores = put_together(looks, index)
        boxes.append(some)
        scores.append(their_scores)
        claimed.append(np.full(len(some), index, np.int64))
    # The whole picture is judged by its parts: that one look at all of it was too much does not matter.
    saturated = any(look.found.saturated for look in looks[1:])
    return replace(
        whole,
        boxes=np.concatenate(boxes),
        scores=np.concatenate(scores),
        phrase_indices=np.concatenate(claimed),
        saturated=saturated,
    )


def windows_for(width: int, height: int, whole: Detections, least: float = LEAST_SIDE) -> list[Window]:
    """The parts of a picture that are worth a look of their own; none where the whole of it shows enough.

    Args:
        width: of the picture, pixels.
        height: likewise.
        whole: what was found at a look at all of it.
        least: pixels of the picture across a look's shorter side, at least.
    """
    shorter, longer = min(width, height), max(width, height)
    share = _share(whole, shorter)
    if longer < LONG * shorter and share == 1.0:
        return []
    side = max(least, share * shorter)
    grid = _grid(width, height, side)
    while len(grid) > MOST or (len(grid) > 1 and _across(grid[0]) < min(least, shorter)):
        side *= 1.1
        grid = _grid(width, height, side)
    return grid if len(grid) > 1 else []


def _share(whole: Detections, shorter: int) -> float:
    """The part of the shorter side that a look should show, so that things are as large as is comfortable; 1: all."""
    closest = 1 / (2 - OVERLAP)
    if not len(whole.boxes):
        return DISTANT if shorter >= LARGE else 1.0
    sides = whole.boxes[:, 2:] - whole.boxes[:, :2]
    usual = float(np.median(sides.min(axis=1))) / shorter
    small = len(whole.boxes) > FEW and usual < COMFORTABLE
    return min(usual / COMFORTABLE, closest) if small else closest if whole.saturated else 1.0


def _across(window: Window) -> int:
    x0, y0, x1, y1 = window
    return min(x1 - x0, y1 - y0)


def _least_side(detector: Detector) -> float:
    """Pixels from which more of them show a detector more."""
    size = getattr(detector, "input_size", None)
    return float(size.shorter) if size is not None else LEAST_SIDE


def _grid(width: int, height: int, side: float) -> list[Window]:
    """Overlapping looks of one size, the shorter side about `side`, that cover a picture."""
    wide, high = (side * ASPECT, side) if width >= height else (side, side * ASPECT)
    across, down = (
        1 if full <= 1.1 * part else math.ceil((full - OVERLAP * part) / ((1 - OVERLAP) * part) - 0.2)
        for full, part in ((width, wide), (height, high))
    )
    return laid_over((0, 0, width, height), across, down)


def things_in(found: Detections, phrases: int, threshold: float) -> Things:
    """Each thing once: the best box of all that are about it, with every phrase's best score for it.

    Args:
        found: what the detector gave.
        phrases: how many were asked for.
        threshold: the detector's.
    """
    single = np.ones(len(found.scores), bool)
    for phrase in range(phrases):
        mine = np.flatnonzero(found.phrase_indices == phrase)
        single[mine] = ~enclosing_groups(found.boxes[mine], found.scores[mine] >= threshold)
    boxes, scores, claimed = found.boxes[single], found.scores[single], found.phrase_indices[single]
    shared, area = box_intersection(boxes, boxes), box_area(boxes)
    iou = shared / np.maximum(area[:, None] + area[None] - shared, 1e-6)
    same = (iou >= SAME) | (shared >= INSIDE * np.minimum(area[:, None], area[None]))
    free = np.ones(len(boxes), bool)
    kept: list[int] = []
    rows: list[NDArray[np.float32]] = []
    for best in np.argsort(-scores, kind="stable").tolist():
        if free[best]:
            about = np.flatnonzero(free & (iou[best] >= TOGETHER)) if area[best] else np.array([best])
            row = np.zeros(phrases, np.float32)
            np.maximum.at(row, claimed[about], scores[about])
            free &= ~same[best]
            free[best] = False
            kept.append(best)
            rows.append(row)
    return Things(boxes[kept].reshape(-1, 4), np.array(rows, np.float32).reshape(len(kept), phrases))


def with_proposals(things: Things, proposed: Proposals) -> tuple[Things, NDArray[np.float32]]:
    """Things of words, and what else may stand there, whatever it is.

    Returns:
        all of them, the further ones with no score for any phrase; and (N,) float32 in [0, 1], how sure the detector is
        that each is one whole thing.
    """
    kept = suppress(proposed.boxes, proposed.scores, SAME)
    boxes, sure = proposed.boxes[kept], proposed.scores[kept]
    overlap = box_iou(things.boxes, boxes)
    whole = np.where(overlap >= TOGETHER, sure[None], 0.0).max(axis=1, initial=0.0)
    new = ~(overlap >= SAME).any(axis=0)
    scores = np.concatenate([things.scores, np.zeros((int(new.sum()), things.scores.shape[1]), np.float32)])
    every = Things(np.concatenate([things.boxes, boxes[new]]), scores)
    return every, np.concatenate([whole, sure[new]]).astype(np.float32)
